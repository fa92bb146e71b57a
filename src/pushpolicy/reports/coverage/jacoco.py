"""JaCoCo XML: a line is covered when one of its instructions is (jacoco.org, "Coverage Counters").

Lines are listed by source file; the report's own LINE counter is compared with them. Classes without debug
information have no lines: where a report lists none at all, there is nothing to count.
"""

from __future__ import annotations

from pushpolicy.reports.coverage import Table, worse
from pushpolicy.reports.facts import CoverageFacts
from pushpolicy.reports.format import Facts, Format, ReportBytes, ReportError
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.parsing import markup
from pushpolicy.reports.parsing.values import count, epoch
from pushpolicy.reports.suites import differ

_MARKS = (b"JACOCO", b"<sessioninfo", b'<counter type="INSTRUCTION"')


class _Reader(markup.Elements):
    names_dtd = True

    def __init__(self, limits: Limits) -> None:
        super().__init__(limits)
        self.lines, self.branches = Table(limits), Table(limits)
        self.declared: dict[str, int | None] = {}
        self.dumped = 0
        self._groups: list[str] = []
        self._file = ""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.descend(name)
        if name in ("group", "package"):
            self._groups.append(attributes.get("name", ""))
        elif name == "sourcefile":
            self._file = "/".join((*self._groups, attributes.get("name", "")))
        elif name == "line" and self.path[-2:-1] == ["sourcefile"]:
            self._line(attributes)
        elif name == "sessioninfo":
            self.dumped = max(self.dumped, count(attributes.get("dump")) or 0)
        elif name == "counter" and len(self.path) == 2 and attributes.get("type") == "LINE":
            missed, covered = count(attributes.get("missed")), count(attributes.get("covered"))
            if missed is not None and covered is not None:
                self.declared = {"lines": missed + covered, "covered lines": covered}

    def end(self, name: str) -> None:
        self.path.pop()
        if name in ("group", "package"):
            self._groups.pop()

    def _line(self, attributes: dict[str, str]) -> None:
        number, instructions = count(attributes.get("nr")), count(attributes.get("ci"))
        if number is None or instructions is None:
            raise ReportError("a line has no number or no instructions")
        self.lines.add(self._file, number, int(instructions > 0))
        taken, missed = count(attributes.get("cb")) or 0, count(attributes.get("mb")) or 0
        if taken + missed:
            self.branches.add(self._file, number, taken, taken + missed)


def _read(report: ReportBytes, limits: Limits) -> tuple[Facts, ...]:
    reader = _Reader(limits)
    markup.parse(report.chunks(), reader, limits)
    lines, branches = reader.lines.sum(), reader.branches.sum()
    facts = CoverageFacts(
        lines=worse(lines, reader.declared.get("covered lines"), reader.declared.get("lines")),
        branches=branches if branches.total else None,
        disagreements=differ(reader.declared, {"lines": lines.total, "covered lines": lines.covered}),
        timestamp=epoch(reader.dumped) if reader.dumped else None,
    )
    return (facts,)


FORMAT = Format(
    name="jacoco",
    kind="coverage",
    media_type="application/xml",
    suffixes=(".xml",),
    places=("site/jacoco",),
    file_names=("jacoco*.xml",),
    marks=(b"<report", b"JACOCO"),
    recognise=lambda head: head.root == "report" and any(mark in head.start for mark in _MARKS),
    read=_read,
)
