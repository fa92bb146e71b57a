"""`audit list`: who pushed what, when, by which exception; looked for in many ways, told in many forms."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from pushpolicy import errors
from pushpolicy.cli.audit.selecting import SelectionOptions, selection
from tests.keys import entry, key
from tests.pushed_history import FINDING, push_history
from tests.registries import Registry
from tests.workspace import Workspace


@pytest.fixture
def history(workspace: Workspace) -> Workspace:
    """Some pushes."""
    return push_history(workspace)


EVERYTHING = ("oci:app", "oci:other", "oci:denials")
ALL = {"1.0", "1.0-rc", "2.0", "3.0", "4.0"}
# What is asked, and the tags of the records that are told.
QUESTIONS: list[tuple[tuple[str, ...], set[str]]] = [
    ((), ALL),
    (("--since", "1h"), ALL),
    (("--until", "1h"), set()),
    (("--since", "2026-01-01"), ALL),
    (("--until", "2026-01-01T10:00:00+01:00"), set()),
    (("--repository", "oci:other"), {"1.0-rc"}),
    (("--repository", "oci:*"), ALL),
    (("--tag", "*-RC", "--tag", "3.?"), {"1.0-rc", "3.0"}),
    (("--result", "allow"), {"1.0", "1.0-rc", "2.0"}),
    (("--result", "deny", "--result", "observed"), {"3.0", "4.0"}),
    (("--rule", "tests_passed"), {"2.0", "3.0", "4.0"}),
    (("--rule", "tests_*", "--result", "deny"), {"4.0"}),
    (("--rule", "noisy"), {"1.0-rc"}),
    (("--finding", FINDING), {"2.0", "3.0", "4.0"}),
    (("--finding", "CVE-2024-*"), set()),
    (("--waived",), {"2.0"}),
    (("--waiver", "ops-7"), {"2.0"}),
    (("--waiver", FINDING), {"2.0"}),
    (("--waiver", "=carol", "--waiver", "x"), {"2.0"}),
    (("--waiver", "OPS-8"), set()),
    (("--actor", "sample-*"), ALL),
    (("--actor", "sample"), set()),
    (("--commit", "0000000"), set()),
    (("--credential", "none"), ALL),
    (("--credential", "secret-env"), set()),
    (("--anchored",), {"1.0", "4.0"}),
    (("--not-anchored", "--result", "allow"), {"1.0-rc", "2.0"}),
]


def _rows(place: Workspace, *options: str) -> list[dict[str, Any]]:
    ran = place.run("audit", "list", *options, "--format", "jsonl")
    assert ran.code == errors.EXIT_OK, ran.err
    return [json.loads(line) for line in ran.out.splitlines()]


def test_each_question(history: Workspace) -> None:
    for question, expected in QUESTIONS:
        rows = _rows(history, *EVERYTHING, *question)
        assert {row["tag"][0] for row in rows} == expected, question
    first = min(row["time"] for row in _rows(history, *EVERYTHING))
    commit = _rows(history, "oci:other")[0]["commit"]
    assert {row["tag"][0] for row in _rows(history, *EVERYTHING, "--until", first)} == set()
    assert {row["tag"][0] for row in _rows(history, *EVERYTHING, "--since", first)} == ALL
    assert {row["tag"][0] for row in _rows(history, "oci:app", "--commit", commit[:7].upper())} < ALL


def test_as_text(history: Workspace) -> None:
    """Newest first; of each what was decided, who pushed, which commit, where, and by which exception."""
    ran = history.run("audit", "list", *EVERYTHING)
    assert ran.code == errors.EXIT_OK, ran.err
    firsts = [line.split()[1:3] for line in ran.out.splitlines() if not line.startswith(" ")]
    assert firsts[0] == ["DENY", "oci:app:4.0"]
    assert sorted(firsts, key=lambda each: each[1]) == [
        ["ALLOW", "oci:app:1.0"],
        ["ALLOW", "oci:app:2.0"],
        ["ALLOW", "oci:app:3.0"],
        ["DENY", "oci:app:4.0"],
        ["ALLOW", "oci:other:1.0-rc"],
    ]
    assert max(map(len, (line for line in ran.out.splitlines() if line.startswith(" ")))) <= 80
    ran = history.run("audit", "list", "oci:app", "--waived")
    head, *lines, record, last = ran.out.splitlines()
    assert head.split(maxsplit=1)[1] == "ALLOW  2.0  unsigned, not anchored"
    told = " ".join(lines)
    assert "push by sample-author, commit " in told
    assert "run https://github.com/example/status-page/actions/runs/1" in told
    assert "credential none" in told
    assert f"waived tests_passed {FINDING}" in told
    assert record.startswith("  record sha256:")
    assert len(record) == 80
    assert last == "1 of 3 records"
    shown = history.run("audit", "show", f"oci:app@{record.split()[1]}")
    assert (shown.code, shown.out.startswith("ALLOW oci:app:2.0@")) == (errors.EXIT_OK, True)


def test_columns_that_were_chosen(history: Workspace) -> None:
    ran = history.run("audit", "list", "oci:app", "--columns", "tag, result,waivers")
    head, *lines = ran.out.splitlines()
    assert head == "tag  result    waivers"
    # Of one second, either can be first.
    assert sorted(lines) == ["1.0  allow     -", f"2.0  allow     tests_passed {FINDING}", "3.0  observed  -"]
    ran = history.run("audit", "list", "oci:app", "--columns", "tag,waivers", "--format", "csv")
    head, *lines = ran.out.splitlines()
    assert (head, sorted(lines)) == ("tag,waivers", ["1.0,", f"2.0,tests_passed {FINDING}", "3.0,"])
    (row,) = _rows(history, "oci:app", "--tag", "1.0", "--columns", "tag,actor")
    assert row == {"schema": "pushpolicy.audit.list/v1", "tag": ["1.0"], "actor": "sample-author"}
    ran = history.run("audit", "list", "oci:app", "--columns", "tag,actr")
    assert (ran.code, ran.complaint()) == (
        errors.EXIT_USAGE,
        "--columns: there is no column actr (is actor meant?)",
    )


def test_each_form_says_the_same(history: Workspace) -> None:
    """A spreadsheet, lines of JSON, a document; several at once, and each as by itself."""
    files = [f"--format={name}=out.{name}" for name in ("csv", "jsonl", "json", "html")]
    ran = history.run("audit", "list", *EVERYTHING, *files, "--format", "text")
    assert (ran.code, ran.err) == (errors.EXIT_OK, "")
    table = list(csv.DictReader(StringIO(history.path("out.csv").read_text())))
    lines = [json.loads(line) for line in history.path("out.jsonl").read_text().splitlines()]
    records = json.loads(history.path("out.json").read_text())["records"]
    told = [row["record"] for row in table]
    assert len(told) == 5
    assert told == [row["record"] for row in lines] == [row["digest"] for row in records]
    assert sorted(told) == sorted(row["record"] for row in _rows(history, *EVERYTHING))
    assert [row["actor"] for row in table] == [row["actor"] for row in records]
    assert [row["result"] for row in table] == [row["result"] for row in lines]
    assert "oci:app and others" in history.path("out.html").read_text()


def test_a_bad_record_and_a_bad_source_are_a_line_each(history: Workspace) -> None:
    (row,) = _rows(history, "oci:app", "--tag", "2.0")
    shown = history.run("audit", "show", f"oci:app@{row['record']}", "--format", "json").json
    decision = shown["layers"][1]["digest"]
    (history.folder / "app/blobs" / decision.replace(":", "/")).write_text("{}")
    asked = ("oci:absent", "oci:app", "oci:app:9.9", "oci:other")
    ran = history.run("audit", "list", *asked)
    assert ran.code == errors.EXIT_RECORD
    assert sum(not line.startswith("  ") for line in ran.out.splitlines()) == 2 + 1 + 3
    ignored = [line for line in ran.out.splitlines() if line.startswith(("ignored", "not read"))]
    assert ignored[0].startswith(f"ignored record {row['record']}: ")
    assert ignored[0].endswith(" (in oci:app)")
    assert ignored[1:] == [
        "not read: oci:absent: there is no such folder",
        "not read: there is no oci:app:9.9",
    ]
    beside = history.run("audit", "list", *asked, "--format", "csv")
    assert (beside.code, beside.err.splitlines()) == (errors.EXIT_RECORD, ignored)
    assert len(beside.out.splitlines()) == 1 + 3
    document = history.run("audit", "list", *asked, "--format", "json").json
    assert [each["source"] for each in document["problems"]] == ["oci:app"]
    assert document["not_read"] == [line.removeprefix("not read: ") for line in ignored[1:]]
    ran = history.run("audit", "list", "oci:absent", "oci:other")
    assert ran.code == errors.EXIT_INPUT


def test_what_is_verified(workspace: Workspace, any_registry: Registry, tmp_path: Path) -> None:
    """With a listed key: what it vouches for has a row, and every other record is told as what it is."""
    place = f"{any_registry.host}/team/app"
    signing = workspace.with_variables(PUSHPOLICY_SIGNING_KEY=key().private_pem().decode())
    assert signing.push(target=f"{place}:1.0").code == errors.EXIT_OK
    assert workspace.push(target=f"{place}:2.0").code == errors.EXIT_OK
    trust = tmp_path / "trust.yaml"
    trust.write_text(json.dumps({"keys": {"ci": entry()}}))
    given = ("--trust", str(trust), "--format", "jsonl")
    ran = workspace.run("audit", "list", place, *given)
    assert ran.code == errors.EXIT_RECORD
    (row,) = map(json.loads, ran.out.splitlines())
    assert (row["tag"], row["signature"], row["signed_by"]) == (["1.0"], "verified", ["ci"])
    assert ran.err.startswith("NOT VALID: record ")
    verified = workspace.run("audit", "list", place, *given, "--verified")
    assert (verified.code, verified.out) == (ran.code, ran.out)
    other = workspace.run("audit", "list", place, *given, "--not-verified")
    assert (other.code, other.out, other.err) == (ran.code, "", ran.err)
    blind = workspace.run("audit", "list", place, "--verified")
    assert blind.code == errors.EXIT_USAGE
    assert "--trust FILE" in blind.hint()
    assert len(_rows(workspace, place, "--columns", "time")) == 2


@pytest.mark.parametrize(
    "time", ["yesterday", "2026-13-01", "20261101", "2026-11-01T10:00:00", "0d", "1y", "-1d"]
)
def test_what_is_no_time(workspace: Workspace, time: str) -> None:
    ran = workspace.run("audit", "list", "oci:app", "--since", time)
    assert (ran.code, ran.complaint()) == (errors.EXIT_USAGE, f"--since {time} is no time")
    assert ran.hint().startswith("a date (2026-11-01), ")


def test_a_folder_without_its_kind(workspace: Workspace) -> None:
    (workspace.folder / "kept").mkdir()
    ran = workspace.run("audit", "list", "kept")
    assert (ran.code, ran.hint()) == (
        errors.EXIT_USAGE,
        "write oci:, export: or mirror: before the path of a folder",
    )


def test_times_that_nothing_is_between_are_no_empty_answer(workspace: Workspace) -> None:
    ran = workspace.run("audit", "list", "oci:app", "--since", "2026-12-02", "--until", "2026-12-01")
    complaint = "--since is not before --until: no record can fit"
    assert (ran.code, ran.complaint()) == (errors.EXIT_USAGE, complaint)


def test_a_date_is_until_its_end() -> None:
    given = SelectionOptions(since="2026-11-01", until="2026-11-01")
    wanted = selection(given, None)
    assert wanted.since == datetime(2026, 11, 1, tzinfo=UTC)
    assert wanted.until == datetime(2026, 11, 2, tzinfo=UTC)
