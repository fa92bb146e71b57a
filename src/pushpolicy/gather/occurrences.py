"""Finds byte strings in files of any size, in constant memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

CHUNK = 1024 * 1024


class Hit(msgspec.Struct, frozen=True):
    """Which of the strings was found first, and in which line, from 1."""

    needle: bytes
    line: int


def chunks(stream: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in pieces of a useful size, whatever size they come in."""
    for piece in stream:
        for start in range(0, len(piece), CHUNK):
            yield piece[start : start + CHUNK]


def find(stream: Iterable[bytes], needles: Iterable[bytes]) -> Hit | None:
    """The first piece of the stream that holds one of the strings; None when none does.

    Args:
        stream: the content in pieces; a string may lie across two of them.
        needles: the strings, none of them empty.
    """
    wanted = tuple(needles)
    overlap = max((len(needle) for needle in wanted), default=1) - 1
    before, lines = b"", 0
    for piece in chunks(stream):
        window = before + piece
        hit = next((needle for needle in wanted if needle in window), None)
        if hit is not None:
            return Hit(hit, lines + window.count(b"\n", 0, window.index(hit)) + 1)
        keep = window[len(window) - overlap :] if overlap else b""
        lines += window.count(b"\n", 0, len(window) - len(keep))
        before = keep
    return None
