"""A repository as large as they come: `make large` judges 100,000 files of 5 GB, `make test` a sample."""

from __future__ import annotations

import hashlib
import os
import random
import resource
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pushpolicy.gather.checkout import inspect
from pushpolicy.model.evidence import SourceEvidence
from tests.unit.gather.samples import git

IS_WHOLE = "PUSHPOLICY_TEST_LARGE" in os.environ
FILES, TOTAL = (100_000, 5_000_000_000) if IS_WHOLE else (2_000, 80_000_000)
IN_A_FOLDER = 100
LEAST = 300e6  # bytes per second of processor time, from a warm cache (issue "Closed, part one")


def _sizes() -> list[int]:
    """Many small files and a few large ones; half of the bytes are in one file of a hundred."""
    small = [200 + 97 * (number % 500) for number in range(FILES)]
    large = (TOTAL - sum(small)) // (FILES // 100)
    return [size + large if number % 100 == 0 else size for number, size in enumerate(small)]


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The repository. It holds no blobs, which are not read: so it is written in half the time and room."""
    folder = tmp_path_factory.mktemp("large")
    git(folder, "init", "-q", "-b", "main")
    noise, lines = random.Random(1).randbytes(8_000_000), []
    for number, size in enumerate(_sizes()):
        place = (
            folder / f"part{number // IN_A_FOLDER // 30}" / f"folder{number // IN_A_FOLDER}" / f"file{number}"
        )
        place.parent.mkdir(parents=True, exist_ok=True)
        content = (b"%d\n" % number + noise * (size // len(noise) + 1))[:size]
        place.write_bytes(content)
        name = hashlib.sha1(b"blob %d\0" % size + content).hexdigest()
        lines.append(f"100644 {name}\t{place.relative_to(folder)}\n")
    index = ["git", "update-index", "--index-info"]
    subprocess.run(index, cwd=folder, input="".join(lines).encode(), check=True)
    tree = git(folder, "write-tree", "--missing-ok")
    git(folder, "update-ref", "refs/heads/main", git(folder, "commit-tree", "-m", "large", tree))
    yield folder
    subprocess.run(["rm", "-rf", str(folder)], check=True)


def source(folder: Path) -> SourceEvidence:
    return inspect(folder, {}).evidence


def test_it_is_clean_and_one_changed_byte_is_seen(repository: Path) -> None:
    assert source(repository).changes == ()
    last = sorted(repository.rglob(f"file{FILES - 1}"))[0]
    content = last.read_bytes()
    last.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert source(repository).changes == (str(last.relative_to(repository)),)
    last.write_bytes(content)
    last.chmod(0o755)
    assert source(repository).changes == (str(last.relative_to(repository)),)
    last.chmod(0o644)


@pytest.mark.skipif(not IS_WHOLE, reason="the speed is measured by `make large`")
def test_it_is_read_at_300_mb_a_second_on_one_processor(repository: Path) -> None:
    source(repository)
    before, start = os.times(), time.monotonic()
    assert source(repository).dirty is False
    wall, after = time.monotonic() - start, os.times()
    spent = after.user - before.user + after.system - before.system
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"{TOTAL / spent / 1e6:.0f} MB/s a processor, {TOTAL / wall / 1e6:.0f} MB/s in all; {memory} MiB")
    assert TOTAL / spent > LEAST
    assert memory < 600
