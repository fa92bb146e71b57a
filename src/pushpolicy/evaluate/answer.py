"""OPA's answer, read strictly: exactly the expected keys and types, or no decision at all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from pushpolicy.errors import EngineError
from pushpolicy.evaluate.policyset import PolicySet
from pushpolicy.evaluate.remedies import remedy
from pushpolicy.evaluate.told import (
    Answer,
    ContradictionError,
    Finding,
    Measure,
    Rule,
    Waived,
    read_told,
    read_whole,
)
from pushpolicy.model.decision import (
    Decision,
    EngineIdentity,
    ImageIdentity,
    MeasureUse,
    RuleResult,
    RuleStatus,
    Verdict,
    Violation,
    WaiverUse,
)
from pushpolicy.model.digest import Digest
from pushpolicy.model.document import Document
from pushpolicy.model.text import first_of, printable
from pushpolicy.records.floor import objections

# The id of what is denied where no rule judged the image.
UNJUDGED = "not_applicable"
Item = TypeVar("Item")
_LYING = (
    "it is broken or lies: find out what answers there; the companion wheel decides here, without --engine"
)


def read_answer(value: Any, policy: PolicySet, evidence: Document, engine: EngineIdentity) -> Decision:
    """Make a decision of OPA's answer.

    Args:
        value: the value of data.pushpolicy.main.decision.
        policy: what was asked; gives titles, severities and fixes.
        evidence: what was asked about.
        engine: who answered.

    Raises:
        EngineError: when anything in it is absent, unknown, of another type or contradictory, or when it is
            ALLOW and the floor computes otherwise.
    """
    try:
        answer = read_told(value) if policy.is_current else read_whole(value)
        return _decision(answer, policy, evidence, engine)
    except ContradictionError as error:
        told = f"answered out of contract: {printable(str(error))}"
        if engine.hermeticity == "delegated":
            raise EngineError(f"the OPA server {engine.server} {told}", _LYING) from error
        raise EngineError(f"OPA {told}") from error


def decision_of(value: Any, policy: PolicySet, evidence: Document, engine: EngineIdentity) -> Decision:
    """`read_answer` for an answer that was put together from a record, and tells each finding whole.

    Raises:
        ContradictionError: as `read_answer`.
    """
    return _decision(read_whole(value), policy, evidence, engine)


def _decision(answer: Answer, policy: PolicySet, evidence: Document, engine: EngineIdentity) -> Decision:
    decision = _Reader(policy, evidence.value).decision(answer, evidence, engine)
    _check_statuses(decision)
    if not is_judged(decision) and policy.is_current:
        decision = replace(decision, violations=tuple(unjudged(decision, policy)))
    if answer.allow is bool(decision.violations):
        raise ContradictionError(f"allow is {answer.allow} with {len(decision.violations)} violations")
    if answer.allow:
        _check_floor(answer, policy, evidence)
    return decision


def _check_statuses(decision: Decision) -> None:
    """Require of each rule's status the findings that it speaks of, and no others."""
    violated, warned, waived = (
        {finding.rule for finding in findings}
        for findings in (decision.violations, decision.warnings, decision.waived)
    )
    by_status = {status: {r.name for r in decision.rules if r.status is status} for status in RuleStatus}
    if violated != by_status[RuleStatus.VIOLATED]:
        raise ContradictionError("the violated rules are not those of the violations")
    if by_status[RuleStatus.WARNED] - warned or by_status[RuleStatus.WAIVED] - waived:
        raise ContradictionError("a rule warned or is waived, and has no such finding")
    # Of a rule that is switched off only its denials are left out.
    silent = {r.name for r in decision.rules if r.status is RuleStatus.NOT_APPLICABLE and r.because != "off"}
    if (silent | by_status[RuleStatus.PASSED]) & (warned | waived):
        raise ContradictionError("a rule that passed or is not applicable has findings")
    if not decision.observed and any(rule.because == "observe" for rule in decision.rules):
        raise ContradictionError("a rule only warned because of observe mode, and observed is false")


def is_judged(decision: Decision) -> bool:
    """Whether a rule judged the image. Rules that are off, and observe mode, are the organisation's word."""
    observes = any(each.measure == "observe" and each.state == "active" for each in decision.rollouts)
    return observes or any(
        rule.status is not RuleStatus.NOT_APPLICABLE or rule.because == "off" for rule in decision.rules
    )


def unjudged(decision: Decision, policy: PolicySet) -> Iterator[Violation]:
    """What is denied where no rule judged the image: of each, that it did not."""
    for rule in decision.rules:
        yield Violation(
            rule=rule.name,
            id=UNJUDGED,
            msg=f"no rule judged this image, and this one does not apply: {rule.reason}",
            at={"id": UNJUDGED},
            severity=policy.index.rules[rule.name].severity,
            fix="Set what the rule asks for in settings.yaml, or add a rule that applies.",
        )


def loosened(policy: PolicySet, waived: Iterable[Violation]) -> Iterator[str]:
    """What the judged checkout changed of rules that are not its own, and a decision rests on."""
    origins: Mapping[str, str] = policy.grounds.origins.get("rules", {})
    for setting in policy.settings:
        if setting.origin == "checkout" != origins.get(setting.rule):
            yield f"setting {setting.rule}.{setting.key}"
    for item in waived:
        if item.waiver and item.waiver.get("origin") == "checkout" != origins.get(item.rule):
            yield f"waiver of {item.rule} {item.id}"


def _check_floor(answer: Answer, policy: PolicySet, evidence: Document) -> None:
    if answer.denials is UNSET:
        # The first version's system part, as a record holds it, does not tell them.
        if policy.is_current:
            raise ContradictionError("ALLOW comes without the denials of the rules")
        return
    for objection in objections(evidence.value, policy.grounds, answer.denials):
        raise ContradictionError(f"ALLOW does not follow from the denials of the rules: {objection}")


class _Reader:
    """From the parts of an answer to those of a decision, which say what the index and the data say too."""

    def __init__(self, policy: PolicySet, evidence: Mapping[str, Any]) -> None:
        self._policy, self._rules, self._waivers = policy, policy.index.rules, policy.waivers
        self._evidence = evidence
        self._origins: Mapping[str, str] = policy.grounds.origins.get("rules", {})

    def decision(self, answer: Answer, evidence: Document, engine: EngineIdentity) -> Decision:
        """Everything that one answer says; whether it may be is not asked here."""
        if answer.rollouts is UNSET and self._policy.is_current:
            raise ContradictionError("it does not say what became of the rollouts")
        rollouts = () if answer.rollouts is UNSET else tuple(map(self._measure, answer.rollouts))
        waived = tuple(map(self._finding, answer.waived))
        return Decision(
            verdict=Verdict.ALLOW if answer.allow else Verdict.DENY,
            evaluated_at=evidence.value["evaluated_at"],
            image=_image(evidence.value),
            evidence=evidence.digest,
            policy=self._policy.identity.decided_by(engine),
            engine=engine,
            rules=self._results(answer.rules),
            violations=tuple(map(self._finding, answer.violations)),
            warnings=tuple(map(self._finding, answer.warnings)),
            waived=waived,
            waivers=self._uses(answer),
            rollouts=rollouts,
            settings=self._policy.settings,
            loosened=tuple(loosened(self._policy, waived)),
            observed=answer.observed,
        )

    def _results(self, items: list[Rule]) -> tuple[RuleResult, ...]:
        """One result for each rule of the index, no more and no less."""
        names = [item.name for item in items]
        if not names or sorted(names) != sorted(self._rules):
            odd = [name for name in names if name not in self._rules or names.count(name) > 1]
            told = first_of(odd or names, 10) or "none"
            raise ContradictionError(f"it speaks of the rules {told}, not of those of the index")
        return tuple(
            RuleResult(
                name=item.name,
                title=self._rules[item.name].title,
                status=item.status,
                because=_known(item.because),
                reason=_known(item.reason),
                origin=self._origins.get(item.name),
            )
            for item in items
        )

    def _finding(self, item: Finding) -> Violation:
        if item.rule not in self._rules:
            raise ContradictionError(f"a finding is of the unknown rule {item.rule}")
        rule, absent = self._rules[item.rule], _known(item.evidence)
        return Violation(
            rule=item.rule,
            id=item.id,
            msg=item.msg,
            at=item.at,
            severity=rule.severity,
            fix=rule.fix if absent is None else remedy(absent, rule, self._evidence),
            evidence=absent,
            waiver=self._waiver(item.waiver) if isinstance(item, Waived) else None,
        )

    def _uses(self, answer: Answer) -> tuple[WaiverUse, ...]:
        """What became of each waiver, in order."""
        items = answer.waivers
        if [item.waiver for item in items] != list(range(len(self._waivers))):
            raise ContradictionError(
                f"it speaks of {len(items)} waivers, or out of order; there are {len(self._waivers)}"
            )
        found: dict[str, list[Finding]] = {}
        for each in answer.violations:
            found.setdefault(each.rule, []).append(each)
        return tuple(
            WaiverUse(waiver=waiver, state=item.state, reason=self._why(waiver, item.state, found))
            for waiver, item in zip(self._waivers, items, strict=True)
        )

    def _why(
        self, waiver: Mapping[str, Any], state: str, found: Mapping[str, Sequence[Finding]]
    ) -> str | None:
        """Why a waiver does not count, and what would make it count."""
        match state:
            case "unused":
                return self._unused(waiver, found.get(waiver["rule"], ()))
            case "pending":
                return f"it counts from {waiver.get('not_before')}"
            case "expired":
                return f"it ended on {waiver.get('expires')}; whoever approves may set another end"
            case "too_long":
                return self._too_long(waiver)
            case "refused":
                return self._refused(waiver)
            case "elsewhere":
                return f"it is for {waiver.get('repository')}"
        return None

    def _refused(self, waiver: Mapping[str, Any]) -> str:
        rule = self._rules.get(waiver["rule"])
        if "refused" in waiver or "quorum" not in waiver or rule is None or rule.integrity:
            return str(waiver.get("refused", "nobody can waive this rule"))
        from pushpolicy.evaluate.approvals import told_in

        return told_in(waiver, self._policy.files, self._evidence)

    def _unused(self, waiver: Mapping[str, Any], found: Sequence[Finding]) -> str:
        """Which findings it could have named: an id may be misspelt, or another by now."""
        rule, named = waiver["rule"], waiver.get("id") or waiver.get("purl") or waiver.get("evidence")
        # One of that id was not waived by it, so it is no finding of the rule itself.
        if waiver.get("id") in [each.id for each in found]:
            return f"{named} is evidence that {rule} lacks: write evidence: {named}, in the place of id"
        there = dict.fromkeys(
            str(each.at.get("purl", each.id)) if "purl" in waiver else each.id for each in found
        )
        others = f"; what it found is {first_of(list(there), 3)}" if found else ""
        return f"{rule} found nothing that {named} names{others}"

    def _too_long(self, waiver: Mapping[str, Any]) -> str:
        limits = self._policy.grounds.waivers
        days = limits.get("max_days")
        if waiver.get("origin") == "checkout":
            days = limits.get("repo_max_days", days)
        begin = "not_before" if "not_before" in waiver else "this decision"
        return f"it lasts longer than the {days} days that the policy allows, counted from {begin}"

    def _measure(self, item: Measure) -> MeasureUse:
        rule, enforcement = _known(item.rule), self._policy.grounds.enforcement
        given: Mapping[str, Any]
        if item.measure == "observe":
            given = enforcement.get("observe", {})
        elif item.measure == "grace":
            given = {"until": self._rules[rule].effective_on} if rule and rule in self._rules else {}
        else:
            given = enforcement.get("rules", {}).get(rule, {})
        if not isinstance(given.get("until"), str):
            raise ContradictionError(f"there is no {item.measure} of {rule or 'all rules'}")
        return MeasureUse(
            measure=item.measure,
            state=item.state,
            until=given["until"],
            rule=rule,
            reason=given.get("reason"),
            origin=given.get("origin"),
        )

    def _waiver(self, number: int) -> Mapping[str, Any]:
        if not 0 <= number < len(self._waivers):
            raise ContradictionError("a waived finding names no waiver")
        return self._waivers[number]


def _known(value: Item | UnsetType) -> Item | None:
    return None if value is UNSET else value


def _image(evidence: Mapping[str, Any]) -> ImageIdentity:
    target = evidence["target"]
    return ImageIdentity(
        digest=Digest.parse(evidence["image"]["digest"]),
        registry=target["registry"],
        repository=target["repository"],
        tags=tuple(target["tags"]),
    )
