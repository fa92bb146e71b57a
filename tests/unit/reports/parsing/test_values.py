"""Times, numbers and texts of reports."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushpolicy.reports.parsing.values import brief, count, format_time, score, seconds, text, utc


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ("2021-08-25T12:20:30.000000005Z", "2021-08-25T12:20:30Z"),
        ("2021-08-25T12:20:30.123456789Z", "2021-08-25T12:20:30.123456Z"),
        ("2025-09-19T11:20:26.3+02:00", "2025-09-19T09:20:26.300000Z"),
        ("2025-09-19 11:20:26 +0200", "2025-09-19T09:20:26Z"),
        ("2021-03-07T10:36:56 UTC", "2021-03-07T10:36:56Z"),
        ("Sat, 03 Dec 2022 23:10:07 GMT", "2022-12-03T23:10:07Z"),
        ("0001-01-01T00:00:00Z", None),
        ("9999-12-31T23:59:59Z", None),
        ("0001-01-01T00:00:00+05:00", None),
        ("2026-01-01T00:00:00", None),
        ("2026-01-01", None),
        ("2026-13-01T00:00:00Z", None),
        ("Sat, 03 Dec 2022 23:10:07", None),
        ("yesterday", None),
        ("", None),
        (None, None),
        ("2" * 10_000, None),
    ],
)
def test_a_time_counts_only_with_its_zone(stated: str | None, expected: str | None) -> None:
    assert utc(stated) == expected


@given(st.datetimes(datetime(1679, 1, 1), datetime(2260, 12, 31), timezones=st.just(UTC)))  # noqa: DTZ001
def test_what_is_written_is_read_again(moment: datetime) -> None:
    assert utc(format_time(moment)) == format_time(moment)


def test_a_time_without_zone_is_not_written() -> None:
    with pytest.raises(ValueError, match="zone"):
        format_time(datetime(2026, 1, 1))  # noqa: DTZ001


@given(st.text(max_size=40))
def test_any_text_is_a_value_or_none(value: str) -> None:
    assert utc(value) is None or "T" in str(utc(value))
    assert count(value) is None or 0 <= int(str(count(value))) < 2**53
    assert seconds(value) is None or float(str(seconds(value))) >= 0


@pytest.mark.parametrize("value", ["nan", "inf", "-1", "1e400", ""])
def test_durations_that_are_none(value: str) -> None:
    assert seconds(value) is None


def test_scores_texts_and_surrogates() -> None:
    assert [score(value) for value in (9.8, 0, 10.1, -1, float("nan"), None)] == [
        9.8,
        0,
        None,
        None,
        None,
        None,
    ]
    assert (brief("x" * 600, 10), brief("")) == ("x" * 9 + "…", None)
    assert text("a\udcff") == "a\\udcff"
