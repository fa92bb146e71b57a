"""Test reports: one file per format; `Tally` counts test cases for them all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pushpolicy.model.evidence import Failure, Totals
from pushpolicy.reports.format import ReportError
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.parsing.values import brief

MAX_FAILURES = 100
MAX_SUITES, MAX_NAME = 1_000, 500
MAX_NAMES = 50_000

Outcome = Literal["passed", "failed", "errors", "skipped"]
"""What became of one test case; exactly one of these."""


class Tally:
    """Counts cases as they are read and keeps the first failures."""

    def __init__(self, limits: Limits) -> None:
        self.failures: list[Failure] = []
        self._counts: dict[Outcome, int] = {"passed": 0, "failed": 0, "errors": 0, "skipped": 0}
        self._flaky = 0
        self.names: list[int] | None = []  # a number each
        self._suites: dict[str, None] = {}
        self._max_cases = limits.max_cases

    def add(self, outcome: Outcome, *, flaky: bool = False) -> None:
        """Count one case; only one that passed in the end is flaky."""
        self._counts[outcome] += 1
        if flaky and outcome == "passed":
            self._flaky += 1

    def call(self, *names: str | None) -> None:
        """Say what the case that was counted is called, by its suite, class and so on."""
        if self.names is not None:
            self.names.append(hash(names))
            if len(self.names) > MAX_NAMES:
                self.names = None

    def suite(self, name: str) -> None:
        """Say which suite holds a case."""
        if name and len(self._suites) <= MAX_SUITES:
            self._suites[name] = None

    def suites(self) -> tuple[str, ...] | None:
        """The names of the suites; None where there are too many, or one is too long, or none is named."""
        untold = len(self._suites) > MAX_SUITES or any(len(name) > MAX_NAME for name in self._suites)
        return None if untold or not self._suites else tuple(self._suites)

    def duplicates(self) -> int | None:
        """How many cases are called as another one; None where that is not told, or they are too many."""
        return len(self.names) - len({*self.names}) if self.names else None

    def fail(self, name: str, kind: str, message: str) -> None:
        """Keep what failed and why, cut to what people read."""
        if len(self.failures) < MAX_FAILURES:
            why = brief(message.strip()) or ""
            self.failures.append(Failure(name=brief(name) or "(no name)", kind=kind, message=why))

    def number(self) -> int:
        """How many cases were counted."""
        return sum(self._counts.values())

    def totals(self) -> Totals:
        """The counts.

        Raises:
            ReportError: when there are more cases than the limit.
        """
        total = self.number()
        if total > self._max_cases:
            raise ReportError(f"its {total} test cases are over the limit of {self._max_cases}")
        return Totals(total=total, flaky=self._flaky, **self._counts)


def differ(declared: Mapping[str, int | None], counted: Mapping[str, int]) -> tuple[str, ...]:
    """Where a report's own totals differ from the count, in words; a key that only one has is left out."""
    return tuple(
        f"{key}={declared[key]}, counted {value}"
        for key, value in counted.items()
        if declared.get(key) not in (None, value)
    )
