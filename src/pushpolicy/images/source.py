"""Open the IMAGE argument: a layout, an archive, or an image of the Docker daemon or a registry.

The grammar is skopeo's: ``oci:DIR[:REF]``, ``oci-archive:FILE[:REF]``, ``docker-archive:FILE[:REF]``,
``docker-daemon:NAME[:TAG]``, ``docker://REGISTRY/REPO[:TAG|@DIGEST]``; a bare path is known by its content.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import msgspec
from msgspec.structs import replace

from pushpolicy.errors import InputError
from pushpolicy.images.archive import is_docker_archive, open_archive
from pushpolicy.images.choice import ChoiceError
from pushpolicy.images.closure import SparseError
from pushpolicy.images.image import Image
from pushpolicy.images.layout import image_of_layout, open_folder
from pushpolicy.images.options import EVERYTHING, Limits, Selection
from pushpolicy.images.remote import image_of_repository
from pushpolicy.model.digest import Digest
from pushpolicy.model.text import printable
from pushpolicy.registry.interface import RepositoryClient
from pushpolicy.registry.layout import LAYOUT_MARKER, LayoutFiles

OpenLayout = Callable[[Path, Limits], AbstractContextManager[LayoutFiles]]
TRANSPORTS: dict[str, OpenLayout] = {"oci": open_folder, "oci-archive": open_archive}
DOCKER_ARCHIVE = "docker-archive"
DOCKER_DAEMON = "docker-daemon:"
_DIGESTS = ("@sha256:", "@sha512:")
_GRAMMAR = (
    "write oci:DIR[:REF], oci-archive:FILE[:REF], docker-archive:FILE[:REF], docker-daemon:NAME[:TAG] or "
    "docker://REGISTRY/REPO[:TAG|@DIGEST]"
)
_CHOICE = "name one of them: TRANSPORT:PATH:NAME, or TRANSPORT:PATH@DIGEST"
_DAMAGE = "it is not complete, or not what it says it is; build or copy it again"
_NOT_COMPRESSED = "--compression is for Docker images; the layers of this one are pushed as they are"
_SHOWN = 5
_DEFAULT_LIMITS = Limits()


class UnknownSourceError(ValueError):
    """The IMAGE argument names nothing that is an image."""


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """An IMAGE argument in its parts; `reference` is a name in the layout, or a digest."""

    transport: str
    path: Path
    reference: str | Digest | None


@contextmanager
def open_image(
    text: str,
    limits: Limits = _DEFAULT_LIMITS,
    *,
    selection: Selection = EVERYTHING,
    client: RepositoryClient | None = None,
) -> Iterator[Image]:
    """Open an image, and keep it readable until the context ends.

    Every manifest and config is read and its digest checked, every layer is there with its size;
    layers are hashed when they are sent.

    Args:
        text: the IMAGE argument.
        limits: what is over one is refused.
        selection: which part of it.
        client: the repository that a ``docker://`` argument names; None for any other argument.

    Raises:
        InputError: when the image is absent, ambiguous, incomplete, malformed or over a limit.
    """
    with ExitStack() as stack:
        with _translated(text):
            if client is not None:
                image = _as_it_is(image_of_repository(text, client, limits, selection), selection)
            else:
                image = _open_local(text, limits, selection, stack)
        yield image


def _as_it_is(image: Image, selection: Selection) -> Image:
    return replace(image, notes=(*image.notes, _NOT_COMPRESSED)) if selection.compression else image


def _open_local(text: str, limits: Limits, selection: Selection, stack: ExitStack) -> Image:
    if text.startswith(DOCKER_DAEMON):
        from pushpolicy.images.docker_source import image_of_daemon

        return image_of_daemon(text, text.removeprefix(DOCKER_DAEMON), limits, selection, stack)
    source = parse_source(text)
    if source.transport == DOCKER_ARCHIVE:
        from pushpolicy.images.docker_source import image_of_file

        return image_of_file(text, source.path, source.reference, limits, selection, stack)
    files = stack.enter_context(TRANSPORTS[source.transport](source.path, limits))
    return _as_it_is(image_of_layout(text, files, source.reference, limits, selection), selection)


def reads_stdin(text: str) -> bool:
    """Whether opening this IMAGE argument reads standard input."""
    return text == f"{DOCKER_ARCHIVE}:-" or text.startswith((f"{DOCKER_ARCHIVE}:-:", f"{DOCKER_ARCHIVE}:-@"))


def parse_source(text: str) -> Source:
    """Take an IMAGE argument apart.

    Raises:
        UnknownSourceError: when it names no transport and no layout or archive on this machine.
    """
    if text.startswith("oci://"):
        named = printable(text[6:].lstrip("/"))
        raise UnknownSourceError(
            f"write docker://{named} for an image in a registry, oci:/{named} for a folder"
        )
    transport, colon, rest = text.partition(":")
    if colon and transport in (*TRANSPORTS, DOCKER_ARCHIVE):
        if not rest or rest.startswith((":", *_DIGESTS)):
            raise UnknownSourceError("names no file or folder")
        path, reference = _split(rest)
        return Source(transport=transport, path=path, reference=reference)
    path, reference = _split(text)
    if not _holds_image(path):
        raise UnknownSourceError("is neither an image layout nor an archive on this machine")
    if path.is_dir():
        return Source(transport="oci", path=path, reference=reference)
    kind = DOCKER_ARCHIVE if is_docker_archive(path) else "oci-archive"
    return Source(transport=kind, path=path, reference=reference)


def _split(text: str) -> tuple[Path, str | Digest | None]:
    """Part path and reference at the first colon with an image before it; either may hold more colons."""
    name, at, value = text.rpartition("@")
    if at and f"@{value}".startswith(_DIGESTS):
        try:
            return Path(name.removesuffix(":")), Digest.parse(value)
        except ValueError as error:
            raise UnknownSourceError(str(error)) from error
    ends = [index for index, char in enumerate(text) if char == ":"]
    for end in ends:
        if _holds_image(Path(text[:end])):
            return Path(text[:end]), text[end + 1 :] or None
    if ends and not _holds_image(Path(text)):
        return Path(text[: ends[0]]), text[ends[0] + 1 :] or None
    return Path(text), None


def _holds_image(path: Path) -> bool:
    return path.is_file() or (path / LAYOUT_MARKER).is_file()


@contextmanager
def _translated(text: str) -> Iterator[None]:
    shown = printable(text)
    try:
        yield
    except (UnknownSourceError, FileNotFoundError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise InputError(f"{shown}: {reason}", _GRAMMAR) from error
    except ChoiceError as error:
        raise InputError(f"{shown}: {printable(str(error), 1000)}", _CHOICE) from error
    except SparseError as error:
        only = " or ".join(f"--platform {printable(name)}" for name in error.platforms[:_SHOWN])
        hint = f"push a platform that is there: {only}" if only else _DAMAGE
        raise InputError(f"{shown}: {printable(str(error), 1000)}", hint) from error
    except ValueError as error:
        raise InputError(f"{shown}: {printable(str(error), 1000)}", _DAMAGE) from error
    except OSError as error:
        raise InputError(f"{shown}: {error.strerror or error}", "make it readable for this user") from error
