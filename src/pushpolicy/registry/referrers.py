"""Referrers in a registry: its API, or the fallback tag that clients keep themselves.

Sources: distribution-spec, "Listing Referrers", "Pushing Manifests with Subject", "Referrers Tag Schema".
"""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

from pushpolicy.errors import PushError
from pushpolicy.http.call import Answer
from pushpolicy.model import strict_json
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest
from pushpolicy.model.manifest import OCI_INDEX, SHAPE, Manifest
from pushpolicy.model.text import printable
from pushpolicy.registry.fallback import fallback_tag, lists, with_referrer
from pushpolicy.registry.pages import pages
from pushpolicy.registry.refusals import refusal

if TYPE_CHECKING:
    from pushpolicy.registry.remote import RemoteRepository

# Registries without the API answer with any of these, or with a page of another type.
_NO_API = frozenset({400, 404, 405, 406, 501})
_UNKNOWN_NAME = b"NAME_UNKNOWN"
_MAX_WRITES = 24
# A writer that the system held up between reading and writing is still waited for by the others.
_SETTLE_FACTOR = 4.0
_SETTLE_LEAST = 0.08
_LONGEST_PAUSE = 2.0


def list_referrers(client: RemoteRepository, subject: Digest) -> tuple[Descriptor, ...]:
    """What the registry says refers to the subject; none of it is verified.

    Raises:
        PushError: when it refuses, or what it lists is malformed.
    """
    found = None if client.has_referrers is False else _list_by_api(client, subject)
    if found is not None:
        return found
    index = client.resolve(fallback_tag(subject))
    if index is not None and not index.is_index:
        raise PushError(f"{client.repository}:{fallback_tag(subject)} is not an index of referrers")
    return index.manifests if index else ()


def _list_by_api(client: RemoteRepository, subject: Digest) -> tuple[Descriptor, ...] | None:
    found: dict[Digest, Descriptor] = {}
    url = client.api.endpoint.url(f"{client.repository.path}/referrers/{subject}")
    call = client.api.call("GET", url, f"referrers of {subject}", headers={"Accept": OCI_INDEX})
    for answer in pages(client.api, call):
        kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if answer.status in _NO_API or (answer.status == 200 and kind != OCI_INDEX):
            # Also said of a repository that does not exist yet, by registries with the API.
            if _UNKNOWN_NAME not in answer.content:
                client.has_referrers = False
            return None
        if answer.status != 200:
            raise refusal(call.action, answer)
        found |= {entry.digest: entry for entry in _entries(answer, call.action)}
    return tuple(found.values())


def _entries(answer: Answer, action: str) -> tuple[Descriptor, ...]:
    try:
        # Read by hand: Go writes an empty list as null, which a stored index must not have.
        listed = strict_json.read(answer.content, SHAPE)["manifests"] or []
        return tuple(map(Descriptor.from_json, listed))
    except (ValueError, KeyError, TypeError) as error:
        raise PushError(f"{action}: the list is malformed ({printable(str(error))})") from error


class ReferrerWriter:
    """A manifest put where it is listed as referring to its subject.

    A registry with the API lists it by itself; without it, clients keep a list under the fallback tag, which
    has no compare-and-swap. olareg keeps its own in the same way, so that of two that write at once one can
    be lost there too, and storing it again lists it again.

    Raises:
        PushError: when the registry refuses.
        ValueError: when the manifest has no subject.
    """

    def __init__(self, client: RemoteRepository, manifest: Manifest) -> None:
        if manifest.subject is None:
            raise ValueError("a referrer has a subject")
        self._client = client
        self._manifest = manifest
        self._subject = manifest.subject.digest
        self._by_tag = False
        self._index: Manifest | None = None
        self._settled_at = 0.0
        self._add()

    def settle(self) -> None:
        """Wait until nobody who was writing at the same time can remove it; put it again if somebody did.

        Raises:
            PushError: when the registry refuses, or others keep overwriting the list.
        """
        for losses in range(_MAX_WRITES):
            if self._stays():
                return
            pause = random.uniform(0, min(0.1 * 2.0**losses, _LONGEST_PAUSE))  # noqa: S311 (spreads writers)
            time.sleep(pause)
            self._add()
        raise PushError(
            f"{self._client.repository}: referrers of {self._subject}: other writers removed the entry "
            f"{_MAX_WRITES} times",
            "run it again when fewer pushes go to this image at once",
        )

    def _add(self) -> None:
        started = time.monotonic()
        if not self._by_tag:
            place = self._client.container(self._manifest.digest)
            answer = self._client.upload_manifest(self._manifest, place)
            self._by_tag = answer.headers.get("OCI-Subject") != str(self._subject)
        if self._by_tag:
            started = time.monotonic()
            self._add_to_fallback()
        else:
            self._client.has_referrers = True
        self._wait_for_others(started)

    def _add_to_fallback(self) -> None:
        tag = fallback_tag(self._subject)
        current = self._client.resolve(tag)
        if not lists(current, self._manifest.digest):
            try:
                current = with_referrer(current, self._manifest.descriptor)
            except ValueError as error:
                raise PushError(f"{self._client.repository}:{tag}: {printable(str(error))}") from error
            self._client.put_manifest(current, tag)
        self._index = current

    def _wait_for_others(self, started: float) -> None:
        """Those who read the list before it was in there must have written: it takes them as long as us."""
        now = time.monotonic()
        factor = _SETTLE_FACTOR if self._by_tag else 1.0
        self._settled_at = now + min(max(_SETTLE_LEAST, factor * (now - started)), _LONGEST_PAUSE)

    def _stays(self) -> bool:
        """Whether it is listed at last. Where others wrote the list meanwhile, it is looked at once more."""
        for _ in range(2):
            time.sleep(max(0.0, self._settled_at - time.monotonic()))
            if not self._by_tag:
                return self._manifest.digest in {
                    item.digest for item in list_referrers(self._client, self._subject)
                }
            started = time.monotonic()
            current = self._client.resolve(fallback_tag(self._subject))
            if not lists(current, self._manifest.digest):
                return False
            if current == self._index:
                return True
            self._wait_for_others(started)
        return True
