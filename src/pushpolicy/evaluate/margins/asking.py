"""OPA, asked about one document with other values of settings."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from pushpolicy.engines.interface import Engine
from pushpolicy.errors import EngineError
from pushpolicy.evaluate import batches
from pushpolicy.evaluate.margins.search import Search, Setting
from pushpolicy.evaluate.margins.types import Found
from pushpolicy.evaluate.policyset import PolicySet
from pushpolicy.model.document import Document

_SHOWN = 3

# What no waiver covers; without one about the rule all that it denies, in four fifths of the time. (What is
# absent is found with each value alike.)
_OPEN, _DENIED = "data.pushpolicy.main.waivers.open[rule]", "data.pushpolicy.index.deny[rule]"
# Each query has such a part. `with` replaces, so the other settings are handed on.
_WITH = "with input as evidence with data.settings as"
_SETTINGS = "object.union(data.settings, {{record.rule: {{record.key: {}}}}})"
# How many findings there are with another value of one setting.
_COUNTS = f"""
[number |
	some record in input.records
	rule := record.rule
	evidence := input.evidence
	settings := {_SETTINGS.format("record.value")}
	number := count(FOUND) {_WITH} settings
]"""
# The number of the last value that finds what the first side does, or -1: by halves. Rego has no loops, so
# each step is written out; one that has nothing left to look at evaluates nothing.
_SEARCH = """
[near_{steps} |
	some record in input.records
	rule := record.rule
	evidence := input.evidence
	near_0 := -1
	far_0 := count(record.values)
{halves}
]"""
_HALF = f"""
	middle_STEP := floor((near_STEP + far_STEP) / 2)
	same_STEP := [same |
		far_STEP - near_STEP > 1
		settings := {_SETTINGS.format("record.values[middle_STEP]")}
		number := count(FOUND) {_WITH} settings
		is_wanted := number == record.wanted
		same := is_wanted == record.from_wanted
	]
	near_NEXT := {{[true]: middle_STEP, [false]: near_STEP, []: near_STEP}}[same_STEP]
	far_NEXT := {{[true]: far_STEP, [false]: middle_STEP, []: far_STEP}}[same_STEP]"""
# What it finds with one value and not with the other.
_NEXT = f"""
[{{"ids": array.slice(ids, 0, record.most), "count": count(ids)}} |
	some record in input.records
	rule := record.rule
	evidence := input.evidence
	one := {_SETTINGS.format("record.more")}
	other := {_SETTINGS.format("record.less")}
	more := {{finding.id | some finding in {_OPEN} {_WITH} one}}
	less := {{finding.id | some finding in {_OPEN} {_WITH} other}}
	ids := [id | some id in more - less]
]"""


class Asked:
    """OPA, asked about one document with other values of settings."""

    def __init__(
        self, policy: PolicySet, engine: Engine, evidence: Document, waived: Collection[str]
    ) -> None:
        self._policy, self._engine, self._shared = policy, engine, {"evidence": evidence.value}
        # A rule that only warns has no denials to count.
        warning = {name for name, rule in policy.index.rules.items() if "deny" not in rule.heads}
        self._whole = {*waived, *warning}
        self._most = batches.fitting(evidence)

    def counts(self, asked: Sequence[tuple[Setting, float]]) -> list[int | None]:
        """How many findings there are with each value of a setting; None where OPA fails on it."""
        # With the values that are set, all settings of a rule find the same.
        names = [
            (setting.rule, *(("", 0) if value == setting.value else (setting.key, value)))
            for setting, value in asked
        ]
        records = {
            name: {"rule": setting.rule, "key": setting.key, "value": value}
            for name, (setting, value) in zip(names, asked, strict=True)
        }
        found = dict(zip(records, self._each(_COUNTS, [*records.values()]), strict=True))
        return [found[name] for name in names]

    def last(self, searches: Sequence[tuple[Search, Sequence[int]]]) -> list[int | None]:
        """Which offset of each search is the last on the near side (-1: none); None where OPA fails."""
        records = [
            {
                "rule": search.setting.rule,
                "key": search.setting.key,
                "values": [search.value(offset) for offset in offsets],
                "wanted": search.wanted,
                "from_wanted": search.from_wanted,
            }
            for search, offsets in searches
        ]
        steps = max(len(offsets).bit_length() for _, offsets in searches)
        return self._each(_search(steps), records, steps)

    def following(self, searches: Sequence[Search]) -> list[Found]:
        """What there is beyond what was found."""
        records = []
        for search in searches:
            near, far = search.value(search.near), search.value(search.far)
            less, more = (near, far) if search.from_wanted else (far, near)
            setting = search.setting
            records.append(
                {"rule": setting.rule, "key": setting.key, "less": less, "more": more, "most": _SHOWN}
            )
        answers = self._answers(_NEXT, records, 2)
        return [
            Found(rule=search.setting.rule, ids=tuple(each["ids"]), count=each["count"])
            for search, each in zip(searches, answers, strict=True)
        ]

    def _each(self, query: str, records: Sequence[Mapping[str, Any]], cost: int = 1) -> list[Any]:
        """The answers; None of a record on which OPA fails alone."""
        found: list[Any] = [None] * len(records)
        for is_whole, text in ((True, _OPEN), (False, _DENIED)):
            numbers = [
                number for number, each in enumerate(records) if (each["rule"] in self._whole) is is_whole
            ]
            asked = query.replace("FOUND", text)
            answers = self._apart(asked, [records[number] for number in numbers], cost)
            for number, answer in zip(numbers, answers, strict=True):
                found[number] = answer
        return found

    def _apart(self, query: str, records: Sequence[Mapping[str, Any]], cost: int) -> list[Any]:
        try:
            return self._answers(query, records, cost)
        except EngineError:
            if len(records) == 1:
                return [None]
        return [each for record in records for each in self._apart(query, [record], cost)]

    def _answers(self, query: str, records: Sequence[Mapping[str, Any]], cost: int) -> list[Any]:
        if not records:
            return []
        most = max(self._most // cost, 1)
        return batches.answers(self._policy, self._engine, query, records, shared=self._shared, most=most)


def _search(steps: int) -> str:
    halves = [_HALF.replace("STEP", str(step)).replace("NEXT", str(step + 1)) for step in range(steps)]
    return _SEARCH.format(steps=steps, halves="".join(halves))
