"""Regular expressions that are compiled when they are first used: a push needs a few of those it knows."""

from __future__ import annotations

import re
from typing import Any, AnyStr, cast


def expression(text: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """What `re.compile` returns, to be used by its methods; `re.sub` and its like do not take it.

    Raises:
        re.error: where it is first used, when the text is no expression.
    """
    return cast("re.Pattern[AnyStr]", _Expression(text, flags))


class _Expression:
    def __init__(self, *given: Any) -> None:
        self._given = given

    def __getattr__(self, name: str) -> Any:
        # Once for each name: then it is an attribute. `re` keeps what it compiled.
        found = getattr(re.compile(*self._given), name)
        setattr(self, name, found)
        return found
