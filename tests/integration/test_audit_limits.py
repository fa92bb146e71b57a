"""What audit may take: a record over its own limit ends alone, and what was cut is said to be incomplete."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pushpolicy import errors
from pushpolicy.audit.standing import standing
from tests.workspace import Workspace

STANDING = "pushpolicy.audit.walk.standing"
ONE = ("--limit", "max-record-seconds=1")
OVER = "stopped: it took more than the 1 seconds of max-record-seconds"


@pytest.fixture
def place(workspace: Workspace) -> Workspace:
    """A repository with three records."""
    for tag in ("1", "2", "3"):
        assert workspace.push(target=f"oci:registry:{tag}").code == errors.EXIT_OK
    return workspace


def first_takes(call: Callable[..., Any], seconds: float) -> Callable[..., Any]:
    """The same, and the first time it takes its time."""
    waits = iter([seconds])

    def slow(*given: Any, **named: Any) -> Any:
        time.sleep(next(waits, 0))
        return call(*given, **named)

    return slow


def test_a_record_that_takes_too_long_is_one_line(place: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(STANDING, first_takes(standing, 20))
    ran = place.run("audit", "list", "oci:registry", *ONE)
    assert ran.code == errors.EXIT_RECORD
    assert ran.out.count("ignored record") == 1
    assert ran.out.count(OVER) == 1
    assert ran.out.count("ALLOW") == 2


def test_a_decision_that_takes_too_long_is_one_that_is_not_made(place: Workspace, opa: Path) -> None:
    """One that takes too long among many others: tests/integration/test_batches.py."""
    slow = f'#!/bin/sh\n[ "$1" = eval ] && sleep 60\nexec {opa} "$@"\n'
    place.write("slow-opa", slow).chmod(0o755)
    started = time.monotonic()
    ran = place.run("audit", "replay", "oci:registry", "--engine", str(place.path("slow-opa")), *ONE)
    assert ran.code == errors.EXIT_RECORD
    assert ran.out.count("not replayable") == 3
    assert ran.out.count("OPA was stopped: no answer within 1 s (max-record-seconds)") == 3
    assert time.monotonic() - started < 40


def test_what_is_cut_is_incomplete(place: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    for command in ("list", "replay"):
        monkeypatch.setattr(STANDING, first_takes(standing, 20))
        ran = place.run("audit", command, "oci:registry", "--limit", "max-run-seconds=1", "--format", "json")
        assert ran.code == errors.EXIT_RECORD
        (problem,) = ran.json["problems"]
        assert "seconds of max-run-seconds" in problem["reason"]
        assert ran.json["unread"] == 2


def test_no_record_takes_the_memory_of_the_machine(place: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pushpolicy.audit.walk.standing", first_takes(standing, 20))
    ran = place.run("audit", "show", "oci:registry:1", "--limit", "max-memory=1MiB")
    assert ran.code == errors.EXIT_RECORD
    assert "1048576 bytes of max-memory" in ran.complaint()
    assert ran.hint() == "--limit raises it"
