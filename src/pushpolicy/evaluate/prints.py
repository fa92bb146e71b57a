"""What rules print(), each line with its place.

OPA does not say where a `print()` stands. The rules that have one are therefore evaluated once more, beside
the decision, with the line in each `print()`. Where none has one, nothing of that is imported.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import msgspec
from msgspec.structs import replace

from pushpolicy.engines.interface import Toolchain
from pushpolicy.evaluate.policyset import PolicySet
from pushpolicy.evaluate.program import laid_out
from pushpolicy.model.document import Document

_PRINT = re.compile(rb"\bprint\s*\(")


class Printed(msgspec.Struct, frozen=True, kw_only=True):
    """One line that a rule printed, with the place of its `print()`."""

    file: str
    line: int
    text: str


def printing_rules(policy: PolicySet) -> tuple[str, ...]:
    """The rules that have a `print()`, if only in a comment."""
    return tuple(name for name in policy.index.rules if _PRINT.search(policy.files[_path(name)]))


def printed(
    policy: PolicySet, engine: Toolchain, evidence: Document, sources: Sequence[str]
) -> tuple[Printed, ...]:
    """What the rules of a set print() about a document; of more than 1 MiB the beginning.

    Args:
        policy: the set.
        engine: evaluates.
        evidence: valid against its schema.
        sources: of the set, as they were named.

    Raises:
        EngineError: when OPA fails.
    """
    from pushpolicy.evaluate.check import rule_folders
    from pushpolicy.evaluate.explain import instrument
    from pushpolicy.evaluate.explain.asking import parse

    names = printing_rules(policy)
    texts = {name: policy.files[_path(name)].decode() for name in names}
    mark = instrument.prefix("".join(texts.values()))
    modules = {
        _path(name): instrument.printing(text, parse(engine, text), f"{mark}{name}:").encode()
        for name, text in texts.items()
    }
    heads = [(name, head) for name in names for head in policy.index.rules[name].heads]
    query = ", ".join(f"count(data.pushpolicy.rules.{name}.{head})" for name, head in heads)
    with laid_out(replace(policy, files={**policy.files, **modules})) as program:
        text = engine.prints(replace(program, query=f"[{query}]"), evidence.content)
    folders = dict(rule_folders(policy, sources))
    files = {name: str(folders[name] / f"{name}.rego") if name in folders else _path(name) for name in names}
    return tuple(Printed(file=files[name], line=line, text=said) for name, line, said in _lines(text, mark))


def _lines(text: str, mark: str) -> Iterator[tuple[str, int, str]]:
    """The rule, line and text of each line; a text of several lines is of one place."""
    pattern = re.compile(rf"{mark}(\w+):([0-9]+) ?(.*)")
    place: tuple[str, int] | None = None
    for line in text.split("\n"):
        found = pattern.fullmatch(line)
        if found:
            place, line = (found[1], int(found[2])), found[3]
        if place and (found or line):
            yield (*place, line)


def _path(name: str) -> str:
    return f"rules/{name}/{name}.rego"
