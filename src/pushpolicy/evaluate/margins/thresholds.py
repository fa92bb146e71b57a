"""How far each setting that is a number is from where its rule finds something else."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from pushpolicy.engines.interface import Engine
from pushpolicy.evaluate.data import SETTINGS_PATH
from pushpolicy.evaluate.margins.asking import Asked
from pushpolicy.evaluate.margins.likely import Likely
from pushpolicy.evaluate.margins.search import DIGITS, FAR, FINE, NONE, Search, Setting
from pushpolicy.evaluate.margins.types import Found, Margin
from pushpolicy.evaluate.policyset import PolicySet
from pushpolicy.evaluate.settings import STRICTER
from pushpolicy.model.document import Document


def margins_of(
    policy: PolicySet, engine: Engine, evidence: Document, waived: Collection[str]
) -> tuple[tuple[Margin, ...], tuple[str, ...], tuple[str, ...]]:
    """The margins of a set's thresholds; those that no stricter value changes; and what cannot be told.

    Raises:
        EngineError: when OPA fails whatever the value of a setting is.
    """
    asked = Asked(policy, engine, evidence, waived)
    settings, unsaid = _thresholds(policy)
    searches, free = list[Search](), list[str]()
    ends = asked.counts([(each, value) for each in settings for value in each.ends])
    likely = Likely(evidence)
    for number, setting in enumerate(settings):
        counts = [each for each in ends[4 * number : 4 * number + 4] if each is not None]
        if len(counts) < 4:
            unsaid.append(setting.name)
        elif search := _search(setting, likely.values(setting.key), *counts):
            searches.append(search)
        else:
            free.append(setting.name)
    found = _follow(asked, searches)
    unsaid += [each.setting.name for each in searches if each not in found]
    following = asked.following(found)
    margins = [_margin(search, more) for search, more in zip(found, following, strict=True)]
    margins.sort(key=lambda each: (each.passes, each.rule, each.key))
    return tuple(margins), tuple(free), tuple(sorted(unsaid))


def _follow(asked: Asked, searches: Sequence[Search]) -> list[Search]:
    """The searches that came to an end."""
    failed = list[Search]()
    going = list(searches)
    while pending := [(each, offsets) for each in going if (offsets := each.tried())]:
        for (search, offsets), last in zip(pending, asked.last(pending), strict=True):
            if last is None:
                failed.append(search)
            else:
                search.narrow(offsets, last)
        going = [each for each, _ in pending if each not in failed]
    return [each for each in searches if each not in failed]


def _thresholds(policy: PolicySet) -> tuple[list[Setting], list[str]]:
    """The numbers among the settings whose stricter way is known, and those of which it is not."""
    values = json.loads(policy.files[SETTINGS_PATH])
    known, unknown = list[Setting](), list[str]()
    for rule, entry in sorted(policy.index.rules.items()):
        for key, fragment in sorted(entry.settings.items()):
            if fragment["type"] not in ("integer", "number"):
                continue
            if STRICTER in fragment:
                known.append(_setting(rule, key, fragment, values[rule][key]))
            else:
                unknown.append(f"{rule}.{key}")
    return known, unknown


def _setting(rule: str, key: str, fragment: Mapping[str, Any], value: float) -> Setting:
    stricter = fragment[STRICTER]
    step = 1 if fragment["type"] == "integer" else FINE
    far = FAR * step
    low, high = fragment.get("minimum", min(-far, value)), fragment.get("maximum", max(far, value))
    if stricter == "limit":
        low = max(low, 0)
    strictest, mildest = (high, low) if stricter == "higher" else (low, high)
    return Setting(
        rule=rule,
        key=key,
        stricter=stricter,
        value=value,
        strictest=strictest,
        mildest=NONE if stricter == "limit" else mildest,
        step=step,
    )


def _search(
    setting: Setting, likely: list[Collection[float]], now: int, strictest: int, mildest: int, end: int
) -> Search | None:
    """Where to look, by how many findings there are now and at the ends; None where there is nothing."""
    milder = -1 if setting.stricter == "higher" else 1
    denies, unlimited = now > mildest, setting.value == setting.mildest == NONE
    if not denies and now == strictest:
        return None
    if end != mildest and (denies or unlimited):  # by each limit: the other side of the last one is none
        start, step, far = setting.end, NONE - setting.end, 1
    elif denies or unlimited:
        start, step = (setting.value if denies else setting.strictest), milder * setting.step
        far = _steps(setting, start, setting.end)
    else:
        start, step = setting.value, -milder * setting.step
        far = _steps(setting, start, setting.strictest)
    return Search(
        setting=setting,
        start=start,
        step=step,
        far=far,
        wanted=mildest if denies else now,
        from_wanted=not denies and not unlimited,
        likely=likely,
    )


def _steps(setting: Setting, start: float, end: float) -> int:
    return max(round(abs(end - start) / setting.step), 1)


def _margin(search: Search, following: Found) -> Margin:
    setting = search.setting
    found = search.value(search.near if search.from_wanted else search.far)
    unlimited = setting.mildest == NONE and NONE in (setting.value, found)
    return Margin(
        rule=setting.rule,
        key=setting.key,
        stricter=setting.stricter,
        value=setting.value,
        passes=search.from_wanted or setting.value == setting.mildest,
        found=found,
        by=None if unlimited else round(abs(found - setting.value), DIGITS),
        next=following,
    )
