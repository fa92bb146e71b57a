"""Content that was read in this run, so that manifests that name it may be put (design section 2, step 5).

A registry that has a digest says nothing about the file under that digest in a local image: that file was
scanned, so it is read and hashed too. Of an image in a registry, a verified manifest names what is there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, BinaryIO, NoReturn, TypeVar, cast, final

from pushpolicy.errors import InputError, PushError
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest
from pushpolicy.model.manifest import Manifest

if TYPE_CHECKING:
    from io import BufferedIOBase

    from pushpolicy.registry.interface import OpenBlob

Chunk = TypeVar("Chunk", bytes, memoryview)
OnAdmitted = Callable[["Admitted"], None]

# Two of these stay in a core's own cache between being read, hashed and encrypted.
_READ_SIZE = 128 * 1024
# What the constructor of Admitted asks for; only this module has it.
_SEAL = object()


class ContentError(ValueError):
    """Content has not the size or digest that it should have."""


@final
class Admitted:
    """A digest and a size in bytes whose content was read, or which a verified manifest names."""

    __slots__ = ("digest", "size")

    def __init__(self, seal: object, digest: Digest, size: int) -> None:
        if seal is not _SEAL:
            raise TypeError("content is admitted by reading it")
        self.digest = digest
        self.size = size

    def __reduce__(self) -> NoReturn:
        raise TypeError("what was read in one process was not read in another")


def verified(
    blob: Descriptor, chunks: Iterable[Chunk], on_admitted: OnAdmitted | None = None
) -> Iterator[Chunk]:
    """Pass content on, one chunk behind, so that the last one is held back until the digest is known.

    Args:
        blob: what the content should be.
        chunks: the content.
        on_admitted: told when all of it was read and is what it should be, before the last chunk is given.

    Raises:
        ContentError: when the content has not the size or digest of the descriptor.
    """
    hasher = hashlib.new(blob.digest.algorithm)
    seen = 0
    held: Chunk | None = None
    for chunk in filter(None, chunks):
        seen += len(chunk)
        if seen > blob.size:
            raise ContentError(f"{blob.digest} is larger than the {blob.size} bytes it should have")
        hasher.update(chunk)
        if held:
            yield held
        held = chunk
    if seen != blob.size:
        raise ContentError(f"{blob.digest} has {seen} bytes where it should have {blob.size}")
    if hasher.hexdigest() != blob.digest.hex:
        raise ContentError(f"{blob.digest} has other content than its digest says")
    if on_admitted:
        on_admitted(Admitted(_SEAL, blob.digest, blob.size))
    if held:
        yield held


def admit(blob: Descriptor, content: OpenBlob) -> Admitted:
    """Read content that needs not be sent.

    Raises:
        InputError: when it cannot be read, or has not the size or digest of the descriptor.
    """
    found: list[Admitted] = []
    try:
        for _ in verified(blob, content_of(blob, content), found.append):
            pass
    except ContentError as error:
        raise unreadable(blob, error) from error
    return found[0]


def content_of(blob: Descriptor, content: OpenBlob) -> Iterator[memoryview]:
    """The content in chunks, as `chunks_of` gives them.

    Raises:
        InputError: when it cannot be read.
    """
    try:
        with content() as file:
            yield from chunks_of(file, blob.size)
    except (ValueError, OSError) as error:
        raise unreadable(blob, error) from error


def chunks_of(file: BinaryIO, size: int) -> Iterator[memoryview]:
    """What is read of a file that should have this many bytes; each chunk is good until the one after next.

    It is read into two buffers in turn, of which `verified` holds one. Memory is taken once, which is a third
    of the time of reading into new bytes.
    """
    stream = cast("BufferedIOBase", file)
    buffers = [memoryview(bytearray(max(min(size, _READ_SIZE), 1))) for _ in range(2)]
    while True:
        for buffer in buffers:
            count = stream.readinto(buffer)
            if not count:
                return
            yield buffer[:count]


def unreadable(blob: Descriptor, error: Exception) -> InputError:
    """The error for content at its source that is not what it should be."""
    reason = (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
    # A ContentError names the digest by itself.
    named = reason if isinstance(error, ContentError) else f"{blob.digest}: {reason}"
    return InputError(
        f"the content to be sent: {named}",
        "the image changed since it was opened, or was never what it says; build it again",
    )


class Admission:
    """Everything that was admitted for one image; what is put has to be vouched for here.

    Args:
        compared: for each layer that has to be compared with its diff_id, that diff_id.
    """

    def __init__(self, compared: Mapping[Digest, Digest] | None = None) -> None:
        self._compared = compared or {}
        self._sizes: dict[Digest, int] = {}

    def add(self, admitted: Admitted, diff_id: Digest | None = None) -> None:
        """Take content in; `diff_id` is what its layer was found to be, uncompressed.

        Raises:
            InputError: when it is a layer that has to be compared, and was not or is another.
        """
        expected = self._compared.get(admitted.digest)
        if expected is not None and diff_id != expected:
            raise InputError(f"layer {admitted.digest} was not found to be {expected} uncompressed")
        self._sizes[admitted.digest] = admitted.size

    def add_all(self, other: Admission) -> None:
        """Take in what was admitted of the same content before; of layers, those that were compared alike."""
        for digest, size in other._sizes.items():
            if self._compared.get(digest) in (None, other._compared.get(digest)):
                self._sizes[digest] = size

    def add_named(self, manifest: Manifest) -> None:
        """Take in what a manifest names that was read from a registry by its digest.

        Its layers are what their digests say, there as well as here. One that has to be compared with its
        diff_id is not taken in: its content says what it is.
        """
        for part in (manifest.config, *manifest.layers):
            if part and part.digest not in self._compared:
                self._sizes[part.digest] = part.size

    def has(self, blob: Descriptor) -> bool:
        """Whether it was admitted."""
        return self._sizes.get(blob.digest) == blob.size

    def vouched(self, manifest: Manifest) -> Manifest:
        """The manifest, to be put: everything that it names was admitted, and so is it now.

        Raises:
            PushError: when it names something that was not.
        """
        for part in (manifest.config, *manifest.layers, *manifest.manifests):
            if part and not self.has(part):
                raise PushError(f"{manifest.digest} names {part.digest}, which was not read in this run")
        self._sizes[manifest.digest] = len(manifest.content)
        return manifest
