"""TAP, the Test Anything Protocol, version 12 to 14 (testanything.org).

Only unindented lines count: subtests and YAML diagnostics are indented, and a subtest's result is that of
the line after it. SKIP and TODO are skipped whatever their `ok` says. What makes the whole stream fail (no
plan, tests that the plan promises and that are not there, tests outside it, ``Bail out!``, failures that only
the summary of tape, node:test or node-tap tells of) is `undeclared`.
"""

from __future__ import annotations

import re

from pushpolicy.reports.facts import SuiteFacts
from pushpolicy.reports.format import Facts, Format, Head, ReportBytes, ReportError
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.parsing.lines import lines, text
from pushpolicy.reports.suites import Tally

_VERSION = re.compile(r"TAP version \d+\s*", re.IGNORECASE)
_PLAN = re.compile(r"1\.\.(\d{1,9})\s*(?:#.*)?")
_SKIPPED = re.compile(r"skip[ \t]+(\d{1,9})(?:\s.*)?", re.IGNORECASE)  # older harnesses, in place of a point
_POINT = re.compile(r"(not[ \t]+)?ok(?:[ \t]+(\d{1,9}))?(?=\s|$)[ \t]*(?:- )?(.*)")
_DIRECTIVE = re.compile(
    r"(?:^|\s)#\s*(?:SKIP(?:PED)?|TODO)\b", re.IGNORECASE
)  # an escaped \# begins no directive
_BAIL = re.compile(r"Bail out!\s*(.*)", re.IGNORECASE)
# The name of a test may hold a directive, which tape does not escape; its summary tells of the failure.
_SUMMARY = re.compile(r"# fail(?:ed)?\s+[1-9]\d*(?: of \d+)?(?: tests?)?|# Looks like you.*")
_MESSAGE = re.compile(r"\s+(?:message|error):\s*([^\s|>].*)")
# A stream starts with one of these; npm, yarn and shells may write what they run before it.
_FIRST = re.compile(
    rf"{_VERSION.pattern}|{_SKIPPED.pattern}|{_PLAN.pattern}|(?:not )?ok(?: \d+.*| - .*|\s*)|{_BAIL.pattern}",
    re.IGNORECASE,
)
_NUMBERED = re.compile(rb"^(?:not )?ok \d", re.MULTILINE)
_BEFORE = ("#", ">", "$", "yarn run ", " ", "\t")


class _Stream:
    """What the lines so far say."""

    def __init__(self, limits: Limits) -> None:
        self.tally = Tally(limits)
        self.problems: list[str] = []
        self._max_cases = limits.max_cases
        self._plan: int | None = None
        self._in_order = 0  # the tests from 1 to this one were seen
        self._numbers: set[int] = set()  # the tests beyond that were seen
        self._points = 0
        self._last = 0
        self._says_failed = False
        self._failed: str | None = None  # the description of the failure whose diagnostics may follow

    def take(self, line: str) -> None:
        if line[:1].isspace():
            self._diagnostic(line)
        elif (point := _POINT.fullmatch(line)) is not None:
            self._flush()
            self._point(*point.groups())
        elif (skipped := _SKIPPED.fullmatch(line)) is not None:
            self._flush()
            self._point(None, skipped[1], "# SKIP")
        elif (plan := _PLAN.fullmatch(line)) is not None:
            if self._plan is not None:
                self.problems.append("a second plan")
            self._plan = int(plan[1])
        elif _SUMMARY.fullmatch(line) is not None:
            self._says_failed = True
        elif (bail := _BAIL.match(line)) is not None:
            self.problems.append(f"Bail out! {bail[1]}")

    def _point(self, bad: str | None, number: str | None, rest: str) -> None:
        self._last = int(number) if number else self._last + 1
        self._points += 1
        if self._points > self._max_cases:
            raise ReportError(f"its test cases are over the limit of {self._max_cases}")
        if self._last == self._in_order + 1:
            self._in_order += 1
        elif self._last > self._in_order:
            self._numbers.add(self._last)
        if _DIRECTIVE.search(rest):
            self.tally.add("skipped")
        elif bad:
            self.tally.add("failed")
            self._failed = rest or f"test {self._last}"
        else:
            self.tally.add("passed")

    def _diagnostic(self, line: str) -> None:
        if (bail := _BAIL.match(line.lstrip())) is not None:  # of a subtest, which ends the whole run
            self.problems.append(f"Bail out! {bail[1]}")
        if self._failed is not None and (message := _MESSAGE.fullmatch(line)) is not None:
            self._flush(message[1])

    def _flush(self, message: str = "") -> None:
        if self._failed is not None:
            self.tally.fail(self._failed, "failure", message)
            self._failed = None

    def finish(self) -> int:
        """How many failures no test line shows; each reason is kept as one."""
        self._flush()
        lacking = 0
        if self._says_failed and not self.tally.failures:
            self.problems.append("its summary tells of failures, and no test does")
        if self._plan is None:
            self.problems.append("it has no plan, so tests may be missing")
        else:
            others = sum(self._in_order < number <= self._plan for number in self._numbers)
            planned = min(self._in_order, self._plan) + others
            lacking = self._plan - planned
            if lacking:
                self.problems.append(f"the plan is 1..{self._plan}, and {lacking} of its tests are not there")
            if self._points > planned:
                count = self._points - planned
                self.problems.append(f"the plan is 1..{self._plan}, and {count} tests are not in it")
        for problem in self.problems:
            self.tally.fail("the test run", "error", problem)
        return max(lacking, 1) + len(self.problems) - 1 if self.problems else 0


def _read(report: ReportBytes, limits: Limits) -> tuple[Facts, ...]:
    stream = _Stream(limits)
    for line in lines(report, limits):
        stream.take(text(line).rstrip())
    undeclared = stream.finish()
    facts = SuiteFacts(
        totals=stream.tally.totals(), failures=tuple(stream.tally.failures), undeclared=undeclared
    )
    return (facts,)


def _recognise(head: Head) -> bool:
    if head.root is not None or head.keys or head.is_array:
        return False
    for line in text(head.start).splitlines():
        if line.strip() and not line.startswith(_BEFORE):
            return _FIRST.fullmatch(line) is not None
    return False


def holds_tests(start: bytes) -> bool:
    """Whether there are tests in a text, behind what somebody else wrote before them."""
    return _NUMBERED.search(start) is not None


FORMAT = Format(
    name="tap",
    kind="tests",
    media_type="text/plain",
    suffixes=(".tap",),
    file_names=("*.tap",),
    marks=(b"TAP version 1",),
    recognise=_recognise,
    read=_read,
)
