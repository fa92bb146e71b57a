"""`pushpolicy push` of a `docker save` archive beside skopeo and crane: 916 MB in 3 uncompressed layers.

The layers hold files of this machine, since how well they compress is what costs time. pushpolicy's time is
that of the whole gate, start-up included; the registry is fresh for each push, over plain http.

    python -m bench.archive [--rounds N] [--size MB]
"""

from __future__ import annotations

import argparse
import compileall
import hashlib
import itertools
import json
import os
import shutil
import statistics
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, cast

from bench.images import Made
from bench.measure import Command, Sample, run
from pushpolicy.demo.shell import Shell
from pushpolicy.model import canonical
from pushpolicy.model.digest import Digest
from tests import workspace
from tests.programs import built
from tests.registries import distribution_registry

_SHARES = (0.35, 0.42, 0.23)
_FILES = (Path("/usr/lib"), Path("/usr/share"), Path(sys.base_prefix))
_LARGEST = 60_000_000
_GOAL = 0.4
_GATE = "pushpolicy, whole gate"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--size", type=int, default=916, help="of all layers, in MB")
    given = parser.parse_args()
    # As an installed package is: the sample project's environment keeps Python from writing any.
    compileall.compile_dir(Path(__file__).parents[1] / "src", quiet=1)
    ram_disk = Path("/dev/shm")
    with tempfile.TemporaryDirectory(prefix="bench-", dir=ram_disk if ram_disk.is_dir() else None) as name:
        place = Path(name)
        shell = workspace.build(_folder(place, "project"))
        made = make(shell.folder / "image.tar", given.size * 1_000_000, shell.commit)
        _scan(shell.folder / "reports" / "trivy-sample.json", made)
        _report(_measure(shell, place, given.rounds), given.rounds)


def make(archive: Path, size: int, commit: str) -> Made:
    """Write an archive with one image for linux/amd64, as Docker did until version 24."""
    files = itertools.chain.from_iterable(itertools.repeat(_FILES))
    source = itertools.islice(itertools.chain.from_iterable(map(_walk, files)), 0, None, 4)
    with tarfile.open(archive, "w") as tar:
        diff_ids = [_layer(tar, archive.with_name("layer"), source, int(size * share)) for share in _SHARES]
        config = canonical.encode(
            {
                "architecture": "amd64",
                "os": "linux",
                "config": {"Labels": {"org.opencontainers.image.revision": commit}},
                "rootfs": {"type": "layers", "diff_ids": [str(diff_id) for diff_id in diff_ids]},
            }
        )
        digest = Digest.of(config)
        layers = [f"{diff_id.hex}/layer.tar" for diff_id in diff_ids]
        listed = [{"Config": f"{digest.hex}.json", "RepoTags": ["app:1.0.0"], "Layers": layers}]
        for name, content in ((f"{digest.hex}.json", config), ("manifest.json", json.dumps(listed).encode())):
            _add(tar, name, BytesIO(content), len(content))
    return Made(config=digest, diff_ids=tuple(diff_ids))


def _walk(top: Path) -> Iterator[Path]:
    for folder, names, files in os.walk(top):
        names.sort()
        for name in sorted(files):
            path = Path(folder, name)
            if path.is_file() and not path.is_symlink() and path.stat().st_size < _LARGEST:
                yield path


def _layer(tar: tarfile.TarFile, scratch: Path, source: Iterator[Path], size: int) -> Digest:
    with scratch.open("w+b") as file:
        with tarfile.open(fileobj=file, mode="w") as layer:
            while file.tell() < size:
                path = next(source)
                with path.open("rb") as content:
                    _add(layer, str(path).lstrip("/"), content, path.stat().st_size)
        file.seek(0)
        digest = Digest("sha256", hashlib.file_digest(cast("BytesIO", file), "sha256").hexdigest())
        file.seek(0)
        _add(tar, f"{digest.hex}/layer.tar", cast("BinaryIO", file), scratch.stat().st_size)
    scratch.unlink()
    return digest


def _add(tar: tarfile.TarFile, name: str, content: BinaryIO, size: int) -> None:
    member = tarfile.TarInfo(name)
    member.size = size
    tar.addfile(member, content)


def _scan(path: Path, made: Made) -> None:
    """Let the sample project's scan be one of this image."""
    report = json.loads(path.read_text())
    report["Metadata"] |= {"ImageID": str(made.config), "DiffIDs": [str(item) for item in made.diff_ids]}
    path.write_text(json.dumps(report))


def _folder(parent: Path, name: str) -> Path:
    (parent / name).mkdir()
    return parent / name


def _measure(shell: Shell, place: Path, rounds: int) -> dict[str, list[Sample]]:
    results: dict[str, list[Sample]] = {}
    for number in range(rounds + 1):
        for name in _commands(shell, "", place):
            with distribution_registry(place / "registry") as registry:
                sample = run(_commands(shell, registry.host, place)[name])
            shutil.rmtree(place / "registry")
            if number:
                results.setdefault(name, []).append(sample)
    return results


def _commands(shell: Shell, host: str, place: Path) -> dict[str, Command]:
    archive, target = str(shell.folder / "image.tar"), f"{host}/app:1.0.0"
    skopeo, crane = shutil.which("skopeo"), built("crane")
    room = {"TMPDIR": str(place)}
    plain = {"HOME": str(place), "PATH": "/usr/bin:/bin", **room}
    copy = ["--insecure-policy", "copy", "--dest-tls-verify=false", f"docker-archive:{archive}"]
    peers = {
        "skopeo": [skopeo, *copy, f"docker://{target}"] if skopeo else None,
        "crane": [str(crane), "push", "--insecure", archive, target] if crane else None,
    }
    found = {name: Command(name=name, argv=argv, env=plain) for name, argv in peers.items() if argv}
    ours = [sys.executable, "-m", "pushpolicy", "push", "docker-archive:image.tar", target, "--quiet"]
    found[_GATE] = Command(name=_GATE, argv=ours, env={**_environ(shell), **room}, folder=shell.folder)
    return found


def _environ(shell: Shell) -> Mapping[str, str]:
    here = Path(__file__).parent.parent
    paths = ":".join(map(str, (here, here / "src", here / "packages" / "opa")))
    return {**shell.environ, "PYTHONPATH": paths}


def _report(results: Mapping[str, list[Sample]], rounds: int) -> None:
    print(f"\n`docker save` archive, median of {rounds} interleaved rounds\n")
    print("| pusher | wall s (range) | CPU s | peak MiB |\n| --- | --- | --- | --- |")
    walls = {name: statistics.median(sample.wall for sample in found) for name, found in results.items()}
    for name, found in results.items():
        times = [sample.wall for sample in found]
        cpu = statistics.median(sample.cpu for sample in found)
        rss = statistics.median(sample.rss for sample in found)
        print(f"| {name} | {walls[name]:.2f} ({min(times):.2f}-{max(times):.2f}) | {cpu:.2f} | {rss:.0f} |")
    ours = walls.pop(_GATE)
    if walls:
        best = min(walls, key=lambda name: walls[name])
        print(f"\n{_GATE} / {best}: {ours / walls[best]:.2f} (goal: at most {_GOAL})")


if __name__ == "__main__":
    main()
