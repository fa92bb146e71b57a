"""Times as a policy writes them: RFC 3339, as OPA reads them."""

from __future__ import annotations

import re
from datetime import datetime

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


def is_time(value: object) -> bool:
    """Whether this is an RFC 3339 time that OPA can count in nanoseconds (1678 to 2261)."""
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        return False
    try:
        return 1678 <= datetime.fromisoformat(value).year < 2262
    except ValueError:
        return False


def moment_of(value: object) -> datetime | None:
    """The time that a text says; None for what is no time."""
    return datetime.fromisoformat(str(value)) if is_time(value) else None
