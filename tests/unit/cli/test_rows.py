"""Formats of rows: what a spreadsheet takes for a formula is text, and rows are written as they come."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushpolicy.cli.formats import FORMATS, Cell, Kind, Report, Table
from pushpolicy.cli.report import Output, Outputs
from pushpolicy.errors import RecordError, UsageError
from pushpolicy.model.document import Document
from pushpolicy.model.text import is_unsafe

CELLS = st.one_of(st.none(), st.booleans(), st.integers(-9, 9), st.text(), st.tuples(st.text(), st.text()))


def _report(*rows: tuple[Cell, ...], beside: tuple[str, ...] = ()) -> Report:
    columns = tuple(f"c{number}" for number in range(len(rows[0]) if rows else 1))
    table = Table("test/v1", columns, lambda: rows, lambda: beside)
    return Report(Kind.LISTING, lambda: ("text",), lambda: Document.of({}), table=table)


def _written(name: str, report: Report) -> str:
    return "".join(FORMATS[name].render(report))


@given(st.lists(st.tuples(CELLS, CELLS)))
def test_no_cell_of_text_is_a_formula_or_acts_on_a_terminal(rows: list[tuple[Cell, ...]]) -> None:
    written = _written("csv", _report(*rows))
    read = list(csv.reader(StringIO(written)))
    assert len(read) == len(rows) + 1
    assert all(char == "\n" or not is_unsafe(char) for char in written)
    for row, cells in zip(rows, read[1:], strict=True):
        for value, cell in zip(row, cells, strict=True):
            if not isinstance(value, int):
                assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_what_would_be_a_formula_is_marked(text: str) -> None:
    _, (cell, joined) = csv.reader(StringIO(_written("csv", _report((text, (text, "b"))))))
    assert cell == "'" + text.replace("\t", " ").replace("\r", " ")
    assert joined == f"{cell}, b"


def test_numbers_and_what_is_absent() -> None:
    assert _written("csv", _report((None, True, -1, 0.5, ()))) == "c0,c1,c2,c3,c4\n,true,-1,0.5,\n"


@given(st.lists(st.tuples(st.text(), st.tuples(st.text()))))
def test_each_line_is_an_object_with_its_schema(rows: list[tuple[Cell, ...]]) -> None:
    read = [json.loads(line) for line in _written("jsonl", _report(*rows)).split("\n")[:-1]]
    expected = [{"schema": "test/v1", "c0": row[0], "c1": list(row[1])} for row in rows]  # type: ignore[arg-type]
    assert read == expected


@pytest.mark.parametrize("name", ["csv", "jsonl"])
def test_a_row_is_written_when_it_comes(tmp_path: Path, name: str) -> None:
    """What cannot be read later takes nothing away, and the exit code is asked for when all is written."""
    file = tmp_path / "out"
    seen = list[int]()

    def rows() -> Iterator[tuple[Cell, ...]]:
        for number in range(3):
            seen.append(number)
            yield (number,)
        raise RecordError("no further")

    report = _report()._replace(table=Table("test/v1", ("number",), rows))
    outputs = Outputs()
    outputs.ask([Output.parse(f"{name}={file}", [Kind.LISTING])])
    with pytest.raises(RecordError, match="no further"):
        outputs.write(report, lambda: len(seen))
    assert seen == [0, 1, 2]
    assert len(file.read_text().splitlines()) == (3 if name == "jsonl" else 4)


def test_what_has_no_row_is_told_beside_unless_the_text_tells_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = _report(("a",), beside=("something else",))
    for texts, told in ((["csv"], "something else\n"), (["csv=" + str(tmp_path / "x"), "text"], "")):
        outputs = Outputs()
        outputs.ask([Output.parse(text, [Kind.LISTING]) for text in texts])
        assert outputs.write(report, lambda: 51) == 51
        assert capsys.readouterr().err == told


def test_a_page_is_not_written_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    with pytest.raises(UsageError, match="a page is for a browser"):
        Output.parse("html", (Kind.LISTING,))
    assert Output.parse("html=page.html", (Kind.LISTING,)).path == Path("page.html")
