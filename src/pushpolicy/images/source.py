"""Open the IMAGE argument: ``oci:DIR[:REF]``, ``oci-archive:FILE[:REF]``, or a path known by its content."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from pushpolicy.errors import InputError
from pushpolicy.images.archive import open_archive
from pushpolicy.images.image import Image
from pushpolicy.images.layout import ChoiceError, image_of_layout, open_folder
from pushpolicy.images.limits import Limits
from pushpolicy.model.digest import Digest
from pushpolicy.model.text import printable
from pushpolicy.registry.layout_files import LAYOUT_MARKER, LayoutFiles

OpenLayout = Callable[[Path, Limits], AbstractContextManager[LayoutFiles]]
TRANSPORTS: dict[str, OpenLayout] = {"oci": open_folder, "oci-archive": open_archive}
_GRAMMAR = "write oci:DIR[:REF] for an image layout, oci-archive:FILE[:REF] for a tar of one"
_CHOICE = "name one of them: oci:DIR:NAME, or oci:DIR@DIGEST"
_DAMAGE = "it is not complete, or not what it says it is; build or copy it again"
_DEFAULT_LIMITS = Limits()


class UnknownSourceError(ValueError):
    """The IMAGE argument names nothing that is an image."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """An IMAGE argument in its parts; `reference` is a name in the layout, or a digest."""

    transport: str
    path: Path
    reference: str | Digest | None


@contextmanager
def open_image(text: str, limits: Limits = _DEFAULT_LIMITS) -> Iterator[Image]:
    """Open an image, and keep it readable until the context ends.

    Every manifest and config is read and its digest checked, every layer is there with its size;
    layers are hashed when they are sent.

    Raises:
        InputError: when the image is absent, ambiguous, incomplete, malformed or over a limit.
    """
    with ExitStack() as stack:
        with _translated(text):
            source = parse_source(text)
            files = stack.enter_context(TRANSPORTS[source.transport](source.path, limits))
            image = image_of_layout(text, files, source.reference, limits)
        yield image


def parse_source(text: str) -> Source:
    """Take an IMAGE argument apart.

    Raises:
        UnknownSourceError: when it names no transport and no layout or archive on this machine.
    """
    transport, colon, rest = text.partition(":")
    if colon and transport in TRANSPORTS:
        path, reference = _split(rest)
        return Source(transport=transport, path=path, reference=reference)
    path, reference = _split(text)
    if not _holds_image(path):
        raise UnknownSourceError("is neither an image layout nor an archive on this machine")
    return Source(transport="oci" if path.is_dir() else "oci-archive", path=path, reference=reference)


def _split(text: str) -> tuple[Path, str | Digest | None]:
    """Part path and reference at the first colon with an image before it; either may hold more colons."""
    name, at, value = text.rpartition("@")
    if at and value.startswith(("sha256:", "sha512:")):
        return Path(name.removesuffix(":")), Digest.parse(value)
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
    except ValueError as error:
        raise InputError(f"{shown}: {printable(str(error), 1000)}", _DAMAGE) from error
    except OSError as error:
        raise InputError(f"{shown}: {error.strerror or error}", "make it readable for this user") from error
