"""Evidence of several jobs: each writes a part, and the job that pushes reads all of them.

A part is a tar archive of the reports as they were, with a list of them. The job that merges reads the
reports itself, so a part can say no more than its reports do, and the record holds them as ever. The list is
the archive's first member ``part.json``, a ``pushpolicy.part/v1`` document. The last may be ``identity.jwt``,
an identity token of the job that is for that very list (`identity`).
"""

from __future__ import annotations

import hashlib
import re
import tarfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO, Literal

import msgspec

from pushpolicy.errors import InputError, UsageError
from pushpolicy.files import open_regular
from pushpolicy.gather import find
from pushpolicy.gather.request import NamedEvidence
from pushpolicy.gather.runs import RunOf
from pushpolicy.identity.token import MAX_TOKEN
from pushpolicy.model import canonical
from pushpolicy.model.digest import Digest
from pushpolicy.model.document import Exact
from pushpolicy.model.evidence import ImageEvidence, Unread
from pushpolicy.model.redacted import Redacted
from pushpolicy.model.text import printable
from pushpolicy.reports.format import KINDS
from pushpolicy.reports.limits import Limits

LIST, TOKEN = "part.json", "identity.jwt"
MAX_LIST = 16 * 1024 * 1024
_CHUNK = 1024 * 1024
_HINT = "write it again with `pushpolicy gather --part NAME -o FILE`"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class Listed(Exact, frozen=True, kw_only=True):
    """One file: where its job had it, its bytes, and the names that were given to it, by kind."""

    path: str
    sha256: str
    size: int
    names: dict[str, str] = msgspec.field(default_factory=dict)


class PartList(Exact, frozen=True, kw_only=True):
    """What a part holds.

    Attributes:
        name: of the part; reports without a name of their own are called NAME/REPORT.
        commit, image: what the reports are about; at least one of them.
        run, attempt: of the CI system that wrote it.
        problems: by kind, what was there and could not be read: it does not get lost on the way.
        unread: what was looked at there and is no evidence.
        files: in the order of the archive's members, ``reports/00000`` and so on.
    """

    schema: Literal["pushpolicy.part/v1"]
    name: str
    commit: str | None = None
    image: str | None = None
    run: str | None = None
    attempt: int | None = None
    problems: dict[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    unread: tuple[Unread, ...] = ()
    files: tuple[Listed, ...] = ()

    def content(self) -> bytes:
        """The canonical document."""
        return canonical.encode(msgspec.to_builtins(self) | {"schema": self.schema})


class Unpacked(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a part, unpacked to a folder of this run."""

    path: Path
    listed: Listed


class Part(Redacted, frozen=True, kw_only=True):
    """A part that was unpacked; every file has the bytes that the list says.

    Attributes:
        digest: of the list.
        token: of its job, as it came; None where it carries none.
    """

    hidden_fields = frozenset({"token"})

    source: Path
    about: PartList
    digest: Digest
    files: tuple[Unpacked, ...]
    token: str | None = None


def member(number: int) -> str:
    """The name of a file in the archive."""
    return f"reports/{number:05}"


def is_name(text: str) -> bool:
    """Whether a part may have this name."""
    return _NAME.fullmatch(text) is not None


def parse(content: bytes) -> PartList:
    """Read a list.

    Raises:
        ValueError: when it is malformed or contradicts itself.
    """
    try:
        part = msgspec.convert(canonical.decode(content), PartList)
    except msgspec.ValidationError as error:
        raise ValueError(f"it is no part: {printable(str(error))}") from error
    if not is_name(part.name):
        raise ValueError(f"{printable(part.name)!r} is no name of a part")
    if not (part.commit or part.image):
        raise ValueError("it says neither for which commit nor for which image it is")
    kinds = {*part.problems, *(kind for file in part.files for kind in file.names)} - {*KINDS, "extra"}
    if kinds:
        raise ValueError(f"{printable(min(kinds))} is no kind of evidence")
    if any(not name for file in part.files for name in file.names.values()):
        raise ValueError("a name in it is empty")
    return part


def open_parts(
    workspace: Path, named: Iterable[NamedEvidence], folder: Path, limits: Limits
) -> tuple[Part, ...]:
    """Unpack every part that is named into `folder`; one that is there twice counts once.

    Raises:
        UsageError: when a part is given another name than its own.
        InputError: when one is absent or malformed, or two of one name differ.
    """
    parts: dict[str, Part] = {}
    for number, (item, path) in enumerate(_paths(workspace, named)):
        place = folder / str(number)
        place.mkdir()
        part = _open(path, place, limits)
        name = part.about.name
        if item.name not in (None, name):
            raise UsageError(f"{item.shown}: the part calls itself {name}", "leave the name out")
        if name in parts and parts[name].about != part.about:
            both = f"{printable(str(parts[name].source))} and {printable(str(path))}"
            raise InputError(
                f"two parts are named {name!r} and differ: {both}", "give each job's part its name"
            )
        parts.setdefault(name, part)
    return tuple(parts.values())


def _paths(workspace: Path, named: Iterable[NamedEvidence]) -> Iterable[tuple[NamedEvidence, Path]]:
    for item in named:
        if item.kind != "part":
            continue
        found = find.matches(workspace, item.path)
        if not found:
            raise InputError(
                f"{item.shown}: there is no such file", "check that the job that writes it has run"
            )
        yield from ((item, path) for path in found)


def _open(path: Path, folder: Path, limits: Limits) -> Part:
    try:
        with open_regular(path) as file, tarfile.open(fileobj=file, mode="r:") as archive:
            about = parse(listed := _list(archive))
            if len(about.files) > limits.max_files:
                raise ValueError(f"its {len(about.files)} files are over the limit of {limits.max_files}")
            files = tuple(_unpack(archive, about, folder, limits))
            digest = Digest.of(listed)
            return Part(source=path, about=about, digest=digest, files=files, token=_token(archive))
    except OSError as error:
        raise InputError(f"{printable(str(path))}: cannot be read: {error.strerror or error}") from error
    except (ValueError, EOFError, tarfile.TarError, RecursionError) as error:
        raise InputError(f"{printable(str(path))}: {printable(str(error))}", _HINT) from error


def _list(archive: tarfile.TarFile) -> bytes:
    stream, size = _next(archive, LIST)
    if size > MAX_LIST:
        raise ValueError(f"its {LIST} is over the limit of {MAX_LIST} bytes")
    return stream.read(size)


def _unpack(archive: tarfile.TarFile, about: PartList, folder: Path, limits: Limits) -> Iterable[Unpacked]:
    for number, listed in enumerate(about.files):
        stream, size = _next(archive, member(number))
        if size != listed.size or size > limits.max_report_size:
            raise ValueError(f"{printable(listed.path)} has another size than listed, or one over the limit")
        # The suffix and name of a report say something where it is broken, its folders nothing.
        place = folder / f"{number:05}" / (Path(listed.path).name or "report")
        place.parent.mkdir()
        if _copy(stream, place) != listed.sha256:
            raise ValueError(f"{printable(listed.path)} has other bytes than listed")
        yield Unpacked(path=place, listed=listed)


def _token(archive: tarfile.TarFile) -> str | None:
    header = archive.next()
    if header is None:
        return None
    if header.name != TOKEN:
        raise ValueError("it holds more than it lists")
    stream, size = _plain(archive, header, TOKEN)
    if size > MAX_TOKEN or archive.next() is not None:
        raise ValueError(f"its {TOKEN} is no token, or not its last member")
    return stream.read(size).decode("ascii")


def _next(archive: tarfile.TarFile, name: str) -> tuple[IO[bytes], int]:
    return _plain(archive, archive.next(), name)


def _plain(archive: tarfile.TarFile, header: tarfile.TarInfo | None, name: str) -> tuple[IO[bytes], int]:
    """A member, which must be that plain file: neither a link nor a sparse file, which hide sizes."""
    stream = archive.extractfile(header) if header and header.type == tarfile.REGTYPE else None
    if header is None or stream is None or header.name != name or header.issparse():
        raise ValueError(f"it is no part: {name} is not where it must be")
    return stream, header.size


def _copy(stream: IO[bytes], place: Path) -> str:
    digest = hashlib.sha256()
    with place.open("xb") as target:
        while piece := stream.read(_CHUNK):
            digest.update(piece)
            target.write(piece)
    return digest.hexdigest()


def check_parts(parts: Sequence[Part], image: ImageEvidence, here: RunOf) -> None:
    """Every part must be about the image or its commit, contradict neither, and be of this run and attempt.

    Args:
        parts: that are merged.
        image: the one that is judged.
        here: this run, with the commit of the checkout, else of the CI run.

    Raises:
        InputError: when one is about something else, or nothing tells.
    """
    commit = here.commit
    digests = {str(image.digest), *(str(platform.digest) for platform in image.platforms)}
    for part in parts:
        about = part.about
        if about.image and about.image not in digests:
            raise _other(part, f"the image {about.image}, and this is {image.digest}")
        if about.commit and commit and about.commit != commit:
            raise _other(part, f"the commit {about.commit}, and this is {commit}")
        if not about.image and not commit:
            raise _other(part, f"the commit {about.commit}, and nothing here tells which one this is")
        difference = here.difference(RunOf(commit=commit, run=about.run, attempt=about.attempt))
        if difference:
            raise InputError(
                f"{printable(str(part.source))}: the part {about.name!r}: {difference}",
                "run the job that writes it again in this run; a re-run of failed jobs alone keeps old parts",
            )


def _other(part: Part, what: str) -> InputError:
    return InputError(
        f"{printable(str(part.source))}: the part {part.about.name!r} is about {printable(what)}"
    )
