"""Write an export: records as they are read, so that memory does not grow with their number."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
from msgspec.structs import replace

from pushpolicy import __version__
from pushpolicy.audit.allowance import Allowance
from pushpolicy.audit.export import format as names
from pushpolicy.audit.export.format import (
    Failed,
    Header,
    Ignored,
    Label,
    Part,
    Slice,
    Stated,
    TagLine,
    decoded,
    encoded,
)
from pushpolicy.audit.export.lines import line_of
from pushpolicy.audit.export.source import ExportSource, lines
from pushpolicy.audit.export.statements import statements_about
from pushpolicy.audit.export.tables import VIEWS, Sizes, views
from pushpolicy.audit.signature import NOT_VALID
from pushpolicy.audit.sources import Source
from pushpolicy.audit.tags import Named
from pushpolicy.audit.walk import Opened, Problem
from pushpolicy.errors import InputError, PushError
from pushpolicy.files import write_whole
from pushpolicy.model.digest import Digest
from pushpolicy.model.reference import Reference, Repository
from pushpolicy.model.text import printable


class _Growing:
    """A file that lines are written behind the end of.

    Args:
        path: what is behind `end` in it is of a run that was killed.
        end: how many bytes of it count.
    """

    def __init__(self, path: Path, end: int) -> None:
        self._file: BinaryIO = path.open("ab")
        if os.fstat(self._file.fileno()).st_size < end:
            raise InputError(
                f"{printable(str(path))} is shorter than {names.HEADER} says", "export into another folder"
            )
        self._start = end
        self.forget()

    def add(self, line: bytes) -> None:
        """Write a line."""
        self._file.write(line)
        self._hash.update(line)
        self._size += len(line)
        self._lines += 1

    def forget(self) -> None:
        """Take back what was written since the last time."""
        self._file.flush()
        self._file.truncate(self._start)
        self._size, self._lines, self._hash = 0, 0, hashlib.sha256()

    def cut(self) -> Slice:
        """What was written since the last time; it is on the disk."""
        self._file.flush()
        os.fsync(self._file.fileno())
        digest = f"sha256:{self._hash.hexdigest()}"
        done = Slice(offset=self._start, size=self._size, lines=self._lines, digest=digest)
        self._start += self._size
        self.forget()
        return done

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class Writer:
    """Writes records and tags into a folder, source by source.

    Args:
        folder: it is there, and held by this run alone.
        header: what is in it already.
        raw: whether raw reports are written, too.
        verified: whether keys are listed, so that only records are read that one of them vouches for.
    """

    def __init__(self, folder: Path, header: Header, *, raw: bool = False, verified: bool = False) -> None:
        self._folder, self._raw, self._verified = folder, raw, verified
        self._longest = header.longest
        self.header = replace(header, version=__version__, complete=False, failed=())
        self._save()
        self._records = _Growing(folder / names.RECORDS, _end(part.records for part in header.parts))
        self._tags = _Growing(folder / names.TAGS, _end(part.tags for part in header.parts))
        # The digests that are there of the repository that is being written, which often follows itself.
        self._known: tuple[Repository | None, set[bytes]] = (None, set())
        self._kept = set[Digest]()

    def add(self, source: Source, allowance: Allowance) -> Part:
        """Write what a source has, and is not there yet.

        Raises:
            RecordError, InputError: when the source cannot be read at all; nothing of it is kept then.
        """
        place = source.place
        known, unread = self._known_of(place.repository), 0
        tags, records = source.tagged(allowance)
        problems = [_unreadable(each) for each in tags.named if each.digest is None]
        for found in records:
            if isinstance(found, Opened):
                digest = bytes.fromhex(found.summary.digest.hex)
                if digest not in known:
                    problems += self._write(found, place.repository)
                    known.add(digest)
            elif isinstance(found, Problem):
                problems.append(found)
            else:
                unread += found.number
        at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        of = {"registry": place.repository.registry, "repository": place.repository.path}
        now = {str(each.tag): each.digest for each in tags.named if each.digest and each.is_image}
        for tag, image in self._moved(place, now):
            self._tags.add(encoded(TagLine(**of, tag=tag, image=str(image) if image else None, seen=at)))
        part = Part(
            **of,
            tag=place.tag,
            digest=str(place.digest) if place.digest else None,
            at=at,
            verified=self._verified,
            records=self._records.cut(),
            tags=self._tags.cut(),
            problems=tuple(map(_ignored, problems)),
            unread=unread,
        )
        if not self._says_nothing_new(part):
            self._save(parts=(*self.header.parts, part))
        return part

    def fail(self, source: Source, reason: str) -> None:
        """Note that a source could not be read, and forget what was written of it."""
        self._records.forget()
        self._tags.forget()
        self._known = (None, set())
        self._save(failed=(*self.header.failed, Failed(source=str(source.place), reason=reason)))

    def end(self) -> Header:
        """Say that all sources were asked, and write what makes tables of the files."""
        self._save(complete=True)
        with write_whole(self._folder / VIEWS) as file:
            file.write("\n".join(views(self.sizes)).encode())
        return self.header

    @property
    def sizes(self) -> Sizes:
        """What reading the files takes."""
        return Sizes(self._longest, (self._folder / names.HEADER).stat().st_size)

    def close(self) -> None:
        """Close the files."""
        self._records.close()
        self._tags.close()

    def _moved(self, place: Reference, now: Mapping[str, Digest]) -> Iterator[tuple[str, Digest | None]]:
        """The tags that name another image than is written already, and those that are gone."""
        own = tuple(part for part in self.header.parts if part.place.repository == place.repository)
        before = dict(ExportSource(self._folder, place, own, None).tags()) if own else {}
        yield from ((tag, image) for tag, image in now.items() if before.get(tag) != image)
        if not place.tag and not place.digest:
            yield from ((tag, None) for tag in before if tag not in now)

    def _says_nothing_new(self, part: Part) -> bool:
        """Whether a run found what the one before it did: then the header does not grow with each night."""
        before = [each for each in self.header.parts if each.place == part.place]
        is_empty = not part.records.lines and not part.tags.lines
        return bool(is_empty and before and _state(before[-1]) == _state(part))

    def _known_of(self, repository: Repository) -> set[bytes]:
        if self._known[0] != repository:
            parts = [part for part in self.header.parts if part.place.repository == repository]
            self._known = (repository, set(_digests(self._folder / names.RECORDS, parts)))
        return self._known[1]

    def _write(self, found: Opened, repository: Repository) -> Iterator[Problem]:
        """Write a record, its policy and its reports; what of it cannot be read is told."""
        summary, statements = found.summary, list[Stated]()
        for stated in statements_about(found):
            if isinstance(stated, Problem):
                yield stated
            else:
                statements.append(stated)
        line = encoded(line_of(found, repository, tuple(statements)))
        if len(line) > names.MAX_LINE:
            yield Problem(digest=summary.digest, reason=f"a line of {len(line)} bytes is over the limit")
            return
        policy = summary.layers[2].digest
        self._keep(names.policy_file(policy), policy, [found.record.policy])
        for report in summary.reports if self._raw else ():
            try:
                self._keep(
                    names.report_file(report.digest), report.digest, found.shelf.records.read_blob(report)
                )
            except PushError as error:
                reason = f"report {report.digest} of record {summary.digest} cannot be read: {error.message}"
                yield Problem(digest=summary.digest, reason=reason, hint=error.hint)
        self._records.add(line)
        self._longest = max(self._longest, len(line))

    def _keep(self, name: str, digest: Digest, content: Iterable[bytes]) -> None:
        """Write a file once; one that is there is written again where this run has not seen it."""
        if digest in self._kept:
            return
        path = self._folder / name
        path.parent.mkdir(exist_ok=True)
        with write_whole(path) as file:
            file.writelines(content)
        self._kept.add(digest)

    def _save(self, **changed: Any) -> None:
        self.header = replace(self.header, longest=self._longest, **changed)
        with write_whole(self._folder / names.HEADER) as file:
            file.write(msgspec.json.format(msgspec.json.encode(self.header), indent=1) + b"\n")


def _end(parts: Iterable[Slice]) -> int:
    return max((part.offset + part.size for part in parts), default=0)


def _digests(path: Path, parts: Iterable[Part]) -> Iterator[bytes]:
    """The records that are there of a repository."""
    with path.open("rb") as file:
        for part in parts:
            for _, content in lines(file, names.RECORDS, part.records):
                yield bytes.fromhex(Digest.parse(decoded(Label, content).record).hex)


def _state(part: Part) -> tuple[object, ...]:
    return part.problems, part.unread, part.verified


def _unreadable(named: Named) -> Problem:
    """That nobody knows what records a tag has."""
    reason = f"{NOT_VALID}the tag {named.tag} cannot be read: {named.problem}"
    return Problem(digest=Digest.of(str(named.tag).encode()), reason=reason)


def _ignored(found: Problem) -> Ignored:
    return Ignored(digest=str(found.digest), reason=found.reason, hint=found.hint, vouched=found.vouched)
