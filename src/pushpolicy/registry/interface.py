"""What every repository can do, a registry's as well as a folder's (distribution-spec v1.1).

`RemoteRepository` speaks to a registry, `LayoutRepository` keeps an OCI image layout; push, attach,
audit and the image sources know only this interface.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import BinaryIO, Protocol

from pushpolicy.http.settings import Settings
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest
from pushpolicy.model.evidence import Clock
from pushpolicy.model.manifest import Manifest
from pushpolicy.model.reference import Repository
from pushpolicy.registry.admitted import Admitted
from pushpolicy.registry.credentials import ANONYMOUS, Credential

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


class RepositoryClient(Protocol):
    """One repository. Every method raises PushError when the repository refuses or fails.

    Nothing that is read is trusted: content is hashed and compared with the digest that was asked
    for, and a header is never believed.
    """

    @property
    def repository(self) -> Repository:
        """The repository's name."""

    @property
    def insecure(self) -> bool:
        """Whether it is reached over plain http or without verifying a certificate."""

    @property
    def authorities(self) -> str | None:
        """Whose word is taken for who it is: ``system``, ``file`` or ``variable``; None without TLS."""

    @property
    def clock(self) -> Clock | None:
        """The skew against the registry's Date header, once an answer was seen."""

    def resolve(self, tag: str) -> Manifest | None:
        """The manifest a tag names now; None when there is no such tag or repository."""

    def manifest(self, digest: Digest) -> Manifest | None:
        """The manifest of this digest, its bytes verified; None when it is absent."""

    def put_manifest(self, manifest: Manifest, tag: str | None = None) -> None:
        """Store a manifest under its digest, or under a tag."""

    def has_blob(self, blob: Descriptor) -> bool:
        """Whether the blob is there with the size its descriptor states."""

    def serves_blob(self, blob: Descriptor) -> bool:
        """Whether its content is really given out, at the size its descriptor states; one byte is read."""

    def put_blob(
        self, blob: Descriptor, content: OpenBlob, sibling: Repository | None = None
    ) -> Admitted | None:
        """Store a blob unless it is there; hashed while it streams.

        A `sibling` is a repository of the same registry that may have it: it is mounted from there if so.

        Returns:
            what was read, or None where nothing was sent.

        Raises:
            InputError: when the content is not what the descriptor says; its end is not sent then.
        """

    def read_blob(self, blob: Descriptor) -> Iterator[bytes]:
        """Stream a blob; size and digest are checked, and a mismatch raises at the end."""

    def tags(self) -> tuple[str, ...]:
        """Every tag, sorted, fallback tags of the referrers schema left out."""

    def referrers(self, subject: Digest, artifact_type: str | None = None) -> tuple[Descriptor, ...]:
        """The manifests that name this one as their subject, by the API or the fallback tag."""

    def put_referrer(self, manifest: Manifest) -> Settle:
        """Store a manifest that has a subject, so that `referrers` lists it.

        Others who write at the same time may remove it from the list: what is returned is to be called
        before anybody relies on it. It waits until they are done, and sees to it that it is listed then.
        """
