"""Lists that come in pages (distribution-spec, "Listing Tags"; RFC 8288 for the Link header)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from msgspec.structs import replace

from pushpolicy.errors import PushError
from pushpolicy.http.call import Answer
from pushpolicy.registry.api import Api, RegistryCall

_MAX_PAGES = 10_000
_NEXT = re.compile(r'<([^<>]*)>[^<]*;\s*rel="?next"?', re.IGNORECASE)


def pages(api: Api, call: RegistryCall) -> Iterator[Answer]:
    """Each page's answer, whatever its status; the last is the one that names no next.

    Raises:
        PushError: when a page lies on another host, or there is no end to them.
    """
    for _ in range(_MAX_PAGES):
        answer = api.exchange(call)
        yield answer
        found = _NEXT.search(answer.headers.get("Link", ""))
        if found is None:
            return
        url = api.endpoint.follow(answer.url, found[1], call.action)
        if not api.endpoint.is_own(url):
            raise PushError(f"{call.action}: the next page is said to be on another host")
        call = replace(call, url=url)
    raise PushError(f"{call.action}: more than {_MAX_PAGES} pages")


def read_tags(answer: Answer, action: str) -> list[str]:
    """The tags that a page lists.

    Raises:
        PushError: when it is malformed.
    """
    try:
        # Go writes an empty list as null.
        listed = json.loads(answer.content)["tags"] or []
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise PushError(f"{action}: the list is malformed") from error
    if not isinstance(listed, list) or not all(isinstance(tag, str) for tag in listed):
        raise PushError(f"{action}: the list is malformed")
    return listed
