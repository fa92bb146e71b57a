"""docs/sql.md: each question, over the files of an export and over Parquet, on a past that is known."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pushpolicy.audit.export import parquet
from pushpolicy.audit.export.tables import TABLES
from tests.history import CVE, HOSTILE, PUSHES, make_history
from tests.keys import key
from tests.policies import ROOT
from tests.workspace import Workspace

PAGE = (ROOT / "docs/sql.md").read_text(encoding="utf-8")
QUESTIONS = dict(re.findall(r"^## (.+?)\n.*?^```sql\n(.+?)^```", PAGE, re.MULTILINE | re.DOTALL))
# In UTC, as all times of the tables, which have no zone.
JANUARY, FEBRUARY, MARCH = (datetime.fromisoformat(f"2025-{month:02}-01") for month in (1, 2, 3))


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory, opa: Path) -> Path:
    """The layouts of a small past."""
    folder = tmp_path_factory.mktemp("history")
    make_history(folder, opa)
    (folder / "key.pub").write_text(key().public.pem)
    return folder


@pytest.fixture(params=["jsonl", "parquet"])
def tables(
    request: pytest.FixtureRequest, workspace: Workspace, history: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database with the views of an export in either form."""
    sources = [f"oci:{history}/published", f"oci:{history}/denials"]
    trust = ("--trust", f"{history}/key.pub")
    ran = workspace.run("audit", "export", *sources, "-o", "exported", *trust, "--as", request.param)
    assert (ran.code, ran.out) == (0, "exported has 6 records of 2 repositories\n")
    monkeypatch.chdir(workspace.folder / "exported")
    with duckdb.connect(config={"autoload_known_extensions": "false"}) as connection:
        connection.execute(Path("tables.sql").read_text())
        yield connection


def _short(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """A row without what differs from run to run: digests and folders."""
    return tuple(each for each in row if not (isinstance(each, str) and re.match(r"sha256:|/", each)))


def _at(number: int) -> datetime:
    return datetime.fromisoformat(f"{PUSHES[number].day}T10:00:00")


ENDS = MARCH
EXPECTED: dict[str, list[tuple[Any, ...]]] = {
    "What was allowed by a waiver, and by whom?": [
        (_at(1), "1.0", "flaws", CVE, "erin", "SEC-7", ENDS, "dana"),
        (_at(2), "1.1", "flaws", CVE, "erin", "SEC-7", ENDS, "frank"),
    ],
    "Which rule denied most, month by month?": [
        (JANUARY, "flaws", 1),
        (FEBRUARY, "passed", 1),
        (MARCH, "flaws", 1),
    ],
    "Which images have a flaw?": [
        ("1.0", "openssl", "3.0", "3.1", True),
        ("1.1", "openssl", "3.0", "3.1", True),
    ],
    "How long does it take to mend a flaw?": [(1, 64.0)],
    "Which credentials pushed, over time?": [
        (JANUARY, "none", None, 1),
        (FEBRUARY, "secret-env", "PUSHPOLICY_PASSWORD", 1),
        (MARCH, "secret-env", "PUSHPOLICY_PASSWORD", 1),
    ],
    "Which waivers that were relied on have ended?": [
        ("flaws", CVE, None, "erin", "SEC-7", ENDS, _at(3), 3),
    ],
    "Who pushed how often, and how often in vain?": [("dana", 2, 2), ("frank", 1, 1)],
    "Who pushed this, with which credential, and why was it allowed?": [
        (
            _at(2),
            "frank",
            "https://git.example.com/team/app/actions/runs/2",
            "1" * 40,
            "secret-env",
            "PUSHPOLICY_PASSWORD",
            "verified",
            ["flaws: waived", "passed: passed"],
        )
    ],
    "Which packages are in what is published now?": [
        (HOSTILE, "1.0", 3),
        ("click", "1.0", 3),
        ("flask", "1.0", 3),
    ],
    "Which policy was in use until when?": [(_at(0), _at(5), 6)],
    "What is no valid record?": [],
}


def test_every_question_has_an_answer_here() -> None:
    assert list(QUESTIONS) == list(EXPECTED)


def test_the_questions_of_the_page(tables: duckdb.DuckDBPyConnection) -> None:
    for question, sql in QUESTIONS.items():
        found = [_short(row) for row in tables.execute(sql).fetchall()]
        assert found == EXPECTED[question], question


def test_tables_have_the_columns_of_the_page(tables: duckdb.DuckDBPyConnection) -> None:
    for name, table in TABLES.items():
        described = tables.execute(f"DESCRIBE {name}").fetchall()
        # Parquet has no type for JSON of its own; what reads it back says so or says text.
        found = [(column, "JSON" if column == "place" else kind) for column, kind, *_ in described]
        assert found == [(column.name, column.type) for column in table.columns], name


def test_documents_are_there_as_json(
    workspace: Workspace, history: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert workspace.run("audit", "export", f"oci:{history}/published", "-o", "exported").code == 0
    monkeypatch.chdir(workspace.folder / "exported")
    *_, sql = re.findall(r"^```sql\n(.+?)^```", PAGE, re.MULTILINE | re.DOTALL)
    with duckdb.connect() as connection:
        connection.execute(Path("tables.sql").read_text())
        assert [row[1:] for row in connection.execute(sql).fetchall()] == [("1.22.2", 3)] * 3


def test_tables_of_an_export_are_those_of_its_registry(
    workspace: Workspace, history: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Made of a JSONL export, record by record, they are what is made at once; nothing else is left."""
    source = f"oci:{history}/published"
    assert workspace.run("audit", "export", source, "-o", "kept").code == 0
    for place, name in ((source, "direct"), ("export:kept", "again")):
        assert workspace.run("audit", "export", place, "-o", name, "--as", "parquet").code == 0
        monkeypatch.setattr(parquet, "_BATCH", 1)
    there = {path.name for path in (workspace.folder / "again").iterdir()}
    assert there == {"tables.sql", *(f"{name}.parquet" for name in TABLES)}
    for name in TABLES:
        if name != "tags":  # they say when they were seen
            files = [str(workspace.folder / where / f"{name}.parquet") for where in ("direct", "again")]
            first, second = (duckdb.read_parquet(file).order("ALL").fetchall() for file in files)
            assert first == second
    ran = workspace.run("audit", "export", source, "-o", "kept", "--as", "parquet")
    assert (ran.code, ran.complaint()) == (2, "kept is not empty")
    for option in ("--append", "--raw"):
        ran = workspace.run("audit", "export", source, "-o", "new", "--as", "parquet", option)
        assert ran.code == 2
    ran = workspace.run("audit", "export", source, "-o", "a[b", "--as", "parquet")
    assert (ran.code, "as a pattern" in ran.complaint()) == (2, True)
    assert workspace.run("audit", "export", source, "-o", "it's", "--as", "parquet").code == 0
