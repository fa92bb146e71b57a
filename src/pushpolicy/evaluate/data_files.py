"""settings.yaml, waivers.yaml and enforcement.yaml: read once, and checked against their schemas."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pushpolicy.evaluate.json_schema import MismatchError, compile_schema
from pushpolicy.evaluate.metadata import is_kind
from pushpolicy.evaluate.sources import SourceFile, policies
from pushpolicy.model import strict_yaml
from pushpolicy.model.index import RuleEntry
from pushpolicy.model.times import is_time

_STEP = re.compile(r"\[(\d+)\]|([\w-]+)")


def read_document(file: SourceFile, name: str, problems: list[str]) -> dict[str, Any]:
    """The JSON value of a data file; empty, and with its problems added, when it is malformed."""
    try:
        value = strict_yaml.read(file.content)
    except strict_yaml.YamlError as error:
        remedy = "" if "; " in str(error) else "; write it in plain YAML"
        problems.append(f"{file.path}:{error.line}: {error}{remedy}")
        return {}
    found = list(schema_problems(name, value))
    problems += [f"{file.path}: {text}" for text in found]
    return {} if found or value is None else dict(value)


def with_lines(problems: Iterable[str], contents: Mapping[str, bytes]) -> list[str]:
    """The problems, each with the line of what it begins with, as in ``settings.yaml: r.most: ...``.

    Args:
        problems: one line each.
        contents: what is in the files that they name.
    """
    return [_with_line(problem, contents) for problem in problems]


def _with_line(problem: str, contents: Mapping[str, bytes]) -> str:
    file, _, text = problem.partition(": ")
    if not text or file not in contents:
        return problem
    known, path = strict_yaml.lines(contents[file]), tuple[str | int, ...]()
    for number, word in _STEP.findall(text):
        step = int(number) if number else word
        if (*path, step) not in known:
            break
        path = (*path, step)
    return f"{file}:{known[path]}: {text}" if path else problem


def schema_problems(name: str, value: Any) -> Iterator[str]:
    """Check against policies/schema/<name>.v1.json; an empty file says nothing, which is allowed."""
    if value is None:
        return
    schema = json.loads((policies() / "schema" / f"{name.removesuffix('.yaml')}.v1.json").read_bytes())
    try:
        compile_schema(schema)(value)
    except MismatchError as error:
        yield f"{error}; `pushpolicy schema {name.removesuffix('.yaml')}` has its form"


def waiver_problems(waiver: Mapping[str, Any], rule: RuleEntry | None) -> Iterator[str]:
    """What the schema cannot say of a waiver; `rule` is the one it names, None where there is none."""
    if not {"id", "purl", "evidence"} & waiver.keys():
        yield "names no finding; give id, purl, or evidence: evidence:KIND"
    if "evidence" in waiver:
        if {"id", "purl"} & waiver.keys():
            yield "evidence does not go together with id or purl; write a waiver for each"
        absent = waiver["evidence"].removeprefix("evidence:")
        if not is_kind(absent) and (rule is None or all(leaf.path != absent for leaf in rule.leaves)):
            yield (
                f"{waiver['evidence']} is neither a kind of evidence nor a field that the rule rests on;"
                " `policy inspect` shows both"
            )
    if not waiver.get("purl", "pkg:").startswith(("pkg:", "*", "?")):
        yield "purl begins with pkg:, so it waives nothing; write it as pkg:deb/debian/openssl@*"
    for key in ("expires", "not_before"):
        if key in waiver and not is_time(waiver[key]):
            yield f'{key} is not a time before 2262; write it like "2027-01-01T00:00:00Z"'


def time_problems(enforcement: Mapping[str, Any]) -> Iterator[str]:
    """Which times of an enforcement document are none."""
    measures = {f"rules.{rule}": measure for rule, measure in enforcement.get("rules", {}).items()}
    measures["observe"] = enforcement.get("observe", {})
    for place, measure in measures.items():
        if "until" in measure and not is_time(measure["until"]):
            yield f'{place}.until is not a time before 2262; write it like "2027-01-01T00:00:00Z"'
