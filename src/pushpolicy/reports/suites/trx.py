"""TRX, the XML of Visual Studio's test platform (``dotnet test --logger trx``).

Every element directly within ``<Results>`` or ``<InnerResults>`` is one test. Only the outcome Passed is
a pass: a missing one means Error, the first of Microsoft's enumeration, which is left out when written.
What the run as a whole reports (``<ResultSummary>``, ``<RunInfo>``) and no test shows is `undeclared`.
"""

from __future__ import annotations

from datetime import datetime

from pushpolicy.reports.facts import SuiteFacts
from pushpolicy.reports.format import Facts, Format, ReportBytes
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.parsing import markup
from pushpolicy.reports.parsing.values import count, failures, utc
from pushpolicy.reports.suites import Outcome, Tally, differ

_OUTCOMES: dict[str, Outcome] = {
    "passed": "passed",
    "failed": "failed",
    "notexecuted": "skipped",
    "inconclusive": "skipped",
    "notrunnable": "skipped",
}
_RESULTS = frozenset({"Results", "InnerResults"})
# The namespace, or an element of it: CppUnit and AUnit write another <TestRun>.
_MARKS = (b"VisualStudio/TeamTest", b"<Results", b"<TestDefinitions", b"<ResultSummary", b"<TestSettings")
# What ended badly, and what has not ended.
_FAILED = (
    *("failed", "error", "timeout", "aborted", "passedButRunAborted", "disconnected"),
    *("inProgress", "pending"),
)
_GOOD_RUN = frozenset({"passed", "completed", "warning", "notexecuted", "inconclusive"})


class _Reader(markup.Elements):
    def __init__(self, limits: Limits) -> None:
        super().__init__(limits)
        self.tally = Tally(limits)
        self.times: dict[str, str] = {}
        self.declared: dict[str, int] = {}
        self.run_outcome = ""
        self.run_errors = 0
        self._open: list[tuple[str, Outcome]] = []
        self._messages: list[str] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        parent = self.path[-1] if self.path else ""
        self.descend(name)
        if parent in _RESULTS:
            outcome = _OUTCOMES.get(attributes.get("outcome", "").lower(), "errors")
            self._open.append((attributes.get("testName", ""), outcome))
            self._messages.append("" if outcome == "failed" else attributes.get("outcome", "no outcome"))
        elif name == "Message" and parent == "ErrorInfo" and self._open:
            self.collect_text()
        elif name == "Times" and not self.times:
            self.times = attributes
        elif name == "ResultSummary":
            self.run_outcome = attributes.get("outcome") or "Error"
        elif name == "Counters" and parent == "ResultSummary":
            stated = {key: count(value) for key, value in attributes.items()}
            stated |= {key: failures(key, attributes.get(key)) for key in _FAILED}
            self.declared = {key: value for key, value in stated.items() if value is not None}
        elif name == "RunInfo" and attributes.get("outcome", "Error").lower() not in _GOOD_RUN:
            self.run_errors += 1
            self.collect_text()

    def end(self, name: str) -> None:
        self.path.pop()
        parent = self.path[-1] if self.path else ""
        if parent in _RESULTS and self._open:
            (name, outcome), message = self._open.pop(), self._messages.pop()
            self.tally.add(outcome)
            if outcome in ("failed", "errors"):
                self.tally.fail(name, "failure" if outcome == "failed" else "error", message)
        elif name == "Message" and parent == "ErrorInfo" and self._open:
            self._messages[-1] = self.take_text()
        elif name == "RunInfo":
            text = self.take_text()
            if text:
                self.tally.fail("the test run", "error", text)

    def undeclared(self, shown: int) -> int:
        """Failures that no test shows: those the run declares, or one where its outcome is bad by itself."""
        hidden = max(sum(self.declared.get(key, 0) for key in _FAILED) - shown, 0)
        outcome = self.run_outcome.lower()
        broken = outcome not in _GOOD_RUN and (outcome != "failed" or not shown)
        return max(hidden + self.run_errors, int(bool(outcome) and broken))


def _read(report: ReportBytes, limits: Limits) -> tuple[Facts, ...]:
    reader = _Reader(limits)
    markup.parse(report.chunks(), reader, limits)
    totals = reader.tally.totals()
    ran = totals.total - totals.skipped
    counted = {"total": totals.total, "executed": ran, "passed": totals.passed}
    start, finish = utc(reader.times.get("start")), utc(reader.times.get("finish"))
    facts = SuiteFacts(
        totals=totals,
        failures=tuple(reader.tally.failures),
        undeclared=reader.undeclared(totals.failed + totals.errors),
        disagreements=differ(reader.declared, counted),
        timestamp=start,
        duration=_duration(start, finish),
    )
    return (facts,)


def _duration(start: str | None, finish: str | None) -> float | None:
    if start is None or finish is None:
        return None
    elapsed = (datetime.fromisoformat(finish) - datetime.fromisoformat(start)).total_seconds()
    return elapsed if elapsed >= 0 else None


FORMAT = Format(
    name="trx",
    kind="tests",
    media_type="application/xml",
    suffixes=(".trx",),
    places=("TestResults",),
    file_names=("*.trx",),
    marks=(b"<TestRun", b"VisualStudio/TeamTest"),
    recognise=lambda head: head.root == "TestRun" and any(mark in head.start for mark in _MARKS),
    read=_read,
)
