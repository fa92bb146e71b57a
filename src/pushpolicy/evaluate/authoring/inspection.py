"""`pushpolicy policy inspect`: what is in a set, where each part comes from, and who may except from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import msgspec

from pushpolicy.evaluate.data import SETTINGS_PATH
from pushpolicy.evaluate.policyset import PolicySet
from pushpolicy.model import canonical
from pushpolicy.model.index import Leaf, RuleEntry
from pushpolicy.records.floor import may_waive, waiver_days, waiver_state


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """One setting of a rule: its value, and where that comes from (`default`, or an origin)."""

    key: str
    value: Any
    origin: str
    description: str = ""


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One rule of a set.

    Attributes:
        origin: pack, local or checkout.
        heads: what it defines: deny, warn, not_applicable.
        reads: the kinds of evidence that it reads, beside image and target.
        leaves: the fields that it requires.
        optional: the fields whose absence it decides itself.
        waive: who may waive what it denies: nobody; policy (the command line's waivers.yaml); checkout.
        mode: warn or off where the set rolls it out so; else enforce.
    """

    name: str
    title: str
    severity: str
    origin: str
    heads: tuple[str, ...]
    reads: tuple[str, ...]
    leaves: tuple[Leaf, ...]
    optional: tuple[str, ...]
    waive: tuple[str, ...]
    mode: str
    effective_on: str | None
    settings: tuple[Setting, ...]


class Waiver(msgspec.Struct, frozen=True, kw_only=True):
    """A waiver of the set, and whether it would be honoured now (counts, ended, long, ...)."""

    waiver: Mapping[str, Any]
    state: str


class Inspection(msgspec.Struct, frozen=True, kw_only=True):
    """A set, looked into.

    Attributes:
        max_days: how long a waiver may last, by where it comes from: local, checkout.
    """

    policy: PolicySet
    rules: tuple[Rule, ...]
    waivers: tuple[Waiver, ...]
    max_days: Mapping[str, int]


def inspect(policy: PolicySet, at: datetime) -> Inspection:
    """Look into a set as of a time; nothing is evaluated."""
    now = int(at.timestamp()) * 10**9
    return Inspection(
        policy=policy,
        rules=tuple(_rule(policy, name, entry) for name, entry in sorted(policy.index.rules.items())),
        waivers=tuple(
            Waiver(waiver=each, state=waiver_state(each, policy.grounds, now, "")) for each in policy.waivers
        ),
        max_days={
            origin: waiver_days({"origin": origin}, policy.grounds) for origin in ("local", "checkout")
        },
    )


def _rule(policy: PolicySet, name: str, entry: RuleEntry) -> Rule:
    origins, measures = policy.grounds.origins, policy.grounds.enforcement.get("rules", {})
    return Rule(
        name=name,
        title=entry.title,
        severity=entry.severity,
        origin=str(origins["rules"][name]),
        heads=entry.heads,
        reads=entry.requires,
        leaves=entry.leaves,
        optional=entry.optional,
        waive=tuple(_who(policy, name, entry)),
        mode=measures.get(name, {}).get("mode", "enforce"),
        effective_on=entry.effective_on,
        settings=tuple(_settings(policy, name, entry)),
    )


def _who(policy: PolicySet, name: str, entry: RuleEntry) -> Iterator[str]:
    yield "nobody" if entry.integrity else "policy"
    if not entry.integrity and may_waive(name, policy.grounds.origins):
        yield "checkout"


def _settings(policy: PolicySet, name: str, entry: RuleEntry) -> Iterator[Setting]:
    values = canonical.decode(policy.files[SETTINGS_PATH])[name]
    changed = policy.grounds.origins.get("settings", {}).get(name, {})
    for key, fragment in entry.settings.items():
        yield Setting(
            key=key,
            value=values[key],
            origin=str(changed.get(key, "default")),
            description=fragment.get("description", ""),
        )
