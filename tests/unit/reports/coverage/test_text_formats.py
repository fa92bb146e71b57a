"""lcov, Go's cover profiles and coverage.py's JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pushpolicy.model.evidence import Covered
from pushpolicy.reports.coverage import coveragepy, goprofile, lcov
from pushpolicy.reports.facts import CoverageFacts
from pushpolicy.reports.format import Format, Head, ReportError
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.parsing import jsondoc
from tests.unit.reports.bytes_report import BytesReport, only


def read(item: Format, text: str, limits: Limits | None = None) -> CoverageFacts:
    return only(CoverageFacts, item.read(BytesReport(text.encode(), 9), limits or Limits()))


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        ("DA:1,1\nDA:2,0\n", Covered(covered=1, total=2)),
        ("DA:1,0\nDA:1,7,checksum==\n", Covered(covered=1, total=1)),
        ("DA:1,1e+06\nDA:2,-1\n", Covered(covered=1, total=2)),
        ("FN:1,f\nFNDA:0,f\n", Covered()),
        ("LF:100\nLH:1\n", Covered(covered=1, total=100)),
        ("LF:100\nLH:900\n", Covered(covered=100, total=100)),
        ("LF:100\nLH:100\nDA:1,0\n", Covered(covered=0, total=1)),
    ],
)
def test_lcov_counts_each_line_once(data: str, lines: Covered) -> None:
    assert read(lcov.FORMAT, f"TN:\nSF:a.c\n{data}end_of_record\n").lines == lines


def test_lcov_joins_the_records_of_one_file() -> None:
    records = "SF:a.c\nDA:1,0\nBRDA:1,0,0,-\nend_of_record\nSF:a.c\nDA:1,2\nBRDA:1,0,0,2\nend_of_record\n"
    result = read(lcov.FORMAT, records)
    assert (result.lines, result.branches) == (Covered(covered=1, total=1), Covered(covered=1, total=1))


def test_lcov_totals_are_compared() -> None:
    result = read(lcov.FORMAT, "SF:a.c\r\nDA:1,1\r\nLF:5\r\nLH:1\r\nend_of_record\r\n")
    assert result.disagreements == ("LF=5, counted 1",)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("SF:a.c\nDA:1,1\n", "ends within the record"),
        ("SF:a.c\nDA:1,\n", "line 2: it holds no line number"),
        ("SF:a.c\nDA:x,1\n", "line 2: it holds no line number"),
        ("SF:a.c\nSF:b.c\n", "line 2: a record of a file begins within another"),
        ("DA:1,1\n", "line 1: a line belongs to no file"),
    ],
)
def test_lcov_refuses_what_is_cut_off_or_malformed(text: str, reason: str) -> None:
    with pytest.raises(ReportError, match=reason):
        read(lcov.FORMAT, text)


def test_go_counts_statements_and_joins_blocks() -> None:
    profile = "mode: set\np/a.go:1.2,3.4 3 0\np/a.go:5.1,6.2 2 0\nmode: set\np/a.go:1.2,3.4 3 1\n"
    assert read(goprofile.FORMAT, profile).lines == Covered(covered=3, total=5)


def test_go_refuses_a_block_that_is_cut_off() -> None:
    with pytest.raises(ReportError, match="line 2 is no block"):
        read(goprofile.FORMAT, "mode: set\np/a.go:1.2,3.4 3")


def coverage_py(**file: Any) -> str:
    totals = {"num_statements": 3, "covered_lines": 2, "percent_covered": 12.5}
    meta = {"format": 3, "version": "7.6.1", "timestamp": "2026-11-24T10:00:00", "branch_coverage": True}
    return json.dumps({"meta": meta, "files": {"a.py": file}, "totals": totals})


def test_coverage_py_counts_lines_and_branches() -> None:
    file = {"executed_lines": [1, 2], "missing_lines": [5], "summary": {}}
    result = read(
        coveragepy.FORMAT, coverage_py(**file, executed_branches=[[1, 2]], missing_branches=[[1, -1]])
    )
    assert (result.lines, result.branches) == (Covered(covered=2, total=3), Covered(covered=1, total=2))
    assert (result.disagreements, result.timestamp) == ((), None)


def test_coverage_py_totals_are_compared() -> None:
    result = read(coveragepy.FORMAT, coverage_py(executed_lines=[1, 2, 3], missing_lines=[]))
    assert result.disagreements == ("covered_lines=2, counted 3",)


def test_coverage_py_without_lines_is_refused() -> None:
    with pytest.raises(ReportError, match="executed_lines"):
        read(coveragepy.FORMAT, coverage_py(missing_lines=[]))


def test_more_lines_than_the_limit_are_refused() -> None:
    with pytest.raises(ReportError, match="limit of 1"):
        read(lcov.FORMAT, "SF:a\nDA:1,1\nDA:2,1\nend_of_record\n", Limits(max_cases=1))


@pytest.mark.parametrize(
    ("item", "text", "known"),
    [
        (lcov.FORMAT, "TN:x\nSF:a\n", True),
        (lcov.FORMAT, "# made by a tool\nSF:a\n", True),
        (lcov.FORMAT, "TN: a note\n", False),
        (goprofile.FORMAT, "mode: atomic\r\np/a.go:1.2,3.4 3 1\n", True),
        (goprofile.FORMAT, "mode: dark\n", False),
        (goprofile.FORMAT, "", False),
    ],
)
def test_texts_are_recognised(item: Format, text: str, known: bool) -> None:
    assert item.recognise(Head(start=text.encode())) is known


@pytest.mark.parametrize(
    ("text", "known"),
    [
        (coverage_py(executed_lines=[], missing_lines=[]), True),
        ('{"meta": {}, "files": {}, "totals": {}}', False),
        ('{"files": [], "meta": {}}', False),
        ("[]", False),
    ],
)
def test_coverage_py_is_recognised(text: str, known: bool) -> None:
    assert coveragepy.FORMAT.recognise(jsondoc.head(text.encode(), b"")) is known
