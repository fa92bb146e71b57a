"""When to try again, and when to stop."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pushpolicy.errors import PushError
from pushpolicy.http.retry import Deadline, RetryBudget, TransientError, pause_after, retry_after, retrying


def test_retry_after_as_seconds_and_as_date() -> None:
    assert retry_after("3") == 3
    later = retry_after(format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True))
    assert later is not None
    assert 28 <= later <= 30
    assert retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0
    assert retry_after("Wed, 21 Oct 2015 07:28:00 -0000") == 0


@given(st.text())
@example("0\x1f")
@example("         9")
def test_retry_after_takes_any_header(value: str) -> None:
    seconds = retry_after(value)
    assert seconds is None or seconds >= 0


@given(st.integers(1, 50))
def test_pauses_have_a_bound(failures: int) -> None:
    assert 0 < pause_after(failures, 0.2) <= 10


@pytest.mark.parametrize(
    ("failures", "least", "most"), [(1, 0.1, 0.2), (2, 0.2, 0.4), (4, 0.8, 1.6), (9, 5, 10), (50, 5, 10)]
)
def test_pauses_grow_and_spread(failures: int, least: float, most: float) -> None:
    pauses = [pause_after(failures, 0.2) for _ in range(200)]
    assert min(pauses) >= least
    assert max(pauses) <= most
    assert max(pauses) - min(pauses) > (most - least) / 2, "writers that failed together come again apart"


def test_a_wait_that_is_asked_for_is_kept_and_spread() -> None:
    pauses = [pause_after(1, 0.2, 3.0) for _ in range(200)]
    assert 3 <= min(pauses) < max(pauses) <= 3.2


def failing(times: int, wait: float | None = None) -> tuple[list[int], PushError | None]:
    """Run work that fails so many times with three attempts; how often it ran, and how it ended."""
    calls: list[int] = []

    def work() -> None:
        calls.append(1)
        if len(calls) <= times:
            raise TransientError(PushError("broken"), wait)

    try:
        retrying(work, RetryBudget(3, 0.2, Deadline(5)))
    except PushError as error:
        return calls, error
    return calls, None


def test_two_failures_of_three_attempts_are_survived() -> None:
    calls, error = failing(2, wait=0)
    assert len(calls) == 3
    assert error is None


def test_the_last_failure_is_told() -> None:
    calls, error = failing(9, wait=0)
    assert len(calls) == 3
    assert error
    assert error.message == "broken"


@pytest.mark.parametrize("wait", [6, 3600])
def test_a_wait_beyond_the_deadline_is_not_begun(wait: float) -> None:
    calls, error = failing(9, wait=wait)
    assert len(calls) == 1
    assert error


def test_a_passed_deadline() -> None:
    with pytest.raises(PushError, match="upload: not done within -1 s"):
        Deadline(-1).check("upload")
