"""gitleaks' JSON (`--report-format json`) of version 8, and of those before it.

Without findings it is an empty list, which is recognised by the file's name. What it holds of the secret
(`Secret`, `Match`, `offender`, `line`) is not read, and neither are author and message of the commit.
"""

from __future__ import annotations

import msgspec

from pushpolicy.reports.facts import within
from pushpolicy.reports.format import Facts, Format, Head, ReportBytes
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.parsing import jsondoc
from pushpolicy.reports.pipeline import PipelineFacts, place

TOOL = "gitleaks"


class _Leak(msgspec.Struct, gc=False):
    rule_id: str | None = msgspec.field(name="RuleID", default=None)
    file: str | None = msgspec.field(name="File", default=None)
    start_line: int | None = msgspec.field(name="StartLine", default=None)
    # Before version 8.
    rule: str | None = None
    old_file: str | None = msgspec.field(name="file", default=None)
    old_line: int | None = msgspec.field(name="lineNumber", default=None)


def _read(report: ReportBytes, limits: Limits) -> tuple[Facts, ...]:
    found = (
        place(TOOL, leak.file or leak.old_file, leak.start_line or leak.old_line, leak.rule_id or leak.rule)
        for leak in jsondoc.decode(report, list[_Leak])
    )
    return within(limits, [PipelineFacts(tool=TOOL, findings=tuple(found))])


def _recognise(head: Head) -> bool:
    keys = set(head.keys)
    return head.is_array and ({"RuleID", "File", "StartLine"} <= keys or {"offender", "rule"} <= keys)


FORMAT = Format(
    name="gitleaks",
    kind="pipeline",
    media_type="application/json",
    suffixes=(".json",),
    file_names=("gitleaks*.json", "*-gitleaks.json", "*_gitleaks.json", "*.gitleaks.json"),
    marks=(b'"RuleID"', b'"Fingerprint"'),
    may_be_empty=True,
    recognise=_recognise,
    read=_read,
)
