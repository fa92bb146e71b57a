"""Reads report files in a process of its own: what `reader` starts, and speaks with over a socket.

A request is a line of JSON with the open file beside it, an answer the length of a JSON document (8 bytes)
and the document. The process has no credential: its environment is empty and no file is inherited; where the
system can, it opens nothing and reaches nothing either (`confine`).
"""

from __future__ import annotations

import _socket
import os
import sys
from importlib import import_module
from typing import NoReturn

import msgspec

from pushpolicy.reports import confine
from pushpolicy.reports.format import Facts
from pushpolicy.reports.messages import Answer, Asked, Ready
from pushpolicy.reports.process import NO_MEMORY
from pushpolicy.reports.recognise import BrokenReportError, NotAReport, read_open

# Files cannot be opened later: what is imported at need elsewhere is imported before.
_NEEDED = ("yaml", "rfc8785", "_strptime", "encodings.utf_16", "encodings.utf_16_le", "encodings.utf_16_be")
# Of the names in zip archives, and those that XML may declare.
_ENCODINGS = ("cp437", "cp1250", "cp1251", "cp1252", "iso8859_2", "iso8859_15", "koi8_r")
_MAX_REQUEST = 64 * 1024


def serve(memory: int, seconds: int) -> NoReturn:
    """Answer requests on standard input, a socket, until it is closed.

    Args:
        memory: bytes that may be needed.
        seconds: of processor time.
    """
    for name in (*_NEEDED, *(f"encodings.{name}" for name in _ENCODINGS)):
        import_module(name)
    confine.limit(memory, seconds)
    socket = _socket.socket(fileno=0)
    _send(socket, msgspec.json.encode(Ready(confine.confine())))
    decoder = msgspec.json.Decoder(Asked)
    while True:
        content, beside, _, _ = socket.recvmsg(_MAX_REQUEST, _socket.CMSG_SPACE(4))
        if not content:
            os._exit(0)
        file = int.from_bytes(beside[0][2][:4], sys.byteorder)
        asked = decoder.decode(content)
        try:
            answer = msgspec.json.encode(_read(file, asked))
        except MemoryError:
            os._exit(NO_MEMORY)
        _send(socket, answer)


def _read(number: int, asked: Asked) -> Answer:
    with os.fdopen(number, "rb") as stream:
        try:
            file = read_open(stream, asked.name, asked.limits)
        except NotAReport as error:
            return Answer(reason=str(error))
        except BrokenReportError as error:
            return Answer(format=error.meant.name, reason=str(error), run_failed=error.run_failed)
    facts = tuple((type(each).__name__, _raw(each)) for each in file.facts)
    return Answer(format=file.format.name, facts=facts, digest=file.digest.hex, size=file.size)


def _raw(facts: Facts) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(facts))


def _send(socket: _socket.socket, content: bytes) -> None:
    socket.sendall(len(content).to_bytes(8, "big"))
    socket.sendall(content)
