"""Cobertura, Clover and JaCoCo: which lines count, and how often."""

from __future__ import annotations

import pytest

from pushpolicy.model.evidence import Covered
from pushpolicy.reports.coverage import clover, cobertura, jacoco
from pushpolicy.reports.facts import CoverageFacts
from pushpolicy.reports.format import Format, Head, ReportError
from pushpolicy.reports.limits import Limits
from tests.unit.reports.bytes_report import BytesReport, only


def read(item: Format, text: str) -> CoverageFacts:
    return only(CoverageFacts, item.read(BytesReport(text.encode(), 40), Limits()))


def of_class(inner: str, attributes: str = "", before: str = "") -> CoverageFacts:
    text = f"<coverage line-rate='1' {attributes}><packages><package><classes>{before}"
    text += f"<class name='C' filename='c.py'>{inner}</class></classes></package></packages></coverage>"
    return read(cobertura.FORMAT, text)


def of_file(inner: str, metrics: str = "") -> CoverageFacts:
    text = f"<coverage clover='1'><project><package name='p'><file name='f'>{inner}"
    return read(clover.FORMAT, f"{text}{metrics}</file></package></project></coverage>")


def of_source(inner: str, counter: str = "") -> CoverageFacts:
    dtd = '<!DOCTYPE report PUBLIC "-//JACOCO//DTD Report 1.1//EN" "report.dtd">'
    source = f"<package name='p'><sourcefile name='F.java'>{inner}</sourcefile></package>"
    return read(jacoco.FORMAT, f"{dtd}<report name='r'>{source}{counter}</report>")


LINE = "<line number='{}' hits='{}'/>"
METHODS = "<methods><method><lines>" + LINE.format(1, 1) + "</lines></method></methods>"


@pytest.mark.parametrize(
    ("inner", "lines"),
    [
        (f"<lines>{LINE.format(1, 3)}{LINE.format(2, 0)}</lines>", Covered(covered=1, total=2)),
        (f"<lines>{LINE.format(1, 0)}{LINE.format(1, 1)}</lines>", Covered(covered=1, total=1)),
        (f"{METHODS}<lines>{LINE.format(2, 0)}</lines>", Covered(covered=0, total=1)),
        (METHODS, Covered(covered=1, total=1)),
        ("", Covered()),
        (f"<lines>{LINE.format(1, '9' * 30)}</lines>", Covered(covered=1, total=1)),
    ],
)
def test_cobertura_counts_the_lines_of_a_class(inner: str, lines: Covered) -> None:
    assert of_class(inner).lines == lines


def test_cobertura_counts_a_line_of_two_classes_once() -> None:
    inner = f"<class filename='c.py'><lines>{LINE.format(1, 1)}</lines></class>"
    assert of_class(f"<lines>{LINE.format(1, 0)}</lines>", before=inner).lines == Covered(covered=1, total=1)


def test_cobertura_branches_and_declared_totals() -> None:
    line = "<line number='1' hits='1' branch='true' condition-coverage='50% (1/2)'/>"
    result = of_class(f"<lines>{line}</lines>", "lines-valid='9' lines-covered='1' timestamp='1700000000'")
    assert result.branches == Covered(covered=1, total=2)
    assert result.disagreements == ("lines-valid=9, counted 1",)
    assert result.timestamp == "2023-11-14T22:13:20Z"


@pytest.mark.parametrize(
    ("totals", "lines"),
    [
        ("lines-valid='9' lines-covered='1'", Covered(covered=1, total=9)),
        ("lines-valid='9' lines-covered='9'", Covered(covered=1, total=2)),
        ("lines-valid='4' lines-covered='2'", Covered(covered=1, total=2)),
        ("lines-valid='1' lines-covered='0'", Covered(covered=0, total=1)),
        ("lines-valid='0' lines-covered='0'", Covered(covered=1, total=2)),
        ("lines-valid='9'", Covered(covered=1, total=2)),
        ("lines-valid='1' lines-covered='9'", Covered(covered=1, total=2)),
    ],
)
def test_totals_that_cover_less_than_the_lines_count(totals: str, lines: Covered) -> None:
    result = of_class(f"<lines>{LINE.format(1, 3)}{LINE.format(2, 0)}</lines>", totals)
    assert result.lines == lines
    if lines.total != 2:
        assert result.disagreements


@pytest.mark.parametrize("line", ["<line hits='1'/>", "<line number='1'/>", "<line number='1' hits='x'/>"])
def test_cobertura_lines_without_numbers_are_refused(line: str) -> None:
    with pytest.raises(ReportError, match="no number or no hits"):
        of_class(f"<lines>{line}</lines>")


STATEMENTS = "<line num='1' type='stmt' count='2'/><line num='2' type='stmt' count='0'/>"


@pytest.mark.parametrize(
    ("inner", "metrics", "lines"),
    [
        (STATEMENTS, "", Covered(covered=1, total=2)),
        ("<line num='1' type='method' count='1'/>", "", Covered()),
        (
            "<line num='1' type='cond' count='1' truecount='1' falsecount='1'/>",
            "",
            Covered(covered=1, total=1),
        ),
        (STATEMENTS, "<metrics statements='5' coveredstatements='3'/>", Covered(covered=3, total=5)),
        (STATEMENTS, "<metrics statements='2' coveredstatements='2'/>", Covered(covered=1, total=2)),
        (STATEMENTS, "<metrics statements='1' coveredstatements='1'/>", Covered(covered=1, total=2)),
        ("", "<metrics statements='5' coveredstatements='5'/>", Covered()),
        ("", "<metrics statements='5' coveredstatements='0'/>", Covered(covered=0, total=5)),
    ],
)
def test_clover_counts_the_statements_that_its_lines_allow(inner: str, metrics: str, lines: Covered) -> None:
    assert of_file(inner, metrics).lines == lines


def test_totals_of_clover_that_cover_less_than_the_statements_count() -> None:
    of_project = "</file></package><metrics statements='9' coveredstatements='1'/><package><file>"
    assert of_file(STATEMENTS, of_project).lines == Covered(covered=1, total=9)


@pytest.mark.parametrize(
    ("line", "branches"),
    [
        ("<line num='1' type='cond' truecount='3' falsecount='0'/>", Covered(covered=1, total=2)),
        ("<line num='1' type='cond' count='9' truecount='3' falsecount='1'/>", Covered(covered=3, total=4)),
    ],
)
def test_clover_branches_of_both_writers(line: str, branches: Covered) -> None:
    assert of_file(line).branches == branches


def test_jacoco_lines_branches_and_its_own_counter() -> None:
    inner = "<line nr='1' mi='1' ci='2' mb='1' cb='1'/><line nr='2' mi='4' ci='0' mb='0' cb='0'/>"
    result = of_source(inner, "<counter type='LINE' missed='1' covered='9'/>")
    assert (result.lines, result.branches) == (Covered(covered=1, total=2), Covered(covered=1, total=2))
    assert result.disagreements == ("lines=10, counted 2", "covered lines=9, counted 1")


def test_a_counter_of_jacoco_that_covers_less_than_the_lines_counts() -> None:
    result = of_source("<line nr='1' mi='0' ci='2'/>", "<counter type='LINE' missed='9' covered='1'/>")
    assert result.lines == Covered(covered=1, total=10)


@pytest.mark.parametrize("inner", ["<line nr='1'/>", "<line ci='1'/>"])
def test_jacoco_lines_without_numbers_are_refused(inner: str) -> None:
    with pytest.raises(ReportError, match="no number"):
        of_source(inner)


@pytest.mark.parametrize("item", [clover.FORMAT, cobertura.FORMAT, jacoco.FORMAT])
@pytest.mark.parametrize(
    "document",
    [
        "<!DOCTYPE r [<!ENTITY x 'y'>]><r/>",
        "<!DOCTYPE r SYSTEM 'a.dtd' [<!ENTITY % x SYSTEM 'file:///etc/passwd'> %x;]><r/>",
        "<!DOCTYPE r SYSTEM 'file:///etc/passwd'><r>&hosts;</r>",
    ],
)
def test_entities_are_refused_though_a_dtd_may_be_named(item: Format, document: str) -> None:
    with pytest.raises(ReportError, match="document type"):
        read(item, document)


@pytest.mark.parametrize(
    ("root", "start", "name"),
    [
        ("coverage", b"<coverage line-rate='1'><packages/>", "cobertura"),
        ("coverage", b"<coverage generated='1'><project timestamp='1'>", "clover"),
        ("coverage", b"<coverage version='1'><file path='a'><lineToCover/>", None),
        ("report", b"<report name='x'><sessioninfo id='1'/>", "jacoco"),
        ("report", b"<report><row/></report>", None),
    ],
)
def test_roots_that_share_a_name_are_told_apart(root: str, start: bytes, name: str | None) -> None:
    head = Head(start=start, root=root)
    found = [f.name for f in (clover.FORMAT, cobertura.FORMAT, jacoco.FORMAT) if f.recognise(head)]
    assert found == ([name] if name else [])


@pytest.mark.parametrize(
    "line",
    ["<line type='stmt' count='1'/>", "<line num='x' type='stmt' count='1'/>", "<line num='1' count='-1'/>"],
)
def test_a_clover_line_without_a_number_or_count_is_refused(line: str) -> None:
    with pytest.raises(ReportError, match="a line has no number, or its count is not one"):
        of_file(line)
