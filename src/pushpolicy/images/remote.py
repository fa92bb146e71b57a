"""``docker://REGISTRY/REPO[:TAG|@DIGEST]``: an image in a registry, to be promoted or named anew.

Its layers stay there until they are sent, and then pass through memory only, hashed on their way.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, cast

from msgspec.structs import replace

from pushpolicy.errors import InputError, PushError
from pushpolicy.images.image import Image
from pushpolicy.images.opening import read_image
from pushpolicy.images.options import Limits, Selection
from pushpolicy.images.store import RepositoryStore, Store, WithManifest
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.manifest import Manifest
from pushpolicy.model.reference import Reference
from pushpolicy.model.text import printable
from pushpolicy.registry.interface import OpenBlob, RepositoryClient

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

TRANSPORT = "docker://"
_READ_SIZE = 1024 * 1024
_LATEST = "latest"


def parse_remote(text: str) -> Reference | None:
    """The reference of a ``docker://`` argument, ``latest`` where it has no tag; None for another one.

    Raises:
        ValueError: when it is malformed, or names no registry.
    """
    if not text.startswith(TRANSPORT):
        return None
    found = Reference.parse(text.removeprefix(TRANSPORT))
    if found.repository.is_layout:
        raise ValueError(f"{text[:200]!r} names no registry; write docker://REGISTRY/REPO[:TAG|@DIGEST]")
    if found.tag is None and found.digest is None:
        return Reference(repository=found.repository, tag=_LATEST)
    return found


def image_of_repository(text: str, client: RepositoryClient, limits: Limits, selection: Selection) -> Image:
    """Open the image that the argument names.

    Raises:
        InputError: when it is absent, the registry refuses, or a platform that is asked for is not there.
        ValueError: when it is incomplete, malformed or over a limit.
    """
    reference = parse_remote(text)
    if reference is None or reference.repository != client.repository:
        raise ValueError(f"is not an image of {client.repository}")
    try:
        top = _named(reference, client)
        # A tag can move: the manifest that it named first is the one that is opened.
        store: Store = WithManifest(RepositoryStore(client), top)
        name = f"{reference.repository}:{reference.tag}" if reference.tag else None
        content = RepositoryContent(client)
        image = read_image(
            text, name, store, top.descriptor, content, limits, selection, repository=client.repository
        )
    except PushError as error:
        raise InputError(f"{printable(text)}: {error.message}", error.hint) from error
    # A digest is checked whoever answers; what a tag names is whatever the answer says.
    if reference.digest or not client.insecure or client.repository.is_loopback:
        return image
    doubt = f"{client.repository} was asked for its tag over plain http: anybody in between could answer"
    return replace(image, notes=(doubt, *image.notes))


def _named(reference: Reference, client: RepositoryClient) -> Manifest:
    digest, tag = reference.digest, reference.tag or _LATEST
    found = client.manifest(digest) if digest else client.resolve(tag)
    if found is None:
        raise InputError(
            f"docker://{reference}: there is no such image",
            "check repository and tag, and that the credential for it may pull",
        )
    return found


class RepositoryContent:
    """The layers of an image in a repository (a `BlobSource`)."""

    def __init__(self, client: RepositoryClient) -> None:
        self._client = client

    def open_blob(self, blob: Descriptor) -> OpenBlob:
        """A function that opens the blob from its start, as often as needed."""

        @contextmanager
        def opened() -> Iterator[BinaryIO]:
            chunks = self._client.read_blob(blob)
            try:
                yield cast("BinaryIO", io.BufferedReader(_Chunks(chunks), _READ_SIZE))
            finally:
                if hasattr(chunks, "close"):
                    chunks.close()  # give the connection back, whether it was read to its end or not

        return opened


class _Chunks(io.RawIOBase):
    """A stream over chunks of any size."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._rest = memoryview(chunk)
        view = memoryview(buffer)
        taken = self._rest[: len(view)]
        view[: len(taken)] = taken
        self._rest = self._rest[len(taken) :]
        return len(taken)
