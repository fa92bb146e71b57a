"""A repository of a registry (distribution-spec v1.1)."""

from __future__ import annotations

import json
from collections.abc import Iterator

from pushpolicy.errors import PushError
from pushpolicy.http.failures import Answer, refusal
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest
from pushpolicy.model.evidence import Clock
from pushpolicy.model.manifest import Manifest
from pushpolicy.model.reference import Repository
from pushpolicy.registry.access import Access
from pushpolicy.registry.api import Api
from pushpolicy.registry.download import blob_is_served, download_blob
from pushpolicy.registry.fallback import is_fallback_tag, of_type
from pushpolicy.registry.interface import OpenBlob, Settle
from pushpolicy.registry.pages import pages
from pushpolicy.registry.referrers import ReferrerWriter, list_referrers
from pushpolicy.registry.upload import Uploads


class RemoteRepository:
    """A `RepositoryClient` over HTTP."""

    def __init__(self, repository: Repository, access: Access) -> None:
        self._api = Api(repository, access)
        self._uploads = Uploads(self._api)

    @property
    def repository(self) -> Repository:
        """The repository's name."""
        return self._api.repository

    @property
    def insecure(self) -> bool:
        """Whether it is reached over plain http; a certificate is always verified."""
        return self._api.endpoint.scheme == "http"

    @property
    def clock(self) -> Clock | None:
        """The skew against the registry's Date header, once an answer was seen."""
        return self._api.transport.clock

    def resolve(self, tag: str) -> Manifest | None:
        """The manifest a tag names now; None when there is no such tag or repository."""
        return self._api.get_manifest(tag)

    def manifest(self, digest: Digest) -> Manifest | None:
        """The manifest of this digest, its bytes verified; None when it is absent."""
        found = self._api.get_manifest(str(digest))
        if found and not digest.matches(found.content):
            raise PushError(
                f"{self.repository}@{digest}: the registry serves other content ({found.digest})",
                "the registry or something before it changes what it serves; do not trust it",
            )
        return found

    def put_manifest(self, manifest: Manifest, tag: str | None = None) -> None:
        """Store a manifest under its digest, or under a tag."""
        self._api.put_manifest(manifest, tag or str(manifest.digest))

    def has_blob(self, blob: Descriptor) -> bool:
        """Whether the blob is there with the size its descriptor states."""
        call = self._api.call("HEAD", f"blobs/{blob.digest}", f"blob {blob.digest}")
        answer = self._api.transport.exchange(call)
        if answer.status not in (200, 404):
            raise refusal(call.action, answer)
        # Another size is broken content, and no size is not known: sending it settles both.
        return answer.status == 200 and answer.headers.get("Content-Length") == str(blob.size)

    def serves_blob(self, blob: Descriptor) -> bool:
        """Whether its content is really given out; a HEAD is only the registry's word."""
        return blob_is_served(self._api, blob) if blob.size else self.has_blob(blob)

    def put_blob(self, blob: Descriptor, content: OpenBlob, sibling: Repository | None = None) -> None:
        """Store a blob unless it is there; mounted from the sibling if that has it."""
        if not self.has_blob(blob):
            self._uploads.send(blob, content, sibling, is_there=self.has_blob)

    def read_blob(self, blob: Descriptor) -> Iterator[bytes]:
        """Stream a blob; a wrong size or digest raises before the last chunk is given."""
        return download_blob(self._api, blob)

    def tags(self) -> tuple[str, ...]:
        """Every tag, sorted, fallback tags left out; none when there is no such repository."""
        call = self._api.call("GET", "tags/list?n=1000", "tags")
        found: set[str] = set()
        for answer in pages(self._api.transport, call):
            if answer.status == 404:
                break
            if answer.status != 200:
                raise refusal(call.action, answer)
            found |= _tags(answer, call.action)
        return tuple(sorted(tag for tag in found if not is_fallback_tag(tag)))

    def referrers(self, subject: Digest, artifact_type: str | None = None) -> tuple[Descriptor, ...]:
        """What the registry lists as referring to the subject, by its API or the fallback tag."""
        return of_type(list_referrers(self._api, subject), artifact_type)

    def put_referrer(self, manifest: Manifest) -> Settle:
        """Store a manifest that has a subject, so that `referrers` lists it."""
        return ReferrerWriter(self._api, manifest).settle


def _tags(answer: Answer, action: str) -> set[str]:
    try:
        listed = json.loads(answer.content)["tags"] or []
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise PushError(f"{action}: the list is malformed") from error
    if not isinstance(listed, list) or not all(isinstance(tag, str) for tag in listed):
        raise PushError(f"{action}: the list is malformed")
    return set(listed)
