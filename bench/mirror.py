"""What it costs a registry to have its history listed, mirrored, and mirrored again: requests and bytes.

A repository gets that many tags, each of an image of its own with its record. All of it is listed, mirrored
into an empty folder, mirrored again, and again after a hundredth of the tags were pushed anew. Requests are
counted by the log of the registry. Prints Markdown for docs/benchmarks.md.

    python -m bench.mirror [--tags N]
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path

from msgspec.structs import replace

from bench.measure import Command, run
from bench.push import ram_disk
from pushpolicy.model.manifest import EMPTY_CONFIG, EMPTY_CONTENT, Manifest, written_artifact
from pushpolicy.model.reference import Target
from pushpolicy.records.build import build_record
from pushpolicy.registry.interface import Blob, RepositoryClient
from tests.clients import client
from tests.judged import judge, make_image
from tests.registries import Registry, distribution_registry, olareg_registry

REGISTRIES: dict[str, Callable[..., AbstractContextManager[Registry]]] = {
    "olareg (referrers API)": olareg_registry,
    "distribution (no referrers API)": distribution_registry,
}
_IMAGE = make_image()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--tags", type=int, default=10_000)
    tags = parser.parse_args().tags
    for title, start in REGISTRIES.items():
        with tempfile.TemporaryDirectory(prefix="bench-mirror-", dir=ram_disk()) as name:
            folder = Path(name)
            with start(folder / "registry") as registry:
                fill(registry, range(tags))
                print(f"\n{title}, {tags} tags with a record each\n")
                print("| command | requests | a tag | of blobs | seconds | CPU seconds | peak MiB |")
                print("| --- | --- | --- | --- | --- | --- | --- |")
                _measure(registry, folder / "mirror", tags)


def fill(registry: Registry, numbers: range, at: str = "2026-01-01T00:00:00Z") -> None:
    """Give each number a tag that names an image with a record."""
    repository = client(registry)
    repository.put_blob(EMPTY_CONFIG, Blob.of(EMPTY_CONTENT, EMPTY_CONFIG.media_type).open)
    _publish(registry, repository, numbers[0], at)  # which brings the policy
    with ThreadPoolExecutor(2) as pool:
        for _ in pool.map(lambda number: _publish(registry, repository, number, at), numbers[1:]):
            pass


def _publish(registry: Registry, repository: RepositoryClient, number: int, at: str) -> None:
    annotations = {"number": f"{number} of {at}"}
    top = Manifest.parse(written_artifact("application/vnd.example.image", [], annotations))
    target = Target.parse(f"{registry.host}/team/app:v{number}")
    judged = judge(replace(_IMAGE, manifests=(top,)), target, at=at)
    repository.put_manifest(top, target.tags[0])
    with build_record(judged.contents()) as record:
        for blob in record.artifact.blobs:
            repository.put_blob(blob.descriptor, blob.open)
        repository.put_referrer(record.artifact.manifest)


def _measure(registry: Registry, folder: Path, tags: int) -> None:
    place, history = f"{registry.host}/team/app", folder.parent / "list.json"
    listing = ["--format", f"json={history}"]
    _run(registry, "`list`", ["list", place, *listing], tags)
    assert _number(history) == tags
    mirror = ["mirror", place, "--to", str(folder)]
    _run(registry, "`mirror`, the first", mirror, tags)
    _run(registry, "`mirror`, nothing new", mirror, tags)
    fill(registry, range(tags // 100), "2026-01-02T00:00:00Z")
    _run(registry, f"`mirror`, {tags // 100} pushed anew", mirror, tags)
    _run(registry, "`list mirror:`", ["list", f"mirror:{folder}", *listing], tags)
    assert _number(history) == tags + tags // 100
    size = sum(path.stat().st_blocks * 512 for path in folder.rglob("*"))
    print(f"\nThe mirror takes {size / 1e6:.0f} MB on disk.")


def _number(history: Path) -> int:
    """How many records were listed."""
    number = len(json.loads(history.read_bytes())["records"])
    history.unlink()
    return number


def _run(registry: Registry, title: str, arguments: Sequence[str], tags: int) -> None:
    """Run a command of audit, and print what it took."""
    before = len(registry.requests())
    argv = [sys.executable, "-m", "pushpolicy", "audit", *arguments]
    took = run(Command(name=title, argv=argv, env={"PATH": os.defpath, "HOME": "/nonexistent"}))
    asked = registry.requests()[before:]
    blobs = sum("/blobs/" in request.path for request in asked)
    cells = [title, len(asked), f"{len(asked) / tags:.3f}", blobs]
    cells += [f"{took.wall:.1f}", f"{took.cpu:.1f}", f"{took.rss:.0f}"]
    print(f"| {' | '.join(map(str, cells))} |")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
