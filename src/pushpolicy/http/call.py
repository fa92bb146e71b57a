"""One request as other modules describe it; the transport sends it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import msgspec

MAX_ANSWER = 8 * 1024 * 1024

# A request may have to be repeated, so a body is given as what makes it.
MakeBody = Callable[[], "bytes | Iterable[memoryview]"]


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One request.

    Attributes:
        action: what is being done, with the repository's name: the start of an error message.
        scopes: the token scopes it needs (distribution, "Token Scope Documentation").
        limit: bytes of the answer that are read at most.
        size: bytes that it moves, for the time it may take.
    """

    action: str
    method: str
    url: str
    scopes: tuple[str, ...]
    headers: Mapping[str, str] = {}
    body: MakeBody | None = None
    limit: int = MAX_ANSWER
    size: int = 0
