"""Reports of lines: encodings, ends, limits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushpolicy.reports.format import ReportError
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.parsing.lines import lines, text
from tests.unit.reports.bytes_report import BytesReport


def read(content: bytes, piece: int = 3, limits: Limits | None = None) -> list[str]:
    return [text(line) for line in lines(BytesReport(content, piece), limits or Limits())]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@given(content=st.text("aé\r\n☃", max_size=30), piece=st.integers(1, 9))
def test_lines_are_the_same_in_every_encoding(encoding: str, content: str, piece: int) -> None:
    *complete, last = content.split("\n")
    expected = [*complete, *([last] if last else [])]
    assert read(content.encode(encoding), piece) == [line.removesuffix("\r") for line in expected]


def test_what_is_not_utf_8_is_replaced() -> None:
    assert read(b"a\xffb\n") == ["a\ufffdb"]


def test_a_line_over_the_limit_is_refused() -> None:
    with pytest.raises(ReportError, match="a line is over the limit of 10 bytes"):
        read(b"x" * 20, limits=Limits(max_token=10))
