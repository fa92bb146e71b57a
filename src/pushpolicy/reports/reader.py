"""Has report files read by a child process without credential or key, and takes its answers strictly.

What a hostile file can break is then the child: its death, and an answer out of contract, are a report that
cannot be read.
"""

from __future__ import annotations

import atexit
import os
import threading
import time
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from pushpolicy.model.digest import Digest
from pushpolicy.model.text import printable
from pushpolicy.reports.format import KINDS, Facts, FailedRunError, ReportError
from pushpolicy.reports.messages import Answer, Asked, Ready
from pushpolicy.reports.process import Child, ChildDiedError

if TYPE_CHECKING:
    # The readers are large; `start` is called before the rest of the program is imported.
    from pushpolicy.reports.limits import Limits
    from pushpolicy.reports.recognise import BrokenReportError, ReadFile

_lock = threading.RLock()
_children: list[Child] = []  # the one that waits to be asked


def start(limits: Limits) -> None:
    """Start the child ahead, so that it is ready when the first file is to be read."""
    with _lock, suppress(ChildDiedError):  # who reads a file starts it again, and tells
        if not _children:
            _children.append(Child(limits))


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
    start(limits)
    with _lock:
        child = _children[0] if _children else Child(limits)
        return msgspec.json.decode(child.ready(time.monotonic() + limits.max_seconds), type=Ready).confined


def read(path: Path, limits: Limits) -> ReadFile:
    """Recognise and read a file, as `recognise.read` does.

    Raises:
        NotAReport: when it is something else, or nothing tells that it was to be a report.
        BrokenReportError: when it is malformed, over a limit, or tells of a failed run; when reading it
            ended the child.
    """
    from pushpolicy.reports.file import HEAD_SIZE
    from pushpolicy.reports.recognise import open_named

    with open_named(path) as stream:
        try:
            return _answered(_ask(path.name, stream.fileno(), limits))
        except (ChildDiedError, ValueError, KeyError) as error:
            died = isinstance(error, ChildDiedError)
            reason = str(error) if died else "what was read of it does not have the form of facts"
            raise _unanswered(reason, path.name, os.pread(stream.fileno(), HEAD_SIZE, 0)) from error


def _ask(name: str, file: int, limits: Limits) -> Answer:
    request = msgspec.json.encode(Asked(name.encode("utf-8", "replace").decode(), limits))
    with _lock:
        child = _children.pop() if _children else Child(limits)
        try:
            content = child.ask(request, file, limits.max_seconds)
        except BaseException:
            child.end()
            raise
        _children.append(child)
    return msgspec.json.decode(content, type=Answer)


def _answered(answer: Answer) -> ReadFile:
    """What the child read.

    Raises:
        ValueError, KeyError: when the answer is out of contract.
    """
    from pushpolicy.reports.recognise import FORMATS, BrokenReportError, NotAReport, ReadFile

    if answer.format is None:
        raise NotAReport(printable(answer.reason or "it has no format"))
    form = {item.name: item for item in FORMATS}[answer.format]
    if answer.reason is not None:
        reason = FailedRunError if answer.run_failed else ReportError
        raise BrokenReportError(reason(printable(answer.reason)), form)
    facts = tuple(msgspec.json.decode(content, type=_types()[name]) for name, content in answer.facts)
    return ReadFile(format=form, facts=facts, digest=Digest("sha256", answer.digest), size=answer.size)


@cache
def _types() -> dict[str, type[Facts]]:
    from pushpolicy.reports import capture, facts

    kinds: list[type[Facts]] = [facts.SuiteFacts, facts.CoverageFacts, facts.ScanFacts, facts.SbomFacts]
    kinds += [facts.VexFacts, facts.ProvenanceFacts, capture.SuiteCapture, capture.ScanCapture]
    return {kind.__name__: kind for kind in kinds}


def _unanswered(reason: str, name: str, start: bytes) -> BrokenReportError:
    """The report has failed that the file was to be; one that may have been any has failed every kind."""
    from pushpolicy.reports.file import bare_name
    from pushpolicy.reports.recognise import FORMATS, BrokenReportError, by_signs

    meant = by_signs(bare_name(name), start)
    broken = BrokenReportError(ReportError(reason), meant or FORMATS[0])
    if meant is None:
        broken.kinds = KINDS
    return broken
