"""What the benchmarks decide on has to be allowed: they take any other end for a failure."""

from __future__ import annotations

from pathlib import Path

from bench.documents import evidence
from pushpolicy.engines import LocalOpa
from pushpolicy.evaluate import PACK, evaluate, load_policy


def test_the_documents_of_the_benchmarks_are_allowed(opa: Path) -> None:
    engine = LocalOpa(opa)
    assert evaluate(load_policy([PACK], engine), evidence(5), engine).allowed
