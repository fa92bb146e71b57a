"""A struct whose repr can be shown to anybody."""

from __future__ import annotations

from typing import ClassVar

import msgspec


class Discreet(msgspec.Struct, frozen=True):
    """Leaves fields out of its repr: secrets, and content that is long.

    Attributes:
        unshown: the names of these fields.
    """

    unshown: ClassVar[frozenset[str]] = frozenset()

    def __repr__(self) -> str:
        names = (name for name in self.__struct_fields__ if name not in self.unshown)
        shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
        return f"{type(self).__name__}({shown})"
