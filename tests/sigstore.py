"""Images with what was signed about them, and those who verify it elsewhere: cosign, sigstore-js and Kyverno.

They are what `make builders` brings. Each is kept from everything but the registry: what it asks of others
goes to a proxy, which refuses it and remembers.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from pushpolicy.model.decision import Decision
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest
from pushpolicy.model.manifest import EMPTY_CONTENT, EMPTY_TYPE, OCI_MANIFEST, Manifest
from pushpolicy.model.reference import Target
from pushpolicy.records.statement import VSA_PREDICATE, Named, statement_of
from pushpolicy.registry.interface import Artifact, Blob, RepositoryClient
from pushpolicy.signing import bundle, dsse
from pushpolicy.signing.verify import IN_TOTO
from tests.builders import Tool
from tests.clients import client
from tests.connect_proxy import ConnectProxy, connect_proxy
from tests.judged import judge, make_image
from tests.keys import key
from tests.layouts import LayoutMaker, push
from tests.programs import installed, missing, tool
from tests.registries import Registry

VERIFIER = "https://ci.example/pushpolicy"
_SCRIPT = Path(__file__).parent / "tools/builders/sigstorejs/verify.cjs"
_MODULES = Path(__file__).parents[1] / "build/sigstorejs/node_modules"


@contextmanager
def nobody_else() -> Iterator[ConnectProxy]:
    """A proxy that refuses everything: what was asked of others than the registry is in its `heads`."""
    with connect_proxy("127.0.0.1:1", refusal=b"HTTP/1.1 503 Nobody\r\nContent-Length: 0\r\n\r\n") as proxy:
        yield proxy


def cosign(folder: Path, proxy: ConnectProxy) -> Tool:
    """Cosign, whose home is this folder; keys have an empty passphrase."""
    return Tool(argv=(str(tool("builders/cosign")),), folder=folder, variables=_kept(proxy))


def kyverno(folder: Path, proxy: ConnectProxy) -> Tool:
    """Kyverno's command line, which applies policies without a cluster."""
    return Tool(argv=(str(tool("builders/kyverno")),), folder=folder, variables=_kept(proxy))


def sigstorejs(folder: Path) -> Tool:
    """npm's @sigstore/verify: BUNDLE KEY prints what was signed."""
    if not _MODULES.is_dir():
        missing("sigstore-js is not there; run `make builders`")
    argv = (installed("node", "nodejs"), str(_SCRIPT))
    return Tool(argv=argv, folder=folder, variables={"NODE_PATH": str(_MODULES)})


def _kept(proxy: ConnectProxy) -> dict[str, str]:
    # Go takes no proxy to loopback, where the registry is.
    return {
        "HTTPS_PROXY": f"http://{proxy.host}",
        "HTTP_PROXY": f"http://{proxy.host}",
        "COSIGN_PASSWORD": "",
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """Small images in a repository of a registry.

    Attributes:
        records: the repository that has what is signed; the images' own unless it is given.
    """

    registry: Registry
    folder: Path
    repository: str = "team/app"
    records: str | None = None
    images: dict[str, Manifest] = field(default_factory=dict)

    def put(self, tag: str) -> Manifest:
        """An image of its own under this tag."""
        maker = LayoutMaker(self.folder / tag)
        self.images[tag] = push(
            client(self.registry, self.repository), maker, maker.image(content=tag.encode()), tag
        )
        return self.images[tag]

    def place(self, tag: str) -> str:
        """REGISTRY/REPOSITORY:TAG."""
        return f"{self.registry.host}/{self.repository}:{tag}"

    def pinned(self, tag: str) -> str:
        """REGISTRY/REPOSITORY:TAG@DIGEST."""
        return f"{self.place(tag)}@{self.images[tag].digest}"

    def sign(self, tag: str, name: str = "ci", **predicate: Any) -> bytes:
        """Attach an approval, with changes to its predicate, signed by the key of this name; the bundle."""
        payload = json.loads(approval(Target.parse(self.place(tag)), self.images[tag].digest))
        payload["predicate"] |= predicate
        return self.attach(tag, IN_TOTO, json.dumps(payload).encode(), name)

    def attach(self, tag: str, payload_type: str, payload: bytes, name: str = "ci") -> bytes:
        """Attach a bundle around any payload."""
        content = bundle.write(dsse.sign(payload_type, payload, key(name)), key(name).public)
        attach_bundle(
            client(self.registry, self.records or self.repository), self.images[tag].descriptor, content
        )
        return content


def approval(target: Target, digest: Digest) -> bytes:
    """What pushpolicy signs about an image that it allowed just now, for the first tag of the target."""
    named = Named(record=Digest.of(b"record"), tag=target.tags[0], verifier=VERIFIER, version="0.1.0")
    return statement_of(allowed(target, digest), named).payload


def allowed(target: Target, digest: Digest) -> Decision:
    """An anchored ALLOW of just now."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    decision = judge(make_image(), target, at=now).decision
    policy = replace(decision.policy, anchored=True, not_anchored=())
    return replace(decision, policy=policy, image=replace(decision.image, digest=digest))


def attach(client: RepositoryClient, artifact: Artifact) -> Manifest:
    """Attach an artifact to an image that is there."""
    for blob in artifact.blobs:
        client.put_blob(blob.descriptor, blob.open)
    client.put_referrer(artifact.manifest)()
    return artifact.manifest


def attach_bundle(client: RepositoryClient, subject: Descriptor, content: bytes) -> Manifest:
    """Attach a bundle as cosign does it (BUNDLE_SPEC.md), whatever is in it."""
    blobs = Blob.of(EMPTY_CONTENT, EMPTY_TYPE), Blob.of(content, bundle.TYPE)
    value = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "artifactType": bundle.TYPE,
        "config": blobs[0].descriptor.to_json(),
        "layers": [blobs[1].descriptor.to_json()],
        "subject": {"mediaType": subject.media_type, "digest": str(subject.digest), "size": subject.size},
        "annotations": {bundle.CONTENT: bundle.DSSE_CONTENT, bundle.PREDICATE: VSA_PREDICATE},
    }
    manifest = Manifest.parse(json.dumps(value).encode(), OCI_MANIFEST)
    return attach(client, Artifact(name="bundle", manifest=manifest, blobs=blobs))
