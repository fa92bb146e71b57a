"""detect-secrets' baseline (`detect-secrets scan`): secrets by file, and what an audit said of them.

What an audit called no secret is counted apart, unless the tool verified that it is one; what was not audited
is a finding. A baseline is usually a file of the commit: it is a statement, as a VEX document is, which adds
findings and takes none away. The hashes of the secrets are not read.
"""

from __future__ import annotations

from typing import Any

import msgspec

from pushpolicy.reports.facts import within
from pushpolicy.reports.format import Facts, Format, Head, ReportBytes
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.parsing import jsondoc
from pushpolicy.reports.pipeline import PipelineFacts, place

TOOL = "detect-secrets"


class _Secret(msgspec.Struct, gc=False):
    type: str
    line_number: int | None = None
    is_secret: bool | None = None
    is_verified: bool | None = None

    @property
    def is_denied(self) -> bool:
        return self.is_secret is False and not self.is_verified


class _Baseline(msgspec.Struct, gc=False):
    version: str
    plugins_used: list[Any]
    results: dict[str, list[_Secret]]


def _read(report: ReportBytes, limits: Limits) -> tuple[Facts, ...]:
    listed = jsondoc.decode(report, _Baseline).results.items()
    found = tuple(
        place(TOOL, file, each.line_number, each.type)
        for file, secrets in listed
        for each in secrets
        if not each.is_denied
    )
    cleared = sum(each.is_denied for _, secrets in listed for each in secrets)
    return within(limits, [PipelineFacts(tool=TOOL, findings=found, cleared=cleared)])


def _recognise(head: Head) -> bool:
    keys = set(head.keys)
    return not head.is_array and {"plugins_used", "results"} <= keys and head.keys["results"][:1] == b"{"


FORMAT = Format(
    name="detect-secrets",
    kind="pipeline",
    media_type="application/json",
    suffixes=(".baseline", ".json"),
    file_names=("*.secrets.baseline", "secrets.baseline", "detect-secrets*.json"),
    marks=(b'"plugins_used"', b'"results"'),
    is_statement=True,
    recognise=_recognise,
    document=_Baseline,
    read=_read,
)
