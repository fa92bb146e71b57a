"""What a registry was seen to say of a repository, and when: lines that are only ever added."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import NamedTuple, Self

import msgspec

from pushpolicy.errors import RecordError
from pushpolicy.files import open_regular
from pushpolicy.model import strict_json
from pushpolicy.model.digest import Digest
from pushpolicy.model.reference import check_tag
from pushpolicy.model.text import printable

_MAX_LINE = 4096
_HINT = "the mirror was changed by something else: keep it, and begin another in an empty folder"


class _Line(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """One observation; exactly one of `tag`, `record` and `complete` is there.

    Attributes:
        at: when the looking began.
        tag: what names `names` now; nothing, where that is absent.
        record: the manifest of a record or statement that is listed with an image no more, or is again.
        complete: that every tag was looked at.
    """

    at: str
    tag: str | None = None
    names: str | None = None
    record: str | None = None
    listed: bool = False
    complete: bool = False


class Seen(NamedTuple):
    """That a tag named this; None where it named nothing."""

    at: str
    names: Digest | None


class Journal:
    """What was seen of one repository.

    Attributes:
        tags: what each tag named, the first that was seen first.
        gone: since when a record or statement is listed no more.
        complete: when everything was looked at last; None where it never was.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.tags: dict[str, list[Seen]] = {}
        self.gone: dict[Digest, str] = {}
        self.complete: str | None = None

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a journal; an absent one has seen nothing. Half a line at its end is what a killed run left.

        Raises:
            RecordError: when a line is malformed, or it cannot be read.
        """
        journal = cls(path)
        try:
            with open_regular(path) as file:
                for number, line in enumerate(iter(lambda: file.readline(_MAX_LINE), b""), 1):
                    if line.endswith(b"\n"):
                        journal._take(line, number)
                    elif len(line) == _MAX_LINE:
                        raise journal._malformed(number)
        except FileNotFoundError:
            pass
        except OSError as error:
            raise RecordError(f"{printable(str(path))}: {error.strerror}") from error
        return journal

    def now(self, tag: str) -> Digest | None:
        """What a tag named when it was seen last."""
        seen = self.tags.get(tag)
        return seen[-1].names if seen else None

    def newly(self, tags: Mapping[str, Digest | None]) -> dict[str, Digest | None]:
        """Those of the tags that name something else than was seen last."""
        return {tag: names for tag, names in tags.items() if self.now(tag) != names}

    def add(
        self,
        at: str,
        *,
        tags: Mapping[str, Digest | None] | None = None,
        gone: Iterable[Digest] = (),
        back: Iterable[Digest] = (),
        complete: bool = False,
    ) -> None:
        """Write what is new, at once and for good.

        Raises:
            OSError: when it cannot be written.
        """
        changed = tags or {}
        lines = [
            *(_Line(at, tag=tag, names=str(names) if names else None) for tag, names in changed.items()),
            *(_Line(at, record=str(each)) for each in gone),
            *(_Line(at, record=str(each), listed=True) for each in back),
            *([_Line(at, complete=True)] if complete else ()),
        ]
        content = b"".join(msgspec.json.encode(line) + b"\n" for line in lines)
        with self._path.open("ab") as file:
            file.truncate(_whole(self._path))
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        for line in lines:
            self._note(line)

    def _take(self, line: bytes, number: int) -> None:
        try:
            self._note(msgspec.convert(strict_json.read(line), _Line))
        except ValueError as error:
            raise self._malformed(number) from error

    def _note(self, line: _Line) -> None:
        """Take in a line.

        Raises:
            ValueError: when it says nothing that it may.
        """
        if datetime.fromisoformat(line.at).utcoffset() is None:
            raise ValueError("its time has no zone")
        if line.tag is not None:
            names = Digest.parse(line.names) if line.names else None
            self.tags.setdefault(check_tag(line.tag), []).append(Seen(line.at, names))
        elif line.record is not None:
            digest = Digest.parse(line.record)
            if line.listed:
                self.gone.pop(digest, None)
            else:
                self.gone[digest] = line.at
        elif line.complete:
            self.complete = line.at
        else:
            raise ValueError("it says nothing")

    def _malformed(self, number: int) -> RecordError:
        return RecordError(f"{printable(str(self._path))}: line {number} is malformed", _HINT)


def _whole(path: Path) -> int:
    """How long the file is without half a line at its end."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _MAX_LINE))
        tail = file.read()
    return size - len(tail) + tail.rfind(b"\n") + 1
