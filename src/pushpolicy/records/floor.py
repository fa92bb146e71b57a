"""The floor: what must hold for ALLOW, computed a second time without Rego (design section 6).

Rego decides and may deny more. This module computes, from the evidence, the index and the data of a policy
set, whether the denials that the rules gave leave room for ALLOW at all: that no rule is left out, that what
a rule requires is there, and that every denial is covered by a waiver or softened by a measure that counts at
the time of the decision. It does no I/O and knows nothing of OPA, so a fault in one is not a fault in both.

Not computed again: what a rule finds, messages, severities, warnings, and the states that are only told.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache, lru_cache
from typing import Any, Literal, NamedTuple

from pushpolicy.model.index import Grounds, Leaf, RuleEntry

SCHEMA = "pushpolicy.evidence/v1"
_MAX_DAYS = 180
# Of a waiver, or a measure that softens: whether it counts at a time, and if not, why.
State = Literal["counts", "unwaivable", "refused", "ended", "long", "pending"]
_WILD = re.compile(r"[*?]")
_DAY = 24 * 60 * 60 * 10**9
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)")


def objections(
    evidence: Mapping[str, Any], grounds: Grounds, denials: Mapping[str, Sequence[Any]]
) -> Iterator[str]:
    """Why these denials cannot have ended in ALLOW; nothing where they can.

    Args:
        evidence: the evidence document.
        grounds: the policy's part.
        denials: what each rule that defines `deny` gave, as it gave it.
    """
    yield from _misshapen(evidence)
    now = nanoseconds(evidence.get("evaluated_at"))
    if now is None:
        yield "the evidence has no time"
        return
    if not grounds.rules:
        yield "there is no rule"
    denying = {name for name, rule in grounds.rules.items() if "deny" in rule.heads}
    if denials.keys() != denying:
        yield f"the denials are not those of the rules: {', '.join(sorted(denials.keys() ^ denying))}"
    waivers = _Waivers(evidence, grounds, now)
    for name, rule in grounds.rules.items():
        found = [_Finding(name, {}, f"evidence:{each}", absent=True) for each in _absent(rule, evidence)]
        found += [_finding(name, element) for element in denials.get(name, ())]
        standing = [finding.id for finding in found if not waivers.cover(finding)]
        if standing and not _softened(name, rule, grounds.enforcement, now):
            yield f"{name}: {len(standing)} findings stand, the first is {standing[0]}"


class _Finding(NamedTuple):
    rule: str
    at: Mapping[str, Any]
    id: str
    absent: bool = False


def _misshapen(evidence: Mapping[str, Any]) -> Iterator[str]:
    if evidence.get("schema") != SCHEMA:
        yield f"the evidence is not of {SCHEMA}"
    for key, kind in (("image", Mapping), ("target", Mapping), ("reports", Sequence)):
        if not isinstance(evidence.get(key), kind) or isinstance(evidence[key], str):
            yield f"the evidence has no {key}"


def _absent(rule: RuleEntry, evidence: Mapping[str, Any]) -> Iterator[str]:
    """The evidence that a rule requires and that is not there: kinds, and leaves of those that are."""
    yield from (kind for kind in rule.requires if not _collected(kind, evidence))
    for leaf in rule.leaves:
        if _collected(leaf.kind, evidence) and not _has(evidence, leaf.steps, leaf):
            yield leaf.path


def _collected(kind: str, evidence: Mapping[str, Any]) -> bool:
    if kind.startswith("extra."):
        return kind.removeprefix("extra.") in _mapping(evidence.get("extra"))
    if kind == "clock":
        return isinstance(evidence.get("clock"), Mapping)
    if kind == "unread":
        return isinstance(evidence.get("unread"), list)
    if kind in ("image", "reports", "target"):
        return True
    return _mapping(evidence.get(kind)).get("status") == "collected"


def _has(value: Any, steps: Sequence[Sequence[str]], leaf: Leaf) -> bool:
    """Whether all items of each array on the way have what follows."""
    for key in steps[0]:
        value = _mapping(value).get(key)
    if len(steps) > 1:
        items = list(value.values()) if isinstance(value, Mapping) else value
        return isinstance(items, list) and all(_has(item, steps[1:], leaf) for item in items)
    if leaf.filled and not (isinstance(value, list) and value):
        return False
    return value is not None and _is_of(leaf.type, value)


def _is_of(kind: str, value: object) -> bool:
    """Whether a value is of the type that a leaf asks for; of one that is not known here, none is."""
    if kind == "number":
        return isinstance(value, int | float) and not isinstance(value, bool)
    if kind == "boolean":
        return isinstance(value, bool)
    if kind == "collection":
        return isinstance(value, list | Mapping)
    return isinstance(value, str) if kind == "string" else not kind


def _finding(name: str, element: Any) -> _Finding:
    """A denial in one form; one of another shape than {at, msg} still denies."""
    given = _mapping(element)
    at = given.get("at")
    if not isinstance(at, Mapping) or not isinstance(given.get("msg"), str):
        return _Finding(name, {"given": element}, _digest({"given": element}))
    named = at.get("id")
    return _Finding(name, at, named if isinstance(named, str) and named else _digest(at))


def _digest(at: Mapping[str, Any]) -> str:
    """``sha256:`` and the digest of `json.marshal(at)`: Go's encoding, which escapes <, > and & too."""
    text = json.dumps(at, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def _softened(name: str, rule: RuleEntry, enforcement: Mapping[str, Any], now: int) -> bool:
    """Whether a grace, a rollout or observe mode keeps the findings of a rule from denying."""

    def active(until: object) -> bool:
        return rollout_state(until, enforcement, now) == "counts"

    if active(_mapping(enforcement.get("observe")).get("until")):
        return True
    measure = _mapping(_mapping(enforcement.get("rules")).get(name))
    rolled_out = measure.get("mode") in ("warn", "off") and active(measure.get("until"))
    return rule.integrity is False and (rolled_out or active(rule.effective_on))


class _Waivers:
    """The waivers that count here and now, by rule and what they name: many may meet many."""

    def __init__(self, evidence: Mapping[str, Any], grounds: Grounds, now: int) -> None:
        self._named: dict[tuple[str, str, str], list[Mapping[str, Any]]] = {}
        target = _mapping(evidence.get("target"))
        place = f"{target.get('registry')}/{target.get('repository')}"
        author = author_of(evidence)
        for waiver in map(_mapping, grounds.waivers.get("waivers", ())):
            if waiver_state(waiver, grounds, now, author) == "counts" and matches_glob(
                waiver.get("repository", "**"), "/", place
            ):
                for key, name in (("evidence", waiver.get("evidence")), ("id", waiver.get("id"))):
                    self._add(waiver, key, name)
                if isinstance(waiver.get("purl"), str) and "id" not in waiver:
                    product = _product(waiver["purl"])
                    self._add(waiver, "purl", "" if {"*", "?"} & set(product) else product)

    def _add(self, waiver: Mapping[str, Any], key: str, name: object) -> None:
        if isinstance(name, str):
            self._named.setdefault((waiver["rule"], key, name), []).append(waiver)

    def cover(self, finding: _Finding) -> bool:
        """Whether one of them is for this finding."""
        if finding.absent:
            return (finding.rule, "evidence", finding.id) in self._named
        aliases = finding.at.get("aliases")
        if isinstance(aliases, Mapping):
            aliases = list(aliases.values())
        names = [finding.id, *(aliases if isinstance(aliases, list) else ())]
        keys = [("id", name) for name in names if isinstance(name, str)] + [("purl", "")]
        if isinstance(purl := finding.at.get("purl"), str):
            keys.append(("purl", _product(purl)))
        return any(
            "purl" not in waiver or matches_glob(waiver["purl"], "", finding.at.get("purl"))
            for key, name in keys
            for waiver in self._named.get((finding.rule, key, name), ())
        )


def waiver_state(waiver: Mapping[str, Any], grounds: Grounds, now: int, author: str | None) -> State:
    """Whether a waiver is allowed, by rule, origin and approvals, and its time is now and not too long.

    Args:
        waiver: as the data has it.
        grounds: the policy's part.
        now: nanoseconds since 1970.
        author: as `approving` takes it.
    """
    name, theirs = waiver.get("rule"), waiver.get("origin") == "checkout"
    rule = grounds.rules.get(name) if isinstance(name, str) else None
    if rule is None or rule.integrity is not False:
        return "unwaivable"
    if "refused" in waiver or (theirs and not may_waive(str(name), grounds.origins)):
        return "refused"
    if "quorum" in waiver and len(approving(waiver, now, author)) < _needed(waiver):
        return "refused"
    end = nanoseconds(waiver.get("expires"))
    start = nanoseconds(waiver["not_before"]) if "not_before" in waiver else now
    if end is None or start is None or end <= now:
        return "ended"
    if end - start > waiver_days(waiver, grounds) * _DAY:
        return "long"
    return "counts" if start <= now else "pending"


def author_of(evidence: Mapping[str, Any]) -> str | None:
    """Who set the run off, in lower case, where a token of the job proves it; else None."""
    ci = _mapping(evidence.get("ci"))
    proven = _collected("ci", evidence) and _mapping(ci.get("trust")).get("actor") == "verified"
    actor = ci.get("actor")
    return actor.lower() if proven and isinstance(actor, str) and actor else None


def approving(waiver: Mapping[str, Any], now: int, author: str | None) -> frozenset[str]:
    """Who approves a waiver: those whose key counts now, without the author of the run.

    Args:
        waiver: as the data has it; who signed it was found when the policy was read.
        now: nanoseconds since 1970.
        author: as `author_of` finds them; None, and nobody approves; empty where that is not asked.
    """
    given = _mapping(waiver.get("quorum")).get("approved")
    found = map(_mapping, given if isinstance(given, list) and author is not None else ())
    names = {str(each.get("principal")).lower() for each in found if _is_within(each, now)}
    return frozenset(names - {author})


def _is_within(window: Mapping[str, Any], now: int) -> bool:
    start = nanoseconds(window["not_before"]) if "not_before" in window else now
    end = nanoseconds(window["not_after"]) if "not_after" in window else now + 1
    return start is not None and end is not None and start <= now < end


def _needed(waiver: Mapping[str, Any]) -> int:
    """How many approvals; where that is no number, more than there can be."""
    needs = _mapping(waiver["quorum"]).get("needs")
    return needs if type(needs) is int and needs > 0 else 2**53


def waiver_days(waiver: Mapping[str, Any], grounds: Grounds) -> int:
    """How long it may last."""
    limit = grounds.waivers.get("max_days")
    if waiver.get("origin") == "checkout":
        limit = grounds.waivers.get("repo_max_days", limit)
    return _whole(limit)


def rollout_state(until: object, enforcement: Mapping[str, Any], now: int) -> State:
    """Whether what softens until then does so now: not after its end, nor where that is too far ahead."""
    end = nanoseconds(until)
    if end is None or end <= now:
        return "ended"
    return "counts" if end <= now + rollout_days(enforcement) * _DAY else "long"


def rollout_days(enforcement: Mapping[str, Any]) -> int:
    """How far ahead the end of a rollout may be."""
    return _whole(enforcement.get("max_days", _MAX_DAYS))


def may_waive(rule: str, origins: Mapping[str, Any]) -> bool:
    """Whether the judged checkout may waive findings of a rule: its own, or one opened to it."""
    if _mapping(origins.get("rules")).get(rule) == "checkout":
        return True
    return "waive" in _mapping(origins.get("repo_may")).get(rule, ())


def nanoseconds(value: object) -> int | None:
    """An RFC 3339 time in nanoseconds since 1970, as OPA counts; None for anything else.

    OPA reads nine digits of a second; Python's datetime would read six.
    """
    return _nanoseconds(value) if isinstance(value, str) else None


# Many waivers end at one time.
@lru_cache(maxsize=1000)
def _nanoseconds(text: str) -> int | None:
    parts = _TIME.fullmatch(text)
    if parts is None:
        return None
    try:
        seconds = datetime.fromisoformat(parts[1] + parts[3]).timestamp()
    except (ValueError, OverflowError):
        return None
    return int(seconds) * 10**9 + int((parts[2] or "")[:9].ljust(9, "0"))


def matches_glob(pattern: object, separator: str, text: object) -> bool:
    """Whether a glob of the waivers' schema fits: ``**``, or ``*`` and ``?``, which stop at a separator."""
    if not (isinstance(pattern, str) and isinstance(text, str)):
        return False
    # Making a pattern takes far longer than using it: most begin as few texts do, or end with their star.
    literal = _WILD.split(pattern, 1)[0]
    if pattern[len(literal) :] == ("*" if not separator else "**"):
        return text.startswith(literal)
    return text.startswith(literal) and bool(_glob(pattern, separator).fullmatch(text))


def _product(purl: str) -> str:
    """What stands before the version; a glob that is literal there fits no purl of another product."""
    return purl.partition("@")[0]


@cache
def _glob(pattern: str, separator: str) -> re.Pattern[str]:
    within = f"[^{separator}]" if separator else "."
    wild = {"**": ".*", "*": f"{within}*", "?": within}
    words = re.split(r"(\*\*|\*|\?)", pattern)
    return re.compile("".join(wild.get(word, re.escape(word)) for word in words), re.DOTALL)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _whole(value: object) -> int:
    return value if type(value) is int else 0
