"""`pushpolicy push` beside crane, oras, regctl and skopeo: the same image, a fresh TLS registry each time.

"push alone" is pushpolicy's engine with the permit given; "whole gate" gathers, decides, pushes, attaches
the record and verifies. Start-up is included everywhere. Images and registries are on a RAM disk.
Prints Markdown for docs/benchmarks.md.

    python -m bench.push [--rows NAME,...] [--rounds N]
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench import images
from bench.delay import delayed
from bench.measure import Command, Sample, run
from pushpolicy.demo.shell import Shell
from tests import workspace
from tests.programs import built
from tests.registries import Registry, distribution_registry

_KIB, _MIB = 1024, 1024 * 1024
_RAM_DISK = Path("/dev/shm")
_PEAK_GOAL = 80
ALONE, GATE = "pushpolicy, push alone", "pushpolicy, whole gate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One kind of push.

    Attributes:
        there: whether the image is in the registry already.
        round_trip: seconds that a proxy adds to each round trip.
        goal: at most so many times the best peer's time; None where seconds are given.
        seconds: at most so many seconds.
        requests: at most so many of the push alone.
    """

    title: str
    layers: int
    size: int
    there: bool = False
    round_trip: float = 0.0
    goal: float | None = None
    seconds: float | None = None
    requests: int | None = None


ROWS = {
    "large": Row(title="2 x 256 MiB", layers=2, size=256 * _MIB, goal=1.1),
    "gib": Row(title="4 x 256 MiB", layers=4, size=256 * _MIB, goal=1.0),
    "medium": Row(title="40 x 10 MiB", layers=40, size=10 * _MIB, goal=1.1),
    "small": Row(title="120 x 64 KiB", layers=120, size=64 * _KIB, goal=1.6),
    "nothing": Row(title="nothing to do (3 x 10 MiB)", layers=3, size=10 * _MIB, there=True, seconds=0.3),
    "three": Row(title="3 x 10 MiB", layers=3, size=10 * _MIB, requests=15),
    "distant": Row(title="120 x 64 KiB, 50 ms away", layers=120, size=64 * _KIB, round_trip=0.05, goal=1.0),
}


@dataclass(slots=True)
class Results:
    """What was measured of one command in one row.

    Attributes:
        parts: of the whole gate, peak MiB of Python and of its largest child, which is OPA.
    """

    samples: list[Sample] = field(default_factory=list)
    requests: list[int] = field(default_factory=list)
    parts: list[tuple[float, ...]] = field(default_factory=list)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rows", default=",".join(ROWS), help=f"of {', '.join(ROWS)}")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", help="commands whose name starts so, comma separated")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-push-", dir=ram_disk()) as name:
        shell = workspace.build(made_folder(Path(name), "project"))
        for row in given.rows.split(","):
            _report(ROWS[row], _measure(ROWS[row], shell, Path(name), given.rounds, given.only), given.rounds)


def ram_disk() -> Path | None:
    return _RAM_DISK if _RAM_DISK.is_dir() else None


def made_folder(parent: Path, name: str) -> Path:
    (parent / name).mkdir()
    return parent / name


def _measure(row: Row, shell: Shell, place: Path, rounds: int, only: str) -> dict[str, Results]:
    project = project_of(row, shell, place)
    results: dict[str, Results] = {}
    try:
        for number in range(rounds + 1):
            for command in commands(project, "", Path(), shell):
                if command.name.startswith(tuple(only.split(","))):
                    found = results.setdefault(command.name, Results())
                    _push(row, command.name, project, shell, place, found if number else Results())
    finally:
        shutil.rmtree(project)
    return results


def project_of(row: Row, shell: Shell, place: Path) -> Path:
    """A copy of the project whose image is the row's, with a scan of that."""
    project = place / "row"
    shutil.copytree(shell.folder, project, symlinks=True)
    shutil.rmtree(project / "image")
    made = images.make(project / "image", row.layers, row.size, shell.commit)
    path = project / "reports" / "trivy-sample.json"
    report = json.loads(path.read_text())
    report["Metadata"] |= {"ImageID": str(made.config), "DiffIDs": [str(item) for item in made.diff_ids]}
    path.write_text(json.dumps(report))
    return project


def _push(row: Row, name: str, project: Path, shell: Shell, place: Path, results: Results) -> None:
    with _fresh(row, place) as (registry, host):
        assert registry.ca_file is not None
        named = {item.name: item for item in commands(project, host, registry.ca_file, shell)}
        if row.there:
            run(named[name])
        before = len(registry.requests())
        results.samples.append(run(named[name]))
        results.requests.append(len(registry.requests()) - before)
        if name == GATE:
            results.parts.append(tuple(int(item) / 1024 for item in (project / "rss").read_text().split()))


@contextmanager
def _fresh(row: Row, place: Path) -> Iterator[tuple[Registry, str]]:
    """An empty registry, and the address at which it is to be reached."""
    folder = place / "registry"
    try:
        with distribution_registry(folder, tls=True) as registry:
            if not row.round_trip:
                yield registry, registry.host
                return
            with delayed(int(registry.host.rpartition(":")[2]), row.round_trip) as port:
                yield registry, f"127.0.0.1:{port}"
    finally:
        shutil.rmtree(folder)


def commands(project: Path, host: str, ca_file: Path, shell: Shell) -> list[Command]:
    """Each pusher's way to send ``image`` as ``HOST/app:1.0.0``, trusting the authority."""
    image, target = project / "image", f"{host}/app:{images.TAG}"
    environ = {"HOME": str(project), "PATH": "/usr/bin:/bin", "SSL_CERT_FILE": str(ca_file)}
    source = f"{image}:{images.TAG}"
    certs = project / "certs"
    if host:
        certs.mkdir(exist_ok=True)
        shutil.copy(ca_file, certs / "ca.crt")
    found = {
        "crane": _built("crane", "push", str(image), target),
        "oras": _built("oras", "cp", "--from-oci-layout", source, target),
        "regctl": _built("regctl", "image", "copy", f"ocidir://{source}", target),
        "skopeo": _skopeo("copy", "--dest-cert-dir", str(certs), f"oci:{source}", f"docker://{target}"),
    }
    ours = {
        ALONE: ["bench.push_alone", str(image), target, str(ca_file)],
        GATE: ["bench.push_gate", "rss", "oci:image", target, "--quiet", "--ca-file", str(ca_file)],
    }
    return [
        *(Command(name=name, argv=argv, env=environ) for name, argv in found.items() if argv),
        *(
            Command(name=name, argv=[sys.executable, "-m", *argv], env=_ours(shell, project), folder=project)
            for name, argv in ours.items()
        ),
    ]


def _ours(shell: Shell, project: Path) -> Mapping[str, str]:
    here = Path(__file__).parent.parent
    paths = ":".join(map(str, (here, here / "src", here / "packages" / "opa")))
    return {**shell.environ, "PYTHONPATH": paths, "GITHUB_WORKSPACE": str(project), "HOME": str(project)}


def _built(name: str, *arguments: str) -> list[str] | None:
    program = built(name)
    return [str(program), *arguments] if program else None


def _skopeo(*arguments: str) -> list[str] | None:
    program = shutil.which("skopeo")
    return [program, "--insecure-policy", *arguments] if program else None


def _report(row: Row, results: dict[str, Results], rounds: int) -> None:
    print(f"\n{row.title}, median of {rounds} interleaved rounds\n")
    print("| pusher | wall s (range) | CPU s | peak MiB | requests |\n| --- | --- | --- | --- | --- |")
    for name, found in results.items():
        walls = [sample.wall for sample in found.samples]
        cpu = statistics.median(sample.cpu for sample in found.samples)
        rss = f"{statistics.median(sample.rss for sample in found.samples):.0f}"
        if found.parts:
            rss = " + OPA ".join(f"{statistics.median(part):.0f}" for part in zip(*found.parts, strict=True))
        wall = f"{statistics.median(walls):.2f} ({min(walls):.2f}-{max(walls):.2f})"
        requests = statistics.median(found.requests)
        print(f"| {name} | {wall} | {cpu:.2f} | {rss} | {requests:.0f} |")
    medians = {name: statistics.median(s.wall for s in found.samples) for name, found in results.items()}
    if ALONE in results:
        peak = max(sample.rss for sample in results[ALONE].samples)
        print(f"\n{ALONE}: peak {peak:.0f} MiB (goal: at most {_PEAK_GOAL} MiB)")
    if row.requests is not None and ALONE in results:
        print(f"\n{ALONE}: {max(results[ALONE].requests)} requests (goal: at most {row.requests})")
    peers = {name: wall for name, wall in medians.items() if name not in (ALONE, GATE)}
    for name in (ALONE, GATE):
        if name in medians and row.seconds is not None:
            print(f"\n{name}: {medians[name]:.2f} s (goal: at most {row.seconds} s)")
        if name in medians and row.goal is not None and peers:
            best = min(peers, key=lambda peer: peers[peer])
            print(f"\n{name} / {best}: {medians[name] / peers[best]:.2f} (goal: at most {row.goal})")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
