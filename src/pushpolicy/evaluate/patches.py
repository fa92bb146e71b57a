"""The evidence of an example: what it says, merged over the document that all examples begin with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from pushpolicy.evaluate.sources import policies
from pushpolicy.model.text import nearest, printable


@cache
def base() -> Mapping[str, Any]:
    """The document over which the evidence of examples is merged."""
    document: dict[str, Any] = json.loads((policies() / "schema" / "evidence.v1.example.json").read_bytes())
    return document


def merge(base: Any, patch: Any) -> Any:
    """The base with the patch over it."""
    if isinstance(base, list) and isinstance(patch, dict):
        return [merge(item, patch.get(str(index), {})) for index, item in enumerate(base)]
    if not (isinstance(base, dict) and isinstance(patch, dict)):
        return patch
    merged = base | {key: merge(base.get(key, {}), value) for key, value in patch.items()}
    return {key: value for key, value in merged.items() if value is not None}


def in_vain(patch: Mapping[str, Any]) -> str | None:
    """What a patch of `base` names in vain: an item that a list has not, a field that there is not.

    A field of the wrong name that is given a value is seen by the schema; one that is removed would not be.
    """
    return _in_vain(base(), patch, _schema(), "evidence")


@cache
def _schema() -> Mapping[str, Any]:
    schema: dict[str, Any] = json.loads((policies() / "schema" / "evidence.v1.json").read_bytes())
    return schema


def _in_vain(base: Any, patch: Any, schema: Mapping[str, Any], place: str) -> str | None:
    known = schema.get("properties", {})
    if isinstance(base, list) and isinstance(patch, dict):
        for index, inner in patch.items():
            if index not in map(str, range(len(base))):
                return f"{place} has no item {printable(index)!r}, only {len(base)}, counted from 0"
            if problem := _in_vain(base[int(index)], inner, schema.get("items", {}), f"{place}[{index}]"):
                return problem
    if isinstance(base, dict) and isinstance(patch, dict):
        for key, inner in patch.items():
            if inner is None and key not in known and schema.get("additionalProperties") is False:
                return f"{place} has no field {printable(key)!r} to remove{nearest(key, known)}"
            if problem := _in_vain(base.get(key), inner, known.get(key, {}), f"{place}.{key}"):
                return problem
    return None
