"""What one repository holds, and what can be asked of its blobs and uploads."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tests.fake_registry import Answered
from tests.registry_kinds.kind import Kind, Refusal

JSON = "application/json"
BLOB_UNKNOWN = Refusal(status=404, code="BLOB_UNKNOWN", message="blob unknown to registry")
DIGEST_INVALID = Refusal(
    status=400, code="DIGEST_INVALID", message="provided digest did not match uploaded content"
)


class Stored(NamedTuple):
    """A manifest: the media type it was put with, and its bytes."""

    media_type: str
    content: bytes

    @property
    def value(self) -> dict[str, Any]:
        """The document."""
        read: dict[str, Any] = json.loads(self.content)
        return read


@dataclass(slots=True)
class Content:
    """All of it: blobs and manifests by digest, digests by tag, what open uploads have received."""

    blobs: dict[str, bytes] = field(default_factory=dict)
    manifests: dict[str, Stored] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    uploads: dict[str, bytes] = field(default_factory=dict)


def digest_of(content: bytes) -> str:
    """The digest of content, as text."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def refused(refusal: Refusal, **fields: str) -> Answered:
    """The answer that a refusal is; `fields` are put into its words."""
    if refusal.words or not refusal.code:
        return Answered(status=refusal.status, headers=refusal.headers, body=refusal.words.encode())
    error: dict[str, Any] = {"code": refusal.code, "message": refusal.message.format(**fields)}
    if refusal.detail:
        told = refusal.detail
        error["detail"] = told.format(**fields) if isinstance(told, str) else dict(told)
    body = json.dumps({"errors": [error]}).encode()
    return Answered(status=refusal.status, headers={"Content-Type": JSON, **refusal.headers}, body=body)


def send_blob(kind: Kind, method: str, content: bytes | None, wanted: str) -> Answered:
    """HEAD or GET of a blob; `wanted` is the Range header (RFC 9110, 14)."""
    if content is None:
        return refused(BLOB_UNKNOWN)
    headers = {"Docker-Content-Digest": digest_of(content), "Content-Type": "application/octet-stream"}
    if method == "HEAD":
        return Answered(headers=headers, length=len(content))
    found = re.fullmatch(r"bytes=(\d+)-(\d*)", wanted) if kind.ranges else None
    if not found:
        return Answered(headers=headers, body=content)
    start, end = int(found[1]), min(int(found[2] or len(content)), len(content) - 1)
    if start > end:
        return Answered(status=416, headers={"Content-Range": f"bytes */{len(content)}"})
    headers["Content-Range"] = f"bytes {start}-{end}/{len(content)}"
    return Answered(status=206, headers=headers, body=content[start : end + 1])


def begin_upload(
    kind: Kind, place: str, held: Content, number: int, query: dict[str, list[str]], body: bytes
) -> Answered:
    """POST: with the content where that is taken, else the upload that it opens."""
    digest = query.get("digest", [""])[0]
    if digest and kind.single_post:
        return _kept(place, held, digest, body)
    held.uploads[str(number)] = b""
    return _accepted(kind, place, str(number), b"")


def continue_upload(
    kind: Kind, place: str, held: Content, method: str, upload: str, query: dict[str, list[str]],
    body: bytes, stated: str,
) -> Answered:  # fmt: skip
    """GET, PATCH, PUT or DELETE of an open upload; `stated` is the Content-Range header."""
    if upload not in held.uploads or (method == "GET" and not kind.progress):
        return refused(kind.gone_upload)
    received = held.uploads[upload]
    if method == "GET":
        answered = _accepted(kind, place, upload, received)
        return Answered(status=204, headers=answered.headers)
    if method == "DELETE":
        del held.uploads[upload]
        return Answered(status=204)
    if stated and kind.gaps == "refused" and int(stated.partition("-")[0]) != len(received):
        return Answered(status=416, headers=_accepted(kind, place, upload, received).headers)
    received += body
    if method == "PATCH":
        held.uploads[upload] = received
        return _accepted(kind, place, upload, received)
    answered = _kept(place, held, query.get("digest", [""])[0], received)
    if answered.status == 201:
        del held.uploads[upload]
    return answered


def _accepted(kind: Kind, place: str, upload: str, received: bytes) -> Answered:
    headers = {"Range": f"0-{max(len(received) - 1, 0)}", "Docker-Upload-UUID": upload}
    if kind.locations:
        headers["Location"] = f"{place}/blobs/uploads/{upload}"
    return Answered(status=202, headers=headers)


def _kept(place: str, held: Content, digest: str, content: bytes) -> Answered:
    if digest_of(content) != digest:
        return refused(DIGEST_INVALID)
    held.blobs[digest] = content
    headers = {"Location": f"{place}/blobs/{digest}", "Docker-Content-Digest": digest}
    return Answered(status=201, headers=headers)
