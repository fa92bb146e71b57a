"""Referrers in a registry: its API, or the fallback tag that clients keep themselves.

Sources: distribution-spec, "Listing Referrers", "Pushing Manifests with Subject", "Referrers Tag Schema".
"""

from __future__ import annotations

import json
import random
import time

from pushpolicy.errors import PushError
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest
from pushpolicy.model.manifest import OCI_INDEX, Manifest
from pushpolicy.model.text import printable
from pushpolicy.registry.api import Api
from pushpolicy.registry.failures import Answer, refusal
from pushpolicy.registry.fallback import fallback_tag, lists, with_referrer
from pushpolicy.registry.pages import pages

# Registries without the API answer with any of these, or with a page of another type.
_NO_API = frozenset({400, 404, 405, 406, 501})
_UNKNOWN_NAME = b"NAME_UNKNOWN"
_MAX_WRITES = 24
# A writer that the system held up between reading and writing is still waited for by the others.
_SETTLE_FACTOR = 4.0
_SETTLE_LEAST = 0.06
_LONGEST_PAUSE = 2.0


def list_referrers(api: Api, subject: Digest) -> tuple[Descriptor, ...]:
    """What the registry says refers to the subject; none of it is verified.

    Raises:
        PushError: when it refuses, or what it lists is malformed.
    """
    found = None if api.has_referrers is False else _list_by_api(api, subject)
    if found is not None:
        return found
    index = api.get_manifest(fallback_tag(subject))
    if index is not None and not index.is_index:
        raise PushError(f"{api.repository}:{fallback_tag(subject)} is not an index of referrers")
    return index.manifests if index else ()


def _list_by_api(api: Api, subject: Digest) -> tuple[Descriptor, ...] | None:
    found: dict[Digest, Descriptor] = {}
    call = api.call("GET", f"referrers/{subject}", f"referrers of {subject}", headers={"Accept": OCI_INDEX})
    for answer in pages(api.transport, call):
        if answer.status in _NO_API or (answer.status == 200 and not _is_index(answer)):
            # Also said of a repository that does not exist yet, by registries with the API.
            if _UNKNOWN_NAME not in answer.content:
                api.has_referrers = False
            return None
        if answer.status != 200:
            raise refusal(call.action, answer)
        found |= {entry.digest: entry for entry in _entries(answer, call.action)}
    return tuple(found.values())


def _is_index(answer: Answer) -> bool:
    return answer.headers.get("Content-Type", "").partition(";")[0].strip().lower() == OCI_INDEX


def _entries(answer: Answer, action: str) -> tuple[Descriptor, ...]:
    try:
        # Read by hand: Go writes an empty list as null, which a stored index must not have.
        listed = json.loads(answer.content)["manifests"] or []
        return tuple(map(Descriptor.from_json, listed))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise PushError(f"{action}: the list is malformed ({printable(str(error))})") from error


def add_referrer(api: Api, manifest: Manifest) -> None:
    """Store a manifest that has a subject, and see to it that it is listed.

    A registry with the API lists it by itself, but olareg does so as clients do with the fallback tag: of
    two that write at once, one can be lost. Storing it again lists it again.

    Raises:
        PushError: when the registry refuses, or others keep overwriting the list.
        ValueError: when the manifest has no subject.
    """
    if manifest.subject is None:
        raise ValueError("a referrer has a subject")
    subject = manifest.subject.digest
    for losses in range(_MAX_WRITES):
        started = time.monotonic()
        answer = api.put_manifest(manifest, str(manifest.digest))
        if answer.headers.get("OCI-Subject") != str(subject):
            return _add_to_fallback(api, subject, manifest.descriptor)
        api.has_referrers = True
        time.sleep(min(max(_SETTLE_LEAST, time.monotonic() - started), _LONGEST_PAUSE))
        if manifest.digest in {item.digest for item in list_referrers(api, subject)}:
            return None
        _pause(losses)
    raise _lost(f"{api.repository}: referrers of {subject}")


def _add_to_fallback(api: Api, subject: Digest, referrer: Descriptor) -> None:
    """Read, add, write, and look whether the entry stays: a tag has no compare-and-swap."""
    tag = fallback_tag(subject)
    for losses in range(_MAX_WRITES):
        started = time.monotonic()
        current = api.get_manifest(tag)
        if lists(current, referrer.digest):
            return
        changed = _changed(api, tag, current, referrer)
        api.put_manifest(changed, tag)
        if _stays(api, tag, changed, referrer, time.monotonic() - started):
            return
        _pause(losses)
    raise _lost(f"{api.repository}:{tag}")


def _pause(losses: int) -> None:
    time.sleep(random.uniform(0, min(0.1 * 2.0**losses, _LONGEST_PAUSE)))  # noqa: S311 (spreads writers)


def _lost(where: str) -> PushError:
    return PushError(
        f"{where}: other writers removed the entry {_MAX_WRITES} times",
        "run it again when fewer pushes go to this image at once",
    )


def _changed(api: Api, tag: str, current: Manifest | None, referrer: Descriptor) -> Manifest:
    try:
        return with_referrer(current, referrer)
    except ValueError as error:
        raise PushError(f"{api.repository}:{tag}: {printable(str(error))}") from error


def _stays(api: Api, tag: str, written: Manifest, referrer: Descriptor, took: float) -> bool:
    """Whether the entry is still there once those who read before us must have written.

    That takes them about as long as it took us. Where others did write, it is looked at once more.
    """
    for _ in range(2):
        time.sleep(min(max(_SETTLE_LEAST, _SETTLE_FACTOR * took), _LONGEST_PAUSE))
        current = api.get_manifest(tag)
        if not lists(current, referrer.digest):
            return False
        if current is not None and current.digest == written.digest:
            return True
    return True
