"""Reports of lines: text, or one JSON value a line; read in constant memory."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator

from pushpolicy.reports.format import ReportBytes, ReportError
from pushpolicy.reports.limits import Limits

_WIDE = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def lines(report: ReportBytes, limits: Limits) -> Iterator[bytes]:
    """The lines in UTF-8, without their ends and without a byte order mark.

    Raises:
        ReportError: when one is longer than `max_token`.
    """
    rest = b""
    for piece in _utf8(report.chunks()):
        *complete, rest = (rest + piece).split(b"\n")
        if len(rest) > limits.max_token:
            raise ReportError(f"a line is over the limit of {limits.max_token} bytes")
        for line in complete:
            yield line.removesuffix(b"\r")
    if rest:
        yield rest.removesuffix(b"\r")


def text(line: bytes) -> str:
    """A line as text; what is not UTF-8 is written by the program under test, and replaced."""
    return line.decode("utf-8", "replace")


def _utf8(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same text in UTF-8; UTF-16 is what PowerShell's ``>`` writes."""
    start, remaining = b"", iter(pieces)
    while len(start) < len(codecs.BOM_UTF8) and (piece := next(remaining, b"")):
        start += piece
    if not start.startswith(_WIDE):
        yield start.removeprefix(codecs.BOM_UTF8)
        yield from remaining
        return
    decoder = codecs.getincrementaldecoder("utf-16")("replace")
    yield decoder.decode(start).encode("utf-8", "replace")
    for piece in remaining:
        yield decoder.decode(piece).encode("utf-8", "replace")
    yield decoder.decode(b"", final=True).encode("utf-8", "replace")
