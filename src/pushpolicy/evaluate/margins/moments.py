"""What changes as time passes: what ends, and what rules find of the same evidence at later times."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import msgspec

from pushpolicy.engines.interface import Engine
from pushpolicy.evaluate import batches
from pushpolicy.evaluate.margins.types import Found, Moment
from pushpolicy.evaluate.policyset import PolicySet
from pushpolicy.model.decision import Decision
from pushpolicy.model.document import Document
from pushpolicy.records.floor import nanoseconds

DAYS = 30
_HOUR, _DAY = 3600, 24 * 3600
# OPA counts nanoseconds in 64 bits, which end in 2262.
_LATEST = 9_000_000_000
# When it is looked first: often within a day, then daily.
_LOOKS = tuple(
    sorted({hours * _HOUR for hours in (1, 2, 4, 8, 12, 16, 20)} | {day * _DAY for day in range(1, DAYS + 1)})
)
_MINUTE = 60
_READING, _FOREIGN = (b"evaluated_at", b"\\u"), "conftest_"
_TRIED = 7
_MOST = 10
_SHOWN = 3

# How many are denied that were not, and how many are not any more, at each time.
_STATES = """
[[count(found - was), count(was - found)] |
	was := {[each[0], each[1]] | some each in input.was}
	some record in input.records
	e := object.union(input.evidence, {"evaluated_at": record.at})
	rules := object.filter(data.pushpolicy.index.rules, input.rules)
	violations := data.pushpolicy.main._violations with input as e
		with data.pushpolicy.index.rules as rules
	found := {[each.rule, each.id] | some each in violations}
]"""
# What is denied at the one time and not at the other.
_CHANGES = """
[{"denies": [id | some id in after - before], "clears": [id | some id in before - after]} |
	some record in input.records
	e := object.union(input.evidence, {"evaluated_at": record.before})
	f := object.union(input.evidence, {"evaluated_at": record.after})
	rules := object.filter(data.pushpolicy.index.rules, input.rules)
	first := data.pushpolicy.main._violations with input as e
		with data.pushpolicy.index.rules as rules
	second := data.pushpolicy.main._violations with input as f
		with data.pushpolicy.index.rules as rules
	before := {[each.rule, each.id] | some each in first}
	after := {[each.rule, each.id] | some each in second}
]"""


class _End(msgspec.Struct, frozen=True, kw_only=True):
    """Something of the policy that ends; after so many seconds."""

    seconds: int
    text: str


def moments(
    policy: PolicySet, engine: Engine, evidence: Document, decision: Decision
) -> tuple[int, tuple[Moment, ...]]:
    """How many days ahead was looked, and what changes until then.

    Raises:
        EngineError: when OPA fails.
    """
    start = (nanoseconds(decision.evaluated_at) or 0) // 10**9
    rules = sorted(_dependent(policy, decision))
    if not rules or not 0 < start < _LATEST:
        return DAYS, ()
    asked = _Asked(policy, engine, evidence, decision, start, rules)
    ends = [each for each in _ends(decision, start) if 0 < each.seconds <= DAYS * _DAY]
    spans = asked.spans(ends)
    # What ends and changes nothing is told, too.
    spans += [(end - 1, end) for end in {each.seconds for each in ends} if not _within(end, spans)]
    spans = sorted(spans)[:_MOST]
    return DAYS, tuple(
        Moment(
            at=_time(start + after),
            seconds=after,
            ends=tuple(each.text for each in ends if before < each.seconds <= after),
            denies=_grouped(change["denies"]),
            clears=_grouped(change["clears"]),
        )
        for (before, after), change in zip(spans, asked.changes(spans), strict=True)
    )


def _within(time: int, spans: Sequence[tuple[int, int]]) -> bool:
    return any(before < time <= after for before, after in spans)


def _ends(decision: Decision, start: int) -> Iterator[_End]:
    """What softens this decision and ends, to the second after."""
    for use in decision.waivers:
        waiver = use.waiver
        what = waiver.get("id") or waiver.get("purl") or waiver.get("evidence")
        if use.state in ("used", "expiring"):
            yield _End(
                seconds=_after(start, waiver["expires"]), text=f"the waiver of {waiver['rule']} {what} ends"
            )
            yield from (
                _End(
                    seconds=_after(start, each["not_after"]),
                    text=f"{each['principal']}'s approval of the waiver of {waiver['rule']} {what} ends",
                )
                for each in waiver.get("quorum", {}).get("approved", ())
                if "not_after" in each
            )
        elif use.state == "pending":
            yield _End(
                seconds=_after(start, waiver["not_before"]),
                text=f"the waiver of {waiver['rule']} {what} begins",
            )
    for measure in decision.rollouts:
        if measure.state == "active":
            of = f" of {measure.rule}" if measure.rule else ""
            name = {"grace": "grace", "observe": "observe mode"}.get(
                measure.measure, f"mode {measure.measure}"
            )
            yield _End(seconds=_after(start, measure.until), text=f"the {name}{of} ends")


def _after(start: int, time: str) -> int:
    """Seconds from the start, rounded up: what ends is over then."""
    return -(-(nanoseconds(time) or 0) // 10**9) - start


def _dependent(policy: PolicySet, decision: Decision) -> set[str]:
    """The rules whose findings time can change: those that read it, and those that something softens."""
    rules = set(policy.index.rules)
    if any(measure.measure == "observe" for measure in decision.rollouts):
        return rules
    # A rule names what it reads. A text with an escape in it may name anything, and the generated rule of
    # policies of conftest does not name what they read.
    texts = {name: policy.files[f"rules/{name}/{name}.rego"] for name in rules}
    reading = {
        name
        for name, text in texts.items()
        if name.startswith(_FOREIGN) or any(word in text for word in _READING)
    }
    softened = {str(measure.rule) for measure in decision.rollouts}
    waived = {str(use.waiver["rule"]) for use in decision.waivers}
    return rules & (reading | softened | waived)


def _time(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _grouped(found: Sequence[tuple[str, str]]) -> tuple[Found, ...]:
    by_rule = dict[str, list[str]]()
    for rule, name in found:
        by_rule.setdefault(rule, []).append(name)
    return tuple(
        Found(rule=rule, ids=tuple(sorted(ids)[:_SHOWN]), count=len(ids))
        for rule, ids in sorted(by_rule.items())
    )


class _Asked:
    """OPA, asked about one document at later times."""

    def __init__(
        self,
        policy: PolicySet,
        engine: Engine,
        evidence: Document,
        decision: Decision,
        start: int,
        rules: Sequence[str],
    ) -> None:
        self._policy, self._engine, self._start = policy, engine, start
        # Of what changes, each answer takes two.
        self._most = batches.fitting(evidence) // 2
        was = [[each.rule, each.id] for each in decision.violations if each.rule in rules]
        self._shared = {"evidence": evidence.value, "was": was, "rules": list(rules)}

    def spans(self, ends: Sequence[_End]) -> list[tuple[int, int]]:
        """The first times between which something changes, in seconds from the start, and a minute wide."""
        states = {0: [0, 0]}
        exact = {each.seconds for each in ends}
        self._look(states, [*_LOOKS, *exact, *(each - 1 for each in exact)])
        while wide := [each for each in _changes(states)[:_MOST] if each[1] - each[0] > _MINUTE]:
            self._look(states, [time for each in wide for time in _inside(*each)])
        return _changes(states)[:_MOST]

    def _look(self, states: dict[int, list[int]], times: Sequence[int]) -> None:
        new = sorted(set(times) - states.keys())
        answers = self._answers(_STATES, [{"at": _time(self._start + each)} for each in new])
        states.update(zip(new, answers, strict=True))

    def changes(self, spans: Sequence[tuple[int, int]]) -> list[Mapping[str, Any]]:
        records = [
            {"before": _time(self._start + before), "after": _time(self._start + after)}
            for before, after in spans
        ]
        return self._answers(_CHANGES, records)

    def _answers(self, query: str, records: Sequence[Mapping[str, Any]]) -> list[Any]:
        return batches.answers(
            self._policy, self._engine, query, records, shared=self._shared, most=self._most
        )


def _changes(states: Mapping[int, Sequence[int]]) -> list[tuple[int, int]]:
    return [(one, other) for one, other in pairwise(sorted(states)) if states[one] != states[other]]


def _inside(before: int, after: int) -> Iterator[int]:
    """Times between the two, so that the last of them is at most a minute wide in the end."""
    parts = min(_TRIED + 1, -(-(after - before) // _MINUTE))
    yield from (before + (after - before) * part // parts for part in range(1, parts))
