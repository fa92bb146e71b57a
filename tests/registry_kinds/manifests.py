"""Manifests, tags, referrers and clean-up of one repository."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from pushpolicy.model.manifest import OCI_INDEX
from tests.fake_registry import Answered
from tests.registry_kinds.content import JSON, Content, Stored, digest_of, refused
from tests.registry_kinds.kind import Kind, Refusal

MANIFEST_UNKNOWN = Refusal(status=404, code="MANIFEST_UNKNOWN", message="manifest unknown")
_INVALID = Refusal(status=400, code="MANIFEST_INVALID", message="manifest invalid", detail="{why}")
_BLOB_UNKNOWN = Refusal(
    status=400, code="MANIFEST_BLOB_UNKNOWN", message="blob unknown to registry", detail="{digest}"
)
_DIGEST_INVALID = Refusal(status=400, code="DIGEST_INVALID", message="provided digest did not match")
_PRECONDITION = Refusal(status=412, code="DENIED", message="the condition does not hold")
_TAG_INVALID = Refusal(status=400, code="TAG_INVALID", message="manifest tag did not match URI")
_UNSUPPORTED = Refusal(status=405, code="UNSUPPORTED", message="The operation is unsupported.")
_TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")


def send_manifest(kind: Kind, held: Content, reference: str) -> Answered:
    """GET or HEAD of a manifest."""
    digest = held.tags.get(reference, reference)
    if digest not in held.manifests:
        return refused(MANIFEST_UNKNOWN)
    stored = held.manifests[digest]
    headers = {
        "Content-Type": stored.media_type,
        "Docker-Content-Digest": digest,
        "ETag": _etag(kind, digest),
    }
    return Answered(headers=headers, body=stored.content)


def put_manifest(
    kind: Kind, place: str, held: Content, reference: str, further: list[str], headers: dict[str, str],
    body: bytes,
) -> Answered:  # fmt: skip
    """PUT of a manifest; `further` are the tags that it asks for beside the reference."""
    digest, is_tag = digest_of(body), ":" not in reference
    stored = Stored(headers.get("content-type", "").partition(";")[0], body)
    if not is_tag and reference != digest:
        return refused(_DIGEST_INVALID)
    moved = [reference] if is_tag else further[:] if kind.multi_tag else []
    wrong = _malformed(kind, held, stored) or _unmovable(kind, held, moved, digest, is_tag)
    if wrong:
        return wrong
    if kind.conditions and not _holds(kind, headers, held.tags.get(reference) if is_tag else digest, held):
        return refused(_PRECONDITION)
    held.manifests[digest] = stored
    held.tags |= dict.fromkeys(moved, digest)
    answer = {"Location": f"{place}/manifests/{digest}", "Docker-Content-Digest": digest}
    if kind.oci_subject and (subject := stored.value.get("subject")):
        answer["OCI-Subject"] = subject["digest"]
    if moved and not is_tag:
        answer["OCI-Tag"] = ", ".join(moved)
    return Answered(status=201, headers=answer)


def _etag(kind: Kind, digest: str) -> str:
    return f'"manifest-{digest[-16:]}"' if kind.conditions else f'"{digest}"'


def _holds(kind: Kind, headers: dict[str, str], digest: str | None, held: Content) -> bool:
    """Whether If-Match and If-None-Match hold of what is there (RFC 9110, 13.1)."""
    there = digest if digest in held.manifests else None
    match, none_match = headers.get("if-match"), headers.get("if-none-match")
    named = () if there is None else ("*", _etag(kind, there))
    return (match is None or match in named) and (none_match is None or none_match not in named)


def _malformed(kind: Kind, held: Content, stored: Stored) -> Answered | None:
    try:
        value = stored.value
        parts = [value["config"], *value["layers"]] if "config" in value else value["manifests"]
        named = [part["digest"] for part in parts if not part.get("urls")]
    except (ValueError, KeyError, TypeError) as error:
        return refused(_INVALID, why=type(error).__name__)
    if value.get("mediaType", stored.media_type) != stored.media_type:
        return refused(_INVALID, why="mediaType differs from Content-Type")
    for media_type in filter(None, (value.get("config", {}).get("mediaType"), value.get("artifactType"))):
        if kind.types is not None and media_type not in kind.types:
            return refused(kind.unknown_type, type=media_type)
    there = held.manifests if "manifests" in value else held.blobs
    absent = next((digest for digest in named if digest not in there), None)
    return refused(_BLOB_UNKNOWN, digest=absent) if absent and kind.checks else None


def _unmovable(kind: Kind, held: Content, moved: list[str], digest: str, is_tag: bool) -> Answered | None:
    if not all(_TAG.fullmatch(tag) for tag in moved) or (not is_tag and len(moved) > kind.multi_tag > 0):
        return refused(_TAG_INVALID)
    for tag in moved:
        there = held.tags.get(tag)
        is_free = there is None or kind.moves == "any" or (kind.moves == "same" and there == digest)
        if not is_free and not (kind.movable and re.fullmatch(kind.movable, tag)):
            return refused(kind.immovable, tag=tag)
    return None


def list_tags(kind: Kind, place: str, name: str, held: Content, query: dict[str, list[str]]) -> Answered:
    """GET of the tag list, in pages."""
    last, wanted = query.get("last", [""])[0], int(query.get("n", [str(kind.page)])[0])
    tags, count = sorted(tag for tag in held.tags if tag > last), min(wanted, kind.page)
    headers = {"Content-Type": JSON}
    if len(tags) > count > 0:
        headers["Link"] = f'<{place}/tags/list?n={count}&last={tags[count - 1]}>; rel="next"'
    return Answered(headers=headers, body=json.dumps({"name": name, "tags": tags[:count]}).encode())


def list_referrers(kind: Kind, held: Content, subject: str, query: dict[str, list[str]]) -> Answered:
    """GET of what refers to the subject (distribution-spec, "Listing Referrers")."""
    entries = [_entry(kind, held, digest) for digest in _referring(held, subject)]
    headers = {"Content-Type": OCI_INDEX}
    if (wanted := query.get("artifactType", [""])[0]) and kind.listed_type == "specified":
        entries = [entry for entry in entries if entry.get("artifactType") == wanted]
        headers["OCI-Filters-Applied"] = "artifactType"
    listed = entries if kind.referrers == "listed" else []
    body = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": listed}
    return Answered(headers=headers, body=json.dumps(body).encode())


def _referring(held: Content, subject: str) -> Iterator[str]:
    for digest, stored in held.manifests.items():
        if stored.value.get("subject", {}).get("digest") == subject:
            yield digest


def _entry(kind: Kind, held: Content, digest: str) -> dict[str, Any]:
    stored = held.manifests[digest]
    value, entry = stored.value, {"mediaType": stored.media_type, "digest": digest, "size": 0}
    entry["size"] = len(stored.content)
    of_config = value.get("config", {}).get("mediaType")
    specified = value.get("artifactType") or of_config
    found = {"specified": specified, "config": of_config, "missing": None}[kind.listed_type]
    if found:
        entry["artifactType"] = found
    if value.get("annotations") and kind.listed_type != "missing":
        entry["annotations"] = value["annotations"]
    return entry


def delete_manifest(kind: Kind, held: Content, reference: str) -> Answered:
    """DELETE of a tag, or of a manifest with every tag that names it."""
    is_tag = ":" not in reference
    if kind.deletes == "nothing" or (is_tag and kind.deletes == "manifests"):
        return refused(_UNSUPPORTED)
    if reference in held.tags:
        del held.tags[reference]
        return Answered(status=202)
    if reference not in held.manifests:
        return refused(MANIFEST_UNKNOWN)
    _remove(kind, held, reference)
    return Answered(status=202)


def _remove(kind: Kind, held: Content, digest: str) -> None:
    del held.manifests[digest]
    held.tags = {tag: named for tag, named in held.tags.items() if named != digest}
    if kind.orphans == "deleted":
        for referrer in list(_referring(held, digest)):
            if referrer in held.manifests:
                _remove(kind, held, referrer)


def clean(kind: Kind, held: Content) -> None:
    """Remove what has no tag, as far as this kind's retention goes."""
    if kind.retention == "nothing":
        return
    kept, found = set[str](), list(held.tags.values())
    while found:
        digest = found.pop()
        if digest in held.manifests and digest not in kept:
            kept.add(digest)
            if kind.retention != "all untagged":
                found += [entry["digest"] for entry in held.manifests[digest].value.get("manifests", [])]
            found += _referring(held, digest) if kind.retention == "untagged without subject" else ()
    for digest in set(held.manifests) - kept:
        if digest in held.manifests:
            _remove(kind, held, digest)
