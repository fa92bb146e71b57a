"""A record in short: what a list of many shows of each, and what it is looked for by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Self

import msgspec

from pushpolicy.audit.outcome import Outcome, outcome
from pushpolicy.audit.walk import Opened
from pushpolicy.model.decision import Decision, RuleStatus, Violation
from pushpolicy.model.reference import Repository

# Of one record; how many more there are is said.
_MOST = 50


class Entry(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is known of a push, each fact in a few words.

    Attributes:
        time: when it was decided.
        digest: of the image.
        record: its digest.
        commit: as the checkout had it; where that is not known, as the CI system says, by whose word are
            branch, event, run and actor, too (the evidence has how sure each is).
        credential: where the credential of the push came from (docs/ci.md), and
        credential_from: the variable, helper or file.
        rules: those that were violated.
        warned: those that only warned.
        findings: what denied, by id.
        waivers: those that it relies on: rule, and what each is for.
        anchored: whether everything that decided is known.
        signature: ``verified``, ``not checked`` or ``unsigned``.
        remarks: everything to be said beside the verdict.
        wrong: whether that is none about what was asked, or of an unknown policy.
    """

    time: str
    outcome: Outcome
    repository: str
    tags: tuple[str, ...]
    digest: str
    record: str
    commit: str | None
    branch: str | None
    event: str | None
    run: str | None
    actor: str | None
    credential: str | None
    credential_from: str | None
    rules: tuple[str, ...]
    warned: tuple[str, ...]
    findings: tuple[str, ...]
    waivers: tuple[str, ...]
    anchored: bool
    signature: str
    signed_by: tuple[str, ...]
    policy: str
    remarks: tuple[str, ...]
    wrong: bool

    @classmethod
    def of(cls, found: Opened) -> Self:
        """In short."""
        decision, evidence, how = found.record.decision, found.record.evidence.value, found.standing
        source, ci, credentials = (evidence.get(name, {}) for name in ("source", "ci", "credentials"))
        run = ci.get("run", {})
        held = next(filter(None, map(credentials.get, ("variable", "helper", "path"))), None)
        return cls(
            time=decision.evaluated_at,
            outcome=outcome(decision),
            repository=str(repository_of(decision)),
            tags=decision.image.tags,
            digest=str(found.summary.subject.digest),
            record=str(found.summary.digest),
            commit=source.get("commit") or ci.get("commit"),
            branch=ci.get("branch") or source.get("branch"),
            event=ci.get("event"),
            run=run.get("url") or run.get("id"),
            actor=ci.get("actor"),
            credential=credentials.get("source"),
            credential_from=held,
            rules=_named(decision, RuleStatus.VIOLATED),
            warned=_named(decision, RuleStatus.WARNED),
            findings=_few(each.id for each in decision.violations),
            waivers=_few(map(waiver_name, relied_on(decision))),
            anchored=how.reliable,
            signature=how.signature.state,
            signed_by=how.signature.by,
            policy=str(decision.policy.digest),
            remarks=how.remarks,
            wrong=bool(how.wrong),
        )

    @property
    def order(self) -> tuple[datetime, bool, str]:
        """Later for the later one; of one second, for a denial, which came after what it denies."""
        return datetime.fromisoformat(self.time), self.outcome is Outcome.DENIED, self.record


def repository_of(decision: Decision) -> Repository:
    """The repository that a decision says it is for."""
    return Repository(registry=decision.image.registry, path=decision.image.repository)


def found_by(decision: Decision) -> Iterator[Violation]:
    """Everything that rules found: what denied, what warned, what was waived."""
    yield from decision.violations
    yield from decision.warnings
    yield from decision.waived


def relied_on(decision: Decision) -> Iterator[Mapping[str, Any]]:
    """The waivers without which something would have denied, each as often as it waived."""
    return (each.waiver for each in decision.waived if each.waiver is not None)


def waiver_name(waiver: Mapping[str, Any]) -> str:
    """The rule of a waiver, and what it is for."""
    what = waiver.get("id") or waiver.get("purl") or waiver.get("evidence") or "all findings"
    return f"{waiver.get('rule')} {what}"


def _named(decision: Decision, status: RuleStatus) -> tuple[str, ...]:
    return tuple(rule.name for rule in decision.rules if rule.status is status)


def _few(texts: Iterator[str]) -> tuple[str, ...]:
    every = tuple(dict.fromkeys(texts))
    more = (f"and {len(every) - _MOST} more",) if len(every) > _MOST else ()
    return (*every[:_MOST], *more)
