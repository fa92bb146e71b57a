"""Clover XML, as OpenClover, PHPUnit and istanbul write it.

Clover counts statements, of which one line may hold several: the lines of type stmt are counted, and the
metrics of a file say how many more statements lie on them, which is believed only where the lines allow
it. istanbul writes a line that branches as a cond with a count instead; OpenClover's cond lines have no
count and are branches beside the statement. The lines of the tests (``<testproject>``) are not counted.
"""

from __future__ import annotations

from pushpolicy.reports.coverage import Table, worse
from pushpolicy.reports.facts import CoverageFacts
from pushpolicy.reports.format import Facts, Format, Head, ReportBytes, ReportError
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.parsing import markup
from pushpolicy.reports.parsing.values import count, epoch
from pushpolicy.reports.suites import differ


class _Reader(markup.Elements):
    names_dtd = True

    def __init__(self, limits: Limits) -> None:
        super().__init__(limits)
        self.lines, self.branches = Table(limits), Table(limits)
        self.declared: dict[str, int | None] = {}
        self.root: dict[str, str] = {}
        self._package = ""
        self._file = ""
        self._metrics: tuple[int, int] | None = None
        self._shown: dict[int, int] = {}  # line number -> whether it was covered

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.root = self.root or attributes
        self.descend(name)
        if name == "package":
            self._package = attributes.get("name", "")
        elif name == "file":
            self._file = attributes.get("path") or f"{self._package}/{attributes.get('name', '')}"
            self._metrics = None
        elif name == "metrics" and self.path == ["coverage", "project", "metrics"]:
            self.declared = {key: count(attributes.get(key)) for key in ("statements", "coveredstatements")}
        elif name == "metrics" and self.path[-2:-1] == ["file"] and "testproject" not in self.path:
            covered, total = (count(attributes.get(key)) or 0 for key in ("coveredstatements", "statements"))
            self._metrics = covered, total
        elif name == "line" and self.path[-2:-1] == ["file"] and "testproject" not in self.path:
            self._line(attributes)

    def end(self, name: str) -> None:
        self.path.pop()
        if name == "file":
            self._close_file()
        elif name == "package":
            self._package = ""

    def _close_file(self) -> None:
        for number, covered in self._shown.items():
            self.lines.add(self._file, number, covered)
        shown, total_shown = sum(self._shown.values()), len(self._shown)
        covered, total = self._metrics or (shown, total_shown)
        more, covered_more = total - total_shown, covered - shown
        if more and 0 <= covered_more <= more and (shown or not covered_more):
            self.lines.add(self._file, "further statements", covered_more, more)
        self._shown.clear()

    def _line(self, attributes: dict[str, str]) -> None:
        number, hits = count(attributes.get("num")), attributes.get("count")
        if number is None or not (hits or "0").isdecimal():
            raise ReportError("a line has no number, or its count is not one")
        kind = attributes.get("type")
        if kind == "stmt" or (kind == "cond" and hits is not None):
            self._shown[number] = max(self._shown.get(number, 0), int((hits or "0").strip("0") != ""))
        if kind == "cond":
            ways = [count(attributes.get(key)) or 0 for key in ("truecount", "falsecount")]
            if hits is None:
                self.branches.add(self._file, number, sum(way > 0 for way in ways), 2)
            else:
                # istanbul: how many branches of the line were taken, and how many were not
                self.branches.add(self._file, number, ways[0], sum(ways))


def _read(report: ReportBytes, limits: Limits) -> tuple[Facts, ...]:
    reader = _Reader(limits)
    markup.parse(report.chunks(), reader, limits)
    lines, branches = reader.lines.sum(), reader.branches.sum()
    generated = count(reader.root.get("generated"))
    facts = CoverageFacts(
        lines=worse(lines, reader.declared.get("coveredstatements"), reader.declared.get("statements")),
        branches=branches if branches.total else None,
        disagreements=differ(
            reader.declared, {"statements": lines.total, "coveredstatements": lines.covered}
        ),
        timestamp=epoch(generated) if generated else None,
    )
    return (facts,)


def _recognise(head: Head) -> bool:
    clover = b"clover=" in head.start or b"<project" in head.start
    return head.root == "coverage" and clover and b"line-rate=" not in head.start


FORMAT = Format(
    name="clover",
    kind="coverage",
    media_type="application/xml",
    suffixes=(".xml",),
    file_names=("clover*.xml", "*clover.xml"),
    marks=(b"<coverage", b"<project"),
    recognise=_recognise,
    read=_read,
)
