"""A replay that is interrupted goes on where it was, and ends as one that was not, result by result."""

from __future__ import annotations

import json
import random
import stat
import time
from pathlib import Path

import pytest

from pushpolicy import errors
from tests.workspace import Workspace

RESUME = ("--resume", "results")
POLICIES = ("pack:tests_passed", "pack:image_user", "pack")


@pytest.fixture
def place(workspace: Workspace) -> Workspace:
    """A repository with records by three policies, which are in batches of their own."""
    for number in range(6):
        policy = POLICIES[number % 3]
        workspace.push("--policy", policy, target=f"oci:registry:{number}")
    return workspace


def slowly(place: Workspace, opa: Path) -> str:
    """An engine that takes its time."""
    engine = place.write("slow-opa", f'#!/bin/sh\n[ "$1" = version ] || sleep 0.5\nexec {opa} "$@"\n')
    engine.chmod(engine.stat().st_mode | stat.S_IXUSR)
    return str(engine)


def test_killed_at_any_time_it_ends_as_if_it_never_was(place: Workspace, opa: Path) -> None:
    asked = ("audit", "replay", "oci:registry", "--format", "json", "--engine", slowly(place, opa))
    whole = place.run(*asked)
    assert len(whole.json["replays"]) >= 4
    for _ in range(4):
        with place.start(*asked, *RESUME) as process:
            time.sleep(random.uniform(0.2, 3))
            process.kill()
    ended = place.run(*asked, *RESUME)
    assert (ended.code, ended.json) == (whole.code, whole.json)
    # What is known is not evaluated again.
    lines = (place.folder / "results").read_bytes().splitlines()
    assert len(lines) == 1 + len(whole.json["replays"])
    again = place.run(*asked, *RESUME)
    assert (again.code, again.json) == (whole.code, whole.json)
    assert f"--resume: {len(lines) - 1} were decided again already" in again.err
    assert (place.folder / "results").read_bytes().splitlines() == lines


def test_results_of_another_run_are_refused(place: Workspace) -> None:
    assert place.run("audit", "replay", "oci:registry", *RESUME).code == errors.EXIT_OK
    for other in (("oci:registry:0",), ("oci:registry", "--limit", "max-record-seconds=7")):
        ran = place.run("audit", "replay", *other, *RESUME)
        assert ran.code == errors.EXIT_USAGE
        assert ran.complaint() == "--resume results is of another run: of other records, options or engine"
    for content, said in (
        (b"my notes\n", "--resume results holds no results of a replay"),
        ((place.folder / "results").read_bytes() + b"{}\n", "--resume results holds a line that is none"),
    ):
        place.write("results", content)
        ran = place.run("audit", "replay", "oci:registry", *RESUME)
        assert ran.code == errors.EXIT_USAGE
        assert ran.complaint().startswith(said)
        assert (place.folder / "results").read_bytes() == content
    ran = place.run("audit", "replay", "oci:registry", "--policy", "pack", *RESUME)
    assert ran.code == errors.EXIT_USAGE


def test_each_result_is_told_as_it_comes(place: Workspace, opa: Path) -> None:
    asked = ("audit", "replay", "oci:registry", "--engine", slowly(place, opa))
    for format_, first in (("text", b"reproduced: "), ("jsonl", b"{")):
        with place.start(*asked, "--format", format_) as process:
            assert process.stdout
            assert process.stdout.readline().startswith(first)
            assert process.poll() is None
            process.stdout.read()
            assert process.wait() == errors.EXIT_OK


def test_a_reader_that_goes_away_makes_no_success_of_what_was_not_decided(
    place: Workspace, opa: Path
) -> None:
    with place.start("audit", "replay", "oci:registry", "--engine", slowly(place, opa)) as process:
        assert process.stdout
        process.stdout.readline()
        process.stdout.close()
        assert process.wait() == errors.EXIT_INTERRUPTED


def test_rows_say_what_the_document_says(place: Workspace) -> None:
    rows = [
        json.loads(line)
        for line in place.run("audit", "replay", "oci:registry", "--format", "jsonl").out.splitlines()
    ]
    document = place.run("audit", "replay", "oci:registry", "--format", "json").json["replays"]
    assert {row["record"]: row["result"] for row in rows} == {
        each["record"]: each["result"] for each in document
    }
    assert {row["schema"] for row in rows} == {"pushpolicy.audit.replay/v1"}
    ran = place.run("audit", "replay", "oci:registry", "--policy", "pack", "--format", "csv")
    assert ran.out.splitlines()[0].startswith("time,direction,before,after,repository,tag,")


def test_an_interrupt_loses_nothing(place: Workspace, opa: Path) -> None:
    import signal

    asked = ("audit", "replay", "oci:registry", "--engine", slowly(place, opa), *RESUME)
    with place.start(*asked) as process:
        assert process.stdout
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, told = process.communicate()
        assert process.returncode == errors.EXIT_INTERRUPTED
    assert b"the same command goes on from there" in told
    assert place.run(*asked).code == errors.EXIT_OK
