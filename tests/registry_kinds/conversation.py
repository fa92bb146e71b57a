"""A conversation with a registry: the requests of a push, of its referrers and of faults, and the answers."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from pushpolicy.model.manifest import EMPTY_TYPE, OCI_CONFIG, OCI_INDEX, OCI_MANIFEST
from tests.fake_registry import Answered, Asked
from tests.registry_kinds.content import digest_of

Ask = Callable[[Asked], Answered]

CONFIG, LAYER, NOTE = b'{"os": "linux", "architecture": "amd64"}', b"layer" * 100, b"note"


def described(content: bytes, media_type: str) -> dict[str, Any]:
    """The descriptor of content."""
    return {"mediaType": media_type, "digest": digest_of(content), "size": len(content)}


def manifest(layer: bytes, config: dict[str, Any], **fields: Any) -> bytes:
    """An image manifest of one layer."""
    layers = [described(layer, "application/vnd.oci.image.layer.v1.tar")]
    value = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": layers}
    return json.dumps({**value, **fields}).encode()


IMAGE = manifest(LAYER, described(CONFIG, OCI_CONFIG))
REFERRER = manifest(
    NOTE,
    described(b"{}", EMPTY_TYPE),
    artifactType="application/vnd.example.note",
    subject=described(IMAGE, OCI_MANIFEST),
    annotations={"a": "b"},
)
ABSENT = manifest(b"absent", described(CONFIG, OCI_CONFIG))
INDEX = json.dumps(
    {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [described(IMAGE, OCI_MANIFEST)]}
).encode()
AS_MANIFEST, AS_INDEX = {"Content-Type": OCI_MANIFEST}, {"Content-Type": OCI_INDEX}
OCTETS = {"Content-Type": "application/octet-stream"}
REPOSITORY = "/v2/team/app"
MANIFESTS, UPLOADS = f"{REPOSITORY}/manifests", f"{REPOSITORY}/blobs/uploads/"
BLOB = f"{REPOSITORY}/blobs/{digest_of(LAYER)}"
ANY = {"Accept": f"{OCI_MANIFEST}, {OCI_INDEX}"}


def asking(method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes = b"") -> Asked:
    """A request."""
    return Asked(method=method, path=path, headers=headers or {}, body=body)


def asked_of(host: str) -> Ask:
    """A way to ask who listens at this address."""

    def ask(asked: Asked) -> Answered:
        connection = http.client.HTTPConnection(host, timeout=10)
        connection.request(asked.method, asked.path, asked.body or None, dict(asked.headers))
        answer = connection.getresponse()
        body, headers = answer.read(), dict[str, str]()
        for name, value in answer.getheaders():
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        connection.close()
        return Answered(status=answer.status, headers=headers, body=body)

    return ask


class Conversation:
    """What a registry says to a push, its referrers and its faults, without what every registry chooses.

    Attributes:
        said: what was asked, and the status, the named headers and the body of the answer, in order.
    """

    def __init__(self, ask: Ask) -> None:
        self.said = list[tuple[str, object]]()
        self._ask = ask
        self._nothing_there()
        self._blobs()
        self._manifests()
        self._referrers()

    def _add(self, what: str, asked: Asked, *headers: str, body: bool = False) -> Answered:
        answered = self._ask(asked)
        got = {"content-length": str(answered.length)} if answered.length else {}
        got |= {name.lower(): value for name, value in answered.headers.items()}
        kept = {name: got.get(name) for name in headers}
        self.said.append((what, (answered.status, kept, answered.body if body else None)))
        return answered

    def _nothing_there(self) -> None:
        self._add("base", asking("GET", "/v2/"))
        self._add("a blob", asking("HEAD", BLOB))
        self._add("a manifest", asking("GET", f"{MANIFESTS}/1.0", ANY))
        self._add("tags", asking("GET", f"{REPOSITORY}/tags/list"))
        self._add("an upload", asking("GET", f"{REPOSITORY}/blobs/uploads/5a1f"))

    def _blobs(self) -> None:
        half, place = len(LAYER) // 2, location(self._add("open", asking("POST", UPLOADS)))
        part = {**OCTETS, "Content-Range": f"0-{half - 1}"}
        place = location(self._add("a part", asking("PATCH", place, part, LAYER[:half]), "range"))
        self._add("how far", asking("GET", place), "range")
        self._finish(place, LAYER, LAYER[half:])
        place = location(self._add("open", asking("POST", UPLOADS)))
        gap = {**OCTETS, "Content-Range": f"9-{len(LAYER) + 8}"}
        self._add("a gap", asking("PATCH", place, gap, LAYER))
        for content in (CONFIG, NOTE, b"{}"):
            self._finish(location(self._add("open", asking("POST", UPLOADS))), content, content)
        self._add("blob", asking("GET", BLOB), "docker-content-digest", body=True)
        self._add("blob: head", asking("HEAD", BLOB), "content-length")
        self._add("blob: range", asking("GET", BLOB, {"Range": "bytes=3-9"}), "content-range", body=True)
        other = "/v2/team/other/blobs"
        mount = asking("POST", f"{other}/uploads/?mount={digest_of(LAYER)}&from=team/app")
        self._add("mount", mount)
        self._add("mounted", asking("HEAD", f"{other}/{digest_of(LAYER)}"))

    def _finish(self, place: str, content: bytes, left: bytes) -> None:
        query = f"{'&' if '?' in place else '?'}digest={digest_of(content)}"
        self._add("finish", asking("PUT", place + query, OCTETS, left), "docker-content-digest")

    def _manifests(self) -> None:
        put, image = f"{MANIFESTS}/", digest_of(IMAGE)
        self._add("no blobs", asking("PUT", f"{put}absent", AS_MANIFEST, ABSENT))
        self._add("not JSON", asking("PUT", f"{put}absent", AS_MANIFEST, b"{"))
        self._add("another digest", asking("PUT", put + digest_of(b"x"), AS_MANIFEST, IMAGE))
        by_digest = asking("PUT", put + image, AS_MANIFEST, IMAGE)
        self._add("by digest", by_digest, "docker-content-digest", "oci-subject")
        cannot = {**AS_MANIFEST, "If-Match": '"sha256:no"'}
        self._add("a condition that fails", asking("PUT", put + image, cannot, IMAGE))
        self._add("tag", asking("PUT", f"{put}1.0", AS_MANIFEST, IMAGE), "docker-content-digest")
        self._add("two tags", asking("PUT", f"{put}{image}?tag=a&tag=b", AS_MANIFEST, IMAGE), "oci-tag")
        self._add("index", asking("PUT", f"{put}2.0", AS_INDEX, INDEX), "docker-content-digest")
        told = ("docker-content-digest", "content-type")
        self._add("manifest", asking("GET", f"{put}1.0", ANY), *told, body=True)
        self._add("manifest: head", asking("HEAD", f"{put}2.0", ANY), *told)

    def _referrers(self) -> None:
        image, put = digest_of(IMAGE), f"{MANIFESTS}/{digest_of(REFERRER)}"
        self._add("referrer", asking("PUT", put, AS_MANIFEST, REFERRER), "oci-subject")
        for place in (f"/referrers/{image}", f"/referrers/{digest_of(INDEX)}", "/tags/list"):
            answered = self._add(place, asking("GET", REPOSITORY + place))
            value = json.loads(answered.body) if answered.status == 200 else {}
            # distribution 2.8 lists tags as its file system does.
            tags = sorted(value.get("tags", ()))
            self.said.append((f"{place}: listed", value.get("manifests", tags)))
        self._add("tags: page", asking("GET", f"{REPOSITORY}/tags/list?n=1"))
        self._add("delete", asking("DELETE", f"{MANIFESTS}/{image}"))
        self._add("deleted", asking("GET", f"{MANIFESTS}/1.0", ANY))


def location(answered: Answered) -> str:
    """Where an upload goes on, by the answer that says so."""
    parts = urlsplit({name.lower(): value for name, value in answered.headers.items()}["location"])
    return f"{parts.path}?{parts.query}" if parts.query else parts.path
