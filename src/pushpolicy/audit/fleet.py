"""By which policy each repository was decided last, and which of them lag behind.

What a judged checkout adds is its own, and no lag: its rules and its settings. Waivers are none either, since
they are given for a repository. What is left is compared part by part.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec.structs import replace

from pushpolicy.audit.allowance import Allowance
from pushpolicy.audit.signature import Signature
from pushpolicy.audit.sources import Source
from pushpolicy.audit.walk import Opened, Problem, Unread
from pushpolicy.evaluate import PolicySet
from pushpolicy.evaluate.authority import Origin
from pushpolicy.evaluate.data import TRUST_PATH
from pushpolicy.model import canonical
from pushpolicy.model.decision import ImageIdentity, PolicyIdentity, Verdict
from pushpolicy.model.digest import Digest
from pushpolicy.model.reference import Reference
from pushpolicy.model.text import first_of, printable
from pushpolicy.model.times import moment_of
from pushpolicy.records.checks import is_for

_RELEASE = re.compile(r"(oci\S+)@\S+ signed by \S+ sequence (\d{1,15})\b")
# As long as `PolicySet` makes it; of a record that somebody wrote, the rest says nothing.
_MAX_SOURCE = 1000
# What Python raises on a policy of another shape than ours: that of an unknown one is not checked.
_MISSHAPEN = (TypeError, AttributeError, LookupError, ValueError)
_KINDS = ("rule", "setting", "rollout", "trust", "system")
# A part of a policy, by its kind and name, and the digest of it.
Parts = Mapping[tuple[str, str], Digest]


class Release(msgspec.Struct, frozen=True, order=True):
    """Which release of a policy artifact, of those that are signed and numbered."""

    place: str
    sequence: int

    @classmethod
    def of(cls, source: str) -> Release | None:
        """The first that a policy names among its sources."""
        found = _RELEASE.search(source[:_MAX_SOURCE])
        return cls(found[1], int(found[2])) if found else None


class Last(msgspec.Struct, frozen=True, kw_only=True):
    """The last decision of a repository, of those that count.

    Attributes:
        signature: who vouches for its record.
        anchored: whether everything that decided is known.
        version: of the pushpolicy that decided, where a listed key says so.
        waivers: when each ends that was needed.
        parts: what its policy is made of, but for what is the repository's own; None where nothing tells.
    """

    record: Digest
    image: ImageIdentity
    moment: datetime
    verdict: Verdict
    policy: PolicyIdentity
    signature: Signature
    anchored: bool
    version: str | None
    waivers: tuple[datetime, ...]
    parts: Parts | None

    @property
    def release(self) -> Release | None:
        """Of a signed policy artifact."""
        return Release.of(self.policy.source)


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """A repository.

    Attributes:
        last: None where it has no record that counts.
        behind: what its policy has otherwise than the one it is compared with, in words; None where it is not
            known.
        ignored: what should have been a record.
    """

    place: Reference
    last: Last | None
    behind: tuple[str, ...] | None = None
    ignored: tuple[Problem | Unread, ...] = ()


class Fleet(msgspec.Struct, frozen=True, kw_only=True):
    """Those who lag behind first, of these the one with the oldest decision.

    Attributes:
        against: what they are compared with; None where nothing is known of any.
        why: why that: it was named, it is the newest release, or what most have.
    """

    members: tuple[Member, ...]
    against: PolicyIdentity | None
    why: str


def last_decision(source: Source, known: dict[Digest, Parts], allowance: Allowance) -> Member:
    """What was decided last in a repository: an approval, or a denial that is recorded beside it.

    Args:
        source: the repository.
        known: the policies of others, so that each is kept once.
        allowance: what it may take.

    Raises:
        RecordError, InputError: when it cannot be read at all.
    """
    last: Opened | None = None
    ignored = list[Problem | Unread]()
    for found in source.each(allowance):
        if not isinstance(found, Opened):
            ignored.append(found)
        elif is_for(found.record.decision, source.place.repository) is not False:
            last = max(last or found, found, key=lambda each: (each.summary.moment, each.summary.digest))
    return Member(place=source.place, last=_last(last, known) if last else None, ignored=tuple(ignored))


def _last(found: Opened, known: dict[Digest, Parts]) -> Last:
    decision, how = found.record.decision, found.standing
    waivers = {canonical.encode(item.waiver): item.waiver for item in decision.waived if item.waiver}
    parts = parts_of(found.held.policy)
    return Last(
        record=found.summary.digest,
        image=decision.image,
        moment=found.summary.moment,
        verdict=decision.verdict,
        policy=decision.policy,
        signature=how.signature,
        anchored=how.reliable,
        version=_version(found),
        waivers=tuple(filter(None, (moment_of(each.get("expires")) for each in waivers.values()))),
        parts=None if parts is None else known.setdefault(_fingerprint(parts), parts),
    )


def compared(members: Sequence[Member], policy: PolicySet | None = None) -> Fleet:
    """Hold each against a policy; without one, against what most have, or the newest release of that."""
    against, why = policy.identity if policy else None, "the one that is named"
    parts = parts_of(policy) if policy else None
    if policy is None:
        reference, why = _reference([each.last for each in members if each.last and each.last.parts])
        against, parts = (reference.policy, reference.parts) if reference else (None, None)
    held = [replace(each, behind=_behind(each.last, parts)) for each in members]
    return Fleet(members=tuple(sorted(held, key=_rank)), against=against, why=why)


def parts_of(policy: PolicySet) -> Parts | None:
    """What a policy is made of, but for what a judged checkout brought; None where that cannot be told."""
    try:
        return {key: Digest.of(content) for key, content in _parts(policy)}
    except _MISSHAPEN:
        return None


def _parts(policy: PolicySet) -> Iterator[tuple[tuple[str, str], bytes]]:
    origins, enforcement = policy.grounds.origins, policy.grounds.enforcement
    own = {name for name, origin in origins.get("rules", {}).items() if origin == Origin.CHECKOUT}
    for path, content in policy.files.items():
        folder, _, rest = path.partition("/")
        if folder == "rules" and (name := rest.partition("/")[0]) not in own:
            yield ("rule", name), content
        elif folder not in ("rules", "index", "data"):
            yield ("system", path), content
    for use in policy.settings:
        if use.origin != Origin.CHECKOUT and use.rule not in own:
            yield ("setting", f"{use.rule}.{use.key}"), canonical.encode(use.value)
    measures: Mapping[str, Any] = {
        **enforcement.get("rules", {}),
        "observe mode": enforcement.get("observe"),
    }
    for name, measure in measures.items():
        if measure and measure.get("origin") != Origin.CHECKOUT:
            yield ("rollout", name), canonical.encode(measure)
    if TRUST_PATH in policy.files:
        yield ("trust", "trust.yaml"), policy.files[TRUST_PATH]


def _fingerprint(parts: Parts) -> Digest:
    return Digest.of(repr(sorted(parts.items())).encode())


def _reference(known: Sequence[Last]) -> tuple[Last | None, str]:
    """The one whose policy the others are compared with, and why that."""
    if not known:
        return None, ""
    counts, whole = Counter(id(each.parts) for each in known), Counter(each.policy.digest for each in known)
    most = max(known, key=lambda each: (counts[id(each.parts)], whole[each.policy.digest], each.moment))
    why = f"that of {counts[id(most.parts)]}"
    if most.release:
        releases = [each for each in known if each.release and each.release.place == most.release.place]
        newest = max(releases, key=lambda each: (each.release or most.release, each.moment))
        if newest.release != most.release:
            return newest, "the newest release that is in use"
    return most, why


def _behind(last: Last | None, parts: Parts | None) -> tuple[str, ...] | None:
    """What is other, by kind, each with the first names."""
    if last is None or last.parts is None or parts is None:
        return None
    held = last.parts
    other = sorted(key for key in {*parts, *held} if parts.get(key) != held.get(key))
    by_kind = {kind: [name for each, name in other if each == kind] for kind in _KINDS}
    return tuple(printable(f"{kind} {first_of(names, 3)}", 200) for kind, names in by_kind.items() if names)


def _rank(member: Member) -> tuple[bool, float, str]:
    """Those of which nothing is known, then those that lag behind, each the oldest first."""
    last = member.last
    return member.behind == (), last.moment.timestamp() if last else 0.0, str(member.place)


def _version(found: Opened) -> str | None:
    """What the statement of a listed key says; a record does not."""
    summary = found.summary
    if not found.standing.signature.by:
        return None
    named = [each.named for each in found.shelf.signatures.of(summary.subject.digest).vouched]
    return next((printable(each.version, 40) for each in named if each.record == summary.digest), None)
