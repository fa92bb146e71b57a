"""Reads foreign files in a process of its own: what `reader` starts, and speaks with over a socket.

A request is a JSON document with the open file beside it, an answer the length of a JSON document (8 bytes)
and the document. The process has no credential: its environment is empty and no file is inherited; where the
system can, it opens nothing and reaches nothing either (`confine`).
"""

from __future__ import annotations

import _socket
import gc
import os
import sys
from importlib import import_module
from importlib.machinery import BuiltinImporter, FrozenImporter
from typing import BinaryIO, NoReturn, cast

import msgspec

from pushpolicy.model import canonical, strict_yaml
from pushpolicy.reports import confine
from pushpolicy.reports.declared import BrokenReportError, NotAReport
from pushpolicy.reports.file import report_of
from pushpolicy.reports.format import ReportError
from pushpolicy.reports.messages import LATE, NO_MEMORY, Answer, Asked, Begin, Form, Ready, Told
from pushpolicy.reports.parsing.jsondoc import utf8
from pushpolicy.reports.provenance import statement
from pushpolicy.reports.provenance.attestation import read_statement
from pushpolicy.reports.recognise import read_open

_MAX_REQUEST = 64 * 1024
# What is read becomes many objects and hardly a cycle of them: looking for such is rarely worth it.
_COLLECT_AFTER = 100_000


class _MissingError(BaseException):
    """A module is imported that this process does not have; no reader is to take it for its own failure."""


class _Late:
    """Stands before the finders of what the interpreter has in itself, once no file can be imported."""

    @staticmethod
    def find_spec(name: str, *_: object) -> None:
        for late in LATE:
            if f"{late}.".startswith(f"{name}."):  # a package is asked for before its modules
                raise _MissingError(late)


def serve() -> NoReturn:
    """Answer requests on standard input, a socket, until it is closed."""
    socket = _socket.socket(fileno=0)
    begin = msgspec.json.decode(socket.recv(_MAX_REQUEST) or os._exit(0), type=Begin)
    for name in begin.late:
        import_module(name)
    gc.set_threshold(_COLLECT_AFTER)
    # What else is looked for, as the codec of an encoding, is not there: it could not be opened either.
    sys.meta_path[:] = [_Late(), BuiltinImporter, FrozenImporter]
    confine.limit(begin.memory, begin.seconds)
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
            return _READ[asked.form](stream, asked)
        except _MissingError as error:
            return Answer(needs=str(error))
        except BrokenReportError as error:
            return Answer(format=error.meant.name, reason=str(error), run_failed=error.run_failed)
        except (NotAReport, ReportError) as error:
            return Answer(reason=str(error))


def _report(stream: BinaryIO, asked: Asked) -> Answer:
    file = read_open(stream, asked.name, asked.limits)
    facts = cast("tuple[Told, ...]", file.facts)
    return Answer(format=file.format.name, facts=facts, digest=file.digest.hex, size=file.size)


def _statement(stream: BinaryIO, asked: Asked) -> Answer:
    with report_of(stream, asked.limits.max_report_size) as file:
        facts = read_statement(statement(file.content()), asked.limits)
        return Answer(facts=cast("tuple[Told, ...]", facts))


def _extra(stream: BinaryIO, asked: Asked) -> Answer:
    with report_of(stream, asked.limits.max_extra_size) as file:
        content = utf8(file.content())
        is_json = asked.name.lower().endswith(".json") or content.lstrip()[:1] in (b"{", b"[")
        try:
            value = canonical.decode(content) if is_json else strict_yaml.read(content)
            canonical.check_depth(value, asked.limits.max_depth)
            encoded = msgspec.Raw(canonical.encode(value))
        except (ValueError, RecursionError) as error:
            raise ReportError(str(error)) from error
        form = "json" if is_json else "yaml"
        return Answer(format=form, value=encoded, digest=file.finish().hex, size=file.size)


_READ = {Form.REPORT: _report, Form.STATEMENT: _statement, Form.EXTRA: _extra}


def _send(socket: _socket.socket, content: bytes) -> None:
    socket.sendall(len(content).to_bytes(8, "big"))
    socket.sendall(content)
