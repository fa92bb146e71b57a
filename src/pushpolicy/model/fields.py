"""Fields of a JSON object that somebody else wrote, as the types they must have; null is as good as absent.

Each raises ValueError, naming the field, when it has another type.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

NO_TEXTS: Mapping[str, str] = MappingProxyType({})


def text(value: Mapping[str, Any], name: str) -> str | None:
    """A string; None when it is absent or empty."""
    found = value.get(name)
    if found is not None and not isinstance(found, str):
        raise ValueError(f"{name} is not a string")
    return found or None


def texts(value: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """A list of strings; empty when it is absent."""
    found = value.get(name)
    if found is None:
        return ()
    if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
        raise ValueError(f"{name} is not a list of strings")
    return tuple(found)


def text_map(value: Mapping[str, Any], name: str) -> Mapping[str, str]:
    """A map of strings, read-only; empty when it is absent."""
    found = value.get(name)
    if found is None:
        return NO_TEXTS
    if not isinstance(found, dict) or not all(isinstance(item, str) for item in found.values()):
        raise ValueError(f"{name} are not a map of strings")
    return MappingProxyType(dict(found))
