"""Images that are in a registry already: promoted, named anew, in part, and with what refers to them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from pushpolicy.engines import LocalOpa
from pushpolicy.errors import InputError, PushError
from pushpolicy.images import Selection
from pushpolicy.model.descriptor import Platform
from pushpolicy.model.manifest import (
    DOCKER_CONFIG,
    DOCKER_INDEX,
    DOCKER_MANIFEST,
    OCI_CONFIG,
    Manifest,
)
from pushpolicy.model.reference import Target
from pushpolicy.pipeline import PushRequest, admit, check
from pushpolicy.records.format import ARTIFACT_TYPE
from pushpolicy.registry import RepositoryClient
from tests.clients import client, client_of, login
from tests.fake_registry import Answered, Asked, fake_registry
from tests.jobs import AT, GOOD, Job
from tests.layouts import LayoutMaker, child, of_bytes, push, referrer
from tests.registries import Registry

ARM, AMD = Platform(os="linux", architecture="arm64"), Platform(os="linux", architecture="amd64")


@pytest.fixture
def job(tmp_path: Path, opa: Path) -> Job:
    return Job(folder=tmp_path, engine=LocalOpa(opa))


@pytest.fixture
def maker(tmp_path: Path) -> LayoutMaker:
    return LayoutMaker(tmp_path / "built")


@pytest.fixture(params=["distribution to olareg", "olareg to distribution"])
def way(
    request: pytest.FixtureRequest, distribution: Registry, olareg: Registry
) -> tuple[Registry, Registry]:
    """Where an image is, and where it goes."""
    return (distribution, olareg) if request.param.startswith("distribution") else (olareg, distribution)


def promotion(
    job: Job, source: RepositoryClient, name: str, target: RepositoryClient, **changes: Any
) -> PushRequest:
    """A push of an image in a registry to the tag 1.0 of the target."""
    selection = changes.pop("selection", {})
    return job.request(
        GOOD,
        Target.parse(f"{target.repository}:1.0"),
        image=f"docker://{source.repository}{name}",
        source=source,
        client=target,
        selection=Selection(destination=target.repository, **selection),
        **changes,
    )


def several(maker: LayoutMaker, source: RepositoryClient) -> tuple[Manifest, Manifest, Manifest, Manifest]:
    """An index with an index in it, pushed as `v1`: the images for amd64 and arm64, and the two indexes."""
    amd, arm = maker.image(), maker.image(architecture="arm64", content=b"for arm")
    inner = maker.nest(child(arm, "linux/arm64"))
    top = maker.nest(child(amd, "linux/amd64"), child(inner))
    for manifest in (amd, arm):
        push(source, maker, manifest)
    source.put_manifest(inner)
    source.put_manifest(top, "v1")
    return amd, arm, inner, top


def test_an_image_of_several_platforms_is_promoted_as_it_stands(
    job: Job, maker: LayoutMaker, way: tuple[Registry, Registry]
) -> None:
    source, target = map(client, way)
    manifests = several(maker, source)
    outcome = admit(promotion(job, source, ":v1", target))
    assert outcome.published
    assert outcome.published.digest == manifests[-1].digest
    for manifest in manifests:
        found = target.manifest(manifest.digest)
        assert found
        assert found.content == manifest.content
        for blob in filter(None, (manifest.config, *manifest.layers)):
            assert blob.digest.matches(b"".join(target.read_blob(blob)))
    value = outcome.evidence.value["image"]
    assert value["source"] == f"docker://{source.repository}:v1"
    assert value["name"] == f"{source.repository}:v1"
    assert {platform["platform"] for platform in value["platforms"]} == {"linux/amd64", "linux/arm64"}


def test_a_tag_in_the_same_repository_sends_no_blob_of_the_image(
    job: Job, maker: LayoutMaker, any_registry: Registry
) -> None:
    repository = client(any_registry)
    image = push(repository, maker, maker.image(), "v1")
    before = len(any_registry.writes())
    assert admit(promotion(job, repository, f"@{image.digest}", repository)).published
    named = repository.resolve("1.0")
    assert named == image
    sent = [request.path for request in any_registry.writes()[before:] if "/blobs/" in request.path]
    blobs = [str(blob.digest) for blob in filter(None, (image.config, *image.layers))]
    assert not [path for path in sent if any(digest in path for digest in blobs)]


def test_another_repository_of_the_registry_mounts_the_blobs(
    job: Job, maker: LayoutMaker, any_registry: Registry
) -> None:
    source, target = client(any_registry), client(any_registry, "team/released")
    image = push(source, maker, maker.image(), "v1")
    before = len(any_registry.writes())
    assert admit(promotion(job, source, ":v1", target)).published
    writes = any_registry.writes()[before:]
    blobs = [str(blob.digest) for blob in filter(None, (image.config, *image.layers))]
    for digest in blobs:
        about = [request for request in writes if digest in request.path.replace("%3A", ":")]
        assert [request.status for request in about if "/blobs/" in request.path] == [201]
        assert all("mount=" in request.path for request in about if "/blobs/" in request.path)


def docker_image(maker: LayoutMaker, source: RepositoryClient) -> tuple[Manifest, Manifest]:
    """An image as docker writes it, with white space of its own, and the list that names it."""
    image = maker.image()
    assert image.config
    layer = {**image.layers[0].to_json(), "mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip"}
    config = {**image.config.to_json(), "mediaType": DOCKER_CONFIG}
    value = {"schemaVersion": 2, "mediaType": DOCKER_MANIFEST, "config": config, "layers": [layer]}
    one = Manifest.parse(json.dumps(value, indent=3).encode(), DOCKER_MANIFEST)
    children = [{**child(one, "linux/amd64").to_json(), "mediaType": DOCKER_MANIFEST}]
    listed = {"schemaVersion": 2, "mediaType": DOCKER_INDEX, "manifests": children}
    top = Manifest.parse(json.dumps(listed, indent=3).encode(), DOCKER_INDEX)
    for blob in filter(None, (one.config, *one.layers)):
        source.put_blob(blob, of_bytes(maker.path(blob.digest).read_bytes()))
    source.put_manifest(one, "one")
    source.put_manifest(top, "list")
    return one, top


def test_docker_schema_2_stays_what_it_is(
    job: Job, maker: LayoutMaker, distribution: Registry, olareg: Registry
) -> None:
    source, target = client(distribution), client(olareg)
    one, top = docker_image(maker, source)
    for tag, manifest in {"one": one, "list": top}.items():
        assert admit(promotion(job, source, f":{tag}", target)).published
        assert target.resolve("1.0") == manifest


def test_an_image_with_a_subject_is_listed_as_its_referrer(
    job: Job, maker: LayoutMaker, way: tuple[Registry, Registry]
) -> None:
    source, target = map(client, way)
    base = push(source, maker, maker.image(), "base")
    push(target, maker, base, "base")
    image = maker.image(content=b"patched", subject=base.descriptor.to_json())
    push(source, maker, image, "v1")
    assert admit(promotion(job, source, ":v1", target)).published
    assert image.digest in {entry.digest for entry in target.referrers(base.digest)}


def sparse(amd: Manifest, top: Manifest) -> Callable[[Asked], Answered]:
    """A registry that has an index and one of its images."""
    there = {str(item.digest): item for item in (amd, top)} | {"v1": top}

    def answer(asked: Asked) -> Answered:
        found = there.get(asked.path.rpartition("/")[2])
        if "/manifests/" not in asked.path or found is None:
            return Answered(status=404)
        return Answered(headers={"Content-Type": found.media_type}, body=found.content)

    return answer


def test_a_sparse_index_is_refused_by_the_names_of_what_is_missing(
    job: Job, maker: LayoutMaker, distribution: Registry
) -> None:
    amd, arm = maker.image(), maker.image(architecture="arm64")
    top = maker.nest(child(amd, "linux/amd64"), child(arm, "linux/arm64"))
    with fake_registry(sparse(amd, top)) as registry:
        source = client_of(registry.host)
        with pytest.raises(InputError, match=r"sparse.*linux/arm64") as caught:
            check(promotion(job, source, ":v1", client(distribution)))
    assert "linux/amd64" not in caught.value.message
    assert distribution.writes() == []


def test_one_platform_of_an_index_is_its_own_manifest(
    job: Job, maker: LayoutMaker, way: tuple[Registry, Registry]
) -> None:
    source, target = map(client, way)
    _, arm, _, top = several(maker, source)
    outcome = admit(promotion(job, source, ":v1", target, selection={"platforms": (ARM,)}))
    assert outcome.published
    assert outcome.published.digest == arm.digest
    assert [str(arm.digest) in note and str(top.digest) in note for note in outcome.notes] == [True]


def test_some_platforms_are_a_new_index_with_their_attestations(
    job: Job, maker: LayoutMaker, distribution: Registry, olareg: Registry
) -> None:
    source, target = client(distribution), client(olareg)
    images = [maker.image(architecture=name, content=name.encode()) for name in ("amd64", "arm64", "s390x")]
    entries = []
    for image, name in zip(images, ("amd64", "arm64", "s390x"), strict=True):
        about = [{"name": name, "digest": {"sha256": image.digest.hex}}]
        statement = {"_type": "https://in-toto.io/Statement/v1", "predicateType": "x", "subject": about}
        layer = maker.json(statement, "application/vnd.in-toto+json")
        proof = maker.manifest(config=maker.json({"of": name}, OCI_CONFIG), layers=[layer])
        marks = {"vnd.docker.reference.type": "attestation-manifest"}
        marks["vnd.docker.reference.digest"] = str(image.digest)
        entries += [child(image, f"linux/{name}"), child(proof, "unknown/unknown", **marks)]
        push(source, maker, image)
        push(source, maker, proof)
    top = maker.nest(*entries)
    source.put_manifest(top, "v1")
    outcome = admit(promotion(job, source, ":v1", target, selection={"platforms": (AMD, ARM)}))
    assert outcome.published
    made = target.resolve("1.0")
    assert made
    assert made.manifests == top.manifests[:4]
    assert made.digest == outcome.published.digest != top.digest
    assert "a new index" in outcome.notes[0]
    assert len(outcome.evidence.value["image"]["attestations"]) == 2


def test_a_platform_that_is_not_there_is_refused(
    job: Job, maker: LayoutMaker, distribution: Registry
) -> None:
    source = client(distribution)
    several(maker, source)
    s390x = Platform(os="linux", architecture="s390x")
    with pytest.raises(InputError, match="no image for linux/s390x") as caught:
        check(promotion(job, source, ":v1", source, selection={"platforms": (ARM, s390x)}))
    assert "linux/amd64, linux/arm64" in (caught.value.hint or "")


def test_referrers_go_along_but_for_records_of_another_place(
    job: Job, maker: LayoutMaker, way: tuple[Registry, Registry]
) -> None:
    source, target = map(client, way)
    amd, arm, _, top = several(maker, source)
    sbom = push(source, maker, referrer(maker, arm, b"an SBOM", artifactType="application/spdx+json"))
    signature = push(source, maker, referrer(maker, sbom, b"a signature of the SBOM"))
    bundle = {"dev.sigstore.bundle.predicateType": "https://slsa.dev/verification_summary/v1"}
    summary = push(source, maker, referrer(maker, top, b"let into the source", annotations=bundle))
    # The first push leaves a record at the source, as a referrer of the index.
    admit(promotion(job, source, ":v1", source))
    (record,) = source.referrers(top.digest, ARTIFACT_TYPE)
    later = AT.replace(hour=12)
    outcome = admit(promotion(job, source, ":v1", target, selection={"referrers": True}, evaluated_at=later))
    assert [entry.digest for entry in target.referrers(arm.digest)] == [sbom.digest]
    assert [entry.digest for entry in target.referrers(sbom.digest)] == [signature.digest]
    assert target.manifest(sbom.digest) == sbom
    assert b"".join(target.read_blob(sbom.layers[0])) == b"an SBOM"
    (own,) = target.referrers(top.digest)
    assert own.artifact_type == ARTIFACT_TYPE
    assert own.digest != record.digest
    said = " ".join(outcome.notes)
    assert str(record.digest) in said
    assert str(summary.digest) in said
    assert target.referrers(amd.digest) == ()
    plain = admit(promotion(job, source, ":v1", client(way[1], "team/plain")))
    assert plain.notes == ()
    assert client(way[1], "team/plain").referrers(arm.digest) == ()


def test_referrers_without_end_are_refused(job: Job, maker: LayoutMaker, distribution: Registry) -> None:
    source = client(distribution)
    below = push(source, maker, maker.image(), "v1")
    for number in range(6):
        below = push(source, maker, referrer(maker, below, b"%d" % number))
    with pytest.raises(InputError, match="deep"):
        check(promotion(job, source, ":v1", client(distribution, "other"), selection={"referrers": True}))


def test_a_source_credential_is_not_stored(job: Job, maker: LayoutMaker, distribution: Registry) -> None:
    source = client(distribution)
    push(source, maker, maker.image(), "v1")
    secret = "s0urce-s3cret"
    request = promotion(
        job, source, ":v1", client(distribution, "other"), source_credential=login("ci", secret)
    )
    (job.folder / "work/reports/junit.xml").write_text(GOOD.replace('name="b"', f'name="b {secret}"'))
    with pytest.raises(InputError, match="credential of the source") as caught:
        admit(request)
    assert secret not in caught.value.message


@pytest.mark.parametrize("name", [":absent", f"@sha256:{'0' * 64}"])
def test_an_absent_source(job: Job, any_registry: Registry, name: str) -> None:
    source = client(any_registry)
    with pytest.raises(InputError, match="no such image"):
        check(promotion(job, source, name, client(any_registry, "other")))


def test_a_source_that_changes_a_layer_is_not_published(
    job: Job, maker: LayoutMaker, olareg: Registry
) -> None:
    image = maker.image()
    blobs = {str(blob.digest): blob for blob in filter(None, (image.config, *image.layers))}

    def answer(asked: Asked) -> Answered:
        name = asked.path.rpartition("/")[2]
        if "/manifests/" in asked.path:
            return Answered(headers={"Content-Type": image.media_type}, body=image.content)
        content = maker.path(blobs[name].digest).read_bytes()
        if blobs[name] in image.layers:
            content = content[:-1] + bytes([content[-1] ^ 1])
        return Answered(body=content)

    with fake_registry(answer) as registry:
        target = client(olareg)
        with pytest.raises(PushError, match=str(image.layers[0].digest)):
            admit(promotion(job, client_of(registry.host), ":v1", target))
    assert target.tags() == ()
    assert target.manifest(image.digest) is None


def test_a_tag_that_moves_while_it_is_promoted_is_what_was_judged(
    job: Job, maker: LayoutMaker, distribution: Registry, olareg: Registry
) -> None:
    source, target = client(distribution), client(olareg)
    image = push(source, maker, maker.image(), "v1")
    request = promotion(job, source, ":v1", target)

    class Moving:
        """The source, whose tag moves as soon as it was read."""

        def __getattr__(self, name: str) -> Any:
            return getattr(source, name)

        def resolve(self, tag: str) -> Manifest | None:
            found = source.resolve(tag)
            push(source, maker, maker.image(content=b"another"), "v1")
            return found

    outcome = admit(replace(request, source=Moving()))
    assert outcome.published
    assert outcome.published.digest == image.digest
