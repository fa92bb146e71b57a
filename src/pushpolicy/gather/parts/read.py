"""Unpacks parts, and compares what they are about with what is judged."""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO

from pushpolicy.errors import InputError, UsageError
from pushpolicy.files import open_regular
from pushpolicy.gather import find
from pushpolicy.gather.parts import LIST, MAX_LIST, Part, PartList, Unpacked, member, parse
from pushpolicy.gather.request import NamedEvidence
from pushpolicy.gather.runs import RunOf
from pushpolicy.model.evidence import ImageEvidence
from pushpolicy.model.text import printable
from pushpolicy.reports.limits import Limits

_CHUNK = 1024 * 1024
_HINT = "write it again with `pushpolicy gather --part NAME -o FILE`"


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
            about = parse(_list(archive))
            if len(about.files) > limits.max_files:
                raise ValueError(f"its {len(about.files)} files are over the limit of {limits.max_files}")
            return Part(source=path, about=about, files=tuple(_unpack(archive, about, folder, limits)))
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
    if archive.next() is not None:
        raise ValueError("it holds more than it lists")


def _next(archive: tarfile.TarFile, name: str) -> tuple[IO[bytes], int]:
    """The next member, which must be that plain file: neither a link nor a sparse file, which hide sizes."""
    header = archive.next()
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
