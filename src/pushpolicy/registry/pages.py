"""Lists that come in pages (distribution-spec, "Listing Tags"; RFC 8288 for the Link header)."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator

from msgspec.structs import replace

from pushpolicy.errors import PushError
from pushpolicy.http.call import Answer
from pushpolicy.registry.api import Api, RegistryCall

# Of a whole list, which may have more pages than any request has repetitions: two million tags fit in.
_MAX_SIZE = 64 * 1024 * 1024
_MAX_SECONDS = 600.0
_NEXT = re.compile(r'<([^<>]*)>[^<]*;\s*rel="?next"?', re.IGNORECASE)


def pages(api: Api, call: RegistryCall) -> Iterator[Answer]:
    """Each page's answer, whatever its status; the last is the one that names no next.

    Raises:
        PushError: when a page lies on another host, was read before, or there is no end to them.
    """
    until, size, seen = time.monotonic() + _MAX_SECONDS, 0, {call.url}
    while True:
        answer = api.exchange(call)
        yield answer
        found = _NEXT.search(answer.headers.get("Link", ""))
        if found is None:
            return
        url = api.endpoint.follow(answer.url, found[1], call.action)
        if not api.endpoint.is_own(url):
            raise PushError(f"{call.action}: the next page is said to be on another host")
        size += len(answer.content) + len(url)
        if url in seen:
            raise PushError(f"{call.action}: the pages of the list lead in a circle")
        if size > _MAX_SIZE or time.monotonic() > until:
            limit = f"{_MAX_SIZE >> 20} MiB or {_MAX_SECONDS:.0f} seconds"
            raise PushError(f"{call.action}: the pages of the list are over the limit of {limit}")
        seen.add(url)
        call = replace(call, url=url)


def read_names(answer: Answer, kind: str, action: str) -> list[str]:
    """What a page lists under this key: ``tags`` or ``repositories``; no name is looked at.

    Raises:
        PushError: when it is malformed.
    """
    try:
        # Go writes an empty list as null.
        names = json.loads(answer.content)[kind] or []
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise PushError(f"{action}: the list is malformed") from error
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise PushError(f"{action}: the list is malformed")
    return names
