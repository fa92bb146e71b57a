"""The examples beside a rule: evidence, and what the rule says of it.

An example is `{name, expect, at?, evidence?, settings?}`. Its `evidence` is merged over
policies/schema/evidence.v1.example.json: objects key by key (null removes a field), lists by index where an
object is given, everything else is replaced. `settings` stand for the rule's defaults. `at` names the ids of
all findings of the rule. Waivers, enforcement and settings of the policy set play no part in it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from pushpolicy.engines.interface import Engine
from pushpolicy.errors import EngineError, InputError
from pushpolicy.evaluate import batches
from pushpolicy.evaluate.data import default_data, default_settings
from pushpolicy.evaluate.evidence import validate
from pushpolicy.evaluate.patches import base, in_vain, merge
from pushpolicy.evaluate.policyset import PolicySet
from pushpolicy.evaluate.program import QUERY
from pushpolicy.evaluate.settings import setting_problem
from pushpolicy.evaluate.sources import EXAMPLES
from pushpolicy.files import open_regular, real
from pushpolicy.model import strict_yaml
from pushpolicy.model.document import Document
from pushpolicy.model.text import is_unsafe, nearest, printable

_STEP = re.compile(r'\[\]|\[KEY\]|\[\*\]|\["(?:[^"\\]|\\.)*"\]|[^.\[\]]+')
_KEYS = {"name": str, "expect": str, "at": list, "evidence": dict, "settings": dict}
_FOUND = {"violated": "violations", "warned": "warnings"}
_EXPECTED = (*_FOUND, "passed", "not_applicable")
# How many documents OPA is given at once.
_BATCH = 500


class Example(msgspec.Struct, frozen=True, kw_only=True):
    """One example.

    Attributes:
        file: where it is written.
        number: which of the file's it is, from 0.
        rule: whose it is.
        evidence: the whole document.
        settings: those of the rule that are not the default.
        at: the ids of what is found; None where the example does not say.
    """

    file: Path
    number: int = 0
    rule: str
    name: str
    expect: str
    evidence: Mapping[str, Any]
    settings: Mapping[str, Any] = {}
    at: frozenset[str] | None = None

    def __str__(self) -> str:
        # What follows it is what to do.
        return f"{self.file}{self._line}: {self.name.replace('; ', ', ')}"

    @property
    def _line(self) -> str:
        """The line, looked for where a message names it; a file that changed meanwhile may have none."""
        try:
            return _line_of(self.file.read_bytes(), self.number)
        except (OSError, ValueError):
            return ""


class ExamplesError(ValueError):
    """A file of examples cannot be read."""


def read(folder: Path, rule: str) -> tuple[Example, ...]:
    """The examples in a rule's folder; none, where it has no file of them.

    Raises:
        ExamplesError: when the file is not what this module's docstring says.
    """
    file = folder / EXAMPLES
    if not real(file).is_relative_to(real(folder.parent)):
        raise ExamplesError(f"{file}: a link that leaves the policy folder")
    try:
        with open_regular(file) as opened:
            content = opened.read(strict_yaml.MAX_SIZE + 1)
        found = strict_yaml.read(content)
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise ExamplesError(f"{file}: {error.strerror}") from error
    except strict_yaml.YamlError as error:
        line = f":{error.line}" if error.line else ""
        raise ExamplesError(
            f"{file}{line}: not a list of examples: {error}; docs/rules.md has their form"
        ) from error
    if not isinstance(found, list):
        raise ExamplesError(f"{file}: not a list of examples; docs/rules.md has their form")
    for number, one in enumerate(found):
        if problem := _malformed(one):
            raise ExamplesError(f"{file}{_line_of(content, number)}: {problem}; docs/rules.md has its form")
    return tuple(_example(file, rule, number, one) for number, one in enumerate(found))


def _line_of(content: bytes, number: int) -> str:
    line = strict_yaml.lines(content).get((number,))
    return f":{line}" if line else ""


def _malformed(one: Any) -> str | None:
    """Why this is no example."""
    if not isinstance(one, dict) or not isinstance(one.get("name"), str):
        return "not a list of examples: this one has no name"
    if any(map(is_unsafe, one["name"])):
        return f"{printable(one['name'])}: a name holds only what is shown"
    for key, value in one.items():
        if not isinstance(value, _KEYS.get(key, ())):
            unknown = f"unknown key {key!r}{nearest(key, _KEYS)}"
            return f"{one['name']}: {f'{key} is malformed' if key in _KEYS else unknown}"
    if one.get("expect") not in _EXPECTED:
        return f"{one['name']}: expect is one of {', '.join(_EXPECTED)}"
    if problem := in_vain(one.get("evidence", {})):
        return f"{one['name']}: {problem}"
    return None


def _example(file: Path, rule: str, number: int, one: Mapping[str, Any]) -> Example:
    return Example(
        file=file,
        number=number,
        rule=rule,
        name=one["name"],
        expect=one["expect"],
        evidence=merge(base(), one.get("evidence", {})),
        settings=one.get("settings", {}),
        at=frozenset(map(str, one["at"])) if "at" in one else None,
    )


def disagreements(policy: PolicySet, engine: Engine, examples: Sequence[Example]) -> Iterator[str]:
    """What the rules say otherwise than their examples expect, and what is no example of the rule.

    Raises:
        EngineError: when OPA fails on what is no fault of one example.
    """
    good = list[Example]()
    for example in examples:
        if problem := _misfit(policy, example):
            yield f"{example}: {problem}; correct the example"
        else:
            good.append(example)
    cases = [(each.evidence, {each.rule: each.settings}) for each in good]
    try:
        answers = decide(policy, engine, cases, [each.rule for each in good])
    except EngineError:
        # One stops them all: which is it?
        for example, case in zip(good, cases, strict=True):
            try:
                decide(policy, engine, [case], [example.rule])
            except EngineError as error:
                yield f"{example}: {error}; correct the rule, or the evidence of the example"
        return
    for example, answer in zip(good, answers, strict=True):
        if problem := _disagreement(example, answer):
            yield f"{example}: {problem}; correct the rule or the example"


def _misfit(policy: PolicySet, example: Example) -> str | None:
    declared = policy.index.rules[example.rule].settings
    for key, value in example.settings.items():
        if key not in declared:
            return f"the rule has no setting {key}{nearest(key, declared)}"
        if problem := setting_problem(declared[key], value):
            return f"the setting {key} {problem}"
    try:
        validate(Document.of(example.evidence))
    except (InputError, ValueError) as error:
        return str(error)
    return None


def _disagreement(example: Example, answer: Mapping[str, Any]) -> str | None:
    status = next(each["status"] for each in answer["rules"] if each["name"] == example.rule)
    if status != example.expect:
        return f"expected is {example.expect}, and the rule says {status}"
    kind = _FOUND.get(status)
    found = {each["id"] for each in answer[kind] if each["rule"] == example.rule} if kind else set()
    if example.at is not None and found != example.at:
        return f"expected are findings at {_listed(example.at)}, and there are {_listed(found)}"
    return None


def _listed(ids: Sequence[str] | frozenset[str] | set[str]) -> str:
    return ", ".join(sorted(ids)) or "none"


def decide(
    policy: PolicySet,
    engine: Engine,
    cases: Sequence[tuple[Mapping[str, Any], Mapping[str, Mapping[str, Any]]]],
    alone: Sequence[str] = (),
) -> list[dict[str, Any]]:
    """What the rules of a set decide on documents, each with settings over the defaults; many in one process.

    Args:
        policy: the set; its own waivers, enforcement and settings play no part.
        engine: evaluates.
        cases: documents with settings by rule.
        alone: for each case the rule that decides alone; without it, all do.

    Raises:
        EngineError: when OPA fails.
    """
    names = list(policy.index.rules)
    records = [
        {**record(policy, evidence, settings), "rules": [alone[i]] if alone else names}
        for i, (evidence, settings) in enumerate(cases)
    ]
    return ask(policy, engine, _MANY, records)


def record(
    policy: PolicySet, evidence: Mapping[str, Any], settings: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """A document, and settings over the defaults, for `EVIDENCE` and `SETTINGS` to put together.

    Only kinds of evidence that are not those of `base` are in it: reading the same again and again is what
    would take OPA longest.
    """
    known, defaults = base(), default_settings(policy.index)
    own = {kind: value for kind, value in evidence.items() if value is not known.get(kind)}
    return {
        "own": own,
        "changed": [*own, *(known.keys() - evidence.keys())],
        "settings": {rule: merge(defaults.get(rule, {}), each) for rule, each in settings.items() if each},
    }


EVIDENCE = "object.union(object.remove({base}, {record}.changed), {record}.own)"
SETTINGS = "object.union(object.remove(data.settings, {record}.settings), {record}.settings)"
# Of a query for `ask`: each record with its document e and its settings s.
GIVEN = "some record in input.records; e := {}; s := {}".format(
    EVIDENCE.format(base="input.base", record="record"), SETTINGS.format(record="record")
)
_MANY = (
    f"[d | {GIVEN}; rules := object.filter(data.pushpolicy.index.rules, record.rules);"
    f" d := {QUERY} with input as e with data.settings as s with data.pushpolicy.index.rules as rules]"
)


def ask(policy: PolicySet, engine: Engine, query: str, records: Sequence[Mapping[str, Any]]) -> list[Any]:
    """The answers of a query that gives one for `GIVEN` of the records; as many processes as processors.

    The set has no waivers, no enforcement and the rules' own settings.

    Raises:
        EngineError: when OPA fails.
    """
    data = default_data(policy.index, {}).files()
    bare = replace(policy, files={**policy.files, **data})
    return batches.answers(bare, engine, query, records, shared={"base": base()}, most=_BATCH)


def unshown(folder: Path, examples: Sequence[Example], optional: Sequence[str]) -> Iterator[str]:
    """Which optional paths of a rule no example in its folder is without."""
    for path in optional:
        if not any(_is_without(example.evidence, path) for example in examples):
            yield (
                f"{folder / EXAMPLES}: no example is without {path}, which custom.optional lists; "
                "add one with what is expected then"
            )


def _is_without(document: Mapping[str, Any], path: str) -> bool:
    """Whether a path is absent, in one of the items where it goes through a list, and its kind is there."""
    kind, *steps = _STEP.findall(path)
    value = document.get(kind, {})
    if isinstance(value, dict) and value.get("status", "collected") != "collected":
        return False
    return _lacks(value, steps)


def _lacks(value: Any, steps: Sequence[str]) -> bool:
    if not steps:
        return isinstance(value, list) and not value
    step, *rest = steps
    if step in ("[]", "[*]", "[KEY]"):
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        # A key that is computed is one that another document may lack.
        return (step == "[KEY]" and not rest) or any(_lacks(each, rest) for each in inner)
    key: str = json.loads(step[1:-1]) if step.startswith("[") else step
    return not isinstance(value, dict) or key not in value or _lacks(value[key], rest)
