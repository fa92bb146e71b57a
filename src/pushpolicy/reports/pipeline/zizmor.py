"""zizmor's JSON (`--format json`, json-v1): what its audits say of workflows and actions of GitHub.

A finding lies where its primary location begins. One that a comment or the configuration ignores counts like
any other. `hardcoded-container-credentials` is a credential that is written down, the others are risks.
Without findings it is an empty list, which is recognised by the file's name.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from pushpolicy.model.evidence import PipelineFinding
from pushpolicy.reports.facts import within
from pushpolicy.reports.format import Facts, Format, Head, ReportBytes, ReportError
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.parsing import jsondoc
from pushpolicy.reports.pipeline import PipelineFacts, place

TOOL = "zizmor"
_WRITTEN_DOWN = frozenset({f"{TOOL}/hardcoded-container-credentials"})
# What names the file, by the version: of a local file, and of one that was fetched.
_PATHS = ("given_path", "verbatim_path", "path")


class _Symbolic(msgspec.Struct, gc=False):
    key: dict[str, Any]
    kind: str | None = None


class _Point(msgspec.Struct, gc=False):
    row: int  # from 0


class _Span(msgspec.Struct, gc=False):
    start_point: _Point


class _Concrete(msgspec.Struct, gc=False):
    location: _Span


class _Location(msgspec.Struct, gc=False):
    symbolic: _Symbolic
    concrete: _Concrete


class _Finding(msgspec.Struct, gc=False):
    ident: str
    locations: list[_Location]


def facts(found: Iterable[PipelineFinding]) -> PipelineFacts:
    """What it lists: credentials that are written down, and risks."""
    listed = tuple(found)
    return PipelineFacts(
        tool=TOOL,
        findings=tuple(each for each in listed if each.rule in _WRITTEN_DOWN),
        risks=tuple(each for each in listed if each.rule not in _WRITTEN_DOWN),
    )


def _read(report: ReportBytes, limits: Limits) -> tuple[Facts, ...]:
    return within(limits, [facts(map(_found, jsondoc.decode(report, list[_Finding])))])


def _found(finding: _Finding) -> PipelineFinding:
    if not finding.locations:
        raise ReportError("a finding has no location")
    primary = (each for each in finding.locations if each.symbolic.kind == "Primary")
    at = next(primary, finding.locations[0])
    said = next((each for each in at.symbolic.key.values() if isinstance(each, dict)), {})
    file = next((said[name] for name in _PATHS if isinstance(said.get(name), str)), None)
    return place(TOOL, file, at.concrete.location.start_point.row + 1, finding.ident)


def _recognise(head: Head) -> bool:
    return head.is_array and {"ident", "determinations", "locations"} <= set(head.keys)


FORMAT = Format(
    name="zizmor",
    kind="pipeline",
    media_type="application/json",
    suffixes=(".json",),
    file_names=("zizmor*.json", "*-zizmor.json", "*_zizmor.json", "*.zizmor.json"),
    marks=(b'"ident"', b'"determinations"'),
    may_be_empty=True,
    recognise=_recognise,
    read=_read,
)
