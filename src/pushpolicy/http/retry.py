"""Try again, but not for ever: bounded attempts, growing pauses with jitter, Retry-After, a deadline."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from itertools import count
from typing import TypeVar

from pushpolicy.errors import PushError

# No specification has a list; these are the ones that servers and proxies give for passing trouble.
TRANSIENT_STATUS = frozenset({408, 429, 500, 502, 503, 504})
_LONGEST_PAUSE = 10.0
_LONGEST_WAIT = 60.0

SLOW_HINT = "the server or the network is too slow; run it again, what was sent is not sent twice"

T = TypeVar("T")


class TransientError(Exception):
    """One attempt failed in a way that the next one may not.

    Args:
        failure: what to raise when there is no next one.
        wait: seconds that the server asked to wait, if it did.
    """

    def __init__(self, failure: PushError, wait: float | None = None) -> None:
        super().__init__(failure.message)
        self.failure = failure
        self.wait = wait


class Deadline:
    """The moment at which a piece of work has taken too long."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    @property
    def remaining(self) -> float:
        """Seconds left; negative when it has passed."""
        return self._end - time.monotonic()

    def check(self, action: str) -> None:
        """Raise PushError when it has passed."""
        if self.remaining < 0:
            raise PushError(
                f"{action}: not done within {self.seconds:.0f} s",
                SLOW_HINT,
            )


class RetryBudget:
    """Counts the failures of one piece of work and pauses after each.

    Args:
        attempts: failures after which it gives up.
        first_pause: seconds before the first repetition.
        deadline: when it gives up in any case.
    """

    def __init__(self, attempts: int, first_pause: float, deadline: Deadline) -> None:
        self._attempts = attempts
        self._first_pause = first_pause
        self._deadline = deadline
        self._failures = 0

    def pause(self, error: TransientError) -> None:
        """Wait before the next attempt.

        Raises:
            PushError: the failure itself, when there is to be no other attempt.
        """
        self._failures += 1
        seconds = pause_after(self._failures, self._first_pause, error.wait)
        if self._failures >= self._attempts or seconds > min(self._deadline.remaining, _LONGEST_WAIT + 1):
            raise error.failure from error
        time.sleep(seconds)


def retrying(work: Callable[[], T], budget: RetryBudget) -> T:
    """The result of the first attempt that does not raise TransientError."""
    for _ in count():
        try:
            return work()
        except TransientError as error:
            budget.pause(error)
    raise AssertionError("count() does not end")


def pause_after(failures: int, first: float, wait: float | None = None) -> float:
    """Seconds to pause after so many failures: what the server asked for, or twice as long each time."""
    jitter = random.random()  # noqa: S311 (spreads clients, protects nothing)
    if wait is not None:
        return wait + 0.2 * jitter
    longest = min(first * 2.0 ** (failures - 1), _LONGEST_PAUSE)
    return longest * (0.5 + jitter / 2)


def retry_after(value: str | None) -> float | None:
    """Seconds that a Retry-After header asks for, given as seconds or as a date (RFC 9110, 10.2.3)."""
    if value is None:
        return None
    seconds = value.strip()
    if seconds.isdecimal() and seconds.isascii():
        return float(seconds[:9])
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
