"""JUnit XML in all its dialects (Ant, Surefire, pytest, jest, gotestsum, CTest, PHPUnit, nextest ...).

The elements of a case decide its outcome: error, else failure, else skipped, else its attributes `status`,
`result`, `outcome` and `state`, in which a word that is not known is an error, else it passed; one that says
that it failed stands beside a skip, too. The totals that suites declare are compared with the cases, never
believed: failures or errors that no case shows, and elements directly under a suite, count as `undeclared`,
and so does what a suite says of itself: an attribute that it failed, Ginkgo's properties that it did not
succeed, or ran nothing (`DryRun`). What cannot be placed or read, as a case within an unknown element or a
number of failures that is none, fails the report. A case that CTest could not run is an error, unless the
test itself asked to be skipped.
"""

from __future__ import annotations

import re

import msgspec

from pushpolicy.model.evidence import Scanner
from pushpolicy.model.text import printable
from pushpolicy.reports.facts import SuiteFacts
from pushpolicy.reports.format import Facts, Format, ReportBytes, ReportError
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.parsing import markup
from pushpolicy.reports.parsing.values import count, failures, seconds, utc
from pushpolicy.reports.suites import Outcome, Tally

_SUITES = frozenset({"testsuites", "testsuite"})
# PHPUnit before 10 warns of a test that could not be made, and counts that as no success.
_BAD = {
    "error": "error",
    "failure": "failure",
    "failed": "failure",
    "warning": "failure",
}
_QUIET = frozenset({"properties", "property", "system-out", "system-err"})  # what the tests themselves wrote
_SKIPPED = frozenset({"skipped", "ignored", "disabled"})
_FLAKY = frozenset({"flakyFailure", "flakyError"})
_RERUN = frozenset({"rerunFailure", "rerunError"})
_OUTCOMES = frozenset(_BAD) | _SKIPPED | _FLAKY | _RERUN
_STATUS_SKIPPED = frozenset({"disabled", "notrun", "skipped", "ignored", "pending", "suppressed", "filtered"})
_STATUS_FAILED = frozenset({"fail", "failed", "failure"})
_STATUS_BAD = _STATUS_FAILED | {"error"}
_STATUS_PASSED = frozenset(
    {
        *("", "run", "pass", "passed", "ok", "success", "successful", "succeeded", "complete", "completed"),
        *("done", "executed", "finished", "fixed", "flaky", "true"),
    }
)
# However they are spelled: other readers of the same file may take them for what they look like.
_KNOWN = frozenset({*_SUITES, *_OUTCOMES, *_QUIET, "testcase"})
_SPELLED = {name.lower(): name for name in _KNOWN}
_TOTALS = ("tests", "failures", "errors", "skipped")
_STATES = frozenset({"status", "result", "outcome", "state", "success"})
# How Ginkgo says what no case of a suite shows: a timeout of the whole, a focus, an order to run nothing.
_FAILED_SUITE = {("SuiteSucceeded", "false"), ("DryRun", "true")}
_WORST_LAST: tuple[Outcome, ...] = ("passed", "skipped", "failed", "errors")
# The reasons of CTest that stand for a test that said itself that it is to be skipped, and no reason at all.
_ASKED_TO_SKIP = re.compile(r"\s*(?:$|SKIP_|Disabled)")


# How the tools call what they write: the root, or its only suite.
_TOOLS = {
    "pytest": "pytest",
    "pytest tests": "pytest",
    "jest tests": "jest",
    "vitest tests": "vitest",
    "nextest-run": "cargo-nextest",
    "Mocha Tests": "mocha",
}


class _Case(msgspec.Struct):
    """What the elements of one case say."""

    bad: dict[str, str] = {}  # "error" or "failure" -> first message
    skipped: bool = False
    flaky: int = 0  # failed attempts of a case that passed in the end; Surefire declares each as a failure
    rerun: bool = False
    why_skipped: str = ""

    def shown(self) -> int:
        """How many of the failures and errors that a suite declares this case is."""
        return len(self.bad) or self.flaky or self.rerun

    def outcome(self, status: str) -> Outcome:
        """What the elements say, else the status; `status` is in lower case."""
        if "error" in self.bad:
            return "errors"
        if self.bad or self.rerun:
            return "failed"
        if self.skipped and status == "notrun" and not _ASKED_TO_SKIP.match(self.why_skipped):
            return "errors"
        return "skipped" if self.skipped and status not in _STATUS_BAD else _by_status(status)


class _Suite(msgspec.Struct):
    name: str
    declared: dict[str, int]
    time: float | None
    shown: int = 0  # failures and errors of the cases within
    before: int = 0  # cases that were counted before it began
    own: int = 0  # failure and error elements directly beneath
    failed: bool = False  # as it says of itself
    hidden: int = 0  # what the suites within hide

    def undeclared(self) -> int:
        claimed = self.declared.get("failures", 0) + self.declared.get("errors", 0)
        return max(claimed - self.shown, self.hidden + self.own, int(self.failed and not self.shown))


class _Reader(markup.Elements):
    """Follows the elements; holds the open suites, the open case, and what was counted."""

    def __init__(self, limits: Limits) -> None:
        super().__init__(limits)
        self.tally = Tally(limits)
        self.timestamp: str | None = None
        self.tool: str | None = None
        self.retries = 0
        self.root: _Suite | None = None
        self.top: list[_Suite] = []
        self._suites: list[_Suite] = []
        self._attributes: dict[str, str] = {}
        self._case: _Case | None = None
        self._message = ""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        parent = self.path[-1] if self.path else ""
        name = name if name in _KNOWN else _spelled(name)
        if name == "testcase" and parent in _SUITES:
            self._attributes, self._case = attributes, None
            self.path.append(name)
            return
        self.descend(name)
        if not parent and name not in _SUITES:
            raise ReportError(f"its root element is <{printable(name, 40)}>")
        if name == "testcase" or (name in _SUITES and "testcase" in self.path):
            where = "within another" if "testcase" in self.path[:-1] else f"in <{printable(parent, 40)}>"
            raise ReportError(f"a test {name[4:]} lies {where}, where it has no meaning")
        if name in _SUITES:
            self._open_suite(attributes)
        elif name == "property" and self._suites and "testcase" not in self.path:
            self._suites[-1].failed |= (attributes.get("name"), attributes.get("value")) in _FAILED_SUITE
        elif self._is_outcome(name, parent):
            self._message = attributes.get("message", "")
            if not self._message:
                self.collect_text()

    def end(self, name: str) -> None:
        path = self.path
        name = path.pop()
        parent = path[-1] if path else ""
        if name == "testcase" and parent in _SUITES:
            self._close_case()
        elif name in _SUITES:
            self._close_suite()
        elif self._is_outcome(name, parent):
            mark = self._mark_case if "testcase" in path else self._mark_suite
            mark(name, self._message or self.take_text())

    def _is_outcome(self, name: str, parent: str) -> bool:
        """Whether an element says what became of a case or suite; a failure does within unknown ones too."""
        if name in _OUTCOMES and (parent == "testcase" or parent in _SUITES):
            return True
        return name in _BAD and _QUIET.isdisjoint(self.path)

    def _open_suite(self, attributes: dict[str, str]) -> None:
        declared = {key: value for key in _TOTALS if (value := count(attributes.get(key))) is not None}
        for key in ("failures", "errors"):
            failures(key, attributes.get(key))
        suite = _Suite(attributes.get("name", ""), declared, seconds(attributes.get("time")))
        suite.before = self.tally.number()
        suite.failed = _status(attributes) in _STATUS_BAD
        self.tool = self.tool or _TOOLS.get(suite.name)
        if self.root is None:
            self.root = suite
            schemas = (value for key, value in attributes.items() if key.endswith("SchemaLocation"))
            self.tool = self.tool or ("surefire" if any("surefire" in each for each in schemas) else None)
        # The topmost <testsuite>s: the root itself, or those within <testsuites>.
        if self.path in (["testsuite"], ["testsuites", "testsuite"]):
            self.top.append(suite)
        self._suites.append(suite)
        self.timestamp = self.timestamp or utc(attributes.get("timestamp"))

    def _close_suite(self) -> None:
        suite = self._suites.pop()
        if self.tally.number() > suite.before:
            self.tally.suite(suite.name)
        if self._suites:
            self._suites[-1].shown += suite.shown
            self._suites[-1].hidden += suite.undeclared()

    def _mark_suite(self, name: str, message: str) -> None:
        if name in _BAD:
            self._suites[-1].own += 1
            self.tally.fail(self._suites[-1].name, _BAD[name], message)

    def _mark_case(self, name: str, message: str) -> None:
        case = self._case = self._case or _Case()
        if name in _SKIPPED:
            case.skipped, case.why_skipped = True, message
            return
        if name in _BAD:
            case.bad.setdefault(_BAD[name], message)
        self.retries += name in _FLAKY or name in _RERUN
        case.flaky += name in _FLAKY
        case.rerun = case.rerun or name in _RERUN

    def _close_case(self) -> None:
        attributes, case = self._attributes, self._case
        if self.tally.names is not None:
            self.tally.call(self._suites[-1].name, attributes.get("classname"), attributes.get("name"))
        status = _status(attributes)
        if case is None and (by_status := _by_status(status)) in ("passed", "skipped"):
            self.tally.add(by_status)  # the fast path, for nearly every case
            return
        case = case or _Case()
        outcome = case.outcome(status)
        self.tally.add(outcome, flaky=bool(case.flaky))
        self._suites[-1].shown += case.shown() or outcome in ("failed", "errors")
        if outcome in ("failed", "errors"):
            kind = "error" if outcome == "errors" else "failure"
            name, group = attributes.get("name", ""), attributes.get("classname", "")
            whole = name if not group or name.startswith(group) else f"{group}.{name}"
            self.tally.fail(whole, kind, case.bad.get(kind, case.why_skipped or status))


def _spelled(name: str) -> str:
    return _SPELLED.get(markup.local(name).lower(), name)


def _status(attributes: dict[str, str]) -> str:
    """The worst word: googletest says in the `result` that a case was skipped."""
    if _STATES.isdisjoint(attributes):
        return ""
    if attributes.get("success", "").strip().lower() == "false":
        return "failed"
    words = (attributes.get(key, "").strip().lower() for key in _STATES if key != "success")
    return max(words, key=lambda word: _WORST_LAST.index(_by_status(word)))


def _by_status(status: str) -> Outcome:
    if status in _STATUS_PASSED:
        return "passed"
    if status in _STATUS_SKIPPED:
        return "skipped"
    return "failed" if status in _STATUS_FAILED else "errors"


def _read(report: ReportBytes, limits: Limits) -> tuple[Facts, ...]:
    reader = _Reader(limits)
    markup.parse(report.chunks(), reader, limits)
    root = reader.root
    assert root is not None, "a root that is no suite was refused"
    totals = reader.tally.totals()
    counted = dict(zip(_TOTALS, (totals.total, totals.failed, totals.errors, totals.skipped), strict=True))
    declared = {"root": root.declared, "top suites": _sum([suite.declared for suite in reader.top])}
    facts = SuiteFacts(
        totals=totals,
        failures=tuple(reader.tally.failures),
        undeclared=root.undeclared(),
        disagreements=tuple(
            f"{place}: {key}={value}, counted {counted[key]}"
            for place, totals_there in declared.items()
            for key, value in totals_there.items()
            if value != counted[key]
        ),
        tool=Scanner(name=reader.tool) if reader.tool else None,
        suites=reader.tally.suites(),
        retries=reader.retries or None,
        duplicates=reader.tally.duplicates(),
        timestamp=reader.timestamp,
        duration=_duration(reader, root),
    )
    return (facts,)


def _sum(suites: list[dict[str, int]]) -> dict[str, int]:
    return {
        key: sum(suite.get(key, 0) for suite in suites)
        for key in _TOTALS
        if any(key in suite for suite in suites)
    }


def _duration(reader: _Reader, root: _Suite) -> float | None:
    if root.time is not None:
        return root.time
    times = [suite.time for suite in reader.top if suite.time is not None]
    return round(sum(times), 6) if times else None


FORMAT = Format(
    name="junit",
    kind="tests",
    media_type="application/xml",
    suffixes=(".junit.xml", ".xml"),
    places=(
        "build/test-results",
        "build/reports",
        "target/surefire-reports",
        "target/failsafe-reports",
        "target/nextest",
    ),
    file_names=("junit*.xml", "*-junit.xml", "*_junit.xml", "*.junit.xml", "TEST-*.xml"),
    marks=(b"<testsuite",),
    recognise=lambda head: head.root in _SUITES,
    read=_read,
)
