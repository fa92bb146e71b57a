"""NUnit's own XML: version 3 (``<test-run>``) and version 2 (``<test-results>``).

A case states its `result`; before NUnit 2.5 `executed` and `success` did. A suite that says it failed
while nothing within it did (a teardown, an assembly that could not be loaded) counts as `undeclared`, and
so do failures that a suite counts and nothing within it shows.
"""

from __future__ import annotations

import msgspec

from pushpolicy.model.evidence import Scanner
from pushpolicy.reports.facts import SuiteFacts
from pushpolicy.reports.format import Facts, Format, ReportBytes, ReportError
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.parsing import markup
from pushpolicy.reports.parsing.values import count, failures, seconds, utc
from pushpolicy.reports.suites import Outcome, Tally

_ROOTS = frozenset({"test-run", "test-results"})
_SUITES = _ROOTS | {"test-suite"}
_OUTCOMES: dict[str, Outcome] = {
    "passed": "passed",
    "success": "passed",
    "warning": "passed",
    "failed": "failed",
    "failure": "failed",
    "error": "errors",
    "cancelled": "errors",
    "invalid": "errors",
    "notrunnable": "errors",
    "skipped": "skipped",
    "ignored": "skipped",
    "inconclusive": "skipped",
}
_BAD = frozenset({"failed", "errors"})
_BAD_TOTALS = ("failed", "failures", "errors", "invalid")


class _Suite(msgspec.Struct):
    attributes: dict[str, str]
    shown: int = 0  # cases within that failed, and suites that failed by themselves
    message: str = ""
    holds_failure: bool = False  # a failure of its own

    def hidden(self) -> int:
        """Failures that a suite says it has, and nothing within shows."""
        declared = sum(failures(key, self.attributes.get(key)) for key in _BAD_TOTALS)
        return max(declared, int(self.holds_failure or _failed(self.attributes))) - self.shown

    def called(self) -> str:
        return self.attributes.get("fullname") or self.attributes.get("name", "")


class _Reader(markup.Elements):
    def __init__(self, limits: Limits) -> None:
        super().__init__(limits)
        self.tally = Tally(limits)
        self.undeclared = 0
        self.root: _Suite | None = None
        self.duration = 0.0
        self.version: str | None = None
        self._suites: list[_Suite] = []
        self._case: _Suite | None = None

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.descend(name)
        if name in ("test-run", "environment"):
            stated = attributes.get("engine-version") or attributes.get("nunit-version")
            self.version = self.version or stated
        if name in _SUITES:
            self._suites.append(_Suite(attributes))
            self.root = self.root or self._suites[0]
            if len(self._suites) == 2:
                self.duration += seconds(attributes.get("duration", attributes.get("time"))) or 0
        elif name == "test-case":
            if self._case is not None or not self._suites:
                raise ReportError("a test case lies outside a suite, or within another case")
            self._case = _Suite(attributes)
        elif name == "message" and self.path[-2:-1] == ["failure"]:
            self.collect_text()

    def end(self, name: str) -> None:
        self.path.pop()
        if name == "message" and self.path[-1:] == ["failure"]:
            (self._case or self._suites[-1]).message = self.take_text()
        elif name == "failure" and (self._case or self._suites):
            (self._case or self._suites[-1]).holds_failure = True
        elif name == "test-case" and self._case is not None:
            self._close_case(self._case)
            self._case = None
        elif name in _SUITES:
            self._close_suite(self._suites.pop())

    def _close_case(self, case: _Suite) -> None:
        outcome = _outcome(case.attributes)
        if outcome in ("passed", "skipped") and case.holds_failure:
            outcome = "failed"
        self.tally.add(outcome)
        suite = self._suites[-1].called()
        self.tally.suite(suite)
        self.tally.call(suite, case.called())
        if outcome in _BAD:
            self._suites[-1].shown += 1
            self._tell(case, "failure" if outcome == "failed" else "error")

    def _close_suite(self, suite: _Suite) -> None:
        if (hidden := suite.hidden()) > 0:
            self.undeclared += hidden
            suite.shown += hidden
            self._tell(suite, "error")
        if self._suites:
            self._suites[-1].shown += suite.shown

    def _tell(self, item: _Suite, kind: str) -> None:
        self.tally.fail(item.called(), kind, item.message or item.attributes.get("label", ""))


def _outcome(attributes: dict[str, str]) -> Outcome:
    result = attributes.get("result", "").lower()
    if result:
        label = _OUTCOMES.get(attributes.get("label", "").lower())
        outcome = "errors" if label == "errors" else _OUTCOMES.get(result, "errors")
        failed = outcome == "passed" and attributes.get("success", "").lower() == "false"
        return "failed" if failed else outcome
    if attributes.get("executed", "").lower() == "false":
        return "skipped"
    return "passed" if attributes.get("success", "").lower() == "true" else "failed"


def _failed(attributes: dict[str, str]) -> bool:
    """Whether a suite states a failure; a root of NUnit 2 and a suite that did not run have no result."""
    said = "result" in attributes or "success" in attributes
    return said and _outcome(attributes) in _BAD


def _disagreements(declared: dict[str, str], tally: Tally) -> tuple[str, ...]:
    """A declared total that is not the count; versions differ in whether it includes what did not run."""
    totals = tally.totals()
    total = count(declared.get("total"))
    if total is None or totals.total - totals.skipped <= total <= totals.total:
        return ()
    return (f"root: total={total}, counted {totals.total}",)


def _read(report: ReportBytes, limits: Limits) -> tuple[Facts, ...]:
    reader = _Reader(limits)
    markup.parse(report.chunks(), reader, limits)
    root = reader.root
    if root is None:
        raise ReportError("it has no test run")
    said = root.attributes
    facts = SuiteFacts(
        totals=reader.tally.totals(),
        failures=tuple(reader.tally.failures),
        undeclared=reader.undeclared,
        disagreements=_disagreements(said, reader.tally),
        tool=Scanner(name="NUnit", version=reader.version) if reader.version else None,
        suites=reader.tally.suites(),
        duplicates=reader.tally.duplicates(),
        timestamp=utc(said.get("start-time")),
        duration=seconds(said.get("duration")) or round(reader.duration, 6) or None,
    )
    return (facts,)


FORMAT = Format(
    name="nunit",
    kind="tests",
    media_type="application/xml",
    suffixes=(".xml",),
    file_names=("TestResult.xml", "nunit*.xml", "*.nunit.xml"),
    marks=(b"<test-r", b"<test-suite"),
    recognise=lambda head: head.root in _ROOTS,
    read=_read,
)
