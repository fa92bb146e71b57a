"""A document of our own making: canonical bytes, their digest, and what they say."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from functools import cache
from typing import Any, Self

import msgspec

from pushpolicy.model import canonical
from pushpolicy.model.digest import Digest
from pushpolicy.model.redacted import Redacted

_AS_THEY_ARE = frozenset({str, int, float, bool})


class Exact(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A part of a document of ours: exactly these keys and types."""


class Document(Redacted, frozen=True):
    """Canonical JSON, with the digest of exactly these bytes.

    Law: ``canonical.decode(d.content) == d.value`` and ``Digest.of(d.content) == d.digest``.
    """

    hidden_fields = frozenset({"content", "value"})

    content: bytes
    digest: Digest
    value: Mapping[str, Any]

    @classmethod
    def of(cls, value: Mapping[str, Any]) -> Self:
        """Encode a JSON object.

        Raises:
            ValueError: when it has no canonical form.
        """
        content = canonical.encode(value)
        return cls(content, Digest.of(content), value)

    @classmethod
    def read(cls, content: bytes) -> Self:
        """Read an object strictly; a document written with other white space becomes canonical.

        Raises:
            ValueError: when it is not strict JSON or not an object.
        """
        value, encoded = canonical.read(content)
        if not isinstance(value, dict):
            raise ValueError("not a JSON object")
        return cls(encoded, Digest.of(encoded), value)


def plain(value: Any) -> Any:
    """Turn structs into JSON values; a field that is None is left out."""
    if value is None or type(value) in _AS_THEY_ARE:
        return value
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Digest):
        return str(value)
    if names := _field_names(value.__class__):
        # Most fields are texts, and there are many of them.
        return {
            name: content if type(content) is str else plain(content)
            for name in names
            if (content := getattr(value, name)) is not None
        }
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items() if item is not None}
    if isinstance(value, tuple | list | frozenset):
        return [plain(item) for item in value]
    return value


@cache
def _field_names(kind: type) -> tuple[str, ...]:
    """The field names of a msgspec.Struct; none for another type."""
    return getattr(kind, "__struct_fields__", ())
