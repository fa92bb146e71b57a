"""coverage.py's JSON (``coverage json``): the executed and missing lines of each file.

`percent_covered` mixes lines and branches when branches are measured, so it is not read.
"""

from __future__ import annotations

import msgspec

from pushpolicy.reports.coverage import Table, worse
from pushpolicy.reports.facts import CoverageFacts
from pushpolicy.reports.format import Facts, Format, Head, ReportBytes
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.parsing import jsondoc
from pushpolicy.reports.parsing.values import utc
from pushpolicy.reports.suites import differ

_Arc = tuple[int, int]


class _File(msgspec.Struct, gc=False):
    executed_lines: list[int]
    missing_lines: list[int]
    executed_branches: list[_Arc] | None = None
    missing_branches: list[_Arc] | None = None


class _Meta(msgspec.Struct):
    timestamp: str | None = None


class _Totals(msgspec.Struct):
    num_statements: int | None = None
    covered_lines: int | None = None


class _Report(msgspec.Struct):
    meta: _Meta
    files: dict[str, _File]
    totals: _Totals


def _read(report: ReportBytes, limits: Limits) -> tuple[Facts, ...]:
    content = jsondoc.decode(report, _Report)
    lines, branches = Table(limits), Table(limits)
    for name, file in content.files.items():
        for covered, numbers in ((1, file.executed_lines), (0, file.missing_lines)):
            for number in numbers:
                lines.add(name, number, covered)
        for covered, arcs in ((1, file.executed_branches), (0, file.missing_branches)):
            for arc in arcs or ():
                branches.add(name, arc, covered)
    found, arcs_found = lines.sum(), branches.sum()
    declared = {
        "num_statements": content.totals.num_statements,
        "covered_lines": content.totals.covered_lines,
    }
    facts = CoverageFacts(
        lines=worse(found, declared["covered_lines"], declared["num_statements"]),
        branches=arcs_found if arcs_found.total else None,
        disagreements=differ(declared, {"num_statements": found.total, "covered_lines": found.covered}),
        timestamp=utc(content.meta.timestamp),
    )
    return (facts,)


def _recognise(head: Head) -> bool:
    if head.is_array or not {"meta", "files", "totals"} <= head.keys.keys():
        return False
    return b'"branch_coverage"' in head.keys["meta"]


FORMAT = Format(
    name="coverage.py",
    kind="coverage",
    media_type="application/json",
    suffixes=(".json",),
    file_names=("coverage.json",),
    marks=(b'"branch_coverage"', b'"executed_lines"'),
    recognise=_recognise,
    read=_read,
)
