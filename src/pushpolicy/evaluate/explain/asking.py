"""What OPA says, beside the decision, of how a rule came to its findings."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args

import msgspec
from msgspec.structs import replace

from pushpolicy.engines.interface import Toolchain
from pushpolicy.errors import EngineError
from pushpolicy.evaluate.explain import instrument
from pushpolicy.evaluate.explain.types import Trace
from pushpolicy.evaluate.follow import Clause, follow
from pushpolicy.evaluate.follow.nodes import Node
from pushpolicy.evaluate.policyset import PolicySet
from pushpolicy.evaluate.program import laid_out
from pushpolicy.model.decision import Violation
from pushpolicy.model.document import Document

# How many lines of a trace are shown, and how many bytes of it are read.
TRACED, _TRACE = 400, 1 << 20
_LINE = re.compile(r"(\S+)(:\d+)\s+((?:\| )*[A-Z][a-z]+ .*)")


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """How a rule came to its findings.

    Attributes:
        name: what the names begin with that were put in.
        clauses: those of deny and warn, with a variable for the number or key of each item.
        found: for each finding and each way to it the number of the clause and values of its variables.
        met: by the number of a clause, in how many ways its conditions were met, each with those before it.
    """

    name: str
    clauses: tuple[Clause, ...]
    found: Sequence[tuple[int, Mapping[str, Any], Mapping[str, Any]]]
    met: Mapping[int, Sequence[int]]

    def ways(self, finding: Violation) -> Iterator[tuple[Clause, Mapping[str, Any]]]:
        """Each way to a finding: the clause, and its variables."""
        for number, found, variables in self.found:
            if found == _asked(finding):
                yield self.clauses[number], variables


def parse(engine: Toolchain, text: str) -> Node:
    """The syntax tree of a module that loaded before, or was made of one.

    Raises:
        EngineError: when OPA cannot read it.
    """
    [tree] = engine.parse([text.encode()])
    if isinstance(tree, tuple):
        raise EngineError(f"OPA cannot read a rule: {tree[0]}")
    return tree


def ask(
    policy: PolicySet,
    evidence: Document,
    engine: Toolchain,
    name: str,
    tree: Node,
    found: Sequence[Violation],
) -> Answer | None:
    """Ask how a rule came to these findings; None where it has a form in which OPA cannot say."""
    text = policy.files[_path(name)].decode()
    try:
        mark = instrument.prefix(text)
        text = instrument.keyed(text, tree, mark)
        tree = parse(engine, text)
        clauses = follow(name, tree, policy.index.rules[name].settings).clauses
        followed = tuple(each for each in clauses if each.head in instrument.HEADS)
        pairs = list(zip(instrument.clauses(tree), followed, strict=True))
    except (EngineError, ValueError):
        return None
    asked = [_asked(each) for each in found]
    for counted in get_args(instrument.Counted):
        lines = list(instrument.collector(mark, asked))
        for number, (node, clause) in enumerate(pairs):
            lines += instrument.collecting(node, clause, number, mark, counted)
        module = "\n".join([text, *lines, ""]).encode()
        package = f"data.pushpolicy.rules.{name}.{mark}"
        query = f"[{package}found, {'[]' if counted == 'nothing' else f'{package}met'}]"
        try:
            answers, met = _evaluate(policy, evidence, engine, {_path(name): module}, query)
        except EngineError:
            continue  # a condition may need what stands after it
        return Answer(name=mark, clauses=followed, found=answers, met=dict(met))
    return None


def trace_of(policy: PolicySet, evidence: Document, engine: Toolchain, name: str, level: str) -> Trace:
    """OPA's own trace of what a rule defines, with the lines of its file; where OPA fails, why."""
    defined = policy.index.rules[name].heads
    heads = " ; ".join(f"count(data.pushpolicy.rules.{name}.{head}) >= 0" for head in defined)
    with laid_out(policy) as program:
        try:
            text, is_whole = engine.trace(replace(program, query=heads), evidence.content, level, _TRACE)
        except EngineError as error:
            return Trace(level=level, lines=(), failed=error.message)
    lines = [_LINE.sub(_place, line) for line in text.splitlines() if _LINE.match(line)]
    more = len(lines) - TRACED
    return Trace(level=level, lines=tuple(lines[:TRACED]), cut=max(0, more) if is_whole else None)


def _place(found: re.Match[str]) -> str:
    """A place as the writer of rules knows it; OPA sees the file in our bundle, and may shorten its name."""
    return f"{found[1].rpartition('/')[2] + found[2]:<24} {found[3]}"


def _evaluate(
    policy: PolicySet, evidence: Document, engine: Toolchain, files: Mapping[str, bytes], query: str
) -> Any:
    changed = replace(policy, files={**policy.files, **files})
    with laid_out(changed) as program, engine.start(replace(program, query=query)) as session:
        session.send(evidence.content)
        return session.answer()


def _asked(finding: Violation) -> Mapping[str, Any]:
    value: Mapping[str, Any] = json.loads(json.dumps({"at": finding.at, "msg": finding.msg}))
    return value


def _path(name: str) -> str:
    return f"rules/{name}/{name}.rego"
