"""One request as other modules describe it, and the answer to it; the transport sends it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import msgspec

from pushpolicy.http.retry import Deadline

MAX_ANSWER = 8 * 1024 * 1024

# A request may have to be repeated, so a body is given as what makes it.
MakeBody = Callable[[], "bytes | Iterable[memoryview]"]


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One request.

    Attributes:
        action: what is being done, and with what: the start of an error message.
        limit: bytes of the answer that are read at most.
        transfer: whether its answer is content, which may take as long as bytes keep coming.
        deadline: when all of it must be done, with its repetitions and to the last byte of the answer;
            without one each attempt may take what the settings say.
    """

    action: str
    method: str
    url: str
    headers: Mapping[str, str] = {}
    body: MakeBody | None = None
    limit: int = MAX_ANSWER
    transfer: bool = False
    deadline: Deadline | None = None


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A server's answer, read to its end within a limit.

    Attributes:
        headers: a mapping that does not mind case.
    """

    status: int
    headers: Mapping[str, str]
    content: bytes
    url: str
