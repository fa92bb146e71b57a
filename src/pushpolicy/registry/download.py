"""Read a blob, going on where a broken connection left off (RFC 9110, section 14)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from msgspec.structs import replace

from pushpolicy.errors import PushError
from pushpolicy.http.call import Answer
from pushpolicy.http.retry import TransientError
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.registry.admitted import verified
from pushpolicy.registry.api import Api, RegistryCall
from pushpolicy.registry.refusals import refusal


def stream_blob(api: Api, url: str, blob: Descriptor) -> Iterator[bytes]:
    """The content of a blob; a wrong size or digest raises before the last chunk is given.

    Raises:
        PushError: when the registry refuses, breaks off too often, or serves other content.
    """
    call = replace(api.call("GET", url, f"blob {blob.digest}"), transfer=True)
    try:
        yield from verified(blob, _chunks(api, call, blob.size))
    except ValueError as error:
        raise PushError(
            f"{call.action}: {error}",
            "the registry or something before it changes what it serves; do not trust it",
        ) from error


def blob_is_served(api: Api, url: str, blob: Descriptor) -> bool:
    """Ask for the first byte of a blob that is not empty, and for its whole size with it.

    Raises:
        PushError: when the registry refuses or breaks off too often.
    """
    call = api.call("GET", url, f"blob {blob.digest}", headers={"Range": "bytes=0-0"})
    budget = api.budget()
    while True:
        try:
            with api.stream(call) as (head, chunks):
                return _is_served(call, head, chunks, blob.size)
        except TransientError as error:
            budget.pause(error)


def _is_served(call: RegistryCall, head: Answer, chunks: Iterator[bytes], size: int) -> bool:
    if head.status == 404:
        return False
    if head.status not in (200, 206):
        raise refusal(call.action, replace(head, content=b"".join(islice(chunks, 1))))
    # 206 states the whole size behind the range; 200 is the whole content, of which the start will do.
    stated = head.headers.get("Content-Range", "").rpartition("/")[2] or head.headers.get("Content-Length")
    return stated == str(size) and bool(next(chunks, b""))


def _chunks(api: Api, call: RegistryCall, size: int) -> Iterator[bytes]:
    budget = api.budget(transfer=True)
    offset = 0
    while True:
        try:
            for chunk in _chunks_from(api, call, offset):
                offset += len(chunk)
                yield chunk
            if offset >= size:
                return
            raise TransientError(PushError(f"{call.action}: the content ends at {offset} of {size} bytes"))
        except TransientError as error:
            budget.pause(error)


def _chunks_from(api: Api, call: RegistryCall, offset: int) -> Iterator[bytes]:
    asked = replace(call, headers={"Range": f"bytes={offset}-"}) if offset else call
    with api.stream(asked) as (head, chunks):
        if head.status not in (200, 206):
            raise refusal(call.action, replace(head, content=b"".join(islice(chunks, 1))))
        skip = offset if head.status == 200 else 0
        for chunk in chunks:
            if skip < len(chunk):
                yield chunk[skip:]
            skip = max(0, skip - len(chunk))
