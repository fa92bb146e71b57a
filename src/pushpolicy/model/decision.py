"""The decision document ``pushpolicy.decision/v1`` as types: what was decided, by what, about what."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from functools import cached_property
from typing import Any, Literal, Self

import msgspec
from msgspec.structs import replace

from pushpolicy.model.digest import Digest
from pushpolicy.model.document import Document, plain

SCHEMA = "pushpolicy.decision/v1"
# What every reader of JSON holds exactly (RFC 8259 section 6).
MAX_SEQUENCE = 2**53 - 1


class Verdict(StrEnum):
    """The two answers. There is no third."""

    ALLOW = "ALLOW"
    DENY = "DENY"


class RuleStatus(StrEnum):
    """What became of one rule."""

    PASSED = "passed"
    VIOLATED = "violated"
    WARNED = "warned"
    WAIVED = "waived"
    NOT_APPLICABLE = "not_applicable"


class Violation(msgspec.Struct, frozen=True, kw_only=True):
    """One finding of one rule.

    Attributes:
        id: `at.id` where the rule gives one, else the digest of `at`; what a waiver names.
        at: where it was found, any object the rule gives.
        evidence: the kind of evidence, or the path, that is absent, when that is the violation.
        waiver: the waiver that covers it, when one does.
    """

    rule: str
    id: str
    msg: str
    at: Mapping[str, Any]
    severity: str
    fix: str
    evidence: str | None = None
    waiver: Mapping[str, Any] | None = None


class RuleResult(msgspec.Struct, frozen=True, kw_only=True):
    """One rule's result.

    Attributes:
        because: grace, rollout, observe or warn when it only warned; off when it was switched off
            (its status is then not_applicable).
        reason: why it is not applicable, or why it is rolled out.
        origin: where the rule comes from: pack, local or checkout; None in decisions of the first version.
    """

    name: str
    title: str
    status: RuleStatus
    because: str | None = None
    reason: str | None = None
    origin: str | None = None


class WaiverUse(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one waiver.

    Attributes:
        state: used, unused, pending, expiring, expired, too_long, refused or elsewhere.
        reason: why it is not honoured or not used, and what would admit it; None where it is used.
    """

    waiver: Mapping[str, Any]
    state: str
    reason: str | None = None


class MeasureUse(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one measure that softens rules for a time.

    Attributes:
        rule: the rule it is for; None for observe mode, which is for all.
        measure: warn, off, grace or observe.
        state: active, ended, too_long (it would end later than allowed, so it softens nothing) or refused
            (an integrity rule).
        until: RFC 3339 time of its end.
        reason: why it was set; a grace has none.
        origin: where it comes from.
    """

    measure: str
    state: str
    until: str
    rule: str | None = None
    reason: str | None = None
    origin: str | None = None


class SettingUse(msgspec.Struct, frozen=True, kw_only=True):
    """A setting that is not the rule's default: its value, and where that comes from."""

    rule: str
    key: str
    value: Any
    origin: str


class PolicyIdentity(msgspec.Struct, frozen=True, kw_only=True):
    """Which policy decided.

    Attributes:
        source: how it was named (``pack``, a folder, a reference).
        digest: over the parts that follow: rules, settings (with enforcement), waivers, origins.
        anchored: whether everything that decided is known by more than a path: computed, by design section 6.
        not_anchored: why not, one reason each.
    """

    source: str
    digest: Digest
    rules: Digest
    settings: Digest
    waivers: Digest
    anchored: bool
    origins: Digest | None = None
    not_anchored: tuple[str, ...] = ()

    def decided_by(self, engine: EngineIdentity) -> PolicyIdentity:
        """The same policy, as it counts where this engine evaluated it: on a server's word alone, less."""
        if not engine.is_delegated:
            return self
        why = f"delegated: evaluated by {engine.server}, and by no OPA of this machine"
        return replace(self, anchored=False, not_anchored=(*self.not_anchored, why))


class EngineIdentity(msgspec.Struct, frozen=True, kw_only=True):
    """Which OPA answered.

    Attributes:
        digest: of the program on this machine that evaluated; None where there was none.
        hermeticity: ``local`` (capabilities enforced), or ``delegated``: only a server evaluated.
        server: the address of the OPA server that gave the same answer, or, delegated, the only one.
    """

    name: str
    version: str
    digest: Digest | None = None
    hermeticity: Literal["local", "delegated"] = "local"
    server: str | None = None

    def __post_init__(self) -> None:
        program = self.hermeticity == "local" and self.digest is not None
        server = self.is_delegated and self.digest is None and self.server
        if not (program or server):
            raise ValueError("an engine is a program with a digest, or a server without one")

    @property
    def is_delegated(self) -> bool:
        """Whether the policy was evaluated by a server, and by nothing that this machine knows."""
        return self.hermeticity == "delegated"


class ImageIdentity(msgspec.Struct, frozen=True, kw_only=True):
    """Which image was judged, and for where."""

    digest: Digest
    registry: str
    repository: str
    tags: tuple[str, ...]


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """The place of a decision's record among those of one tag.

    Attributes:
        sequence: its number, from 1 to `MAX_SEQUENCE`; one more than that of the record before it.
        previous: the manifest of the record before it; None where there is none.
    """

    sequence: int
    previous: Digest | None = None


class Decision(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """A complete answer of OPA, read strictly.

    Attributes:
        chain: for each tag, the place of its record; empty until that is written.
        observed: whether something would have been denied, were it not for observe mode.
        settings: those that are not defaults.
        loosened: what the judged checkout loosened that it did not bring itself, in words.
    """

    verdict: Verdict
    evaluated_at: str
    image: ImageIdentity
    evidence: Digest
    policy: PolicyIdentity
    engine: EngineIdentity
    rules: tuple[RuleResult, ...]
    violations: tuple[Violation, ...] = ()
    warnings: tuple[Violation, ...] = ()
    waived: tuple[Violation, ...] = ()
    waivers: tuple[WaiverUse, ...] = ()
    rollouts: tuple[MeasureUse, ...] = ()
    settings: tuple[SettingUse, ...] = ()
    loosened: tuple[str, ...] = ()
    observed: bool = False
    chain: Mapping[str, Link] = {}
    schema: str = SCHEMA

    @property
    def allowed(self) -> bool:
        """Whether the push may go on."""
        return self.verdict is Verdict.ALLOW

    def substance(self) -> Decision:
        """What was decided, without the advice that the program gives: another version's may be other.

        Without the place of its record too: a decision that is made again has none.
        The fix of what a rule found is no such advice: it comes from the rule, and is recorded with it.
        """

        def bare(findings: tuple[Violation, ...]) -> tuple[Violation, ...]:
            return tuple(replace(item, fix="") if item.evidence else item for item in findings)

        return replace(
            self,
            chain={},
            violations=bare(self.violations),
            warnings=bare(self.warnings),
            waived=bare(self.waived),
            waivers=tuple(replace(use, reason=None) for use in self.waivers),
        )

    def document(self) -> Document:
        """The canonical document, as recorded and as printed by ``--format json``; encoded once."""
        return self._document

    @cached_property
    def _document(self) -> Document:
        return Document.of(plain(self))

    def as_written(self, document: Document) -> Self:
        """The same, read from this document, which an older version may have written with fewer fields."""
        self.__dict__["_document"] = document
        return self
