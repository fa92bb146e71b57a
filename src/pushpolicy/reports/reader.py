"""Has foreign files read by a child process without credential or key, and takes its answers strictly.

What a hostile file can break is then the child: its death, and an answer out of contract, are a report that
cannot be read.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, Literal

import msgspec
from msgspec.structs import replace

from pushpolicy.model import canonical
from pushpolicy.model.digest import Digest
from pushpolicy.model.text import printable
from pushpolicy.reports import process
from pushpolicy.reports.declared import (
    BY_NAME,
    FORMATS,
    BrokenReportError,
    NotAReport,
    by_signs,
    open_named,
)
from pushpolicy.reports.file import HEAD_SIZE, bare_name, opened
from pushpolicy.reports.format import KINDS, Facts, FailedRunError, ReadFile, ReportError
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.messages import LATE, Answer, Asked, Form, Ready
from pushpolicy.reports.process import Child, ChildDiedError

_lock = threading.RLock()
_children: list[Child] = []  # the one that waits to be asked
_late = set[str]()  # the modules that a file of this run needed


def start() -> None:
    """Start the child ahead, so that it is ready when the first file is to be read.

    Only for the program's own process, before it has done anything but import this: on Linux it is forked,
    and what both need is imported once.
    """
    with _lock, suppress(ChildDiedError):  # who reads a file starts it again, and tells
        if not _children:
            _children.append(process.fork() if sys.platform == "linux" else process.start())


def stop() -> None:
    """End the child; the next file starts another."""
    with _lock:
        while _children:
            _children.pop().end()


# A library's process may end in the usual way, ours ends at once: then the child sees its socket closed.
atexit.register(stop)


def is_confined(limits: Limits) -> bool:
    """Whether the system takes away from the child what reading does not need.

    Raises:
        ChildDiedError: when it cannot be started.
    """
    with _lock:
        if not _children:
            _children.append(process.start())
        ready = _children[0].begin(limits, (), time.monotonic() + limits.max_seconds)
        return msgspec.json.decode(ready, type=Ready).confined


def read(path: Path, limits: Limits) -> ReadFile:
    """Recognise and read a file, as `recognise.read` does.

    Raises:
        NotAReport: when it is something else, or nothing tells that it was to be a report.
        BrokenReportError: when it is malformed, over a limit, or tells of a failed run; when reading it
            ended the child.
    """
    with open_named(path) as stream:
        try:
            return _answered(_ask(Asked(path.name, limits), stream))
        except ReportError as error:
            raise _unanswered(error, path.name, os.pread(stream.fileno(), HEAD_SIZE, 0)) from error


def read_statement(stream: BinaryIO, limits: Limits) -> tuple[Facts, ...]:
    """What the in-toto statement in an open file is evidence of.

    Raises:
        ReportError: when it is malformed or over a limit; when reading it ended the child.
    """
    answer = _ask(Asked("statement", limits, Form.STATEMENT), stream)
    if answer.reason is not None:
        raise ReportError(printable(answer.reason))
    return answer.facts


class ReadExtra(msgspec.Struct, frozen=True):
    """Any JSON or YAML: which of the two it is, its value as JSON, the digest and size of its bytes."""

    format: Literal["json", "yaml"]
    value: Any
    digest: Digest
    size: int


def read_extra(path: Path, limits: Limits) -> ReadExtra:
    """Read a file that may hold any JSON or YAML, without null.

    Raises:
        ReportError: when it is absent, malformed, over a limit, or holds what JSON cannot say or what
            readers disagree on; when reading it ended the child.
    """
    with opened(path) as stream:
        answer = _ask(Asked(path.name, limits, Form.EXTRA), stream)
    if answer.reason is not None:
        raise ReportError(printable(answer.reason))
    with _in_contract():
        value = canonical.decode(memoryview(answer.value).tobytes())
        canonical.check_depth(value, limits.max_depth)
        form = msgspec.convert(answer.format, Literal["json", "yaml"])
        digest = Digest("sha256", answer.digest)
    if canonical.holds_null(value):
        raise ReportError("it holds null; leave out what is not known")
    return ReadExtra(form, value, digest, answer.size)


def _ask(asked: Asked, stream: BinaryIO) -> Answer:
    """Have an open file read.

    Raises:
        ReportError: when the child ends, is too slow, or answers out of contract.
    """
    # A file's name may hold any bytes.
    request = msgspec.json.encode(replace(asked, name=asked.name.encode("utf-8", "replace").decode()))
    with _lock:
        while True:
            try:
                child = _children.pop() if _children else process.start()
            except ChildDiedError as error:
                raise ReportError(str(error)) from error
            try:
                with _in_contract():
                    late = tuple(sorted(_late))
                    content = child.ask(request, stream.fileno(), asked.limits, late)
                    answer = msgspec.json.decode(content, type=Answer)
                    needed = answer.needs
                    if needed is None:
                        _children.append(child)
                        return answer
                    if needed not in LATE - _late:
                        raise ValueError("the child asks for what it has")
                    _late.add(needed)
            finally:
                if child not in _children:
                    child.end()
            stream.seek(0)


@contextmanager
def _in_contract() -> Iterator[None]:
    """What the child must answer: within, ValueError and KeyError are answers out of contract."""
    try:
        yield
    except ChildDiedError as error:
        raise ReportError(str(error)) from error
    except (ValueError, KeyError) as error:
        raise ReportError("what was read of it does not have the form of facts") from error


def _answered(answer: Answer) -> ReadFile:
    """What the child read.

    Raises:
        ReportError: when the answer is out of contract.
    """
    if answer.format is None:
        raise NotAReport(printable(answer.reason or "it has no format"))
    with _in_contract():
        form = BY_NAME[answer.format]
        if answer.reason is not None:
            reason = FailedRunError if answer.run_failed else ReportError
            raise BrokenReportError(reason(printable(answer.reason)), form)
        digest = Digest("sha256", answer.digest)
    return ReadFile(format=form, facts=answer.facts, digest=digest, size=answer.size)


def _unanswered(reason: ReportError, name: str, start: bytes) -> BrokenReportError:
    """The report has failed that the file was to be; one that may have been any has failed every kind."""
    meant = by_signs(bare_name(name), start)
    broken = BrokenReportError(reason, meant or FORMATS[0])
    if meant is None:
        broken.kinds = KINDS
    return broken
