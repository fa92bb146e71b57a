"""Lists that come in pages (distribution-spec, "Listing Tags"; RFC 8288 for the Link header)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from msgspec.structs import replace

from pushpolicy.errors import PushError
from pushpolicy.http.call import Call
from pushpolicy.http.failures import Answer

if TYPE_CHECKING:
    from pushpolicy.registry.transport import Transport

_MAX_PAGES = 10_000
_NEXT = re.compile(r'<([^<>]*)>[^<]*;\s*rel="?next"?', re.IGNORECASE)


def pages(transport: Transport, call: Call) -> Iterator[Answer]:
    """Each page's answer, whatever its status; the last is the one that names no next.

    Raises:
        PushError: when a page lies on another host, or there is no end to them.
    """
    for _ in range(_MAX_PAGES):
        answer = transport.exchange(call)
        yield answer
        found = _NEXT.search(answer.headers.get("Link", ""))
        if found is None:
            return
        url = transport.endpoint.follow(answer.url, found[1], call.action)
        if not transport.endpoint.is_own(url):
            raise PushError(f"{call.action}: the next page is said to be on another host")
        call = replace(call, url=url)
    raise PushError(f"{call.action}: more than {_MAX_PAGES} pages")
