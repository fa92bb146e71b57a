"""What a token says of itself; nothing of it is verified here."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pushpolicy.model import strict_json

_MAX_TOKEN = 64 * 1024
_LAST_SECOND = 253402300799  # of the year 9999
_URL_SAFE = str.maketrans("+/", "-_")


def claims_of(token: str) -> Mapping[str, Any] | None:
    """The claims of a JWT, whose signature is not looked at; None for anything else."""
    parts = token.split(".")
    if len(parts) != 3 or not token.startswith("eyJ"):
        return None
    header, claims, *_ = map(object_in, parts)
    return claims if header is not None and "alg" in header else None


def object_in(encoded: str) -> dict[str, Any] | None:
    """The JSON object that base64, of either alphabet, says; None for anything else."""
    if len(encoded) > _MAX_TOKEN or not encoded.isascii():
        return None
    bare = encoded.rstrip("=")
    try:
        padded = bare.translate(_URL_SAFE) + "=" * (-len(bare) % 4)
        value = strict_json.read(base64.urlsafe_b64decode(padded))
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def moment(value: Any) -> datetime | None:
    """A time in seconds since 1970; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= _LAST_SECOND:
        return None
    return datetime.fromtimestamp(int(value), UTC)
