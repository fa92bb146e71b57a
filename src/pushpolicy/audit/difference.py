"""How two decisions about one image differ, finding by finding."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec
from msgspec.structs import replace

from pushpolicy.evaluate.authoring.changes import Change, Direction
from pushpolicy.model.decision import Decision, RuleStatus, Verdict

# A finding is identified by its rule, its id and its message.
Finding = tuple[str, str, str]


class RuleChange(msgspec.Struct, frozen=True, kw_only=True):
    """A rule with another result; None where the rule is not in that policy."""

    rule: str
    before: RuleStatus | None
    after: RuleStatus | None


class FindingChange(msgspec.Struct, frozen=True, kw_only=True):
    """A finding that counts otherwise: as violation, warning, waived; None where it is not found."""

    rule: str
    id: str
    msg: str
    before: str | None
    after: str | None

    @property
    def stricter(self) -> bool:
        """Whether it denies now and did not before."""
        return self.after == "violation"

    @property
    def looser(self) -> bool:
        """Whether it denied before and does not now."""
        return self.before == "violation"

    @property
    def direction(self) -> Direction:
        """By what denies, not by what only warns."""
        if self.stricter or self.looser:
            return Direction.STRICTER if self.stricter else Direction.LOOSER
        return Direction.CHANGED


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """What is not the same.

    Attributes:
        fields: the names of the decision's parts that differ.
    """

    before: Verdict
    after: Verdict
    rules: tuple[RuleChange, ...]
    findings: tuple[FindingChange, ...]
    fields: tuple[str, ...]


def difference(before: Decision, after: Decision) -> Difference | None:
    """Compare what was decided; None when it is the same. Neither who decided nor advice is compared."""
    was_said, is_said = (
        before.substance(),
        replace(after.substance(), policy=before.policy, engine=before.engine),
    )
    names = [name for name in was_said.__struct_fields__ if getattr(was_said, name) != getattr(is_said, name)]
    if not names:
        return None
    was = {rule.name: rule.status for rule in before.rules}
    now = {rule.name: rule.status for rule in after.rules}
    found_before, found_after = _standings(before), _standings(after)
    return Difference(
        before=before.verdict,
        after=after.verdict,
        rules=tuple(
            RuleChange(rule=name, before=was.get(name), after=now.get(name))
            for name in sorted(was.keys() | now.keys())
            if was.get(name) != now.get(name)
        ),
        findings=tuple(
            FindingChange(
                rule=key[0], id=key[1], msg=key[2], before=found_before.get(key), after=found_after.get(key)
            )
            for key in sorted(found_before.keys() | found_after.keys())
            if found_before.get(key) != found_after.get(key)
        ),
        fields=tuple(names),
    )


def changes(found: Difference | None) -> Iterator[Change]:
    """The same, in the form of what differs between two policy sets."""
    if found is None:
        return
    if found.before is not found.after:
        direction = Direction.STRICTER if found.after is Verdict.DENY else Direction.LOOSER
        yield Change(
            what="verdict", name="", direction=direction, before=str(found.before), after=str(found.after)
        )
    for rule in found.rules:
        yield Change(
            what="rule", name=rule.rule, direction=Direction.CHANGED, before=rule.before, after=rule.after
        )
    for each in found.findings:
        name = f"{each.rule} {each.id}"
        yield Change(
            what="finding", name=name, direction=each.direction, before=each.before, after=each.after
        )


def _standings(decision: Decision) -> Mapping[Finding, str]:
    """How each finding counts; the strictest where the same one is listed twice."""
    lists = {"waived": decision.waived, "warning": decision.warnings, "violation": decision.violations}
    return {(item.rule, item.id, item.msg): name for name, items in lists.items() for item in items}
