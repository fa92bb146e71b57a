"""Values of reports, made uniform: times, numbers, texts."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from typing import TypeVar

from pushpolicy.model.expressions import expression
from pushpolicy.model.text import printable
from pushpolicy.reports.format import ReportError

_TIME = expression(
    r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:[.,](\d{1,30}))? ?(Z|z|UTC|GMT|[+-]\d\d:?\d\d)", re.ASCII
)
_LONGEST = 100
_FIRST_YEAR, _LAST_YEAR = 1679, 2260  # what OPA can read as nanoseconds
_DAY = expression(r"\d{4}-\d\d-\d\d", re.ASCII)
_MONTH = expression("[A-Za-z]{3}")
_Ordered = TypeVar("_Ordered", float, str)
MAX_INTEGER = 2**53 - 1
# What Syft and Grype give for their version where they were built from the Go module, as by `go install`.
NOT_PROVIDED = "[not provided]"
_MAX_EPOCH = 100_000_000_000  # as seconds the year 5138, as milliseconds 1973


def utc(text: str | None) -> str | None:
    """A time as RFC 3339 in UTC, to the microsecond; None unless the text states its zone."""
    if not text or len(text) > _LONGEST:
        return None
    match = _TIME.fullmatch(text.strip())
    if not match and not _MONTH.search(text):
        return None
    try:
        if match is None:
            # As mail and HTTP write it (RFC 5322), which few reports do.
            from email.utils import parsedate_to_datetime

            return _stated(parsedate_to_datetime(text))
        day, time, fraction, zone = match.groups()
        offset = "+00:00" if zone.upper() in {"Z", "UTC", "GMT"} else zone
        microseconds = f".{fraction[:6]:0<6}" if fraction else ""
        return _stated(datetime.fromisoformat(f"{day}T{time}{microseconds}{offset}"))
    except (ValueError, OverflowError):
        return None


def dated(text: str | None) -> str | None:
    """When something came to be known, RFC 3339 in UTC; a day without a time is its beginning.

    None where nothing is stated, also by a zero time (0001-01-01T00:00:00Z).
    """
    return _dated(text) if text and text[0] != "0" and len(text) < _LONGEST else None


@lru_cache(4096)  # a flaw is listed for each package that it is in
def _dated(text: str) -> str | None:
    return utc(f"{text}T00:00:00Z" if _DAY.fullmatch(text) else text)


def format_time(moment: datetime) -> str:
    """RFC 3339 in UTC.

    Raises:
        ValueError: for a time without a zone.
    """
    if moment.tzinfo is None:
        raise ValueError("the time has no zone")
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _stated(moment: datetime) -> str | None:
    """A time of a report; none where it is centuries away, as the zero time of Go and .NET."""
    return format_time(moment) if _FIRST_YEAR <= moment.year <= _LAST_YEAR else None


def epoch(moment: float | None) -> str | None:
    """A Unix time as RFC 3339 in UTC; the tools of one format write seconds as well as milliseconds."""
    if moment is None:
        return None
    try:
        return _stated(datetime.fromtimestamp(moment / 1000 if moment > _MAX_EPOCH else moment, UTC))
    except (ValueError, OverflowError, OSError):
        return None


def count(text: str | None) -> int | None:
    """A number of things; None where the text is not one."""
    if text is None or not re.fullmatch(r"\d{1,16}", text.strip(), re.ASCII):
        return None
    value = int(text.strip())
    return value if value <= MAX_INTEGER else None


def failures(name: str, text: str | None) -> int:
    """A declared number of failures; zero where none is declared.

    Raises:
        ReportError: when it is no number: it may be any.
    """
    if not (text or "").strip():
        return 0
    value = count(text)
    if value is None:
        raise ReportError(f"its {name}={printable(text or '', 40)!r} is no number")
    return value


def seconds(text: str | None) -> float | None:
    """A duration, also with thousands separators as Maven writes it; None where the text is not one."""
    try:
        value = float((text or "").replace(",", ""))
    except ValueError:
        return None
    return round(value, 6) if math.isfinite(value) and 0 <= value <= MAX_INTEGER else None


def number(value: object) -> float | None:
    """A number, also one that is written as text; None for anything else, also a boolean."""
    try:
        return float(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else None
    except (ValueError, OverflowError):
        return None


def highest(values: Iterable[_Ordered | None]) -> _Ordered | None:
    """The highest of the values that are stated; None where none is."""
    return max([value for value in values if value is not None], default=None)


def earliest(values: Iterable[str | None]) -> str | None:
    """The earliest of the days or times that are stated, as `dated` gives them."""
    return min((moment for value in values if (moment := dated(value))), default=None)


def at_line(path: str | None, line: int | None) -> str | None:
    """A file with the line in it, where that is known; None without a file."""
    return (f"{path}:{line}" if path and line else path) or None


def score(value: float | None) -> float | None:
    """A CVSS score; None unless it is within 0 and 10."""
    return float(value) if value is not None and 0 <= value <= 10 else None


def probability(value: float | None) -> float | None:
    """An EPSS value; None unless it is within 0 and 1."""
    return float(value) if value is not None and 0 <= value <= 1 else None


def version(stated: str | None) -> str | None:
    """The version of a program; None where it says that it does not know."""
    return stated if stated and stated != NOT_PROVIDED else None


def text(value: str) -> str:
    """A path, or a value of the environment, with the bytes that are not UTF-8 written as escapes."""
    return value.encode("utf-8", "backslashreplace").decode("utf-8")


def brief(text: str | None, limit: int = 500) -> str | None:
    """A text that may be cut, for people to read; None when it is empty."""
    if not text:
        return None
    return text if len(text) <= limit else text[: limit - 1] + "…"
