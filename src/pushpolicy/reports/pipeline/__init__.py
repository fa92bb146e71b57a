"""Reports about the pipeline's own files, and secrets in the checkout: one file per tool.

They quote what they found. Only the place and the rule are taken over, here, in the process that reads: the
secret itself reaches no evidence and no message, and the file is stored with no record.
"""

from __future__ import annotations

from pushpolicy.model.evidence import PipelineFinding
from pushpolicy.reports.format import Facts, ReportError
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.parsing.values import text


class PipelineFacts(Facts, frozen=True, kw_only=True):
    """What another tool found in the pipeline's files, or of secrets in the checkout.

    Attributes:
        findings: credentials that are written down.
        risks: what makes a credential easier to steal.
        cleared: how many an audit by people called no secret.
    """

    evidence_kind = "pipeline"

    tool: str
    findings: tuple[PipelineFinding, ...] = ()
    risks: tuple[PipelineFinding, ...] = ()
    cleared: int = 0

    @property
    def shows_failure(self) -> bool:
        """Whether it lists anything."""
        return bool(self.findings or self.risks)

    def summary(self) -> str:
        """As ``2 findings and 1 risks, 3 audited as no secret``."""
        audited = f", {self.cleared} audited as no secret" if self.cleared else ""
        return f"{len(self.findings)} findings and {len(self.risks)} risks{audited}"

    def check(self, limits: Limits) -> None:
        """Findings are never left out, and their names never cut short."""
        listed = (*self.findings, *self.risks)
        if len(listed) > limits.max_findings:
            raise ReportError(f"its {len(listed)} findings are over the limit of {limits.max_findings}")
        if any(len(text) > limits.max_text for each in listed for text in (each.file, each.rule)):
            raise ReportError(f"a finding has a text over the limit of {limits.max_text} characters")


def place(tool: str, file: str | None, line: int | None, rule: str | None) -> PipelineFinding:
    """One finding.

    Args:
        tool: that lists it.
        file: relative to the checkout, with or without ``./``.
        line: from 1; a tool that gives none, or zero, means the file as a whole.
        rule: as the tool calls it; the evidence has ``TOOL/RULE``.

    Raises:
        ReportError: when it names no file or no rule.
    """
    named = (file or "").removeprefix("./")
    if not named or not rule:
        raise ReportError(f"a finding names no {'rule' if named else 'file'}")
    return PipelineFinding(file=text(named), line=max(line or 1, 1), rule=f"{tool}/{text(rule)}", tool=tool)
