"""What is wrong with a policy, as a person reads it and as an editor or a pipeline takes it."""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import Self

import msgspec

_PLACE = re.compile(r"(?P<file>.+?\.(?:rego|ya?ml|json))(?::(?P<line>\d+))?: (?P<text>.*)")


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong.

    Attributes:
        message: what is wrong.
        file: where, as the writer of the policy knows it; empty where it is in no file.
        line: from 1; 0 where no line can be named.
        rule: whose it is; empty where it is of none.
        fix: what to do about it.
    """

    message: str
    file: str = ""
    line: int = 0
    rule: str = ""
    fix: str = ""

    @classmethod
    def parse(cls, line: str) -> Self:
        """A line of a PolicyError: FILE:LINE: what is wrong; what to do about it."""
        placed = _PLACE.fullmatch(line)
        message, _, fix = (placed["text"] if placed else line).partition("; ")
        if not placed:
            return cls(message=message, fix=fix)
        file = PurePath(placed["file"])
        of_rule = file.stem == file.parent.name or file.name == "examples.yaml"
        return cls(
            message=message,
            file=placed["file"],
            line=int(placed["line"] or 0),
            rule=file.parent.name if of_rule else "",
            fix=fix,
        )

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}: " if self.line else f"{self.file}: " if self.file else ""
        return f"{place}{self.message}{f'; {self.fix}' if self.fix else ''}"
