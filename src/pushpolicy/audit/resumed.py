"""What a replay found so far, in a file: one that is interrupted goes on where it was."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

import msgspec

from pushpolicy.audit.difference import Difference
from pushpolicy.audit.replay import Differs, NotReplayable, Replay, Reproduced
from pushpolicy.errors import InputError, UsageError
from pushpolicy.files import is_file
from pushpolicy.model.decision import EngineIdentity
from pushpolicy.model.digest import Digest
from pushpolicy.records.read import Summary

_OTHER = "give the options it was begun with, or the name of a file that is not there yet"


class _Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The first line: which run it is of."""

    run: str
    schema: Literal["pushpolicy.audit.replay-results/v1"] = "pushpolicy.audit.replay-results/v1"


class _Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Each other line: what became of one record."""

    record: str
    result: Literal["reproduced", "differs", "not replayable"]
    difference: Difference | None = None
    reason: str | None = None


class Results:
    """The results of one run that are known, of which the file has all and memory only the places.

    What a record says is not in it: it is read and checked again, only its evaluation is not repeated.
    """

    def __init__(self, file: int, engine: EngineIdentity) -> None:
        self._file, self._engine = file, engine
        self._places: dict[bytes, tuple[int, int]] = {}

    @property
    def count(self) -> int:
        """How many are known."""
        return len(self._places)

    def of(self, summary: Summary) -> Replay | None:
        """What became of a record; None where that is not known yet."""
        place = self._places.get(_key(str(summary.digest)))
        if place is None:
            return None
        line = msgspec.json.decode(os.pread(self._file, place[1], place[0]), type=_Line)
        if line.result == "reproduced":
            return Reproduced(summary=summary, engine=self._engine)
        if line.difference is not None:
            return Differs(summary=summary, engine=self._engine, difference=line.difference)
        return NotReplayable(summary=summary, reason=line.reason or "")

    def keep(self, result: Replay) -> None:
        """Write down what became of a record; from then on it is known, also to the next run.

        Raises:
            InputError: when it cannot be written.
        """
        record = str(result.summary.digest)
        if _key(record) in self._places:
            return
        match result:
            case Reproduced():
                line = _Line(record=record, result="reproduced")
            case Differs(difference=difference):
                line = _Line(record=record, result="differs", difference=difference)
            case NotReplayable(reason=reason):
                line = _Line(record=record, result="not replayable", reason=reason)
        content, end = msgspec.json.encode(line) + b"\n", os.lseek(self._file, 0, os.SEEK_END)
        _write(self._file, content)
        self._places[_key(record)] = (end, len(content))

    def read(self, begin: int) -> None:
        """Know the lines that follow; one that was not written to its end is cut off.

        Raises:
            ValueError: when another line is of another form.
        """
        with os.fdopen(os.dup(self._file), "rb") as file:
            file.seek(begin)
            for line in file:
                if not line.endswith(b"\n"):
                    os.ftruncate(self._file, begin)
                    return
                self._places[_key(msgspec.json.decode(line, type=_Line).record)] = (begin, len(line))
                begin += len(line)


@contextmanager
def results(path: Path, run: Digest, engine: EngineIdentity) -> Iterator[Results]:
    """The results in a file, which is made where there is none.

    Args:
        path: the file.
        run: the digest of everything that a result depends on.
        engine: evaluates; `run` covers it.

    Raises:
        UsageError: when the file is of another run, no such file, or in use by another process.
        InputError: when it cannot be read or written.
    """
    header = msgspec.json.encode(_Header(run=str(run))) + b"\n"
    if path.exists() and not is_file(path):
        raise UsageError(f"--resume {path} is no file")
    try:
        # What is in it is believed, so nobody else writes it.
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise InputError(f"--resume {path}: {error.strerror}") from error
    try:
        _lock(file, path)
        found = Results(file, engine)
        if _begins(file, path, header):
            with _told(path):
                found.read(len(header))
        yield found
    finally:
        os.close(file)


def _lock(file: int, path: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise UsageError(f"--resume {path} is in use by another run", "wait until that has ended") from error


def _begins(file: int, path: Path, header: bytes) -> bool:
    """Whether a file has lines of this run; an empty one, or one that was just begun, becomes its own."""
    begin = os.pread(file, len(header), 0)
    if begin == header:
        return True
    if header.startswith(begin):
        os.ftruncate(file, 0)
        _write(file, header)
        return False
    with suppress(msgspec.MsgspecError):
        msgspec.json.decode(begin, type=_Header)
        raise UsageError(f"--resume {path} is of another run: of other records, options or engine", _OTHER)
    raise UsageError(f"--resume {path} holds no results of a replay", _OTHER)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise UsageError(f"--resume {path} holds a line that is none of a result: {error}", _OTHER) from error


def _write(file: int, content: bytes) -> None:
    try:
        while content:
            content = content[os.write(file, content) :]
    except OSError as error:
        message = f"the results cannot be written: {error.strerror}"
        raise InputError(message, "make room and run the command again: what was written counts") from error


def _key(record: str) -> bytes:
    """The digest in as little room as there is."""
    return bytes.fromhex(Digest.parse(record).hex)
