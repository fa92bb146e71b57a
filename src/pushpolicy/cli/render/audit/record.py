"""One record."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import click

from pushpolicy.audit.standing import Standing
from pushpolicy.audit.walk import Opened
from pushpolicy.cli.formats import Kind, Report
from pushpolicy.cli.render.audit.evidence import evidence_lines, evidence_summary
from pushpolicy.cli.render.audit.lines import audit_document, summary_json
from pushpolicy.cli.render.audit.policy import policy_json, policy_lines, rule_file
from pushpolicy.cli.render.audit.record_page import page_of
from pushpolicy.cli.render.decision import FINDINGS_SHOWN, count, decision_lines
from pushpolicy.model.decision import Decision, RuleStatus
from pushpolicy.model.text import printable
from pushpolicy.records.format import REPORT_FORMAT, REPORT_NAME, TITLE
from pushpolicy.records.read import Record

_FOUND = (RuleStatus.VIOLATED, RuleStatus.WARNED, RuleStatus.WAIVED)


def record(found: Opened, at: datetime, *, with_evidence: bool = False, with_policy: bool = False) -> Report:
    """One record with its decision and evidence, as ``pushpolicy.audit.show/v1``.

    Args:
        found: the record.
        at: the time of the report.
        with_evidence: whether the text has all of the evidence.
        with_policy: whether the text of the rules is told.
    """
    how = found.standing
    others = {"others": how.others} if how.newest else {}
    policy = {"policy": policy_json(found.held.policy)} if with_policy else {}

    def lines() -> Iterator[str]:
        yield from _record_lines(found, how)
        if with_policy:
            yield from policy_lines(found.held.policy, _rules_that_found(found.record.decision))
        if with_evidence:
            yield ""
            yield from evidence_lines(found.record.evidence.value)

    return Report(
        Kind.RECORD,
        lines,
        lambda: audit_document(
            "show",
            {
                **summary_json(found.summary, how),
                **others,
                "redacted": found.record.redacted,
                "evidence": found.record.evidence.value,
                **policy,
            },
        ),
        (found.record.decision,),
        lambda: page_of(found, at),
    )


def _record_lines(found: Opened, how: Standing) -> Iterator[str]:
    """The decision as it was printed then, on what it was made, and what the record holds."""
    if how.signature.by and how.wrong:  # what is verified reads as what is meant
        yield f"{click.style('NOT VALID', fg='red', bold=True)}: {'; '.join(how.wrong)}"
    decision = found.record.decision
    yield from decision_lines(decision, how.remarks, doubt=how.doubt)
    for name in _rules_that_found(decision):
        if name in found.held.policy.index.rules:
            yield f"{'by rule:':<15} {rule_file(found.held.policy, name)}"
    yield ""
    yield from _waived(decision)
    yield from evidence_summary(found.record.evidence.value)
    yield ""
    yield from _of_record(found.record)
    if how.others:
        yield f"{'others:':<15} {count(how.others, 'more record')} of this image (audit list)"
    yield f"{'signature:':<15} {str(how.signature).removeprefix('signature: ')}"


def _rules_that_found(decision: Decision) -> list[str]:
    return [rule.name for status in _FOUND for rule in decision.rules if rule.status is status]


def _waived(decision: Decision) -> Iterator[str]:
    """What would have denied, and by whose word it did not."""
    for each in decision.waived[:FINDINGS_SHOWN]:
        waiver = each.waiver or {}
        by = f"by {waiver.get('approver')} until {waiver.get('expires')}: {waiver.get('reason')}"
        yield f"{'waived:':<15} {printable(f'{each.rule} {each.id}: {each.msg}', 400)}"
        yield f"{'':<15} {printable(by, 400)}"
    if (more := len(decision.waived) - FINDINGS_SHOWN) > 0:
        yield f"{'':<15} ... and {more} more (all of them: --format json)"


def _of_record(found: Record) -> Iterator[str]:
    summary = found.summary
    yield f"{'record:':<15} {summary.digest}"
    for tag, digest in summary.previous.items():
        yield f"{'before:':<15} {digest} of tag {printable(tag)}"
    for each in found.evidence.value.get("records", {}).get("items", ()):
        if each["verified"]:
            place = f"{each['digest']} in {each.get('registry')}/{each.get('repository')}"
            said = f"{each.get('verdict')} of {each.get('at')}, verified by {each.get('verified_by')} then"
            yield f"{'earlier:':<15} {printable(f'{place} ({said})', 500)}"
    for layer in summary.layers:
        told = layer.annotations
        title = told.get(TITLE, layer.media_type)
        name = f"{told[REPORT_NAME]}, {told[REPORT_FORMAT]}, " if REPORT_NAME in told else ""
        yield f"{'holds:':<15} {printable(title)} ({printable(name)}{layer.size} bytes, {layer.digest})"
    if found.redacted:
        reports = count(found.redacted, "report")
        yield f"{'redacted:':<15} {reports}, of which only digests were kept; the decision still replays"
