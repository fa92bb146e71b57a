"""`audit replay --from raw`: evidence is made again of the raw reports, and held against what is recorded."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pushpolicy import errors
from tests.flips import opened, records
from tests.forgery import Parts, forge
from tests.workspace import TARGET, Workspace

FROM_RAW = ("--from", "raw")


def replay(place: Workspace, *options: str, source: str = "oci:registry") -> Any:
    """What is said of the one record, and the exit code."""
    ran = place.run("audit", "replay", source, *FROM_RAW, "--format", "json", *options)
    (found,) = ran.json["replays"]
    return ran.code, found


def test_kept_records_come_out_the_same() -> None:
    from pushpolicy.audit.raw import renewed
    from pushpolicy.reports.limits import Limits

    for client, record in records():
        found = renewed(opened(client, record.summary.digest), Limits())
        assert found.reports >= 1
        assert not found.other
        assert found.evidence.content == record.evidence.content


def test_a_push_comes_out_the_same(workspace: Workspace) -> None:
    assert workspace.push().code == errors.EXIT_OK
    code, found = replay(workspace)
    assert (code, found["result"]) == (errors.EXIT_OK, "reproduced")
    assert found["raw"].endswith(" raw reports, read again: the same evidence")
    assert not found["raw"].startswith("0 ")
    text = workspace.run("audit", "replay", "oci:registry", *FROM_RAW).out
    assert f"  {found['raw']}\n" in text


def _other_duration(evidence: dict[str, Any]) -> None:
    evidence["tests"]["reports"][0]["duration"] = 7


def _other_scanner(evidence: dict[str, Any]) -> None:
    evidence["scans"]["items"][0]["scanner"]["version"] = "0.0.1"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_other_duration, "other tests "),
        (_other_scanner, "other scans "),
    ],
)
def test_evidence_that_was_not_made_of_these_files_is_told(
    workspace: Workspace, change: Callable[[dict[str, Any]], None], said: str
) -> None:
    """Its digests are put right: without the raw reports nothing tells."""
    assert workspace.push().code == errors.EXIT_OK

    def forged(parts: Parts) -> None:
        change(parts.evidence)

    os.chdir(workspace.folder)
    (workspace.folder / "registry").rename(workspace.folder / "honest")
    forge(workspace.folder / "honest", Path("registry"), TARGET.rpartition(":")[2], forged)
    honest = workspace.run("audit", "replay", "oci:registry", "--format", "json")
    assert (honest.code, honest.json["replays"][0]["result"]) == (errors.EXIT_OK, "reproduced")
    code, found = replay(workspace)
    assert (code, found["result"]) == (errors.EXIT_DIFFERS, "differs")
    assert said in found["raw"]
    assert found["difference"]["fields"] == ["evidence"]


def test_without_the_files_it_cannot_be_made(workspace: Workspace) -> None:
    assert workspace.push("--raw=digest").code == errors.EXIT_OK
    code, found = replay(workspace)
    assert (code, found["result"]) == (errors.EXIT_RECORD, "not replayable")
    assert "are kept by their digests alone" in found["reason"]
    assert workspace.run("audit", "replay", "oci:registry").code == errors.EXIT_OK


def test_it_stands_alone(workspace: Workspace) -> None:
    for more in (("--resume", "x"), ("--policy", "pack")):
        ran = workspace.run("audit", "replay", "oci:registry", *FROM_RAW, *more)
        assert ran.code == errors.EXIT_USAGE


def test_what_was_captured_comes_out_the_same(workspace: Workspace) -> None:
    write = f"cp {workspace.folder}/reports/junit.xml {workspace.folder}/reports/TEST-more.xml"
    ran = workspace.run("run", "tests", "--name", "more", "--", "sh", "-c", write)
    assert ran.code == errors.EXIT_OK, ran.err
    assert workspace.push().code == errors.EXIT_OK
    code, found = replay(workspace)
    assert (code, found["result"], found.get("reason")) == (errors.EXIT_OK, "reproduced", None)
