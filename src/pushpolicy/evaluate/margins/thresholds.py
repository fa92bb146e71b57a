"""How far each setting that is a number is from where its rule finds something else."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from time import monotonic
from typing import Any

import msgspec

from pushpolicy.engines.interface import Engine
from pushpolicy.errors import EngineError
from pushpolicy.evaluate import batches
from pushpolicy.evaluate.data import SETTINGS_PATH
from pushpolicy.evaluate.margins.types import Found, Margin
from pushpolicy.evaluate.policyset import PolicySet
from pushpolicy.evaluate.settings import STRICTER
from pushpolicy.model.document import Document

# As far as a setting without bounds is followed; canonical JSON ends at twice that.
_FAR = 2**52
# A number is followed in steps of this.
_FINE, _DIGITS = 1e-4, 4
# How many values of each setting are tried at once, and for how many seconds: OPA starts in the time of a
# hundred decisions about small evidence, and of one about thousands of findings.
_TRIED, _SECONDS = (3, 31), 2.0
# How many decisions one process makes, at first; it has the time that one decision of a push may take.
_BATCH, _BATCHES = 40, (2, 500)
_NONE = -1
_SHOWN = 3

# How many findings of a rule no waiver covers, with another value of one setting.
_COUNTS = """
[number |
	some record in input.records
	e := input.evidence
	rule := record.rule
	s := object.union(data.settings, {rule: {record.key: record.value}})
	number := count(data.pushpolicy.main.waivers.open[rule]) with input as e with data.settings as s
]"""
# What it finds with one value and not with the other.
_NEXT = """
[{"ids": array.slice(ids, 0, record.most), "count": count(ids)} |
	some record in input.records
	e := input.evidence
	rule := record.rule
	s := object.union(data.settings, {rule: {record.key: record.more}})
	t := object.union(data.settings, {rule: {record.key: record.less}})
	more := {finding.id |
		some finding in data.pushpolicy.main.waivers.open[rule] with input as e with data.settings as s
	}
	less := {finding.id |
		some finding in data.pushpolicy.main.waivers.open[rule] with input as e with data.settings as t
	}
	ids := [id | some id in more - less]
]"""


class _Setting(msgspec.Struct, frozen=True, kw_only=True):
    """A threshold: its value, the strictest that there is, and the mildest."""

    rule: str
    key: str
    stricter: str
    value: float
    strictest: float
    mildest: float
    step: float

    @property
    def name(self) -> str:
        return f"{self.rule}.{self.key}"

    @property
    def end(self) -> float:
        """The mildest value that is a limit at all."""
        return _FAR if self.stricter == "limit" else self.mildest


class _Search(msgspec.Struct, kw_only=True):
    """Between two values of a setting, the last that finds as many as the wanted end, by halves.

    Attributes:
        start: the value at offset 0.
        step: from one offset to the next, with its sign.
        near: an offset on the side of the start.
        far: one on the other side.
        wanted: how many findings there are on the wanted side.
        from_wanted: whether that is the side of the start.
    """

    setting: _Setting
    start: float
    step: float
    near: int = 0
    far: int
    wanted: int
    from_wanted: bool

    def value(self, offset: int) -> float:
        found = self.start + offset * self.step
        return round(found, _DIGITS) if self.setting.step < 1 else int(found)

    def tried(self, most: int) -> list[int]:
        """Offsets between the two: by their size first, then evenly."""
        low, parts = max(self.near, 1), range(1, most + 1)
        if self.far > 8 * low:
            found = {int(low * (self.far / low) ** (part / (most + 1))) for part in parts}
        else:
            found = {self.near + (self.far - self.near) * part // (most + 1) for part in parts}
        inner = sorted(each for each in found if self.near < each < self.far)
        return inner or ([(self.near + self.far) // 2] if self.far - self.near > 1 else [])

    def narrow(self, offsets: Sequence[int], counts: Sequence[int]) -> None:
        for offset, count in zip(offsets, counts, strict=True):
            if (count == self.wanted) is not self.from_wanted:
                self.far = offset
                return
            self.near = offset


def margins_of(
    policy: PolicySet, engine: Engine, evidence: Document
) -> tuple[tuple[Margin, ...], tuple[str, ...], tuple[str, ...]]:
    """The margins of a set's thresholds; those that no stricter value changes; and what cannot be told.

    Raises:
        EngineError: when OPA fails whatever the value of a setting is.
    """
    asked = _Asked(policy, engine, evidence)
    settings, unsaid = _thresholds(policy)
    searches, free = list[_Search](), list[str]()
    ends = asked.counts([(each, (each.value, each.strictest, each.mildest, each.end)) for each in settings])
    for setting, counts in zip(settings, ends, strict=True):
        if counts is None:
            unsaid.append(setting.name)
        elif search := _search(setting, *counts):
            searches.append(search)
        else:
            free.append(setting.name)
    found = _follow(asked, searches)
    unsaid += [each.setting.name for each in searches if each not in found]
    following = asked.next_of(found)
    margins = [_margin(search, more) for search, more in zip(found, following, strict=True)]
    margins.sort(key=lambda each: (each.passes, each.rule, each.key))
    return tuple(margins), tuple(free), tuple(sorted(unsaid))


def _follow(asked: _Asked, searches: Sequence[_Search]) -> list[_Search]:
    """The searches that came to an end."""
    failed = list[_Search]()
    going = list(searches)
    while pending := [(each, tried) for each in going if (tried := each.tried(asked.at_once(len(going))))]:
        answers = asked.counts(
            [(each.setting, tuple(each.value(offset) for offset in tried)) for each, tried in pending]
        )
        for (search, tried), counts in zip(pending, answers, strict=True):
            if counts is None:
                failed.append(search)
            else:
                search.narrow(tried, counts)
        going = [each for each, _ in pending if each not in failed]
    return [each for each in searches if each not in failed]


def _thresholds(policy: PolicySet) -> tuple[list[_Setting], list[str]]:
    """The numbers among the settings whose stricter way is known, and those of which it is not."""
    values = json.loads(policy.files[SETTINGS_PATH])
    known, unknown = list[_Setting](), list[str]()
    for rule, entry in sorted(policy.index.rules.items()):
        for key, fragment in sorted(entry.settings.items()):
            if fragment["type"] not in ("integer", "number"):
                continue
            if STRICTER in fragment:
                known.append(_setting(rule, key, fragment, values[rule][key]))
            else:
                unknown.append(f"{rule}.{key}")
    return known, unknown


def _setting(rule: str, key: str, fragment: Mapping[str, Any], value: float) -> _Setting:
    stricter = fragment[STRICTER]
    step = 1 if fragment["type"] == "integer" else _FINE
    far = _FAR * step
    low, high = fragment.get("minimum", min(-far, value)), fragment.get("maximum", max(far, value))
    if stricter == "limit":
        low = max(low, 0)
    strictest, mildest = (high, low) if stricter == "higher" else (low, high)
    return _Setting(
        rule=rule,
        key=key,
        stricter=stricter,
        value=value,
        strictest=strictest,
        mildest=_NONE if stricter == "limit" else mildest,
        step=step,
    )


def _search(setting: _Setting, now: int, strictest: int, mildest: int, end: int) -> _Search | None:
    """Where to look, by how many findings there are now and at the ends; None where there is nothing."""
    milder = -1 if setting.stricter == "higher" else 1
    denies, unlimited = now > mildest, setting.value == setting.mildest == _NONE
    if not denies and now == strictest:
        return None
    if end != mildest and (denies or unlimited):  # by each limit: the other side of the last one is none
        start, step, far = setting.end, _NONE - setting.end, 1
    elif denies or unlimited:
        start, step = (setting.value if denies else setting.strictest), milder * setting.step
        far = _steps(setting, start, setting.end)
    else:
        start, step = setting.value, -milder * setting.step
        far = _steps(setting, start, setting.strictest)
    return _Search(
        setting=setting,
        start=start,
        step=step,
        far=far,
        wanted=mildest if denies else now,
        from_wanted=not denies and not unlimited,
    )


def _steps(setting: _Setting, start: float, end: float) -> int:
    return max(round(abs(end - start) / setting.step), 1)


def _margin(search: _Search, following: Found) -> Margin:
    setting = search.setting
    found = search.value(search.near if search.from_wanted else search.far)
    unlimited = setting.mildest == _NONE and _NONE in (setting.value, found)
    return Margin(
        rule=setting.rule,
        key=setting.key,
        stricter=setting.stricter,
        value=setting.value,
        passes=search.from_wanted or setting.value == setting.mildest,
        found=found,
        by=None if unlimited else round(abs(found - setting.value), _DIGITS),
        next=following,
    )


class _Asked:
    """OPA, asked about one document with other values of settings."""

    def __init__(self, policy: PolicySet, engine: Engine, evidence: Document) -> None:
        self._policy, self._engine, self._shared = policy, engine, {"evidence": evidence.value}
        self._pace: float | None = None

    def at_once(self, settings: int) -> int:
        """How many values of each of so many settings are tried at once, by the time that one took."""
        least, most = _TRIED
        return max(least, min(most, int(_SECONDS / self._pace / settings))) if self._pace else least

    def counts(self, asked: Sequence[tuple[_Setting, Sequence[float]]]) -> list[tuple[int, ...] | None]:
        """How many findings there are with each value of each setting; None where OPA fails on one."""
        try:
            return list(self._counts(asked))
        except EngineError:
            if len(asked) == 1:
                return [None]
        return [each for one in asked for each in self.counts([one])]

    def _counts(self, asked: Sequence[tuple[_Setting, Sequence[float]]]) -> Iterator[tuple[int, ...]]:
        records = [
            {"rule": setting.rule, "key": setting.key, "value": value}
            for setting, values in asked
            for value in values
        ]
        begin = monotonic()
        found = iter(self._answers(_COUNTS, records))
        self._pace = (monotonic() - begin) / max(len(records), 1)
        for _, values in asked:
            yield tuple(next(found) for _ in values)

    def next_of(self, searches: Sequence[_Search]) -> list[Found]:
        """What there is beyond what was found."""
        records = []
        for search in searches:
            near, far = search.value(search.near), search.value(search.far)
            less, more = (near, far) if search.from_wanted else (far, near)
            records.append(
                {
                    "rule": search.setting.rule,
                    "key": search.setting.key,
                    "less": less,
                    "more": more,
                    "most": _SHOWN,
                }
            )
        answers = self._answers(_NEXT, records)
        return [
            Found(rule=search.setting.rule, ids=tuple(each["ids"]), count=each["count"])
            for search, each in zip(searches, answers, strict=True)
        ]

    def _answers(self, query: str, records: Sequence[Mapping[str, Any]]) -> list[Any]:
        least, most = _BATCHES
        size = max(least, min(most, int(5 * _SECONDS / self._pace))) if self._pace else _BATCH
        return batches.answers(self._policy, self._engine, query, records, shared=self._shared, most=size)
