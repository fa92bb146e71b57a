"""Referrers in a registry: its API, or the fallback tag that clients keep themselves, or half of both.

Sources: distribution-spec, "Listing Referrers", "Pushing Manifests with Subject", "Referrers Tag Schema",
"Enabling the Referrers API". What a list says is never believed; whoever needs more than the digest reads
the manifest.
"""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

from pushpolicy.errors import PushError
from pushpolicy.http.call import Answer
from pushpolicy.http.retry import TRANSIENT_STATUS, retrying
from pushpolicy.model import strict_json
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest
from pushpolicy.model.manifest import OCI_INDEX, SHAPE, Manifest
from pushpolicy.model.text import printable
from pushpolicy.registry.fallback import fallback_tag, lists, of_type, with_referrer
from pushpolicy.registry.pages import pages
from pushpolicy.registry.refusals import RefusedError, refusal

if TYPE_CHECKING:
    from pushpolicy.registry.api import RegistryCall
    from pushpolicy.registry.remote import RemoteRepository

# Registries without the API answer with any of these, with a page of another type, or lead to one.
_NO_API = frozenset({400, 404, 405, 406, 501})
_UNKNOWN_NAME = b"NAME_UNKNOWN"
_MAX_WRITES = 24
_TOO_MANY = 429
# Looks at a list that nobody changes: another writer would have; the registry may be slow for seconds.
_MAX_QUIET = 8
# A writer that the system held up between reading and writing is still waited for by the others.
_SETTLE_FACTOR = 4.0
_SETTLE_LEAST = 0.08
_SETTLE_LEAST_INSIDE = 0.03
_LONGEST_PAUSE = 2.0


class Referrers:
    """The lists of one repository, and how its registry keeps them: learned once in a run.

    Attributes:
        has_api: whether the registry lists referrers by itself, once an answer has told.
        refused: what an API answered that is there and lists nothing: 401, 403, 5xx.
    """

    def __init__(self, client: RemoteRepository) -> None:
        self._client = client
        self.has_api: bool | None = None
        self.refused: RefusedError | None = None
        # Whether the registry said of every manifest with a subject that it will list it (OCI-Subject).
        self._acknowledged: bool | None = None
        self._written: dict[Digest, _Written] = {}

    def of(self, subject: Digest) -> tuple[Descriptor, ...]:
        """What is listed as referring to the subject, each manifest once; none of it is verified.

        The tag is read too where the API is not sure to know: it lists nothing, or a manifest was put here
        and not acknowledged.

        Raises:
            PushError: when the registry refuses, or what it lists is malformed.
        """
        by_api = self.by_api(subject)
        if by_api is not None and (self._acknowledged or (by_api and self._acknowledged is None)):
            return by_api
        index = self.by_tag(subject)
        if index is None and self.refused:
            raise self.refused
        listed = (*(index.manifests if index else ()), *(by_api or ()))
        return tuple({entry.digest: entry for entry in listed}.values())

    def by_tag(self, subject: Digest) -> Manifest | None:
        """The index under the fallback tag.

        Raises:
            PushError: when it cannot be read, or is something else.
        """
        tag = fallback_tag(subject)
        index = self._client.resolve(tag)
        if index is not None and not index.is_index:
            raise PushError(
                f"{self._client.repository}:{tag} holds a {index.media_type}, not an index of referrers"
            )
        return index

    def subject_of(self, tag: str) -> Digest | None:
        """What a fallback tag is about; None where nothing tells.

        Raises:
            PushError: when the tag or what it lists cannot be read.
        """
        algorithm, _, encoded = tag.partition("-")
        if algorithm == "sha256":
            return Digest.parse(f"{algorithm}:{encoded}")
        # The tag has room for half of a longer digest: what is listed says the whole.
        index = self._client.resolve(tag)
        for entry in index.manifests[:1] if index else ():
            manifest = self._client.manifest(entry.digest)
            if manifest and manifest.subject and fallback_tag(manifest.subject.digest) == tag:
                return manifest.subject.digest
        return None

    def by_api(self, subject: Digest) -> tuple[Descriptor, ...] | None:
        """What the API lists; None where there is none, or it refuses, for which it is asked once.

        Raises:
            PushError: when a list is malformed, or lies on a host that is not the registry's.
        """
        if self.has_api is False:
            return None
        found: dict[Digest, Descriptor] = {}
        url = self._client.api.endpoint.url(f"{self._client.repository.path}/referrers/{subject}")
        call = self._client.api.call("GET", url, f"referrers of {subject}", headers={"Accept": OCI_INDEX})
        try:
            for answer in pages(self._client.api, call):
                if answer.status != 200 or _media_type(answer) != OCI_INDEX:
                    self._note_refusal(call, answer)
                    return None
                found |= {entry.digest: entry for entry in _entries(answer, call.action)}
        except RefusedError as error:
            # A limit of the rate is one of every request.
            if error.status not in TRANSIENT_STATUS or error.status == _TOO_MANY:
                raise
            self.has_api, self.refused = False, error
            return None
        self.has_api = True
        return tuple(found.values())

    def put(self, manifest: Manifest) -> ReferrerWriter:
        """Store a manifest that has a subject, and list it.

        Raises:
            PushError: when the registry refuses.
            ValueError: when the manifest has no subject.
        """
        if manifest.subject is None:
            raise ValueError("a referrer has a subject")
        subject = manifest.subject.digest
        written = self._written.setdefault(subject, _Written())
        return ReferrerWriter(self._client, self, manifest, subject, written)

    def acknowledge(self, answer: Answer, subject: Digest) -> bool:
        """Note whether the registry will list a manifest that it took, by its answer."""
        is_known = answer.headers.get("OCI-Subject") == str(subject)
        self._acknowledged = is_known and self._acknowledged is not False
        return is_known

    def _note_refusal(self, call: RegistryCall, answer: Answer) -> None:
        if answer.status < 400 or answer.status in _NO_API:
            # Also said of a repository that does not exist yet, by registries with the API.
            if _UNKNOWN_NAME not in answer.content:
                self.has_api = False
            return
        error = refusal(call.action, answer)
        # Another host, which the registry leads to, does not tell whether there is an API here.
        if not self._client.api.endpoint.is_own(answer.url):
            raise error
        self.has_api, self.refused = False, error


def _media_type(answer: Answer) -> str:
    return answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()


def _entries(answer: Answer, action: str) -> tuple[Descriptor, ...]:
    try:
        # Read by hand: Go writes an empty list as null, which a stored index must not have.
        listed = strict_json.read(answer.content, SHAPE)["manifests"] or []
        return tuple(map(Descriptor.from_json, listed))
    except (ValueError, KeyError, TypeError) as error:
        raise PushError(f"{action}: the list is malformed ({printable(str(error))})") from error


class _Written:
    """What this client wrote into the list of one subject.

    Attributes:
        index: the list under the fallback tag as it was written or seen last.
        settles_at: when those who write at the same time will have written.
        settled: what was listed after that.
    """

    def __init__(self) -> None:
        self.index: Manifest | None = None
        self.settles_at = 0.0
        self.settled: tuple[Descriptor, ...] = ()


class ReferrerWriter:
    """A manifest put where it is listed as referring to its subject.

    A registry with the API lists it by itself; without it, clients keep a list under the fallback tag, which
    has no compare-and-swap. olareg keeps its own in the same way, so that of two that write at once one can
    be lost there too, and storing it again lists it again.
    """

    def __init__(
        self,
        client: RemoteRepository,
        referrers: Referrers,
        manifest: Manifest,
        subject: Digest,
        written: _Written,
    ) -> None:
        self._client = client
        self._referrers = referrers
        self._manifest = manifest
        self._subject = subject
        self._written = written
        self._by_tag = False
        self._add()

    def settle(self) -> None:
        """Wait until nobody who was writing at the same time can remove it; put it again if somebody did.

        Raises:
            PushError: when the registry refuses or does not list it, or others keep overwriting the list.
        """
        before, quiet = None, 0
        for losses in range(_MAX_WRITES):
            listed = self._listed_at_last()
            if listed is not None and self._is_in(listed):
                return
            if listed is not None:
                quiet = quiet + 1 if listed == before else 0
                before = listed
                if quiet >= _MAX_QUIET:
                    raise self._unlisted()
                pause = min(0.1 * 2.0**losses, _LONGEST_PAUSE)
                time.sleep(random.uniform(0, pause))  # noqa: S311 (spreads writers)
            self._add()
        raise PushError(
            f"{self._client.repository}: referrers of {self._subject}: other writers removed the entry "
            f"{_MAX_WRITES} times",
            "run it again when fewer pushes go to this image at once",
        )

    def _unlisted(self) -> PushError:
        how = f"the tag {fallback_tag(self._subject)}" if self._by_tag else "its referrers API"
        return PushError(
            f"{self._client.repository}: the registry took {self._manifest.digest}, which refers to "
            f"{self._subject}, and does not list it: {how} stays as it was",
            "something before the registry may keep old answers, or its list lags far behind",
        )

    def _add(self) -> None:
        started = time.monotonic()
        self._written.settled = ()
        if not self._by_tag:
            place = self._client.container(self._manifest.digest)
            answer = self._client.upload_manifest(self._manifest, place)
            self._by_tag = not self._referrers.acknowledge(answer, self._subject)
        if self._by_tag:
            started = time.monotonic()
            # What is sent again is read again before: the list may have grown since.
            retrying(self._add_to_fallback, self._client.api.budget())
        self._wait_for_others(started)

    def _add_to_fallback(self) -> None:
        tag = fallback_tag(self._subject)
        current = self._referrers.by_tag(self._subject)
        if current is None or not lists(current.manifests, self._manifest.digest):
            try:
                index = with_referrer(current, self._manifest.descriptor)
            except ValueError as error:
                raise PushError(f"{self._client.repository}:{tag}: {printable(str(error))}") from error
            answer = self._client.send_manifest(index, tag, once=True)
            if not answer.is_taken:
                raise refusal(answer.action, answer)
            current = index
        self._written.index = current

    def _wait_for_others(self, started: float) -> None:
        """Those who read the list before it was in there must have written: it takes them as long as us."""
        now = time.monotonic()
        if self._by_tag:
            pause = max(_SETTLE_LEAST, _SETTLE_FACTOR * (now - started))
        else:
            # Inside the registry, which the way to it has no part in.
            pause = max(_SETTLE_LEAST_INSIDE, _SETTLE_FACTOR * (now - started - self._client.api.quickest))
        pause = min(pause, _LONGEST_PAUSE)
        self._written.settles_at = max(self._written.settles_at, now + pause)

    def _is_in(self, listed: tuple[Descriptor, ...]) -> bool:
        """By digest, and by the type that readers ask for, where the list says one."""
        return lists(of_type(listed, self._manifest.artifact_type), self._manifest.digest)

    def _listed_at_last(self) -> tuple[Descriptor, ...] | None:
        """What is listed once others have written; None where there turns out to be no API.

        Where others wrote the list under the tag meanwhile, it is looked at once more. What was found is so
        for everything that this client put before: nothing of it is waited for again.
        """
        written, found = self._written, tuple[Descriptor, ...]()
        if self._is_in(written.settled):
            return written.settled
        for _ in range(2):
            time.sleep(max(0.0, written.settles_at - time.monotonic()))
            if not self._by_tag:
                by_api = self._referrers.by_api(self._subject)
                if by_api is None:
                    # It acknowledged a subject, and has no list that could be read.
                    self._by_tag, self._referrers.has_api = True, False
                    return None
                found = by_api
                break
            started = time.monotonic()
            current = self._referrers.by_tag(self._subject)
            found = current.manifests if current else ()
            if not self._is_in(found) or current == written.index:
                break
            written.index = current
            self._wait_for_others(started)
        written.settled = found
        return found
