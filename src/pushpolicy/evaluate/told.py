"""What OPA tells of a decision: the form of its answer. What does not fit into it is no answer.

With ALLOW come the denials as the rules gave them, and of one that is waived only its place among them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from pushpolicy.model.decision import RuleStatus
from pushpolicy.model.document import Exact

# What is said of a denial without `at` and `msg`; policies/system/main/findings says the same.
MISSHAPEN = "the rule's finding is not an object with `at` (an object) and `msg` (a string)"
Form = TypeVar("Form", bound="Answer")


class ContradictionError(ValueError):
    """An answer whose parts are absent, unknown or do not fit one another."""


class Rule(Exact, frozen=True):
    """What became of a rule."""

    name: str
    status: RuleStatus
    because: Literal["grace", "rollout", "observe", "warn", "off"] | UnsetType = UNSET
    reason: str | UnsetType = UNSET


class Finding(Exact, frozen=True):
    """What a rule found, or the evidence that it lacks."""

    rule: str
    id: str
    msg: str
    at: dict[str, Any]
    evidence: str | UnsetType = UNSET


class Waived(Finding, frozen=True, kw_only=True):
    """A finding that a waiver covers, with its number."""

    waiver: int


class Waiver(Exact, frozen=True):
    """What became of a waiver, by its number."""

    waiver: int
    state: Literal["used", "unused", "pending", "expiring", "expired", "too_long", "refused", "elsewhere"]


class Measure(Exact, frozen=True):
    """What became of a measure that softens a rule, or all of them."""

    measure: Literal["warn", "off", "grace", "observe"]
    state: Literal["active", "ended", "too_long", "refused"]
    rule: str | UnsetType = UNSET


class Answer(Exact, frozen=True):
    """The value of data.pushpolicy.main.decision, each finding whole."""

    allow: bool
    observed: bool
    rules: list[Rule]
    violations: list[Finding]
    warnings: list[Finding]
    waived: list[Waived]
    waivers: list[Waiver]
    rollouts: list[Measure] | UnsetType = UNSET
    denials: dict[str, list[Any]] | UnsetType = UNSET


class _Covered(Exact, frozen=True):
    """A waived finding: whole, or as a place in what its rule denied."""

    rule: str
    id: str
    waiver: int
    denial: int | UnsetType = UNSET
    msg: str | UnsetType = UNSET
    at: dict[str, Any] | UnsetType = UNSET
    evidence: str | UnsetType = UNSET


class _Told(Answer, frozen=True):
    waived: list[_Covered]  # type: ignore[assignment]


def read_whole(value: Any) -> Answer:
    """An answer that tells each finding whole, as that of an earlier system part does.

    Raises:
        ContradictionError: when it has another form.
    """
    return _converted(value, Answer)


def read_told(value: Any) -> Answer:
    """An answer of this version's system part, made whole.

    Raises:
        ContradictionError: when it has another form, or when what is waived is not what was denied.
    """
    told = _converted(value, _Told)
    _check_places(told)
    fields = {name: getattr(told, name) for name in Answer.__struct_fields__}
    return Answer(**{**fields, "waived": [_whole(item, told.denials) for item in told.waived]})


def _converted(value: Any, form: type[Form]) -> Form:
    try:
        return msgspec.convert(value, form)
    except (msgspec.ValidationError, RecursionError) as error:
        raise ContradictionError(str(error)) from error


def _check_places(told: _Told) -> None:
    """Require that each place is named once, and all of them where no measure softens a rule."""
    places = [(item.rule, item.denial) for item in told.waived if item.denial is not UNSET]
    if len(set(places)) < len(places):
        raise ContradictionError("a denial is waived twice")
    if told.denials is not UNSET:
        counts = Counter(rule for rule, _ in places)
        for rule in told.rules:
            given = len(told.denials.get(rule.name, ()))
            if rule.because in (UNSET, "warn") and counts[rule.name] != given:
                raise ContradictionError(
                    f"ALLOW does not follow from the denials of the rules: {rule.name} gave {given}, of which"
                    f" {counts[rule.name]} are waived"
                )


def _whole(item: _Covered, denials: Mapping[str, Sequence[Any]] | UnsetType) -> Waived:
    if item.denial is UNSET:
        # Evidence that is absent is no denial of the rule's own.
        if item.msg is UNSET or item.at is UNSET or (denials is not UNSET and item.evidence is UNSET):
            raise ContradictionError(f"a waived finding of {item.rule} does not say which it is")
        return Waived(item.rule, item.id, item.msg, item.at, item.evidence, waiver=item.waiver)
    given = () if denials is UNSET else denials.get(item.rule, ())
    if not 0 <= item.denial < len(given) or (item.msg, item.at, item.evidence) != (UNSET, UNSET, UNSET):
        raise ContradictionError(f"a waived finding of {item.rule} is no denial of it")
    match given[item.denial]:
        case {"at": dict(at), "msg": str(msg)}:
            return Waived(item.rule, item.id, msg, at, waiver=item.waiver)
        case element:
            return Waived(item.rule, item.id, MISSHAPEN, {"given": element}, waiver=item.waiver)
