"""A repository of a registry (distribution-spec v1.1), in the methods of oras-py's client."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from pushpolicy.http.parallel import DISTANT_AT_ONCE
from pushpolicy.http.tls import authorities
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest
from pushpolicy.model.evidence import Clock
from pushpolicy.model.manifest import Manifest
from pushpolicy.model.reference import Repository
from pushpolicy.registry.admitted import Admitted
from pushpolicy.registry.answers import KeptManifest
from pushpolicy.registry.client import OrasClient
from pushpolicy.registry.download import blob_is_served, stream_blob
from pushpolicy.registry.fallback import is_fallback_tag, of_type
from pushpolicy.registry.interface import Access, OpenBlob, Settle
from pushpolicy.registry.move import Guarantee, Move
from pushpolicy.registry.referrers import Referrers
from pushpolicy.registry.refusals import AbsentError
from pushpolicy.registry.tags import Tags

# What is this small is read whole rather than asked for: one answer tells that it is there, and what it is.
_READ_AT_ONCE = 64 * 1024
# Seconds that a blob which was given out counts as there: a push that takes longer looks at it again, since
# the manifest that kept it may be deleted meanwhile, and the blob with it.
_GOOD_FOR = 10.0


class RemoteRepository(OrasClient):
    """A `RepositoryClient` over HTTP."""

    def __init__(self, repository: Repository, access: Access) -> None:
        super().__init__(repository, access)
        self._referrers = Referrers(self)
        self._tags = Tags(self)
        self._access = access
        # What was sent, what manifests that were read here name, and when what was read whole, or in part.
        self._sent = set[Digest]()
        self._named = set[Digest]()
        self._read = dict[Digest, float]()
        self._served = dict[Digest, float]()

    @property
    def repository(self) -> Repository:
        """The repository's name."""
        return self.api.repository

    @property
    def insecure(self) -> bool:
        """Whether it is reached over plain http; a certificate is always verified."""
        return self.prefix == "http"

    @property
    def distant(self) -> bool:
        """Whether even the quickest answer took long to come."""
        return self.api.distant

    @property
    def authorities(self) -> str | None:
        """Whose word is taken for who the registry is; None over plain http."""
        return None if self.insecure else authorities(self._access)

    @property
    def clock(self) -> Clock | None:
        """The skew against the registry's Date header, once an answer was seen."""
        return self.api.clock

    @property
    def guarantee(self) -> Guarantee:
        """What its tags are moved with, as far as it has told."""
        return self._tags.guarantee

    def resolve(self, tag: str) -> Manifest | None:
        """The manifest a tag names now; None when there is no such tag or repository."""
        found = self._found(tag)
        if found is None:
            return None
        self._tags.note(tag, found)
        return found.manifest

    def manifest(self, digest: Digest) -> Manifest | None:
        """The manifest of this digest, its bytes verified; None when it is absent."""
        found = self._found(digest)
        return found.manifest if found else None

    def _found(self, reference: str | Digest) -> KeptManifest | None:
        try:
            found = self.get_manifest(self.container(reference))
        except AbsentError:
            return None
        named = found.manifest
        self._named.update(part.digest for part in (named.config, *named.layers) if part)
        return found

    def put_manifest(self, manifest: Manifest, tag: str | None = None) -> None:
        """Store a manifest under its digest, or under a tag."""
        if tag is None:
            self._tags.store(manifest)
        else:
            self.upload_manifest(manifest, self.container(tag))

    def move_tags(self, moves: Sequence[Move]) -> Iterator[tuple[Move, ...]]:
        """Have each tag name its manifest; gives the moves as they are done."""
        return self._tags.move(moves)

    def has_blob(self, blob: Descriptor) -> bool:
        """Whether the blob is there with the size its descriptor states."""
        return self.blob_exists(blob, self.container())

    def serves_blob(self, blob: Descriptor) -> bool:
        """Whether its content is really given out; a HEAD is only the registry's word."""
        if not blob.size:
            return self.has_blob(blob)
        is_served = blob_is_served(self.api, self._blob_url(self.container(), blob.digest), blob)
        if is_served:
            self._served[blob.digest] = time.monotonic()
        return is_served

    def prepare(self) -> None:
        """Open the connections that a distant registry is spoken to by; the first request has one."""
        self.api.open_ahead(self.api.endpoint.url(""), DISTANT_AT_ONCE - 1)

    def gave_blob(self, blob: Descriptor, *, whole: bool = False) -> bool:
        """Whether it gave the blob out a moment ago: a byte of it, or the `whole` to be hashed."""
        given = [self._read] if whole else [self._read, self._served]
        return any(time.monotonic() - seen.get(blob.digest, float("-inf")) < _GOOD_FOR for seen in given)

    def put_blob(
        self,
        blob: Descriptor,
        content: OpenBlob,
        sibling: Repository | None = None,
        *,
        is_new: bool = False,
    ) -> Admitted | None:
        """Store a blob unless it is there; mounted from the sibling if that has it.

        What a manifest names that is here stays here: it is looked at now, not asked for now and looked at
        when all is sent. Where it did not stay, the registry refuses the manifest, and it is sent then.
        """
        if blob.digest in self._sent:
            return None
        is_named = blob.digest in self._named
        if self.gave_blob(blob) or (is_named and self._gives(blob)):
            self._uploads.skip(blob, content)
            return None
        found: list[Admitted] = []
        self.upload_blob(
            content,
            self.container(),
            blob,
            sibling=sibling,
            on_admitted=found.append,
            is_new=is_new or is_named,
        )
        self._sent.add(blob.digest)
        return found[0] if found else None

    def _gives(self, blob: Descriptor) -> bool:
        if blob.size > _READ_AT_ONCE:
            return self.serves_blob(blob)
        try:
            for _ in self.read_blob(blob):
                pass
        except AbsentError:
            return False
        return True

    def read_blob(self, blob: Descriptor) -> Iterator[bytes]:
        """Stream a blob; a wrong size or digest raises before the last chunk is given."""
        yield from stream_blob(self.api, self._blob_url(self.container(), blob.digest), blob)
        self._read[blob.digest] = time.monotonic()

    def tags(self) -> tuple[str, ...]:
        """Every tag, sorted, fallback tags left out; none when there is no such repository."""
        return tuple(tag for tag in self._all_tags() if not is_fallback_tag(tag))

    def subjects(self) -> tuple[Digest, ...]:
        """Manifests that have a fallback tag, in the order of those."""
        tags = filter(is_fallback_tag, self._all_tags())
        return tuple(filter(None, map(self._referrers.subject_of, tags)))

    def is_known(self) -> bool:
        """Whether the registry lists a tag of it; olareg lists none of whatever does not exist."""
        return bool(self._all_tags())

    def _all_tags(self) -> list[str]:
        try:
            return sorted(self.get_tags(self.container()))
        except AbsentError:
            return []

    def referrers(self, subject: Digest, artifact_type: str | None = None) -> tuple[Descriptor, ...]:
        """What the registry lists as referring to the subject, by its API or the fallback tag."""
        return of_type(self._referrers.of(subject), artifact_type)

    def lists_referrers(self, subject: Digest) -> bool:
        """Whether the registry lists what refers to a manifest that is there, by an API of its own.

        Raises:
            PushError: when it refuses to, or what it lists is malformed.
        """
        listed = self._referrers.by_api(subject)
        if self._referrers.refused:
            raise self._referrers.refused
        return listed is not None

    def put_referrer(self, manifest: Manifest) -> Settle:
        """Store a manifest that has a subject, so that `referrers` lists it."""
        return self._referrers.put(manifest).settle
