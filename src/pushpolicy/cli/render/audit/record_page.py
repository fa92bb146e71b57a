"""One record, as a page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from pushpolicy.audit.entry import Entry
from pushpolicy.audit.outcome import Outcome
from pushpolicy.audit.walk import Opened
from pushpolicy.cli.formats.page import Cell, Facts, Page, Section, Table, Tone
from pushpolicy.cli.render.audit.changes import place_of
from pushpolicy.cli.render.decision import count
from pushpolicy.model.decision import RuleStatus, Violation

_MOST = 200
_TONES = {
    RuleStatus.PASSED: Tone.GOOD,
    RuleStatus.VIOLATED: Tone.BAD,
    RuleStatus.WARNED: Tone.DOUBT,
    RuleStatus.WAIVED: Tone.DOUBT,
}


def page_of(found: Opened, at: datetime) -> Page:
    """What was decided, why, and who pushed.

    Args:
        found: the record.
        at: the time of the report.
    """
    decision, how, entry = found.record.decision, found.standing, Entry.of(found)
    tone = Tone.BAD if entry.outcome is Outcome.DENIED else Tone.GOOD
    # Green is only what is known to be somebody's approval, of a policy that is known.
    is_sure = how.reliable and bool(how.signature.by) and entry.outcome is not Outcome.OBSERVED
    doubted = entry.wrong or not (is_sure or entry.outcome is Outcome.DENIED)
    said = f"{', '.join(how.wrong)}: " if how.wrong else ""
    remarks = ", ".join(each for each in how.remarks if each not in how.wrong)
    return Page(
        title="One decision about an image",
        subject=place_of(decision.image),
        verdict=Cell(f"{said}{decision.verdict}, {remarks}", Tone.DOUBT if doubted else tone),
        numbers=(),
        notes=(),
        sections=tuple(_sections(found, entry)),
        made=at,
    )


def _sections(found: Opened, entry: Entry) -> Iterator[Section]:
    decision = found.record.decision
    for name, title, findings in (
        ("denied", "What denied", decision.violations),
        ("warned", "What only warned", decision.warnings),
        ("waived", "What was waived", decision.waived),
    ):
        if findings:
            yield Section(name, title, (_findings(findings),))
    yield Section("facts", "Who pushed what, and how it was decided", (Facts(tuple(_facts(found, entry))),))
    rules = tuple(
        (
            Cell(rule.name, code=True),
            Cell(rule.status.replace("_", " "), _TONES.get(rule.status, Tone.PLAIN)),
            Cell(rule.title),
            Cell(rule.reason or rule.because or ""),
            Cell(rule.origin or ""),
        )
        for rule in decision.rules
    )
    heads = ("rule", "result", "what it asks", "reason", "from")
    yield Section("rules", "Rules", (Table("Every rule and its result", heads, rules),))


def _facts(found: Opened, entry: Entry) -> Iterator[tuple[str, Cell]]:
    decision, run = found.record.decision, entry.run or ""
    policy, engine = decision.policy, decision.engine
    held = f" ({entry.credential_from})" if entry.credential_from else ""
    told = (
        ("decided at", Cell(entry.time)),
        ("by", Cell(entry.actor or "")),
        ("commit", Cell(entry.commit or "", code=True)),
        ("branch", Cell(entry.branch or "")),
        ("event", Cell(entry.event or "")),
        ("run", Cell(run, link=run)),
        ("credential", Cell(f"{entry.credential or ''}{held}")),
        ("signature", Cell(str(found.standing.signature).removeprefix("signature: "))),
        ("policy", Cell(f"{policy.source} {policy.digest}")),
        ("not anchored", Cell("; ".join(policy.not_anchored))),
        ("engine", Cell(f"{engine.name} {engine.version} {engine.digest or engine.server}")),
        ("evidence", Cell(str(decision.evidence), code=True)),
        ("image", Cell(entry.digest, code=True)),
        ("record", Cell(entry.record, code=True)),
    )
    return ((term, said) for term, said in told if said.text)


def _findings(findings: Sequence[Violation]) -> Table:
    rows = tuple(
        (
            Cell(each.rule, code=True),
            Cell(each.id, code=True),
            Cell(each.msg),
            Cell(each.severity),
            Cell(_waiver(each) or each.fix),
        )
        for each in findings[:_MOST]
    )
    more = len(findings) - _MOST
    rest = f"{count(more, 'more finding')} not shown here (all of them: --format json)." if more > 0 else ""
    heads = ("rule", "finding", "what it says", "severity", "what to do, or who waived it")
    return Table(f"{count(len(findings), 'finding')}", heads, rows, rest)


def _waiver(each: Violation) -> str:
    if not each.waiver:
        return ""
    until, who, why = (str(each.waiver.get(name, "")) for name in ("expires", "approver", "reason"))
    return f"waived until {until} by {who}: {why}"
