"""Collecting the evidence of a repository of 2,000 files, time after time in one process.

The network and imports are left out, and so are reading and hashing the files of the checkout, which is timed
by itself. The repository has what a usual one has: folders of sources, workflows, scripts, a Dockerfile and
compose files; and reports of tests and a scan. Prints Markdown for docs/benchmarks.md.

    python -m bench.collection [ROUNDS]
"""

from __future__ import annotations

import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest import mock

from msgspec import structs

from bench.push import ram_disk
from pushpolicy.demo import project
from pushpolicy.demo.shell import Shell
from pushpolicy.gather import GatherRequest, Job, Previous, gather
from pushpolicy.gather.checkout import compare
from pushpolicy.images import open_image
from pushpolicy.model.evidence import Status
from pushpolicy.model.reference import Repository, Target
from pushpolicy.registry.layout.repository import LayoutRepository
from tests import workspace

_FILES, _IN_ONE_FOLDER = 2_000, 20
_GOAL = 0.05
_SOURCE = "def answer() -> int:\n    return 42\n" * 40
_WORKFLOW = """on: {push: {branches: [main]}}
permissions: {contents: read}
jobs:
  publish:
    runs-on: ubuntu-24.04
    env: {REGISTRY: registry.example}
    steps:
      - uses: actions/checkout@v5
        with: {persist-credentials: false}
      - run: ./scripts/build.sh "$REGISTRY/app:${{ github.sha }}"
      - run: |
          echo "$TOKEN" | docker login --username robot --password-stdin "$REGISTRY"
          pushpolicy push oci:image "$REGISTRY/app:${{ github.ref_name }}"
        env: {TOKEN: "${{ secrets.REGISTRY_TOKEN }}"}
"""
_PIPELINE = {
    ".github/workflows/publish.yaml": _WORKFLOW,
    ".github/workflows/test.yaml": _WORKFLOW.replace("publish", "test"),
    ".gitlab-ci.yml": "build:\n  script:\n    - docker build -t app .\n    - ./scripts/build.sh app\n",
    "Dockerfile": "FROM python:3.13-slim\nARG VERSION\nCOPY . /app\nRUN pip install --no-cache-dir /app\n",
    "compose.yaml": "services:\n  db:\n    image: postgres:17\n    environment: {POSTGRES_DB: app}\n",
    "scripts/build.sh": "#!/bin/sh\nset -eu\ndocker build --tag \"$1\" .\n" * 10,
}  # fmt: skip


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    with tempfile.TemporaryDirectory(prefix="bench-collection-", dir=ram_disk()) as name:
        shell = _repository(Path(name))
        measured = [_round(shell) for _ in range(rounds + 1)][1:]
    print(f"| {_FILES:,} files, {rounds} rounds | wall ms, least (median) | CPU ms, least (median) |")
    print("| --- | --- | --- |")
    for number, title in enumerate(("collection", "reading and hashing the checkout, which is not in it")):
        wall, cpu = zip(*(each[number] for each in measured), strict=True)
        print(f"| {title} | {_least(wall)} | {_least(cpu)} |")
    least = min(wall for (wall, _), _ in measured)
    print(f"\ncollection: {least * 1000:.0f} ms (goal: under {_GOAL * 1000:.0f} ms)")


def _least(times: tuple[float, ...]) -> str:
    return f"{min(times) * 1000:.1f} ({statistics.median(times) * 1000:.1f})"


def _repository(folder: Path) -> Shell:
    shell = workspace.build(folder)
    texts = {f"src/part{at // _IN_ONE_FOLDER}/module{at}.py": f"{_SOURCE}# {at}\n" for at in range(_FILES)}
    for name, text in (texts | _PIPELINE).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return project.prepare(shell, structs.replace(project.FIXED, message="Add two thousand files"))


def _round(shell: Shell) -> tuple[tuple[float, float], tuple[float, float]]:
    """Wall and processor seconds: of collecting, without what the checkout's files take, and of those."""
    files: list[tuple[float, float]] = []
    real = compare._Comparison._compared

    def compared(*given: Any) -> Iterator[Any]:
        with _timed(files):
            found = list(real(*given))
        yield from found

    whole: list[tuple[float, float]] = []
    with open_image(f"oci:{shell.folder / 'image'}") as image:
        request = GatherRequest(
            job=Job(
                workspace=shell.folder,
                environ={
                    **shell.environ,
                    "GITHUB_WORKFLOW_REF": f"a/b/{next(iter(_PIPELINE))}@refs/heads/main",
                },
                credential=None,
                evaluated_at=datetime.now(UTC),
            ),
            image=image,
            target=Target.parse("registry.example/app:1.0.0"),
            previous=Previous({}, ()),
            client=LayoutRepository(Repository.parse("oci:registry")),
            insecure=False,
            clock=None,
        )
        with mock.patch.object(compare._Comparison, "_compared", compared), _timed(whole):
            evidence = gather(request).evidence
    assert evidence.pipeline is not None
    assert evidence.source.status == evidence.pipeline.status == evidence.scans.status == Status.COLLECTED
    (wall, cpu), (less, less_cpu) = whole[0], files[0]
    return (wall - less, cpu - less_cpu), files[0]


@contextmanager
def _timed(times: list[tuple[float, float]]) -> Iterator[None]:
    wall, cpu = time.perf_counter(), _processor()
    yield
    times.append((time.perf_counter() - wall, _processor() - cpu))


def _processor() -> float:
    git = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + git.ru_utime + git.ru_stime


if __name__ == "__main__":
    main()
