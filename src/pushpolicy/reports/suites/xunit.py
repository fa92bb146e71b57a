"""xUnit.net's own XML: ``<assemblies>`` of version 2 and 3, or the single ``<assembly>`` of version 1.

An ``<error>`` beside the tests (a cleanup that failed, a crash) belongs to no test: `undeclared`. So does a
failure directly in a collection, and those that one counts and none of its tests shows.
"""

from __future__ import annotations

from pushpolicy.model.evidence import Scanner
from pushpolicy.model.text import printable
from pushpolicy.reports.facts import SuiteFacts
from pushpolicy.reports.format import Facts, Format, Head, ReportBytes, ReportError
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.parsing import markup
from pushpolicy.reports.parsing.values import count, failures, seconds, utc
from pushpolicy.reports.suites import Outcome, Tally, differ

_OUTCOMES: dict[str, Outcome] = {
    "pass": "passed",
    "fail": "failed",
    "skip": "skipped",
    "notrun": "skipped",
}
_GROUPS = frozenset({"collection", "class"})
_BESIDE_TESTS = _GROUPS | {"assembly", "assemblies", "errors"}
_TOTALS = ("total", "passed", "failed", "errors")
_BAD = ("failed", "errors")
_ASSEMBLY_MARKS = (b"test-framework=", b"run-date=", b"<collection", b"<errors")


class _Reader(markup.Elements):
    def __init__(self, limits: Limits) -> None:
        super().__init__(limits)
        self.tally = Tally(limits)
        self.errors = 0
        self.assemblies = 0
        self.declared: dict[str, int] = {}
        self.duration = 0.0
        self.timestamp: str | None = None
        self.tool: str | None = None
        self.hidden = 0  # failures of collections that none of their tests shows
        self._group = ""
        self._unshown = 0  # of the one that is open, so far
        self._name = ""
        self._outcome: Outcome = "errors"
        self._message = ""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        parent = self.path[-1] if self.path else ""
        self.descend(name)
        if name == "assembly" and parent in ("", "assemblies"):
            self._open_assembly(attributes)
        elif name in _GROUPS:
            self._group = attributes.get("name", "")
            self._unshown = failures("failed", attributes.get("failed"))
        elif name == "test":
            if parent not in _GROUPS:
                raise ReportError(f"a test lies in <{printable(parent, 40)}>, where it has no meaning")
            self._name, self._message = attributes.get("name", ""), ""
            self._outcome = _OUTCOMES.get(attributes.get("result", "").lower(), "errors")
        elif name == "error" and parent == "errors":
            self._name, self._message = attributes.get("name", attributes.get("type", "")), ""
        elif name == "failure" and parent == "test" and self._outcome != "errors":
            self._outcome = "failed"  # whatever its result says
        elif name == "failure" and parent in _BESIDE_TESTS:
            self.errors += 1
            self.tally.fail(self._group, "failure", "")
        elif name == "message" and parent == "failure":
            self.collect_text()
        self.timestamp = self.timestamp or utc(attributes.get("start-rtf"))

    def end(self, name: str) -> None:
        self.path.pop()
        parent = self.path[-1] if self.path else ""
        if name == "message" and parent == "failure":
            self._message = self.take_text()
        elif name == "test" and parent in _GROUPS:
            self.tally.add(self._outcome)
            self.tally.suite(self._group)
            self.tally.call(self._group, self._name)
            if self._outcome in ("failed", "errors"):
                self._unshown -= 1
                self.tally.fail(
                    self._name, "failure" if self._outcome == "failed" else "error", self._message
                )
        elif name in _GROUPS:
            self.hidden += max(self._unshown, 0)
        elif name == "error" and parent == "errors":
            self.errors += 1
            self.tally.fail(self._name, "error", self._message)

    def _open_assembly(self, attributes: dict[str, str]) -> None:
        self.assemblies += 1
        self.tool = self.tool or attributes.get("test-framework")
        self.duration += seconds(attributes.get("time")) or 0
        for key in _TOTALS:
            stated = attributes.get(key)
            value = failures(key, stated) if stated and key in _BAD else count(stated)
            if value is not None:
                self.declared[key] = self.declared.get(key, 0) + value


def _read(report: ReportBytes, limits: Limits) -> tuple[Facts, ...]:
    reader = _Reader(limits)
    markup.parse(report.chunks(), reader, limits)
    totals, declared = reader.tally.totals(), reader.declared
    counted = {"total": totals.total, "passed": totals.passed, "failed": totals.failed + totals.errors}
    hidden = max(declared.get("failed", 0) - counted["failed"], reader.hidden)
    facts = SuiteFacts(
        totals=totals,
        failures=tuple(reader.tally.failures),
        undeclared=max(reader.errors, declared.get("errors", 0)) + hidden,
        disagreements=differ(declared, counted),
        tool=_tool(reader.tool),
        suites=reader.tally.suites(),
        duplicates=reader.tally.duplicates(),
        timestamp=reader.timestamp,
        duration=round(reader.duration, 6) if reader.assemblies else None,
    )
    return (facts,)


def _tool(framework: str | None) -> Scanner | None:
    """As ``xUnit.net 2.4.1.0``."""
    name, _, stated = (framework or "").rpartition(" ")
    return Scanner(name=name or stated, version=stated if name else None) if framework else None


def _recognise(head: Head) -> bool:
    # Manifests of Windows and descriptors of Maven are called <assembly> too.
    if head.root == "assembly":
        return any(mark in head.start for mark in _ASSEMBLY_MARKS)
    return head.root == "assemblies"


FORMAT = Format(
    name="xunit",
    kind="tests",
    media_type="application/xml",
    suffixes=(".xml",),
    file_names=("*.xunit.xml",),
    marks=(b"<assembl", b"test-framework="),
    recognise=_recognise,
    read=_read,
)
