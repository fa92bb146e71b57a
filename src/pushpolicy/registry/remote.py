"""A repository of a registry (distribution-spec v1.1), in the methods of oras-py's client."""

from __future__ import annotations

from collections.abc import Iterator

from pushpolicy.http.tls import authorities
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest
from pushpolicy.model.evidence import Clock
from pushpolicy.model.manifest import Manifest
from pushpolicy.model.reference import Repository
from pushpolicy.registry.admitted import Admitted
from pushpolicy.registry.client import OrasClient
from pushpolicy.registry.download import blob_is_served, stream_blob
from pushpolicy.registry.fallback import is_fallback_tag, of_type
from pushpolicy.registry.interface import Access, OpenBlob, Settle
from pushpolicy.registry.referrers import ReferrerWriter, list_referrers
from pushpolicy.registry.refusals import AbsentError


class RemoteRepository(OrasClient):
    """A `RepositoryClient` over HTTP.

    Attributes:
        has_referrers: whether the registry has the referrers API, once an answer has told.
    """

    def __init__(self, repository: Repository, access: Access) -> None:
        super().__init__(repository, access)
        self.has_referrers: bool | None = None
        self._access = access

    @property
    def repository(self) -> Repository:
        """The repository's name."""
        return self.api.repository

    @property
    def insecure(self) -> bool:
        """Whether it is reached over plain http; a certificate is always verified."""
        return self.prefix == "http"

    @property
    def authorities(self) -> str | None:
        """Whose word is taken for who the registry is; None over plain http."""
        return None if self.insecure else authorities(self._access)

    @property
    def clock(self) -> Clock | None:
        """The skew against the registry's Date header, once an answer was seen."""
        return self.api.clock

    def resolve(self, tag: str) -> Manifest | None:
        """The manifest a tag names now; None when there is no such tag or repository."""
        return self._found(tag)

    def manifest(self, digest: Digest) -> Manifest | None:
        """The manifest of this digest, its bytes verified; None when it is absent."""
        return self._found(digest)

    def _found(self, reference: str | Digest) -> Manifest | None:
        try:
            return self.get_manifest(self.container(reference)).manifest
        except AbsentError:
            return None

    def put_manifest(self, manifest: Manifest, tag: str | None = None) -> None:
        """Store a manifest under its digest, or under a tag."""
        self.upload_manifest(manifest, self.container(tag or manifest.digest))

    def has_blob(self, blob: Descriptor) -> bool:
        """Whether the blob is there with the size its descriptor states."""
        return self.blob_exists(blob, self.container())

    def serves_blob(self, blob: Descriptor) -> bool:
        """Whether its content is really given out; a HEAD is only the registry's word."""
        if not blob.size:
            return self.has_blob(blob)
        return blob_is_served(self.api, self._blob_url(self.container(), blob.digest), blob)

    def put_blob(
        self, blob: Descriptor, content: OpenBlob, sibling: Repository | None = None
    ) -> Admitted | None:
        """Store a blob unless it is there; mounted from the sibling if that has it."""
        found: list[Admitted] = []
        self.upload_blob(content, self.container(), blob, sibling=sibling, on_admitted=found.append)
        return found[0] if found else None

    def read_blob(self, blob: Descriptor) -> Iterator[bytes]:
        """Stream a blob; a wrong size or digest raises before the last chunk is given."""
        return stream_blob(self.api, self._blob_url(self.container(), blob.digest), blob)

    def tags(self) -> tuple[str, ...]:
        """Every tag, sorted, fallback tags left out; none when there is no such repository."""
        try:
            found = self.get_tags(self.container())
        except AbsentError:
            return ()
        return tuple(sorted(tag for tag in found if not is_fallback_tag(tag)))

    def referrers(self, subject: Digest, artifact_type: str | None = None) -> tuple[Descriptor, ...]:
        """What the registry lists as referring to the subject, by its API or the fallback tag."""
        return of_type(list_referrers(self, subject), artifact_type)

    def put_referrer(self, manifest: Manifest) -> Settle:
        """Store a manifest that has a subject, so that `referrers` lists it."""
        return ReferrerWriter(self, manifest).settle
