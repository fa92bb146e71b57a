"""Read an export: a source for each repository in it, each record verified as if a registry had given it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

from pushpolicy.audit.allowance import Allowance
from pushpolicy.audit.export import format as names
from pushpolicy.audit.export.format import Header, Ignored, Line, Part, Slice, TagLine, decoded
from pushpolicy.audit.export.lines import LineRepository
from pushpolicy.audit.shelf import Shelf
from pushpolicy.audit.sources import AbsentSource, Tagged
from pushpolicy.audit.tags import Named, Tags
from pushpolicy.audit.walk import Counting, Opened, Problem, Read, Unread, opened, problem
from pushpolicy.errors import InputError, RecordError
from pushpolicy.files import is_file, open_regular, read_file
from pushpolicy.model.digest import Digest
from pushpolicy.model.reference import Reference, Repository
from pushpolicy.model.text import printable
from pushpolicy.records.signed import Trusted

_AGAIN = "export it again: the files were changed since, or copied in part"
_MISSING = "`pushpolicy audit export SOURCE... -o DIR --append` exports it"
# Whom to believe about a repository; None where no keys are listed.
TrustedFor = Callable[[Repository], Trusted | None]


def read_header(folder: Path) -> Header:
    """What is in an export.

    Raises:
        InputError: when the folder holds none, or its header is malformed.
    """
    path = folder / names.HEADER
    try:
        header = decoded(Header, read_file(path, names.MAX_HEADER))
        for part in header.parts:
            _ = part.place, part.moment, Digest.parse(part.records.digest), Digest.parse(part.tags.digest)
    except OSError as error:
        raise InputError(
            f"export:{printable(str(folder))} is no export: {error.strerror} ({names.HEADER})",
            _other(folder),
        ) from error
    except ValueError as error:
        raise InputError(
            f"{printable(str(path))} is not valid: {printable(str(error), 300)}", _AGAIN
        ) from error
    return header


def _other(folder: Path) -> str:
    """What to do about a folder that is no export: what else it may be has its own name as a SOURCE."""
    if is_file(folder / "mirror.json"):
        return f"it is a mirror: mirror:{printable(str(folder))}"
    if is_file(folder / "decisions.parquet"):
        return "tables are for SQL alone; `pushpolicy audit export SOURCE -o DIR` writes an export"
    return "`pushpolicy audit export SOURCE -o DIR` writes one"


def export_sources(folder: Path, trusted: TrustedFor) -> Iterator[ExportSource]:
    """The repositories of an export, in the order in which they were exported first.

    Args:
        folder: the export.
        trusted: who is believed about each.

    Raises:
        InputError: when the folder holds no export, or the last run did not come to its end.
    """
    header = read_header(folder)
    if not header.complete:
        raise InputError(
            f"export:{printable(str(folder))} is not complete: what wrote it did not come to its end",
            "`pushpolicy audit export SOURCE... -o DIR --append` writes what is missing",
        )
    parts: dict[Repository, list[Part]] = {}
    for part in header.parts:
        parts.setdefault(part.place.repository, []).append(part)
    for repository, own in parts.items():
        yield ExportSource(folder, Reference(repository=repository), tuple(own), trusted(repository))


def not_exported(folder: Path) -> Iterator[AbsentSource]:
    """What the last run was asked for and could not read, which is said by whoever reads what it could.

    Raises:
        InputError: when the folder holds no export, or one of nothing.
    """
    header, here = read_header(folder), Reference(repository=Repository(registry="export", path=str(folder)))
    for failed in header.failed:
        reason = f"{failed.source} was not exported: {failed.reason}"
        yield AbsentSource(here, RecordError(printable(reason, 500), _MISSING))
    if not header.parts and not header.failed:
        raise InputError(f"export:{printable(str(folder))} has no repository", _MISSING)


class ExportSource(NamedTuple):
    """The records of one repository in an export.

    Attributes:
        place: the repository that they were exported of.
        parts: of each run.
        trusted: who is believed; None where no keys are listed.
    """

    folder: Path
    place: Reference
    parts: tuple[Part, ...]
    trusted: Trusted | None

    def each(self, allowance: Allowance) -> Iterator[Read]:
        """Every record of it, as it stands in the file; then what was none when it was exported.

        Nothing is kept of a record that was given out but its digest.

        Raises:
            RecordError: when the file is absent, or cannot be read.
        """
        counting, seen, retired = Counting(), set[bytes](), dict[Digest, At]()

        def read_again(digest: Digest) -> Opened | Problem:
            at = retired[digest]
            file.seek(at.offset)
            return self._read(file.read(at.size), allowance)

        with reading(self.folder / names.RECORDS) as file:
            for found, at in self._all(file, allowance):
                if isinstance(found, Opened):
                    digest = found.summary.digest
                    if (short := bytes.fromhex(digest.hex)) in seen:
                        continue
                    seen.add(short)
                    if found.standing.signature.retired:
                        retired[digest] = at
                yield from counting.taken(found)
            yield from counting.settled(read_again)
        # Each run looks at all of its place again: what was no record before the last one may be one now.
        for part in {part.place: part for part in self.parts}.values():
            for ignored in part.problems:
                yield from counting.taken(_problem(ignored))
            if part.unread:
                yield Unread(number=part.unread)

    def tags(self) -> Iterator[tuple[str, Digest]]:
        """Every tag of the repository, and what it named when it was exported last.

        Raises:
            RecordError: when the file is absent, or is not what was written.
        """
        found = dict[str, Digest]()
        with reading(self.folder / names.TAGS) as file:
            for part in self.parts:
                try:
                    for _, content in lines(file, names.TAGS, part.tags):
                        line = decoded(TagLine, content)
                        self._check_own(line)
                        if line.image is not None:
                            found[line.tag] = Digest.parse(line.image)
                        else:
                            found.pop(line.tag, None)
                except ValueError as error:
                    why = printable(str(error), 300)
                    raise RecordError(f"a line in {names.TAGS} is not valid: {why}", _AGAIN) from error
        yield from found.items()

    def tagged(self, allowance: Allowance) -> Tagged:
        """What its tags named when they were exported, and its records."""
        named = tuple(Named(tag=tag, digest=image, about=image) for tag, image in self.tags())
        as_of = max(part.moment for part in self.parts).replace(microsecond=0)
        return Tagged(Tags(named=named, as_of=as_of), self.each(allowance))

    def named(self, _: Digest) -> Named | None:
        """Nothing: an export has no images."""

    def _check_own(self, line: Line | TagLine) -> None:
        own = self.place.repository
        if (line.registry, line.repository) != (own.registry, own.path):
            raise ValueError(f"it is of another repository than {names.HEADER} says")

    def _all(self, file: BinaryIO, allowance: Allowance) -> Iterator[tuple[Opened | Problem, At]]:
        for part in self.parts:
            is_wrong, at = False, At(part.records.offset, 0)
            try:
                for at, content in lines(file, names.RECORDS, part.records):
                    found = self._read(content, allowance)
                    is_wrong = is_wrong or isinstance(found, Problem)
                    yield found, at
            except RecordError as error:
                # Where a line of it was told, that is why.
                if not is_wrong:
                    digest = Digest.parse(part.records.digest)
                    yield Problem(digest=digest, reason=error.message, hint=error.hint), at

    def _read(self, content: bytes, allowance: Allowance) -> Opened | Problem:
        digest = None
        try:
            line = decoded(Line, content)
            digest = Digest.parse(line.record)
            self._check_own(line)
            client = LineRepository(self.place.repository, self.folder, line)
        except ValueError as error:
            why = printable(str(error), 300)
            reason = f"{digest or 'a line'} in {names.RECORDS} is not valid: {why}"
            return Problem(digest=digest or Digest.of(content), reason=reason, hint=_AGAIN)
        shelf = Shelf.of(client, trusted=self.trusted)
        try:
            with allowance.record():
                # Never another's: the records of an export are kept where its images are.
                return cast("Opened", opened(shelf, self.place, digest, client.image))
        except RecordError as error:
            return problem(digest, error, shelf)


class At(NamedTuple):
    """Where a line is."""

    offset: int
    size: int


def lines(file: BinaryIO, name: str, where: Slice) -> Iterator[tuple[At, bytes]]:
    """The lines of a part of the file of this name, each with its end.

    Raises:
        RecordError: behind them, when they are not those that were written; or when one is over the limit.
    """
    hasher, offset, end = hashlib.sha256(), where.offset, where.offset + where.size
    number = 0
    while offset < end:
        file.seek(offset)
        content = file.readline(min(names.MAX_LINE, end - offset))
        if not content.endswith(b"\n"):
            reason = (
                f"{name} is not what was written: it has other lines, or one of over {names.MAX_LINE} bytes"
            )
            raise RecordError(reason, _AGAIN)
        hasher.update(content)
        yield At(offset, len(content)), content
        offset += len(content)
        number += 1
    if (number, f"sha256:{hasher.hexdigest()}") != (where.lines, where.digest):
        raise RecordError(f"{name} is not what was written: lines were changed, removed or added", _AGAIN)


@contextmanager
def reading(path: Path) -> Iterator[BinaryIO]:
    """A file of an export.

    Raises:
        RecordError: when it cannot be read.
    """
    try:
        with open_regular(path) as file:
            yield file
    except OSError as error:
        raise RecordError(f"{printable(str(path))} cannot be read: {error.strerror}", _AGAIN) from error


def _problem(ignored: Ignored) -> Problem:
    try:
        digest = Digest.parse(ignored.digest)
    except ValueError:
        digest = Digest.of(ignored.digest.encode())
    return Problem(digest=digest, reason=ignored.reason, hint=ignored.hint, vouched=ignored.vouched)
