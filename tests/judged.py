"""An image of real content, and a decision about it, for tests that start after the evaluation.

What evaluates is imported when its policy is asked for: bench.push_alone is timed without it.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from pushpolicy import push
from pushpolicy.attach import attach_artifacts
from pushpolicy.images.image import Image
from pushpolicy.model.decision import (
    Decision,
    EngineIdentity,
    ImageIdentity,
    Link,
    RuleResult,
    RuleStatus,
    Verdict,
)
from pushpolicy.model.descriptor import Descriptor, Platform
from pushpolicy.model.digest import Digest
from pushpolicy.model.document import Document
from pushpolicy.model.evidence import (
    CiEvidence,
    CredentialsEvidence,
    Evidence,
    ImageEvidence,
    ScansEvidence,
    SourceEvidence,
    Status,
    TargetEvidence,
    TestsEvidence,
)
from pushpolicy.model.manifest import EMPTY_TYPE, OCI_CONFIG, OCI_INDEX, OCI_MANIFEST, Manifest
from pushpolicy.model.reference import Target
from pushpolicy.push import Permit, Published, Pushed, issue, move_tags, send_blobs, verify_push
from pushpolicy.records.build import Contents, build_record
from pushpolicy.records.chain import listed_with, records_before
from pushpolicy.registry.interface import Artifact, Blob, OpenBlob, RepositoryClient

if TYPE_CHECKING:
    from pushpolicy.evaluate import PolicySet

LAYER = "application/vnd.oci.image.layer.v1.tar"
AT = "2026-11-02T10:00:00Z"
RULE = """\
# METADATA
# title: A rule
# description: For tests.
# custom:
#   severity: high
#   fix: Fix it.
package pushpolicy.rules.{name}

import rego.v2

deny contains {{"at": {{"id": "x"}}, "msg": "never"}} if input.target.insecure == "never"
"""


@cache
def policy() -> PolicySet:
    """A policy of one local rule that asks for nothing and never denies, made without OPA."""
    from pushpolicy.evaluate import PolicySet
    from pushpolicy.evaluate.authority import Origin
    from pushpolicy.evaluate.data import default_data
    from pushpolicy.evaluate.sources import policies
    from pushpolicy.model.index import Index
    from tests.policies import rule_entry

    name = "one"
    root = policies()
    shipped = ["capabilities.json", "schema/evidence.v1.json"]
    shipped += [
        path.relative_to(root).as_posix()
        for path in root.glob("system/**/*.rego")
        if not path.name.endswith("_test.rego")
    ]
    lib = Index.read((root / "index/data.json").read_bytes()).lib
    index = Index(rules={name: rule_entry()}, lib=lib)
    files = {path: (root / path).read_bytes() for path in shipped}
    files |= {"index/data.json": index.data(), "index/index.rego": index.module()}
    files |= {f"rules/{name}/{name}.rego": RULE.format(name=name).encode()}
    files |= default_data(index, {name: Origin.LOCAL}).files()
    return PolicySet.of(files, "policy")


class Held:
    """Blobs held in memory (a `BlobSource`)."""

    def __init__(self, blobs: Mapping[Digest, bytes]) -> None:
        self.blobs = dict(blobs)

    def open_blob(self, blob: Descriptor) -> OpenBlob:
        return lambda: io.BytesIO(self.blobs[blob.digest])


def make_image(text: str = "app", architectures: tuple[str, ...] = ("amd64", "arm64")) -> Image:
    """An index of one image per architecture; each has a config, a layer of its own and a shared one."""
    blobs, configs = dict[Digest, bytes](), dict[Digest, bytes]()
    manifests, described = list[Manifest](), dict[Digest, Descriptor]()
    for architecture in architectures:
        config = json.dumps({"os": "linux", "architecture": architecture, "of": text}).encode()
        contents = [b"shared by all", f"{text} for {architecture}".encode() * 100]
        layers = [Descriptor.of(content, LAYER) for content in contents]
        top = Descriptor.of(config, OCI_CONFIG)
        described |= {item.digest: item for item in (top, *layers)}
        blobs |= {Digest.of(content): content for content in (config, *contents)}
        configs[top.digest] = config
        manifests.append(_manifest(OCI_MANIFEST, config=top.to_json(), layers=[x.to_json() for x in layers]))
    platforms = [Platform(os="linux", architecture=architecture) for architecture in architectures]
    children = [
        replace(manifest.descriptor, artifact_type=None, platform=platform).to_json()
        for manifest, platform in zip(manifests, platforms, strict=True)
    ]
    manifests.append(_manifest(OCI_INDEX, manifests=children))
    return Image(
        source=f"memory:{text}",
        name=None,
        manifests=tuple(manifests),
        configs=configs,
        blobs=tuple(described.values()),
        content=Held(blobs),
    )


def _manifest(media_type: str, **fields: Any) -> Manifest:
    value = {"schemaVersion": 2, "mediaType": media_type, **fields}
    # Indented, as other tools write them: what is pushed must be these very bytes.
    return Manifest.parse(json.dumps(value, indent=1).encode(), media_type)


def make_statement(subject: Descriptor, text: str = "signed") -> Artifact:
    """An artifact that is attached beside the record."""
    blobs = (Blob.of(b"{}", EMPTY_TYPE), Blob.of(text.encode(), "text/plain"))
    fields = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "artifactType": "application/vnd.example.statement",
        "config": blobs[0].descriptor.to_json(),
        "layers": [blobs[1].descriptor.to_json()],
        "subject": subject.to_json(),
    }
    manifest = Manifest.parse(json.dumps(fields).encode())
    return Artifact(name="statement", manifest=manifest, blobs=blobs)


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """What a push has in hand once it was decided."""

    image: Image
    target: Target
    evidence: Document
    decision: Decision

    def permit(self) -> Permit:
        """The permit for it."""
        return issue(
            self.decision,
            decision_document=self.decision.document(),
            evidence=self.evidence,
            image=self.image,
            target=self.target,
        )

    def contents(self, **fields: Any) -> Contents:
        """What the record of it holds."""
        if "policy" not in fields:
            fields["policy"] = policy().bundle()
        return Contents(
            subject=self.image.top.descriptor, evidence=self.evidence, decision=self.decision, **fields
        )


def judge(
    image: Image, target: Target, previous: Mapping[str, Digest] | None = None, at: str = AT, **changes: Any
) -> Judged:
    """An ALLOW about this image and target; `changes` are fields of the decision."""
    place, known = target.repository, previous or {}
    evidence = Evidence(
        evaluated_at=at,
        target=TargetEvidence(
            registry=place.registry,
            repository=place.path,
            tags=target.tags,
            previous_digest=known.get(target.tags[0]),
            previous_digests=known,
            insecure=False,
        ),
        image=ImageEvidence(
            digest=image.top.digest,
            media_type=image.top.media_type,
            size=image.size,
            source=image.source,
            annotations={},
            platforms=(),
            bound_to_commit="none",
        ),
        source=SourceEvidence(status=Status.MISSING, reason="none"),
        ci=CiEvidence(status=Status.MISSING, reason="none"),
        tests=TestsEvidence(status=Status.MISSING, reason="none"),
        scans=ScansEvidence(status=Status.MISSING, reason="none"),
        credentials=CredentialsEvidence(status=Status.COLLECTED, source="none"),
    ).document()
    decision = Decision(
        verdict=Verdict.ALLOW,
        evaluated_at=at,
        image=ImageIdentity(
            digest=image.top.digest, registry=place.registry, repository=place.path, tags=target.tags
        ),
        evidence=evidence.digest,
        policy=changes.get("policy") or policy().identity,
        engine=EngineIdentity(name="opa", version="1.22.2", digest=Digest.of(b"engine")),
        rules=(RuleResult(name="one", title="A rule", status=RuleStatus.PASSED, origin="local"),),
        chain=dict.fromkeys(target.tags, Link(sequence=1)),
    )
    return Judged(image=image, target=target, evidence=evidence, decision=replace(decision, **changes))


def current(client: RepositoryClient, target: Target) -> Mapping[str, Digest]:
    """What each tag of the target names now."""
    found = {tag: client.resolve(tag) for tag in target.tags}
    return {tag: manifest.digest for tag, manifest in found.items() if manifest}


def push_by_digest(permit: Permit, **given: Any) -> Pushed:
    """The image by digest, in one go: what `send_blobs` takes."""
    return push.push_by_digest(send_blobs(permit, **given))


@contextmanager
def pushed(judged: Judged, client: RepositoryClient, **fields: Any) -> Iterator[Pushed]:
    """The image by digest, its record built and not attached yet."""
    with build_record(judged.contents(**fields)) as record:
        yield push_by_digest(
            judged.permit(), image=judged.image, target=judged.target, record=record, client=client
        )


def publish(image: Image, client: RepositoryClient, target: Target, at: str = AT, **fields: Any) -> Published:
    """Push an image that was allowed, all the way."""
    from pushpolicy.evaluate import is_of_known_policy

    previous, top = current(client, target), image.top.digest
    about = {tag: (previous.get(tag, top), top) for tag in target.tags}
    listed = listed_with(client, previous.values(), top)
    chain = records_before(client, about, is_of_known_policy, listed=listed).chain
    with pushed(judge(image, target, previous, at, chain=chain), client, **fields) as landed:
        return move_tags(verify_push(landed, attach_artifacts(landed)))
