"""What reports of other tools list, beside what is found here in the pipeline's files."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from pushpolicy.gather.names import Reports
from pushpolicy.model.evidence import PipelineEvidence, PipelineFinding, Status
from pushpolicy.reports.pipeline import PipelineFacts

_TOLD = 5


def with_reports(found: PipelineEvidence, reports: Reports) -> PipelineEvidence:
    """The same with what reports list, which add only; one that cannot be read fails all of it."""
    if problems := reports.problems["pipeline"]:
        own = [found.reason] if found.status is Status.FAILED and found.reason else []
        return PipelineEvidence(status=Status.FAILED, reason="; ".join([*own, *problems][:_TOLD]))
    listed = [facts for _, _, facts in reports.items(PipelineFacts)]
    if found.status is not Status.COLLECTED or not listed:
        return found
    return replace(
        found,
        findings=(*found.findings, *_once(each for facts in listed for each in facts.findings)),
        risks=(*found.risks, *_once(each for facts in listed for each in facts.risks)),
    )


def _once(listed: Iterable[PipelineFinding]) -> list[PipelineFinding]:
    """Each place once: a tool lists a secret again for every commit that it stood in."""
    return sorted(set(listed), key=lambda each: (each.tool or "", each.file, each.line, each.rule))
