"""What is said of a rule by way of explanation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from pushpolicy.evaluate.explain.held import Held, Reading
from pushpolicy.model.decision import RuleStatus


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """A condition of a clause, and in how many ways it and those before it are met."""

    line: int
    text: str
    met: int


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One clause, with its conditions in order; none where OPA could not say, and of not_applicable."""

    head: str
    line: int
    conditions: tuple[Condition, ...] = ()


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """One way in which a finding came about.

    Attributes:
        line: of the clause.
        inputs: what the clause read, of the items that it is about.
        variables: what variables stood for that are no part of the evidence.
    """

    line: int
    inputs: tuple[Reading, ...]
    variables: Mapping[str, Any]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One finding of the rule, and how it came about.

    Attributes:
        kind: violation, warning or waived.
        ways: in how many ways it came about.
        causes: a few of them; none where OPA could not say.
        absent: where evidence is not there, when that is the finding, and what is there instead.
        waiver: what waives it.
    """

    kind: str
    id: str
    msg: str
    ways: int = 0
    causes: tuple[Cause, ...] = ()
    absent: tuple[Held, ...] = ()
    waiver: Mapping[str, Any] | None = None


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """Why a rule said what it said.

    Attributes:
        file: of the rule.
        because, reason: as in the decision.
        findings: the first of them.
        more: how many there are beside these.
        parts: its clauses.
        reads: the evidence that they read, all together.
        settings: the values of its settings.
        helpers: its own helpers, with their lines.
        lib: the functions of the lib that it uses.
        trace: OPA's own trace, where that was asked for.
    """

    rule: str
    file: str
    status: RuleStatus
    because: str | None
    reason: str | None
    findings: tuple[Finding, ...]
    more: int
    parts: tuple[Part, ...]
    reads: tuple[Reading, ...]
    settings: Mapping[str, Any]
    helpers: Mapping[str, int]
    lib: tuple[str, ...]
    trace: Trace | None = None


class Trace(msgspec.Struct, frozen=True, kw_only=True):
    """OPA's trace of a rule.

    Attributes:
        level: notes, fails or full.
        lines: its first lines.
        cut: how many lines more there are; None where that is not known.
        failed: why there is none.
    """

    level: str
    lines: tuple[str, ...]
    cut: int | None = 0
    failed: str | None = None
