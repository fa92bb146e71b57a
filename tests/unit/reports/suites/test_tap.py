"""TAP: directives, plans, subtests, and streams that were aborted."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushpolicy.model.evidence import Totals
from pushpolicy.reports.facts import SuiteFacts
from pushpolicy.reports.format import Head, ReportError
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.suites.tap import FORMAT
from tests.unit.reports.bytes_report import BytesReport, only


def read(text: str, limits: Limits | None = None) -> SuiteFacts:
    return only(SuiteFacts, FORMAT.read(BytesReport(text.encode(), 7), limits or Limits()))


@pytest.mark.parametrize(
    ("line", "outcome"),
    [
        ("ok", "passed"),
        ("ok 1", "passed"),
        ("ok 1 - works # time=3ms", "passed"),
        ("not ok 1 - fails", "failed"),
        ("not ok - handles #todos", "failed"),
        ("not ok 1 - escaped \\# TODO", "failed"),
        ("not ok 1 # TODO later", "skipped"),
        ("ok 1 # todo", "skipped"),
        ("ok 1 # SKIP no network", "skipped"),
        ("ok 1 - x # Skipped: no network", "skipped"),
        ("not ok 1 - #7 is open # skip", "skipped"),
    ],
)
def test_a_line_and_its_directive(line: str, outcome: str) -> None:
    result = read(f"TAP version 14\n{line}\n1..1\n")
    assert (result.totals, result.undeclared) == (Totals(**{"total": 1, outcome: 1}), 0)


@pytest.mark.parametrize(
    ("text", "undeclared", "reason"),
    [
        ("1..3\nok 1\n", 2, "2 of its tests are not there"),
        ("1..1\nok 1\nok 2\n", 1, "1 tests are not in it"),
        ("1..2\nok 1\nok 3\n", 2, "1 of its tests are not there"),
        ("1..2\nok 1\nok 1\n", 2, "1 of its tests are not there"),
        ("TAP version 13\nok 1\n", 1, "no plan"),
        ("1..1\nok 1\n1..1\n", 1, "a second plan"),
        ("1..1\nok 1\nBail out! no disk\n", 1, "Bail out! no disk"),
        ("1..2\nok 1\nBail out!\n", 2, "not there"),
        ("1..1\nnot ok 1 a name # skip\n# tests 1\n# fail  1\n", 1, "its summary tells of failures"),
        ("1..2\nnot ok 1 a name # TODO\nok 2\n# failed 1 of 2 tests\n", 1, "its summary tells of failures"),
        ("1..1\nok 1\n# Looks like your test exited with 2 just after 1.\n", 1, "its summary tells of"),
        ("1..1\nok 1\n# Looks like you failed 1 test of 2.\n", 1, "its summary tells of failures"),
        ("1..1\n    ok 1 - inner\n    Bail out! no disk\nok 1\n", 1, "Bail out! no disk"),
        ("1..2\nnot ok 1 a\nok 2\n# fail 1\n", 0, ""),
        ("1..1\nok 1\n# pass 1\n# fail 0\n", 0, ""),
        ("1..0 # SKIP\n", 0, ""),
        ("1..2\nok 2\nok 1\r\n", 0, ""),
    ],
)
def test_what_fails_the_stream_as_a_whole(text: str, undeclared: int, reason: str) -> None:
    result = read(text)
    assert result.undeclared == undeclared
    assert reason in " ".join(failure.message for failure in result.failures)


def test_subtests_and_diagnostics_are_not_counted() -> None:
    text = "    ok 1 - inner\n    not ok 2 - inner\n    1..2\n"
    text += "not ok 1 - outer\n  ---\n  message: 'why'\n  raw: |\n    not ok 9\n  ...\n1..1\n"
    result = read(text)
    assert (result.totals.total, result.totals.failed, result.undeclared) == (1, 1, 0)
    assert [(f.name, f.message) for f in result.failures] == [("outer", "'why'")]


@pytest.mark.parametrize(
    ("text", "is_tap"),
    [
        ("TAP version 13\n", True),
        ("\n# comment\n1..2\n", True),
        ("> app@1.0.0 test\n> tape *.js\n\nTAP version 13\nok 1\n", True),
        ("    ok 1 - inner\nok 1 - outer\n", True),
        ("not ok 1 - x\n", True),
        ("1..0 # SKIP nothing to do\n", True),
        ("ok  \tgithub.com/x/y\t0.1s\n", False),
        ("okay, so this is a text\n", False),
        ("ok then, let us begin\n", False),
        ("# TAP\n\nA stream begins with\n\n    TAP version 13\n", False),
        ("1..many\n", False),
        ("", False),
    ],
)
def test_a_stream_is_recognised_by_its_first_line(text: str, is_tap: bool) -> None:
    assert FORMAT.recognise(Head(start=text.encode())) is is_tap


def test_limits_hold() -> None:
    with pytest.raises(ReportError, match="limit of 2"):
        read("ok\nok\nok\n1..3\n", Limits(max_cases=2))
    with pytest.raises(ReportError, match="line is over"):
        read("x" * 100, Limits(max_token=50))


@given(
    st.lists(st.sampled_from(["ok", "not ok", "ok # SKIP", "1..2", "  ---", "Bail out!", "x"]), max_size=9)
)
def test_no_stream_passes_without_its_plan(stream: list[str]) -> None:
    result = read("\n".join(stream))
    totals = result.totals
    if not result.undeclared:
        assert stream.count("1..2") == 1
        assert totals.total == 2
        assert "Bail out!" not in stream


class Unending:
    """A report of which only the beginning may be read."""

    def chunks(self) -> Iterator[bytes]:
        yield b"ok\n" * 3
        pytest.fail("it was read beyond the limit")

    def content(self) -> bytes:
        raise NotImplementedError

    utf8 = content


def test_reading_ends_at_the_limit() -> None:
    with pytest.raises(ReportError, match="limit of 2"):
        FORMAT.read(Unending(), Limits(max_cases=2))
