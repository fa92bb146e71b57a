"""Package URLs (package-url/purl-spec), as far as one has to be compared with another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self
from urllib.parse import unquote

import msgspec


class Purl(msgspec.Struct, frozen=True, kw_only=True):
    """A package URL in its parts, decoded; `name` includes the namespace."""

    type: str
    name: str
    version: str | None = None
    qualifiers: Mapping[str, str] = {}

    @classmethod
    def parse(cls, text: str | None) -> Self | None:
        """Read a package URL; None for another text. A subpath is left out."""
        if not text or not text.startswith("pkg:"):
            return None
        path, _, query = text[4:].partition("#")[0].partition("?")
        kind, _, rest = path.strip("/").partition("/")
        # The @ of a version follows the last slash; an earlier one is that of an npm scope.
        front, mark, version = rest.rpartition("@") if "@" in rest.rpartition("/")[2] else (rest, "", "")
        if not kind or not front:
            return None
        pairs = (pair.partition("=") for pair in query.split("&") if pair)
        return cls(
            type=kind.lower(),
            name=unquote(front),
            version=unquote(version) if mark else None,
            qualifiers={key.lower(): unquote(value) for key, _, value in pairs if value},
        )

    def covers(self, other: Purl) -> bool:
        """Whether this names the other package: a version or qualifier left out here matches any."""
        return (
            (self.type, self.name) == (other.type, other.name)
            and self.version in (None, other.version)
            and all(other.qualifiers.get(key) == value for key, value in self.qualifiers.items())
        )
