"""The fields of the evidence document as a page for people: docs/evidence.md, from its schema."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pushpolicy.evaluate.authoring.markdown import row
from pushpolicy.evaluate.sources import policies

DOCUMENT = Path("docs/evidence.md")
_INTRODUCTION = """\
# The evidence document

Written by `make index` from [its schema](../policies/schema/evidence.v1.json); edit the descriptions there.
`pushpolicy gather IMAGE TARGET` prints the document of a push, `pushpolicy schema example` one in which
every kind is collected. A rule reads it as `input`: `input.image.platforms[_].user`.

A field that is not known is left out, never null. What its absence means to a rule is in the third column
([rules.md](rules.md) has the law):

| when absent | |
| --- | --- |
| | it is always there, once its kind is collected |
| a fact | it says something: a finding without `suppressed_by` was not set aside; a rule may rest on that |
| a fact with `PATH` | it is one where that other field is there: a branch has no `tag` |
| unknown | a rule whose denial rests on it denies, or has to say in `optional` what its absence means |

An empty list is a fact, unless its row says that it is unknown. Paths are as `optional` takes them: `[]` is
any item of a list, `[KEY]` what is under any key. Times are RFC 3339, numbers at most 2^53.
"""
_OPTIONAL = " It may be absent: a rule that reads it denies then."
_TIME = r"^\d{4}-\d\d-\d\dT"


def evidence_page() -> str:
    """The whole page."""
    schema = json.loads((policies() / "schema" / "evidence.v1.json").read_bytes())
    return "\n".join(_lines(schema)) + "\n"


def _lines(schema: Mapping[str, Any]) -> Iterator[str]:
    yield _INTRODUCTION
    single = {name: part for name, part in schema["properties"].items() if not _inner(part)}
    yield "## The document itself\n"
    yield from _table({**schema, "properties": single})
    for name, part in schema["properties"].items():
        if name not in single:
            yield f"\n## {name}\n"
            yield f"{part['description']}{'' if name in schema['required'] else _OPTIONAL}\n"
            yield from _table({"properties": {name: part}, "required": [name]})


def _table(schema: Mapping[str, Any]) -> Iterator[str]:
    yield row("field", "type", "when absent", "meaning")
    yield row(*["---"] * 4)
    for path, part, needed in fields(schema):
        if _inner(part) and "." not in path and "[" not in path:
            continue
        meaning = part["description"]
        if part.get("x-empty") == "unknown":
            meaning += " None at all is unknown."
        yield row(f"`{path}`", _type(part), "" if needed else _absent(part), meaning)


def fields(schema: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Mapping[str, Any], bool]]:
    """Each field with a name or an open key: its path, its part of the schema, and whether it always is."""
    needed = {*schema.get("required", ()), *schema.get("then", {}).get("required", ())}
    for name, part in schema.get("properties", {}).items():
        inner = f"{path}.{name}" if path else name
        yield inner, part, name in needed
        yield from fields(part, inner)
    if isinstance(more := schema.get("additionalProperties"), dict):
        yield f"{path}[KEY]", more, False
        yield from fields(more, f"{path}[KEY]")
    if isinstance(items := schema.get("items"), dict):
        yield from fields(items, f"{path}[]")


def _inner(part: Mapping[str, Any]) -> bool:
    return any(True for _ in fields(part))


def _absent(part: Mapping[str, Any]) -> str:
    said = part.get("x-absent", "unknown")
    if isinstance(said, dict):
        return f"a fact with `{said['by']}`"
    return {"no": "a fact", "written": "", "unknown": "unknown"}[said]


def _type(part: Mapping[str, Any]) -> str:
    if "enum" in part:
        return ", ".join(f"`{word}`" for word in part["enum"])
    kind = part.get("type")
    if kind == "array":
        inner = "objects" if part["items"]["type"] == "object" else _type(part["items"])
        return f"list of {inner}{', never empty' if part.get('minItems') else ''}"
    if kind == "string" and part.get("pattern", "").startswith(_TIME):
        return "time"
    return {"string": "text", "boolean": "true or false", None: "any"}.get(kind, str(kind)) + _bounds(part)


def _bounds(part: Mapping[str, Any]) -> str:
    least, most = part.get("minimum"), part.get("maximum")
    if most is not None:
        return f", {least} to {most}"
    return "" if least is None else f", {least} or more"
