"""A struct whose repr can be shown to anybody."""

from __future__ import annotations

from typing import ClassVar

import msgspec


class Redacted(msgspec.Struct, frozen=True):
    """Leaves fields out of its repr: secrets, and content that is long.

    Attributes:
        hidden_fields: the names of these fields.
    """

    hidden_fields: ClassVar[frozenset[str]] = frozenset()

    def __repr__(self) -> str:
        names = (name for name in self.__struct_fields__ if name not in self.hidden_fields)
        shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
        return f"{type(self).__name__}({shown})"
