"""What every repository can do, a registry's as well as a folder's, and what is attached to an image there.

`RemoteRepository` speaks to a registry, `LayoutRepository` keeps an OCI image layout; push, attach,
audit and the image sources know only this interface.
Sources: distribution-spec 1.1; image-spec 1.1, manifest.md, "Guidelines for Artifact Usage".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Protocol, cast

import msgspec

from pushpolicy.http.settings import Settings
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest
from pushpolicy.model.evidence import Clock
from pushpolicy.model.manifest import Manifest
from pushpolicy.model.reference import Repository
from pushpolicy.registry.admitted import Admission, Admitted, admit
from pushpolicy.registry.credentials import ANONYMOUS, Credential
from pushpolicy.registry.move import Guarantee, Move

# Opens the content of a blob from its start; called again when a request has to be repeated.
OpenBlob = Callable[[], AbstractContextManager[BinaryIO]]
# Waits until a referrer is sure to stay listed; raises PushError when it cannot be.
Settle = Callable[[], None]


class Access(Settings, frozen=True, kw_only=True):
    """How to reach the repository of a registry; a layout needs none of it.

    Attributes:
        credential: what to show when the registry asks; the one that gather classifies.
    """

    credential: Credential = ANONYMOUS


class RepositoryReader(Protocol):
    """A repository as far as it is read. Every method raises PushError when the repository refuses or fails.

    Nothing that is read is trusted: content is hashed and compared with the digest that was asked
    for, and a header is never believed.
    """

    @property
    def repository(self) -> Repository:
        """The repository's name."""

    @property
    def distant(self) -> bool:
        """Whether what it answers takes long to come, by what was seen of it: then much is asked at once."""

    def resolve(self, tag: str) -> Manifest | None:
        """The manifest a tag names now; None when there is no such tag or repository."""

    def manifest(self, digest: Digest) -> Manifest | None:
        """The manifest of this digest, its bytes verified; None when it is absent."""

    def read_blob(self, blob: Descriptor) -> Iterator[bytes]:
        """Stream a blob; size and digest are checked, and a mismatch raises at the end."""

    def tags(self) -> tuple[str, ...]:
        """Every tag, sorted, fallback tags of the referrers schema left out."""

    def subjects(self) -> tuple[Digest, ...]:
        """Manifests that others are listed with, whether a tag names them or not.

        Of a registry those that have a fallback tag: one that keeps the lists itself does not tell them.
        """

    def is_known(self) -> bool:
        """Whether there is such a repository with a tag in it, as far as this credential is told."""

    def referrers(self, subject: Digest, artifact_type: str | None = None) -> tuple[Descriptor, ...]:
        """The manifests that are listed as having this one as their subject, by the API or the fallback tag.

        With an artifact type, those that may be of it: a list may not say the type, and nothing that it says
        is verified.
        """


class RepositoryClient(RepositoryReader, Protocol):
    """One repository, to be read and written."""

    @property
    def insecure(self) -> bool:
        """Whether it is reached over plain http or without verifying a certificate."""

    @property
    def authorities(self) -> str | None:
        """Whose word is taken for who it is: ``system``, ``file`` or ``variable``; None without TLS."""

    @property
    def clock(self) -> Clock | None:
        """The skew against the registry's Date header, once an answer was seen."""

    @property
    def guarantee(self) -> Guarantee:
        """What `move_tags` moves tags with, as far as is known by now."""

    def put_manifest(self, manifest: Manifest, tag: str | None = None) -> None:
        """Store a manifest under its digest, or under a tag."""

    def move_tags(self, moves: Sequence[Move]) -> Iterator[tuple[Move, ...]]:
        """Have each tag name its manifest, which is there by its digest.

        Yields:
            the moves that are done, as they are done; together those that were one step.

        Raises:
            IncompleteError: when somebody else moved a tag since that was judged.
        """

    def has_blob(self, blob: Descriptor) -> bool:
        """Whether the blob is there with the size its descriptor states."""

    def serves_blob(self, blob: Descriptor) -> bool:
        """Whether its content is really given out, at the size its descriptor states; one byte is read."""

    def prepare(self) -> None:
        """Be ready for many requests at once: where that takes long, it is begun before they are made."""

    def gave_blob(self, blob: Descriptor, *, whole: bool = False) -> bool:
        """Whether it gave the blob out a moment ago: a byte of it, or the `whole` to be hashed."""

    def put_blob(
        self,
        blob: Descriptor,
        content: OpenBlob,
        sibling: Repository | None = None,
        *,
        is_new: bool = False,
    ) -> Admitted | None:
        """Store a blob unless it is there; hashed while it streams.

        A `sibling` is a repository of the same registry that may have it: it is mounted from there if so.
        What `is_new` is not asked for first, unless a manifest that was read here names it.

        Returns:
            what was read, or None where nothing was sent.

        Raises:
            InputError: when the content is not what the descriptor says; its end is not sent then.
        """

    def put_referrer(self, manifest: Manifest) -> Settle:
        """Store a manifest that has a subject, so that `referrers` lists it.

        Others who write at the same time may remove it from the list: what is returned is to be called
        before anybody relies on it. It waits until they are done, and sees to it that it is listed then.
        """


class Blob(msgspec.Struct, frozen=True, kw_only=True):
    """One blob of an artifact and how to open it."""

    descriptor: Descriptor
    open: OpenBlob

    @property
    def size(self) -> int:
        """Its bytes."""
        return self.descriptor.size

    @classmethod
    def of(cls, content: bytes, media_type: str, annotations: Mapping[str, str] | None = None) -> Blob:
        """A blob held in memory."""
        descriptor = Descriptor.of(content, media_type, annotations=annotations or {})
        return cls(descriptor=descriptor, open=lambda: BytesIO(content))

    @classmethod
    def stored(cls, descriptor: Descriptor, path: Path) -> Blob:
        """A blob held in a file."""
        return cls(descriptor=descriptor, open=lambda: path.open("rb"))

    def store(self, client: RepositoryClient, admission: Admission) -> None:
        """Put it where nobody is thought to have it, and have it admitted: it is read where it is there.

        Raises:
            PushError: when the repository refuses.
            InputError: when the content is not what the descriptor says.
        """
        sent = client.put_blob(self.descriptor, self.open, is_new=True)
        if not admission.has(self.descriptor):
            admission.add(sent or admit(self.descriptor, self.open))


class Artifact(msgspec.Struct, frozen=True, kw_only=True):
    """A finished artifact that is not in a repository yet.

    Attributes:
        name: what it is called in messages, such as ``record``.
        manifest: its exact bytes.
        blobs: what has to be there before the manifest: its config and its layers.

    Raises:
        ValueError: when the manifest has no subject, or names other blobs than these.
    """

    name: str
    manifest: Manifest
    blobs: tuple[Blob, ...]

    def __post_init__(self) -> None:
        if self.manifest.subject is None:
            raise ValueError(f"the {self.name} has no subject to be attached to")
        named = {item.digest for item in (self.manifest.config, *self.manifest.layers) if item}
        if named != {blob.descriptor.digest for blob in self.blobs}:
            raise ValueError(f"the {self.name} names other blobs than it brings")

    @property
    def subject(self) -> Descriptor:
        """What it is attached to."""
        return cast("Descriptor", self.manifest.subject)


class Attached(msgspec.Struct, frozen=True, kw_only=True):
    """An artifact that is in the repository as a referrer of its subject.

    Attributes:
        settle: see `RepositoryClient.put_referrer`; the push step calls it, once, before it moves a tag.
    """

    artifact: Artifact
    settle: Settle
