"""What of a recorded decision stands under another policy set: only the rest is evaluated (threats 40).

What a rule finds in given evidence follows from its text, the lib, its settings, schema, capabilities and the
engine; what becomes of that, from its entry in the index, its waivers and what softens it. Where all of it is
the same in both sets, its result is, too, and the verdict is put together from the results of all.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any, Protocol, TypeVar

import msgspec
from msgspec.structs import replace

from pushpolicy.errors import EngineError
from pushpolicy.evaluate.answer import is_judged, loosened, unjudged
from pushpolicy.evaluate.authority import Origin
from pushpolicy.evaluate.data import ENFORCEMENT_PATH, SETTINGS_PATH, WAIVERS_PATH, grounds_of
from pushpolicy.evaluate.policyset import INDEX_DATA, INDEX_MODULE, SCHEMA, PolicySet
from pushpolicy.evaluate.recorded import denials_of
from pushpolicy.model import canonical
from pushpolicy.model.decision import (
    Decision,
    MeasureUse,
    PolicyIdentity,
    RuleStatus,
    SettingUse,
    Verdict,
    Violation,
    WaiverUse,
)
from pushpolicy.model.digest import Digest
from pushpolicy.model.document import Document
from pushpolicy.records.floor import objections

# What the verdict rests on whatever the rules are, and they may read without saying so; waivers read ci.
_ALWAYS = frozenset({"schema", "evaluated_at", "target", "image", "reports", "ci"})
# What stands for a kind of evidence that no document is without.
_UNREAD: Mapping[str, Any] = {"reason": "no rule that is asked reads it", "status": "missing"}
_UNREAD_KINDS: Mapping[str, Mapping[str, Any]] = {
    "credentials": _UNREAD,
    "extra": {},
    "scans": _UNREAD,
    "source": _UNREAD,
    "tests": _UNREAD,
}
# In the order in which OPA tells them.
_MEASURES = {"warn": 0, "off": 0, "grace": 1, "observe": 2}


class _OfRule(Protocol):
    @property
    def rule(self) -> str: ...


T = TypeVar("T", bound=_OfRule)
Item = TypeVar("Item")
Waiver = Mapping[str, Any]


class Reuse(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """From decisions by one set to those by another, about the same evidence and by the same engine.

    Attributes:
        before: the set that decided.
        after: the other one.
        changed: the rules of `after` that may find something else, or whose findings may end otherwise.
    """

    before: PolicySet
    after: PolicySet
    changed: frozenset[str]

    @classmethod
    def of(cls, before: PolicySet, after: PolicySet) -> Reuse:
        """Compare two sets rule by rule; whatever all rules rest on changes all of them."""
        names = frozenset(after.index.rules)
        if _are_comparable(before, after):
            was, now = _parts(before), _parts(after)
            names = frozenset(name for name in names if was.get(name) != now[name])
        return cls(before=before, after=after, changed=names)

    @classmethod
    def nothing(cls, before: PolicySet, after: PolicySet) -> Reuse:
        """Where nothing of what is recorded stands: another engine gave it."""
        return cls(before=before, after=after, changed=frozenset(after.index.rules))

    @cached_property
    def asked(self) -> PolicySet | None:
        """What is evaluated: the other set with its changed rules alone; None where there are none."""
        if self.changed == self.after.index.rules.keys():
            return self.after
        return _only(self.after, self.changed) if self.changed else None

    @cached_property
    def _read(self) -> frozenset[str] | None:
        """The kinds of evidence that the rules which are asked read; None where that is not known."""
        if self.asked is None or any(path.startswith("conftest/") for path in self.asked.files):
            return None
        rules = self.asked.index.rules.values()
        kinds = {kind for rule in rules for kind in (*rule.requires, *(leaf.kind for leaf in rule.leaves))}
        return _ALWAYS | {kind.partition(".")[0] for kind in kinds}

    def of_evidence(self, evidence: Document) -> Document:
        """What of a document the rules which are asked read: to be read by OPA, the rest costs most."""
        if self._read is None or self.asked is self.after:
            return evidence
        parts = msgspec.json.decode(evidence.content, type=dict[str, msgspec.Raw])
        if (
            sum(len(part) for name, part in parts.items() if name not in self._read)
            < len(evidence.content) // 10
        ):
            return evidence
        value: dict[str, Any] = {**_UNREAD_KINDS}
        value |= {name: given for name, given in evidence.value.items() if name in self._read}
        written = (
            canonical.encode(name)
            + b":"
            + (parts[name] if name in self._read else canonical.encode(value[name]))
            for name in sorted(value)
        )
        content = b"{" + b",".join(map(bytes, written)) + b"}"
        return Document(content, Digest.of(content), value)

    def decision(self, recorded: Decision, answered: Decision | None, evidence: Document) -> Decision:
        """What the other set decides.

        Args:
            recorded: the decision by `before`.
            answered: that by `asked` about what `of_evidence` gives; None where nothing is asked.
            evidence: what both are about.

        Raises:
            EngineError: when what is recorded of the rules cannot be so.
        """
        if answered is not None and self.asked is self.after:
            return answered
        made = self._joined(recorded, answered)
        # An ALLOW was held against its evidence when it was read, a part of this one perhaps never.
        if made.allowed and not recorded.allowed:
            denials = denials_of(made, self.after.index.rules)
            for objection in objections(evidence.value, self.after.grounds, denials):
                raise EngineError(f"what is recorded of its rules contradicts its evidence: {objection}")
        return made

    def _joined(self, recorded: Decision, answered: Decision | None) -> Decision:
        kept = self.after.index.rules.keys() - self.changed
        parts = [(recorded, kept)] if answered is None else [(recorded, kept), (answered, self.changed)]

        def of_rules(findings: Callable[[Decision], Iterable[T]]) -> Iterator[T]:
            for decision, names in parts:
                yield from (item for item in findings(decision) if item.rule in names)

        origins = self.after.grounds.origins.get("rules", {})
        results = [rule for decision, names in parts for rule in decision.rules if rule.name in names]
        rules = sorted(
            (replace(each, origin=origins.get(each.name)) for each in results), key=lambda r: r.name
        )
        softened = {
            rule.name for rule in rules if rule.status is RuleStatus.WARNED and rule.because != "warn"
        }
        waived = tuple(sorted(map(self._waived, of_rules(lambda each: each.waived)), key=_rule))
        violations = tuple(sorted(of_rules(_violations), key=_rule))
        made = replace(
            recorded,
            policy=self._identity.decided_by(recorded.engine),
            rules=tuple(rules),
            violations=violations,
            warnings=tuple(
                sorted(of_rules(lambda each: each.warnings), key=lambda w: (w.rule not in softened, w.rule))
            ),
            waived=waived,
            waivers=tuple(self._uses(recorded, answered)),
            rollouts=self._rollouts(parts),
            settings=self._settings,
            loosened=tuple(loosened(self.after, waived)),
            observed=any(rule.because == "observe" for rule in rules),
            chain={},
        )
        if not is_judged(made):
            made = replace(made, violations=tuple(unjudged(made, self.after)))
        return replace(made, verdict=Verdict.DENY if made.violations else Verdict.ALLOW)

    @cached_property
    def _identity(self) -> PolicyIdentity:
        return self.after.identity

    @cached_property
    def _settings(self) -> tuple[SettingUse, ...]:
        return self.after.settings

    def _waived(self, item: Violation) -> Violation:
        """The same finding, with its waiver as the other set has it: from elsewhere, perhaps."""
        renamed = self._renamed and self._renamed.get(canonical.encode(item.waiver))
        return replace(item, waiver=renamed) if renamed else item

    @cached_property
    def _renamed(self) -> Mapping[bytes, Waiver]:
        """What became of each waiver of an unchanged rule that another file brings."""
        was, now = _by_rule(self.before), _by_rule(self.after)
        return {
            canonical.encode(one): other
            for rule, waivers in now.items()
            if rule not in self.changed
            for one, other in zip(was[rule], waivers, strict=True)
            if one != other
        }

    def _uses(self, recorded: Decision, answered: Decision | None) -> Iterator[WaiverUse]:
        """What became of each waiver, in the order of the other set."""
        was = {
            rule: iter(uses)
            for rule, uses in _grouped(recorded.waivers, lambda use: str(use.waiver["rule"])).items()
        }
        new = iter(answered.waivers if answered else ())
        for waiver in self.after.waivers:
            use = next(new if waiver["rule"] in self.changed else was[waiver["rule"]])
            yield replace(use, waiver=waiver)

    def _rollouts(self, parts: Iterable[tuple[Decision, Collection[str]]]) -> tuple[MeasureUse, ...]:
        """What became of each measure; that for all rules is in the first part, as in any."""
        enforcement = self.after.grounds.enforcement
        uses = [use for decision, names in parts for use in decision.rollouts if use.rule in names]
        uses += [use for use in next(iter(parts))[0].rollouts if use.rule is None]
        measures = {None: enforcement.get("observe", {}), **enforcement.get("rules", {})}
        return tuple(
            use if use.measure == "grace" else replace(use, origin=measures[use.rule].get("origin"))
            for use in sorted(uses, key=lambda use: (_MEASURES[use.measure], use.rule or ""))
        )


def _violations(decision: Decision) -> tuple[Violation, ...]:
    """What the rules found; where none judged the image, only that is denied."""
    return decision.violations if is_judged(decision) else ()


def _rule(item: Violation) -> str:
    return item.rule


def _by_rule(policy: PolicySet) -> dict[str, list[Waiver]]:
    return _grouped(policy.waivers, lambda waiver: str(waiver["rule"]))


def _grouped(items: Iterable[Item], rule_of: Callable[[Item], str]) -> dict[str, list[Item]]:
    """By rule, in their order."""
    found: dict[str, list[Item]] = {}
    for item in items:
        found.setdefault(rule_of(item), []).append(item)
    return found


def _are_comparable(before: PolicySet, after: PolicySet) -> bool:
    """Whether what all rules rest on is the same, and a decision tells the result of each rule for itself."""
    known = before.is_current and after.is_current  # and so of one system part
    return known and _shared(before) == _shared(after) and _tells_each(after)


def _shared(policy: PolicySet) -> tuple[object, ...]:
    enforcement = policy.grounds.enforcement
    strangers = {rule: each for rule, each in _by_rule(policy).items() if rule not in policy.index.rules}
    return (
        policy.files[SCHEMA],
        json.loads(policy.capabilities),
        {path: content for path, content in policy.files.items() if path.startswith("conftest/")},
        enforcement.get("max_days"),
        _plain([enforcement.get("observe", {})]),
        {rule: _plain(waivers) for rule, waivers in strangers.items()},
        _limits(policy) if strangers else None,
    )


def _tells_each(policy: PolicySet) -> bool:
    """Whether it can be told what of a decision's warnings is softened, and why it is `observed`."""
    observes, measures = "observe" in policy.grounds.enforcement, policy.grounds.enforcement.get("rules", {})
    for name, rule in policy.index.rules.items():
        mode = measures.get(name, {}).get("mode")
        if observes and mode == "off":
            return False
        if {"deny", "warn"} <= set(rule.heads) and (observes or mode == "warn" or rule.effective_on):
            return False
    return True


def _parts(policy: PolicySet) -> dict[str, tuple[object, ...]]:
    """What the result of each rule rests on, beside what all rest on; not where it comes from."""
    settings, waivers = json.loads(policy.files[SETTINGS_PATH]), _by_rule(policy)
    measures, may = policy.grounds.enforcement.get("rules", {}), policy.grounds.origins.get("repo_may", {})
    return {
        name: (
            policy.files[f"rules/{name}/{name}.rego"],
            entry,
            canonical.encode(settings.get(name, {})),
            _plain(waivers.get(name, ())),
            _limits(policy) if name in waivers else None,
            _plain([measures.get(name, {})]),
            may.get(name),
        )
        for name, entry in policy.index.rules.items()
    }


def _limits(policy: PolicySet) -> tuple[object, object]:
    limits = policy.grounds.waivers
    return limits.get("max_days"), limits.get("repo_max_days")


def _plain(given: Iterable[Mapping[str, Any]]) -> list[bytes]:
    """Waivers or measures, without where they come from; that the checkout brought one counts."""
    return [
        canonical.encode(
            {name: value for name, value in each.items() if name != "origin" or value == Origin.CHECKOUT}
        )
        for each in given
    ]


def _only(policy: PolicySet, names: Collection[str]) -> PolicySet:
    """A set with some of its rules, and what is about them."""
    index = policy.index.only(names)
    waivers, enforcement = dict(policy.grounds.waivers), dict(policy.grounds.enforcement)
    waivers["waivers"] = [waiver for waiver in policy.waivers if waiver["rule"] in names]
    measures = enforcement.get("rules", {})
    enforcement["rules"] = {name: measure for name, measure in measures.items() if name in names}
    files = {path: content for path, content in policy.files.items() if not path.startswith("rules/")}
    files |= {path: policy.files[path] for path in (f"rules/{name}/{name}.rego" for name in names)}
    files |= {
        INDEX_DATA: index.data(),
        INDEX_MODULE: index.module(),
        WAIVERS_PATH: canonical.encode(waivers),
        ENFORCEMENT_PATH: canonical.encode(enforcement),
    }
    return replace(policy, files=files, index=index, grounds=grounds_of(files, index))
