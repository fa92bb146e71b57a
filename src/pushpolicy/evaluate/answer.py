"""OPA's answer, read strictly: exactly the expected keys and types, or no decision at all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pushpolicy.errors import EngineError
from pushpolicy.evaluate.policyset import PolicySet
from pushpolicy.model.decision import (
    Decision,
    EngineIdentity,
    ImageIdentity,
    RuleResult,
    RuleStatus,
    Verdict,
    Violation,
    WaiverUse,
)
from pushpolicy.model.digest import Digest
from pushpolicy.model.document import Document
from pushpolicy.model.text import printable

_KEYS = {"allow", "observed", "rules", "violations", "warnings", "waived", "waivers"}
_STATES = {"used", "unused", "pending", "expiring", "expired", "too_long", "refused"}
_BECAUSE = {"grace", "rollout", "observe", "warn", "off"}


def read_answer(answer: Any, policy: PolicySet, evidence: Document, engine: EngineIdentity) -> Decision:
    """Make a decision of OPA's answer.

    Args:
        answer: the value of data.pushpolicy.main.decision.
        policy: what was asked; gives titles, severities and fixes.
        evidence: what was asked about.
        engine: who answered.

    Raises:
        EngineError: when anything in it is absent, unknown, of another type or contradictory.
    """
    reader = _Reader(policy)
    fields = reader.fields(answer, _KEYS, frozenset(), "the answer")
    rules = reader.rules(fields["rules"])
    violations = reader.findings(fields["violations"], "violations")
    allow = reader.boolean(fields["allow"], "allow")
    violated = {rule.name for rule in rules if rule.status is RuleStatus.VIOLATED}
    if violated != {violation.rule for violation in violations}:
        raise _wrong("the violated rules are not those of the violations")
    if allow is bool(violations):
        raise _wrong(f"allow is {allow} with {len(violations)} violations")
    return Decision(
        verdict=Verdict.ALLOW if allow else Verdict.DENY,
        evaluated_at=evidence.value["evaluated_at"],
        image=_image(evidence.value),
        evidence=evidence.digest,
        policy=policy.identity,
        engine=engine,
        rules=rules,
        violations=violations,
        warnings=reader.findings(fields["warnings"], "warnings"),
        waived=reader.findings(fields["waived"], "waived", waived=True),
        waivers=reader.uses(fields["waivers"]),
        observed=reader.boolean(fields["observed"], "observed"),
    )


class _Reader:
    def __init__(self, policy: PolicySet) -> None:
        self._rules, self._waivers = policy.index.rules, policy.waivers

    def rules(self, value: Any) -> tuple[RuleResult, ...]:
        """One result for each rule of the index, no more and no less."""
        results = tuple(self._result(item) for item in _list(value, "rules"))
        names = [result.name for result in results]
        if not names or sorted(names) != sorted(self._rules):
            raise _wrong(f"it speaks of the rules {', '.join(names) or 'none'}, not of those of the index")
        return results

    def findings(self, value: Any, place: str, waived: bool = False) -> tuple[Violation, ...]:
        """The violations in a list, with what the index says of their rules."""
        return tuple(self._finding(item, place, waived) for item in _list(value, place))

    def uses(self, value: Any) -> tuple[WaiverUse, ...]:
        """What became of each waiver, in order."""
        items = _list(value, "waivers")
        if len(items) != len(self._waivers):
            raise _wrong(f"it speaks of {len(items)} waivers, there are {len(self._waivers)}")
        uses = []
        for number, item in enumerate(items):
            fields = self.fields(item, {"waiver", "state"}, frozenset(), "a waiver")
            if fields["waiver"] != number or fields["state"] not in _STATES:
                raise _wrong("a waiver's state is unknown, or they are out of order")
            uses.append(WaiverUse(waiver=self._waivers[number], state=fields["state"]))
        return tuple(uses)

    def boolean(self, value: Any, place: str) -> bool:
        """A boolean, not something that is true in Python."""
        if not isinstance(value, bool):
            raise _wrong(f"{place} is not true or false")
        return value

    def fields(self, value: Any, required: set[str], optional: frozenset[str], place: str) -> dict[str, Any]:
        """An object with exactly these keys."""
        if not isinstance(value, dict):
            raise _wrong(f"{place} is not an object")
        if not required <= value.keys() <= required | optional:
            odd = sorted(required ^ (value.keys() - optional))
            raise _wrong(f"{place} has other keys than expected ({', '.join(odd)})")
        return value

    def _result(self, item: Any) -> RuleResult:
        fields = self.fields(item, {"name", "status"}, frozenset({"because", "reason"}), "a rule")
        if not all(isinstance(text, str) for text in fields.values()):
            raise _wrong("a field of a rule is not text")
        name, status, because = fields["name"], fields["status"], fields.get("because")
        if name not in self._rules or status not in set(RuleStatus) or because not in _BECAUSE | {None}:
            raise _wrong(f"rule {name} with status {status} because {because} is not known")
        return RuleResult(
            name=name,
            title=self._rules[name].title,
            status=RuleStatus(status),
            because=because,
            reason=fields.get("reason"),
        )

    def _finding(self, item: Any, place: str, waived: bool) -> Violation:
        required = {"rule", "id", "msg", "at"} | ({"waiver"} if waived else set())
        fields = self.fields(item, required, frozenset({"evidence"}), f"an item of {place}")
        rule, at, number = fields["rule"], fields["at"], fields.get("waiver")
        texts = (rule, fields["id"], fields["msg"], fields.get("evidence", ""))
        if not all(isinstance(text, str) for text in texts) or not isinstance(at, dict):
            raise _wrong(f"a field of an item of {place} has another type than expected")
        if rule not in self._rules:
            raise _wrong(f"an item of {place} is of the unknown rule {rule}")
        return Violation(
            rule=rule,
            id=fields["id"],
            msg=fields["msg"],
            at=at,
            severity=self._rules[rule].severity,
            fix=self._rules[rule].fix,
            evidence=fields.get("evidence"),
            waiver=self._waiver(number) if waived else None,
        )

    def _waiver(self, number: Any) -> Mapping[str, Any]:
        if type(number) is not int or not 0 <= number < len(self._waivers):
            raise _wrong("a waived finding names no waiver")
        return self._waivers[number]


def _list(value: Any, place: str) -> list[Any]:
    if not isinstance(value, list):
        raise _wrong(f"{place} is not a list")
    return value


def _wrong(text: str) -> EngineError:
    return EngineError(f"OPA answered out of contract: {printable(text)}")


def _image(evidence: Mapping[str, Any]) -> ImageIdentity:
    target = evidence["target"]
    return ImageIdentity(
        digest=Digest.parse(evidence["image"]["digest"]),
        registry=target["registry"],
        repository=target["repository"],
        tags=tuple(target["tags"]),
    )
