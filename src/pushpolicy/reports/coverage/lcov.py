"""lcov's tracefiles (geninfo(1)), as geninfo, istanbul, coverlet, llvm-cov and grcov write them.

The DA lines decide, each line of a file once, whatever the LF and LH of a record say; a record that has none
counts by those. One without its ``end_of_record`` means that the file was cut off.
"""

from __future__ import annotations

import re

from pushpolicy.reports.coverage import Table
from pushpolicy.reports.facts import CoverageFacts
from pushpolicy.reports.format import Facts, Format, Head, ReportBytes, ReportError
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.parsing.lines import lines, text
from pushpolicy.reports.parsing.values import count
from pushpolicy.reports.suites import differ

_FIRST = re.compile(rb"(?:TN|SF|KF|VER):")
_DATA = re.compile(r"DA:(\d{1,9}),(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)(?:,.*)?", re.ASCII)
_BRANCH = re.compile(r"BRDA:(\d{1,9}),(.*),(-|\d+)", re.ASCII)


class _Trace:
    def __init__(self, limits: Limits) -> None:
        self.lines, self.branches = Table(limits), Table(limits)
        self.declared: dict[str, int | None] = {}
        self.file: str | None = None
        self._has_lines = False
        self._own: dict[str, int] = {}  # what the open record declares

    def take(self, line: str) -> None:
        key, _, value = line.partition(":")
        if key in ("SF", "KF"):
            if self.file is not None:
                raise ReportError("a record of a file begins within another")
            self.file, self._own, self._has_lines = value, {}, False
        elif key == "end_of_record":
            total = self._own.get("LF", 0)
            if self.file is not None and total and not self._has_lines:
                self.lines.add(self.file, "LF", min(self._own.get("LH", 0), total), total)
            self.file = None
        elif key in ("DA", "BRDA"):
            self._data(line)
        elif key in ("LF", "LH"):
            self._own[key] = count(value) or 0
            self.declared[key] = (self.declared.get(key) or 0) + self._own[key]

    def _data(self, line: str) -> None:
        if self.file is None:
            raise ReportError("a line belongs to no file")
        if (data := _DATA.fullmatch(line)) is not None:
            self._has_lines = True
            self.lines.add(self.file, int(data[1]), int(float(data[2]) > 0))
        elif (branch := _BRANCH.fullmatch(line)) is not None:
            taken = branch[3].strip("-0") != ""
            self.branches.add(self.file, (int(branch[1]), branch[2]), int(taken))
        else:
            raise ReportError("it holds no line number and count")


def _read(report: ReportBytes, limits: Limits) -> tuple[Facts, ...]:
    trace = _Trace(limits)
    for number, line in enumerate(lines(report, limits), 1):
        try:
            trace.take(text(line).strip())
        except ReportError as error:
            raise ReportError(f"line {number}: {error}") from error
    if trace.file is not None:
        raise ReportError("it ends within the record of a file")
    found, branches = trace.lines.sum(), trace.branches.sum()
    facts = CoverageFacts(
        lines=found,
        branches=branches if branches.total else None,
        disagreements=differ(trace.declared, {"LF": found.total, "LH": found.covered}),
    )
    return (facts,)


def _recognise(head: Head) -> bool:
    if head.root is not None or head.keys or head.is_array:
        return False
    first = next((line for line in head.start.splitlines() if line.strip() and line[:1] != b"#"), b"")
    return _FIRST.match(first) is not None and b"SF:" in head.start


FORMAT = Format(
    name="lcov",
    kind="coverage",
    media_type="text/plain",
    suffixes=(".info", ".lcov"),
    places=("coverage",),
    file_names=("lcov*.info", "*.lcov"),
    marks=(b"\nSF:", b"\nDA:"),
    recognise=_recognise,
    read=_read,
)
