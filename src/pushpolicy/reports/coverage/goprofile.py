"""Go's cover profiles (``go test -coverprofile``, ``go tool covdata textfmt``).

Go counts statements, by block of source; so do these totals. Profiles of several packages list a block
once for each test binary, and it is covered when one of them ran it.
"""

from __future__ import annotations

import re

from pushpolicy.reports.coverage import Table
from pushpolicy.reports.facts import CoverageFacts
from pushpolicy.reports.format import Facts, Format, Head, ReportBytes, ReportError
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.parsing.lines import lines, text

_MODE = re.compile(rb"mode: (?:set|count|atomic)\s*")
_BLOCK = re.compile(r"(.+):(\d+\.\d+,\d+\.\d+) (\d{1,9}) (\d+)", re.ASCII)


def _read(report: ReportBytes, limits: Limits) -> tuple[Facts, ...]:
    table = Table(limits)
    for number, line in enumerate(lines(report, limits), 1):
        if not line.strip() or _MODE.fullmatch(line):
            continue  # joined profiles repeat the mode
        block = _BLOCK.fullmatch(text(line).strip())
        if block is None:
            raise ReportError(f"line {number} is no block of a cover profile")
        file, place, statements, hits = block.groups()
        total = int(statements)
        table.add(file, place, total if hits.strip("0") else 0, total)
    return (CoverageFacts(lines=table.sum()),)


def _recognise(head: Head) -> bool:
    return head.root is None and _MODE.fullmatch(head.start.split(b"\n", 1)[0]) is not None


FORMAT = Format(
    name="go-cover",
    kind="coverage",
    media_type="text/plain",
    suffixes=(".out",),
    file_names=("coverage.out", "cover.out", "*.coverprofile"),
    marks=(b"mode: ", b".go:"),
    recognise=_recognise,
    read=_read,
)
