"""A whole registry in memory, honest by itself (distribution-spec v1.1), that can be made to lie."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from pushpolicy.model.manifest import OCI_INDEX
from tests.fake_registry import Answered, Asked

_PATH = re.compile(
    r"/v2/(?P<name>.+?)/(?P<kind>blobs/uploads|blobs|manifests|referrers|tags)/(?P<last>[^/]*)$"
)


@dataclass
class Honest:
    """An `answer` of `fake_registry`; one repository is all it has.

    Attributes:
        blobs: content by digest.
        manifests: media type and content by digest.
        tags: digests by tag.
        lie: makes the answer that is sent from the question and the honest answer.
    """

    blobs: dict[str, bytes] = field(default_factory=dict)
    manifests: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    lie: Callable[[Asked, Callable[[Asked], Answered]], Answered] = lambda asked, honest: honest(asked)

    def __call__(self, asked: Asked) -> Answered:
        """What is sent."""
        return self.lie(asked, self.honest)

    def honest(self, asked: Asked) -> Answered:
        """What is true, and what was asked for is done."""
        parts = urlsplit(asked.path)
        found = _PATH.match(parts.path)
        if not found:
            return Answered(status=404)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        kind, last = found["kind"], found["last"]
        if kind == "blobs/uploads":
            return self._upload(asked, query)
        if kind == "blobs":
            return _ranged(asked, self.blobs.get(last))
        if kind == "manifests":
            return self._put(asked, last) if asked.method == "PUT" else self._manifest(last)
        return self._referrers(last) if kind == "referrers" else _json({"tags": sorted(self.tags)})

    def _upload(self, asked: Asked, query: dict[str, str]) -> Answered:
        if "digest" not in query:
            return Answered(status=202, headers={"Location": urlsplit(asked.path).path + "1"})
        if digest_of(asked.body) != query["digest"]:
            return Answered(status=400)
        self.blobs[query["digest"]] = asked.body
        return Answered(status=201)

    def _put(self, asked: Asked, reference: str) -> Answered:
        digest = digest_of(asked.body)
        self.manifests[digest] = (asked.headers["Content-Type"], asked.body)
        if ":" not in reference:
            self.tags[reference] = digest
        subject = json.loads(asked.body).get("subject")
        return Answered(status=201, headers={"OCI-Subject": subject["digest"]} if subject else {})

    def _manifest(self, reference: str) -> Answered:
        digest = self.tags.get(reference, reference)
        if digest not in self.manifests:
            return Answered(status=404)
        kind, content = self.manifests[digest]
        return Answered(headers={"Content-Type": kind, "Docker-Content-Digest": digest}, body=content)

    def _referrers(self, subject: str) -> Answered:
        listed = []
        for digest, (kind, content) in self.manifests.items():
            value = json.loads(content)
            if value.get("subject", {}).get("digest") == subject:
                described = {"mediaType": kind, "digest": digest, "size": len(content)}
                listed.append({**described, "artifactType": value["artifactType"]})
        return _json({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": listed})


def digest_of(content: bytes) -> str:
    """The digest of content, as text."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _ranged(asked: Asked, content: bytes | None) -> Answered:
    if content is None:
        return Answered(status=404)
    if asked.method == "HEAD":
        return Answered(length=len(content))
    found = re.fullmatch(r"bytes=(\d+)-(\d*)", asked.headers.get("Range", ""))
    if not found:
        return Answered(body=content)
    start, end = int(found[1]), min(int(found[2] or len(content)), len(content) - 1)
    stated = {"Content-Range": f"bytes {start}-{end}/{len(content)}"}
    return Answered(status=206, headers=stated, body=content[start : end + 1])


def _json(value: object) -> Answered:
    return Answered(headers={"Content-Type": OCI_INDEX}, body=json.dumps(value).encode())
