"""`pushpolicy policy diff`: what differs between two sets, and whether that denies more or less."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any

import msgspec

from pushpolicy.evaluate.data import SETTINGS_PATH, TRUST_PATH
from pushpolicy.evaluate.policyset import PolicySet
from pushpolicy.model import canonical
from pushpolicy.model.index import RuleEntry
from pushpolicy.records.floor import nanoseconds, rollout_days, waiver_days

# From the mildest to the strictest.
_MODES = ("off", "warn", "enforce")
# How far off a time is that is not there: never.
_NEVER = float("inf")


class Direction(StrEnum):
    """What a change does to later decisions, as far as that can be told."""

    STRICTER = "stricter"
    LOOSER = "looser"
    CHANGED = "changed"


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One difference.

    Attributes:
        what: rule, text, severity, requires, setting, waiver, rollout ...
        name: the rule, with the key of a setting or the finding of a waiver.
        before: as JSON; None where there was none.
        after: as JSON; None where there is none any more.
    """

    what: str
    name: str
    direction: Direction
    before: str | None = None
    after: str | None = None


def compare(before: PolicySet, after: PolicySet) -> tuple[Change, ...]:
    """What differs from the first set to the second; nothing is evaluated."""
    return (
        *_rules(before, after),
        *_settings(before, after),
        *_waivers(before, after),
        *_rollouts(before.grounds.enforcement, after.grounds.enforcement),
        *_limits(before, after),
    )


def _rules(before: PolicySet, after: PolicySet) -> Iterator[Change]:
    was, now = before.index.rules, after.index.rules
    for name in sorted(was.keys() | now.keys()):
        entry, other = was.get(name), now.get(name)
        if entry is None or other is None:
            only = entry or other
            denies = only is not None and "deny" in only.heads
            direction = (Direction.STRICTER if entry is None else Direction.LOOSER) if denies else _CHANGED
            yield _change("rule", name, direction, entry and entry.title, other and other.title)
        else:
            yield from _entry(name, entry, other)
            yield from _grants(name, before, after)
            path = f"rules/{name}/{name}.rego"
            if before.files[path] != after.files[path]:
                yield Change(what="text", name=name, direction=_CHANGED)


def _entry(name: str, was: RuleEntry, now: RuleEntry) -> Iterator[Change]:
    """What a rule says of itself, and what it was found to require."""
    facts: dict[str, tuple[Any, Any, Direction]] = {
        "severity": (was.severity, now.severity, _CHANGED),
        "integrity": (was.integrity, now.integrity, _rising(was.integrity, now.integrity)),
        "effective_on": (
            was.effective_on,
            now.effective_on,
            _rising(-(nanoseconds(was.effective_on) or 0), -(nanoseconds(now.effective_on) or 0)),
        ),
        "requires": (_required(was), _required(now), _growing(_required(was), _required(now))),
        "optional": (was.optional, now.optional, _growing(now.optional, was.optional)),
        "finds": (was.heads, now.heads, _growing(was.heads, now.heads)),
    }
    for what, (old, new, direction) in facts.items():
        if old != new:
            yield _change(what, name, direction, old, new)


def _required(entry: RuleEntry) -> list[str]:
    leaves = {f"{leaf.path}{', not empty' if leaf.filled else ''}" for leaf in entry.leaves}
    return sorted({*entry.requires, *leaves})


def _grants(name: str, before: PolicySet, after: PolicySet) -> Iterator[Change]:
    """What the judged checkout may do to a rule."""
    was, now = (each.grounds.origins.get("repo_may", {}).get(name, []) for each in (before, after))
    if was != now:
        yield _change("repo_may", name, _growing(now, was), was, now)


def _settings(before: PolicySet, after: PolicySet) -> Iterator[Change]:
    was, now = (canonical.decode(each.files[SETTINGS_PATH]) for each in (before, after))
    for rule in sorted(was.keys() & now.keys()):
        for key in sorted(was[rule].keys() | now[rule].keys()):
            old, new = was[rule].get(key), now[rule].get(key)
            if old != new:
                # What was strict says it: a set cannot turn the meaning of its own numbers.
                fragment = before.index.rules[rule].settings.get(key, {})
                yield _change("setting", f"{rule}.{key}", setting_direction(fragment, old, new), old, new)


def setting_direction(fragment: Mapping[str, Any], old: Any, new: Any) -> Direction:
    """Which way a setting went, by `stricter` of its declaration; CHANGED where that does not tell."""
    way = fragment.get("stricter")
    if way is None or old is None or new is None:
        return _CHANGED
    match way:
        case "higher":
            return _rising(old, new)
        case "lower":
            return _rising(new, old)
        case "limit":  # -1 is none
            return _rising(*(_NEVER if value == -1 else value for value in (new, old)))
        case "superset":
            return _growing(old, new)
        case "subset":
            return _growing(new, old)
    return Direction.STRICTER if new is way else Direction.LOOSER


def _waivers(before: PolicySet, after: PolicySet) -> Iterator[Change]:
    was, now = ({_what(each): each for each in sorted(side.waivers, key=_end)} for side in (before, after))
    for key in sorted(was.keys() | now.keys()):
        old, new = was.get(key), now.get(key)
        if old is None or new is None:
            direction = Direction.STRICTER if new is None else Direction.LOOSER
            yield _change("waiver", key, direction, _unsigned(old), _unsigned(new))
        elif old != new:
            begin = (nanoseconds(each.get("not_before")) or 0 for each in (old, new))
            lacks = map(_lacking, (old, new))
            ways = {_rising(_end(new), _end(old)), _rising(*begin), _rising(*lacks)} - {_CHANGED}
            direction = Direction.LOOSER if Direction.LOOSER in ways else max(ways, default=_CHANGED)
            yield _change("waiver", key, direction, _unsigned(old), _unsigned(new))


def _end(waiver: Mapping[str, Any]) -> int:
    return nanoseconds(waiver.get("expires")) or 0


def _lacking(waiver: Mapping[str, Any]) -> int:
    """How many of the approvals that it needs it has not (docs/quorum.md)."""
    quorum = waiver.get("quorum")
    return max(0, quorum["needs"] - len(quorum["approved"])) if quorum else 0


def _unsigned(waiver: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """With who approved it, and without their signatures."""
    if waiver is None or "approvals" not in waiver:
        return waiver
    return {**waiver, "approvals": [each["principal"] for each in waiver["approvals"]]}


def _what(waiver: Mapping[str, Any]) -> str:
    """What a waiver is for, and where: of two that differ in nothing else, the one that ends last is told."""
    parts = (waiver.get(key) for key in ("rule", "id", "purl", "evidence", "repository"))
    return " ".join(str(each) for each in parts if each)


def _rollouts(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    was, now = (
        {**each.get("rules", {}), **({"observe mode": each["observe"]} if "observe" in each else {})}
        for each in (before, after)
    )
    for name in sorted(was.keys() | now.keys()):
        old, new = was.get(name), now.get(name)
        if old != new:
            yield _change("rollout", name, _rising(_mildness(new), _mildness(old)), old, new)


def _mildness(measure: Mapping[str, Any] | None) -> tuple[int, int]:
    """How far, and until when, a measure softens a rule."""
    mode = (measure or {"mode": "enforce"}).get("mode", "warn")
    return -_MODES.index(mode), 0 if mode == "enforce" or not measure else nanoseconds(measure["until"]) or 0


def _limits(before: PolicySet, after: PolicySet) -> Iterator[Change]:
    """How long an exception may last, and whom the set trusts."""
    was, now = _days(before), _days(after)
    for name in was:
        if was[name] != now[name]:
            yield _change("max_days", name, _rising(now[name], was[name]), was[name], now[name])
    for rule in sorted(before.index.rules.keys() & after.index.rules.keys() - before.unwaivable):
        needs = [each.trust.quorum.needs(rule) if each.trust.quorum else 0 for each in (before, after)]
        if needs[0] != needs[1]:
            yield _change("quorum", rule, _rising(*needs), *needs)
    old, new = (each.files.get(TRUST_PATH, b"{}").decode() for each in (before, after))
    if old != new:
        yield _change("trust", "trust.yaml", _CHANGED, old, new)


def _days(policy: PolicySet) -> dict[str, int]:
    return {
        "waivers": waiver_days({}, policy.grounds),
        "waivers of the checkout": waiver_days({"origin": "checkout"}, policy.grounds),
        "rollouts": rollout_days(policy.grounds.enforcement),
    }


_CHANGED = Direction.CHANGED


def _change(what: str, name: str, direction: Direction, before: Any, after: Any) -> Change:
    return Change(what=what, name=name, direction=direction, before=_shown(before), after=_shown(after))


def _shown(value: Any) -> str | None:
    return None if value is None else value if isinstance(value, str) else canonical.encode(value).decode()


def _rising(old: Any, new: Any) -> Direction:
    """Where more is stricter."""
    return _CHANGED if old == new else Direction.STRICTER if new > old else Direction.LOOSER


def _growing(old: Any, new: Any) -> Direction:
    """Where a set with more in it is stricter; what lost something is looser, whatever it gained."""
    was, now = ({canonical.encode(item) for item in each} for each in (old, new))
    if was == now:
        return _CHANGED
    return Direction.STRICTER if was < now else Direction.LOOSER
