"""What is wrong with a policy, as a person reads it and as an editor or a pipeline takes it."""

from __future__ import annotations

import msgspec


class Fault(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
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

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}: " if self.line else f"{self.file}: " if self.file else ""
        return f"{place}{self.message}{f': {self.fix}' if self.fix else ''}"
