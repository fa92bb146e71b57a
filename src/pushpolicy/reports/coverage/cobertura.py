"""Cobertura XML, as coverage.py, coverlet, istanbul, gcovr, PHPUnit and Cobertura itself write it.

A class lists its lines under ``<lines>``, and those of its methods once more, which count only where the
class lists none of its own.
"""

from __future__ import annotations

import re

from pushpolicy.reports.coverage import Table, worse
from pushpolicy.reports.facts import CoverageFacts
from pushpolicy.reports.format import Facts, Format, Head, ReportBytes, ReportError
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.parsing import markup
from pushpolicy.reports.parsing.values import count, epoch
from pushpolicy.reports.suites import differ

_CONDITIONS = re.compile(r"\s*[\d.,]+\s*%\s*\((\d{1,9})/(\d{1,9})\)\s*", re.ASCII)
_Line = tuple[int, int, int, int]  # number, covered, branches covered, branches in total


class _Reader(markup.Elements):
    names_dtd = True

    def __init__(self, limits: Limits) -> None:
        super().__init__(limits)
        self.lines, self.branches = Table(limits), Table(limits)
        self.root: dict[str, str] = {}
        self._file = ""
        self._own: list[_Line] = []
        self._of_methods: list[_Line] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.root = self.root or attributes
        self.descend(name)
        if name == "class":
            self._file = attributes.get("filename") or attributes.get("name", "")
        elif name == "line" and "class" in self.path:
            within = self._of_methods if "method" in self.path else self._own
            within.append(_line(attributes))

    def end(self, name: str) -> None:
        self.path.pop()
        if name == "class":
            for number, covered, taken, branches in self._own or self._of_methods:
                self.lines.add(self._file, number, covered)
                if branches:
                    self.branches.add(self._file, number, taken, branches)
            self._own.clear()
            self._of_methods.clear()


def _line(attributes: dict[str, str]) -> _Line:
    number, hits = count(attributes.get("number")), attributes.get("hits", "")
    if number is None or not hits.isdecimal():
        raise ReportError("a line has no number or no hits")
    conditions = _CONDITIONS.fullmatch(attributes.get("condition-coverage", ""))
    taken, branches = (int(conditions[1]), int(conditions[2])) if conditions else (0, 0)
    return number, int(hits.strip("0") != ""), min(taken, branches), branches


def _read(report: ReportBytes, limits: Limits) -> tuple[Facts, ...]:
    reader = _Reader(limits)
    markup.parse(report.chunks(), reader, limits)
    lines, branches = reader.lines.sum(), reader.branches.sum()
    counted = {"lines-valid": lines.total, "lines-covered": lines.covered}
    if branches.total:
        counted |= {"branches-valid": branches.total, "branches-covered": branches.covered}
    declared = {key: count(reader.root.get(key)) for key in counted}
    moment = count(reader.root.get("timestamp"))
    facts = CoverageFacts(
        lines=worse(lines, declared["lines-covered"], declared["lines-valid"]),
        branches=branches if branches.total else None,
        disagreements=differ(declared, counted),
        timestamp=epoch(moment) if moment else None,
    )
    return (facts,)


def _recognise(head: Head) -> bool:
    return head.root == "coverage" and (b"line-rate=" in head.start or b"cobertura" in head.start)


FORMAT = Format(
    name="cobertura",
    kind="coverage",
    media_type="application/xml",
    suffixes=(".xml",),
    file_names=("cobertura*.xml", "*cobertura.xml", "coverage.xml"),
    marks=(b"<coverage", b"line-rate="),
    recognise=_recognise,
    read=_read,
)
