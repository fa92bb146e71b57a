"""A decision as a person in a hurry reads it: verdict first, then what, where, why and how to fix it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby

import click

from pushpolicy.cli.formats import Kind, Report
from pushpolicy.cli.render.identity import identity_lines
from pushpolicy.cli.render.several import several_lines
from pushpolicy.model.decision import Decision, RuleResult, RuleStatus, Violation
from pushpolicy.model.document import Document
from pushpolicy.model.text import printable

FINDINGS_SHOWN = 10
# How states are told that are no words of their own.
_WAIVERS = {"too_long": "too long"}
_MEASURES = {
    "ended": "ended, and softens nothing any more",
    "too_long": "not honoured, it would end too late",
    "refused": "not honoured, nothing softens an integrity rule",
}
_AT_SHOWN = (
    "id",
    "package",
    "version",
    "fixed_in",
    "report",
    "name",
    "scan",
    "platform",
    "path",
    "file",
    "line",
)


def decided(decision: Decision, evidence: Document) -> Report:
    """A decision that was not made for a push, and the evidence that it was made on."""
    return Report(
        Kind.DECISION, lambda: decision_lines(decision, evidence=evidence), decision.document, (decision,)
    )


def decision_lines(
    decision: Decision,
    remarks: Sequence[str] | None = None,
    *,
    doubt: str | None = None,
    evidence: Document | None = None,
) -> Iterator[str]:
    """The whole report of a decision, without what became of the push.

    Args:
        decision: what was decided.
        remarks: of a recorded decision, what is to be said beside its verdict.
        doubt: why its policy cannot be said to be what it says it is; None where it can.
        evidence: that it was made on, valid against its schema; None where that is somebody else's word.

    Yields:
        lines without line ends, styled for a terminal; foreign text in them is harmless.
    """
    yield verdict_line(decision, remarks)
    titles = {rule.name: rule for rule in decision.rules}
    for findings, color in ((decision.violations, "red"), (decision.warnings, "yellow")):
        yield from _absent((item for item in findings if item.evidence), titles, color)
        yield from _by_rule((item for item in findings if not item.evidence), titles, color)
    if several := list(several_lines(decision.violations)):
        yield ""
        yield from several
    yield from _waivers(decision)
    yield ""
    yield from _rule_summary(decision.rules)
    if evidence:
        yield from identity_lines(evidence.value["ci"])
    yield from _origins(decision, doubt=doubt)


def verdict_line(decision: Decision, remarks: Sequence[str] | None = None) -> str:
    """``ALLOW name@digest`` or ``DENY name@digest: N rules, M findings``, and the remarks."""
    image = decision.image
    name = f"{image.registry}{':' if image.registry == 'oci' else '/'}{image.repository}:{image.tags[0]}"
    text = f"{decision.verdict} {printable(name)}@{image.digest}"
    notes = list(_notes(decision) if remarks is None else remarks)
    if decision.allowed:
        return ", ".join([click.style(text, fg="green", bold=True), *notes])
    rules = len({violation.rule for violation in decision.violations})
    found = f": {count(rules, 'rule')}, {count(len(decision.violations), 'finding')}"
    return ", ".join([click.style(text, fg="red", bold=True) + found, *notes])


def _notes(decision: Decision) -> Iterator[str]:
    if decision.observed:
        yield "observed only: the rules below would have denied"
    if decision.loosened:
        yield f"loosened by the judged checkout ({', '.join(map(printable, decision.loosened[:3]))})"


def _by_rule(findings: Iterable[Violation], rules: Mapping[str, RuleResult], color: str) -> Iterator[str]:
    for name, group in groupby(sorted(findings, key=lambda item: item.rule), key=lambda item: item.rule):
        violations = list(group)
        rule = rules[name]
        # What a rule's `warn` says denies nothing, also where the rule denies something else.
        verb = "warns" if color == "yellow" and rule.because in (None, "warn") else "not met"
        yield ""
        yield (
            f"{click.style(printable(name), fg=color, bold=True)}  {verb}: {printable(rule.title)}"
            f"  [{printable(violations[0].severity)}]{_because(rule.because)}"
        )
        for violation in violations[:FINDINGS_SHOWN]:
            yield f"  - {printable(violation.msg, 600)}"
            if place := _place(violation):
                yield click.style(f"      {place}", dim=True)
        if len(violations) > FINDINGS_SHOWN:
            yield f"  ... and {len(violations) - FINDINGS_SHOWN} more (all of them: --format json)"
        if verb == "not met" or rule.status is not RuleStatus.VIOLATED:
            yield f"  fix: {printable(violations[0].fix, 400)}"


def _because(because: str | None) -> str:
    return f" ({printable(because)})" if because and because != "warn" else ""


def _absent(findings: Iterable[Violation], rules: Mapping[str, RuleResult], color: str) -> Iterator[str]:
    """Evidence that was not collected, said once for all rules that need it."""

    def cause(item: Violation) -> tuple[str, str]:
        return item.fix, rules[item.rule].because or ""

    for (fix, because), group in groupby(sorted(findings, key=cause), key=cause):
        violations = list(group)
        ids = click.style(
            ", ".join(dict.fromkeys(printable(each.id) for each in violations)), fg=color, bold=True
        )
        needed = ", ".join(dict.fromkeys(printable(each.rule) for each in violations))
        severities = ", ".join(dict.fromkeys(printable(each.severity) for each in violations))
        yield ""
        yield f"{ids}  not collected, needed by {needed}  [{severities}]{_because(because)}"
        yield from (f"  - {text}" for text in dict.fromkeys(printable(each.msg, 400) for each in violations))
        yield f"  fix: {printable(fix, 600)}"


def _place(violation: Violation) -> str:
    """What `at` says beyond the message: the waiver id first, and where; the rest is in the JSON."""
    at = violation.at
    parts = [(key, str(at[key])) for key in _AT_SHOWN if isinstance(at.get(key), str | int | float)]
    return " ".join(f"{key}={printable(value, 80)}" for key, value in parts if value not in violation.msg)


def _waivers(decision: Decision) -> Iterator[str]:
    notable = [use for use in decision.waivers if use.state != "unused" or decision.violations]
    if notable or decision.rollouts or decision.settings:
        yield ""
    shown = Counter[str]()
    for use in notable:
        shown[use.state] += 1
        if shown[use.state] > FINDINGS_SHOWN:
            continue
        waiver = use.waiver
        state = _WAIVERS.get(use.state, use.state)
        what = waiver.get("id") or waiver.get("purl") or waiver.get("evidence") or "all findings"
        why = f": {printable(use.reason, 400)}" if use.reason else ""
        yield (
            f"waiver {printable(state)}: {printable(str(waiver.get('rule')))} {printable(str(what))}"
            f" until {printable(str(waiver.get('expires')))} by {printable(str(waiver.get('approver')))}"
            f"{_from(waiver.get('origin'))}{why}"
        )
    for kind, number in shown.items():
        if number > FINDINGS_SHOWN:
            state = printable(_WAIVERS.get(kind, kind))
            yield f"... and {number - FINDINGS_SHOWN} more waivers {state} (all of them: --format json)"
    for measure in decision.rollouts:
        state = printable(_MEASURES.get(measure.state, measure.state))
        rules = printable(measure.rule or "all rules")
        until = printable(measure.until)
        limit = ": further ahead than max_days allows (180 unless set)" if measure.state == "too_long" else ""
        yield f"{printable(measure.measure)} {state}: {rules} until {until}{_from(measure.origin)}{limit}"
    for setting in decision.settings:
        value = printable(json.dumps(setting.value, ensure_ascii=False), 80)
        yield f"setting: {printable(setting.rule)}.{printable(setting.key)} = {value}{_from(setting.origin)}"


def _from(origin: object) -> str:
    return f" (from {printable(str(origin))})" if origin else ""


def _rule_summary(rules: Iterable[RuleResult]) -> Iterator[str]:
    for status in RuleStatus:
        names = [_with_reason(rule) for rule in rules if rule.status is status]
        if names:
            yield f"{status.value.replace('_', ' ') + ':':<15} {', '.join(names)}"


def _with_reason(rule: RuleResult) -> str:
    notes = [] if rule.origin in (None, "pack") else [rule.origin]
    if rule.status is RuleStatus.NOT_APPLICABLE and rule.reason:
        notes.append(rule.reason)
    name = printable(rule.name)
    return f"{name} ({printable(', '.join(notes))})" if notes else name


def _origins(decision: Decision, *, doubt: str | None) -> Iterator[str]:
    policy, engine = decision.policy, decision.engine
    anchored = "anchored" if policy.anchored else "not anchored"
    yield f"{'evidence:':<15} {decision.evidence} at {printable(decision.evaluated_at)}"
    yield f"{'policy:':<15} {printable(policy.source)} {policy.digest} ({doubt or anchored})"
    yield from (f"{'':<15} {printable(reason, 400)}" for reason in policy.not_anchored)
    digest = f" {engine.digest}" if engine.digest else ""
    yield f"{'engine:':<15} {printable(engine.name)} {printable(engine.version)}{digest}"
    if engine.server:
        said = "delegated: only the server" if engine.is_delegated else "confirmed by the server"
        yield f"{'':<15} {said} {printable(engine.server)}"


def count(number: int, noun: str) -> str:
    """``1 rule``, ``2 rules``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
