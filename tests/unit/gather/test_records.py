"""Since when an image is judged: by tests and scans of its own, or by those that a promotion rests on."""

from __future__ import annotations

from typing import Any

import pytest

from pushpolicy.gather.records import _root_at

AT, FIRST, SECOND = "2026-11-03T00:00:00Z", "2026-11-01T00:00:00Z", "2026-11-02T00:00:00.5Z"


def evidence(tests: str, scans: str, *items: dict[str, Any]) -> dict[str, Any]:
    records = {"records": {"status": "collected", "items": list(items)}} if items else {}
    return {"tests": {"status": tests}, "scans": {"status": scans}, **records}


def record(root_at: str | None = None, *, verified: bool = True) -> dict[str, Any]:
    return {"verified": verified, **({"root_at": root_at} if root_at else {})}


@pytest.mark.parametrize(
    ("found", "root"),
    [
        (evidence("collected", "collected"), AT),
        (evidence("collected", "collected", record(FIRST)), AT),
        (evidence("missing", "collected"), None),
        (evidence("collected", "failed", record(SECOND), record(FIRST)), FIRST),
        (evidence("missing", "missing", record(SECOND), record(FIRST, verified=False)), SECOND),
        (evidence("missing", "missing", record()), None),
    ],
)
def test_the_root_of_a_decision(found: dict[str, Any], root: str | None) -> None:
    assert _root_at(AT, found) == root
