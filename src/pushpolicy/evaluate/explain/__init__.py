"""Why a rule said what it said: which input led to it, what the rule reads, and what was there.

    asked = Asked(rules=("tests_passed",), sources=("pack",))
    explanations = explain(policy, engine, decision, evidence, asked)

What a rule reads is known by following it, as its index is made (`follow`); which items of the evidence a
finding came from is asked of OPA once the decision is made, by the rule's text with more in it
(`instrument`). Nothing here has a part in a decision.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from pushpolicy.engines.interface import Toolchain
from pushpolicy.errors import UsageError
from pushpolicy.evaluate.absence import COMPUTED, ITEM, WORDS, Read, Steps
from pushpolicy.evaluate.check import rule_folders
from pushpolicy.evaluate.conftest.rules import is_generated
from pushpolicy.evaluate.data import SETTINGS_PATH
from pushpolicy.evaluate.explain import instrument
from pushpolicy.evaluate.explain.asking import ask, parse, trace_of
from pushpolicy.evaluate.explain.held import Held, Keys, Reading, places, reading
from pushpolicy.evaluate.explain.types import Cause, Condition, Explanation, Finding, Part, Trace
from pushpolicy.evaluate.follow import Clause, follow
from pushpolicy.evaluate.follow.nodes import name_of, row_of
from pushpolicy.evaluate.follow.values import KeyOf, Literal
from pushpolicy.evaluate.policyset import PolicySet
from pushpolicy.evaluate.syntax import read_references
from pushpolicy.model.decision import Decision, Violation
from pushpolicy.model.document import Document
from pushpolicy.model.index import HEADS
from pushpolicy.model.text import nearest, printable

__all__ = [
    "Asked",
    "Cause",
    "Condition",
    "Explanation",
    "Finding",
    "Held",
    "Part",
    "Reading",
    "Trace",
    "check_names",
    "explain",
]

# How many findings of a rule are explained, and how many ways to each are told.
FINDINGS, CAUSES = 10, 3


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be explained.

    Attributes:
        rules: their names.
        sources: of the policy, as they were named.
        trace: which trace of OPA is to be with it: fails, notes, full.
    """

    rules: tuple[str, ...]
    sources: tuple[str, ...]
    trace: str | None = None


def explain(
    policy: PolicySet, engine: Toolchain, decision: Decision, evidence: Document, asked: Asked
) -> tuple[Explanation, ...]:
    """Explain what rules of a decision said.

    Args:
        policy: what decided.
        engine: is asked for more.
        decision: what was decided.
        evidence: what it was decided on.
        asked: rules of the policy.

    Raises:
        EngineError: when OPA fails to read a rule.
    """
    folders = dict(rule_folders(policy, asked.sources))
    found = []
    for name in dict.fromkeys(asked.rules):
        rule = _Rule(policy, decision, evidence, engine, name)
        trace = trace_of(policy, evidence, engine, name, asked.trace) if asked.trace else None
        # A rule of an artifact is in no folder.
        folder = folders.get(name, Path("rules") / name)
        found.append(rule.explanation(str(folder / f"{name}.rego"), trace))
    return tuple(found)


def check_names(names: Iterable[str], policy: PolicySet) -> None:
    """Require that there are rules of these names, which can be followed.

    Raises:
        UsageError: naming the nearest that there is; for a rule that stands for policies of conftest.
    """
    for name in names:
        if name not in policy.index.rules:
            raise UsageError(
                f"--explain {printable(name)}: the policy has no such rule"
                f"{nearest(name, policy.index.rules)}",
                "`pushpolicy policy inspect` shows its rules, with the same --policy",
            )
        if is_generated(policy.files[f"rules/{name}/{name}.rego"]):
            raise UsageError(
                f"--explain {name}: it stands for policies of conftest, which are not followed",
                "conftest test --trace shows what they do with the evidence",
            )


class _Rule:
    """A rule, with what following it and OPA say of it."""

    def __init__(
        self, policy: PolicySet, decision: Decision, evidence: Document, engine: Toolchain, name: str
    ) -> None:
        self._policy, self._evidence, self._name = policy, evidence, name
        self._result = next(each for each in decision.rules if each.name == name)
        self._said = list(_said(decision, name))
        self._tree = parse(engine, policy.files[f"rules/{name}/{name}.rego"].decode())
        self._clauses = follow(name, self._tree, policy.index.rules[name].settings).clauses
        self._helpers = [
            (name_of(each), row_of(each, 1), row_of(each, 1) + instrument.source(each).count("\n"))
            for each in self._tree.get("rules", ())
            if name_of(each) not in HEADS
        ]
        asked = [each for _, each in self._said[:FINDINGS] if not each.evidence]
        self._answer = ask(policy, evidence, engine, name, self._tree, asked)

    def explanation(self, file: str, trace: Trace | None) -> Explanation:
        settings: Mapping[str, Any] = json.loads(self._policy.files[SETTINGS_PATH]).get(self._name, {})
        lib = read_references(self._name, self._tree, self._tree.get("rules", []))[0].functions
        return Explanation(
            rule=self._name,
            file=file,
            status=self._result.status,
            because=self._result.because,
            reason=self._result.reason,
            findings=tuple(self._finding(kind, each) for kind, each in self._said[:FINDINGS]),
            more=max(0, len(self._said) - FINDINGS),
            parts=tuple(self._parts()),
            reads=self._readings(self._clauses, {}),
            settings=settings,
            helpers={name: row for name, row, _ in reversed(self._helpers)},
            lib=tuple(sorted(lib)),
            trace=trace,
        )

    def _finding(self, kind: str, found: Violation) -> Finding:
        causes = list(self._causes(found))
        return Finding(
            kind=kind,
            id=found.id,
            msg=found.msg,
            ways=len(causes),
            causes=tuple(causes[:CAUSES]),
            absent=tuple(self._absent(found.evidence)) if found.evidence else (),
            waiver=found.waiver,
        )

    def _causes(self, found: Violation) -> Iterator[Cause]:
        for clause, variables in self._answer.ways(found) if self._answer else ():
            keys: dict[Steps, frozenset[Any]] = {}
            others = dict[str, Any]()
            not_meant = set[str]()
            for name, value in sorted(variables.items()):
                values = clause.variables[name]
                for steps in {each.steps for each in values if isinstance(each, KeyOf)}:
                    keys[steps] = keys.get(steps, frozenset()) | {value}
                not_meant |= {f'"{each.value}' for each in values if isinstance(each, Literal)}
                not_meant.discard(f'"{value}')
                if not any(isinstance(each, KeyOf) for each in values) and not self._is_added(name):
                    others[name] = value
            texts = [value for value in others.values() if isinstance(value, str)]
            computed = texts[0] if len(texts) == 1 else None
            reads = [each for each in clause.reads if not_meant.isdisjoint(each.steps)]
            inputs = self._readings([replace(clause, reads=tuple(reads))], keys, computed)
            yield Cause(line=clause.row, inputs=inputs, variables=others)

    def _is_added(self, name: str) -> bool:
        return self._answer is not None and name.startswith(self._answer.name)

    def _absent(self, path: str) -> Iterator[Held]:
        """What is there in place of evidence that a rule needs."""
        entry = self._policy.index.rules[self._name]
        leaf = next((each for each in entry.leaves if each.path == path), None)
        if leaf is not None:
            steps: Steps = ()
            for part in leaf.steps:
                steps += (*((ITEM,) if steps else ()), *(f'"{key}' for key in part))
            yield from (each for each in places(self._evidence.value, steps) if each.absent or leaf.filled)
            return
        steps = tuple(path.split(".", 1))
        there = [*places(self._evidence.value, steps)]
        if there[0].absent:
            yield there[0]
        else:
            for field in ("status", "reason"):
                yield from places(self._evidence.value, (*steps, field))

    def _parts(self) -> Iterator[Part]:
        """Each clause; what OPA says of it is by its number among those of deny and warn."""
        met = self._answer.met if self._answer else {}
        numbers = count()
        for node in self._tree.get("rules", ()):
            head, line = name_of(node), row_of(node, 1)
            if head in instrument.HEADS:
                given = met.get(next(numbers), ())
                pairs = zip(instrument.conditions(node), given, strict=bool(given))
                conditions = (
                    Condition(line=row_of(each, 1), text=instrument.source(each), met=number)
                    for each, number in pairs
                )
                yield Part(head=head, line=line, conditions=tuple(conditions))
            elif head in HEADS:
                yield Part(head=head, line=line)

    def _readings(
        self, clauses: Iterable[Clause], keys: Keys, computed: str | None = None
    ) -> tuple[Reading, ...]:
        """What the conditions of clauses read, and what is there; a list only where nothing of it is read.

        Args:
            clauses: of the rule.
            keys: of the items that are meant.
            computed: what each key is that a clause computes, where that is known.
        """
        asked: dict[Steps, list[Read]] = {}
        for clause in clauses:
            for read in clause.reads:
                if clause.head != "deny" or read.absent != WORDS:
                    asked.setdefault(read.steps, []).append(read)
        return tuple(
            reading(
                self._evidence.value,
                self._meant(steps, keys, computed),
                keys,
                lines=[read.row for read in reads],
                through=[name for read in reads if (name := self._helper_at(read.row))],
            )
            for _, steps, reads in sorted(
                (min(read.row for read in reads), steps, reads) for steps, reads in asked.items()
            )
            if not any(other[: len(steps)] == steps != other for other in asked)
        )

    @staticmethod
    def _meant(steps: Steps, keys: Keys, computed: str | None) -> Steps:
        """The same, of a list or map the item that is known, and with the key that is."""
        if steps in keys:
            steps = (*steps, ITEM)
        return steps if computed is None else tuple(_named(step, computed) for step in steps)

    def _helper_at(self, row: int) -> str | None:
        return next((name for name, first, last in self._helpers if first <= row <= last), None)


def _named(step: str, key: str) -> str:
    return f'"{key}' if step == COMPUTED else step


def _said(decision: Decision, name: str) -> Iterator[tuple[str, Violation]]:
    """What a rule found, with what became of it."""
    kinds = {"violation": decision.violations, "warning": decision.warnings, "waived": decision.waived}
    for kind, findings in kinds.items():
        yield from ((kind, each) for each in findings if each.rule == name)
