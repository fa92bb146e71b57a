"""Images to real registries, and back by the field's own tools, byte for byte."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from pushpolicy.attach import attach_artifacts
from pushpolicy.images import open_image
from pushpolicy.model.manifest import OCI_INDEX, Manifest
from pushpolicy.model.reference import Repository, Target
from pushpolicy.push import move_tags, verify_push
from pushpolicy.records.build import build_record
from pushpolicy.registry import Access, open_repository
from pushpolicy.registry.remote import RemoteRepository
from tests.clients import client, login
from tests.judged import judge, make_statement, push_by_digest
from tests.layouts import LAYER, LayoutMaker, child, push, referrer
from tests.programs import tool
from tests.registries import Registry, distribution_registry, olareg_registry


@pytest.fixture
def maker(tmp_path: Path) -> LayoutMaker:
    return LayoutMaker(tmp_path / "layout")


TAR = LAYER.removesuffix("+gzip")
KINDS = [
    "distribution",
    "distribution-basic-tls",
    "distribution-token",
    "distribution-token-tls",
    "olareg",
    "olareg-basic",
    "olareg-token-tls",
]


@pytest.fixture(params=KINDS)
def registry(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Registry]:
    name, *options = request.param.split("-")
    start = distribution_registry if name == "distribution" else olareg_registry
    auth = next((option for option in options if option != "tls"), None)
    with start(tmp_path / "registry", auth=auth, tls="tls" in options) as running:
        yield running


def multi(maker: LayoutMaker) -> Manifest:
    amd = maker.image(content=b"amd" * 500_000)
    arm = maker.image(architecture="arm64", content=b"arm", annotations={"a": "b"})
    return maker.nest(child(amd, "linux/amd64"), child(arm, "linux/arm64"))


def test_a_push_needs_no_more_requests_than_others_do(maker: LayoutMaker, tmp_path: Path) -> None:
    """Three layers, a config, the manifest by digest, the tag, and the tag read back; crane takes 19."""
    config = maker.image().config
    assert config
    layers = [maker.blob(b"%d" % number * 200_000, TAR) for number in range(3)]
    maker.add(maker.manifest(config=config, layers=layers), name="1.0")
    with open_image(f"oci:{maker.root}:1.0") as image, distribution_registry(tmp_path / "r") as registry:
        target = Target.parse(f"{registry.host}/team/app:1.0")
        judged, repository = judge(image, target), client(registry)
        with build_record(judged.contents()) as record:
            push_by_digest(judged.permit(), image=image, target=target, record=record, client=repository)
        repository.put_manifest(image.top, "1.0")
        assert repository.resolve("1.0") == image.top
        assert len([asked for asked in registry.requests() if "/team/app/" in asked.path]) == 15


def test_an_index_with_its_record(registry: Registry, maker: LayoutMaker) -> None:
    top = maker.add(multi(maker), name="v1")
    repository = client(registry)
    assert repository.insecure is (registry.ca_file is None)
    assert repository.resolve("v1") is None
    assert repository.tags() == ()
    assert repository.referrers(top.digest) == ()
    with open_image(f"oci:{maker.root}") as image:
        for blob in image.blobs:
            repository.put_blob(blob, image.content.open_blob(blob))
        for manifest in image.manifests:
            repository.put_manifest(manifest)
        note = push(repository, maker, referrer(maker, top, b"note"))
        assert repository.tags() == ()
        repository.put_manifest(top, "v1")
        for manifest in image.manifests:
            assert repository.manifest(manifest.digest) == manifest
        for blob in image.blobs:
            assert repository.has_blob(blob)
            assert blob.digest.matches(b"".join(repository.read_blob(blob)))
    assert repository.resolve("v1") == top
    assert repository.tags() == ("v1",)
    assert [item.digest for item in repository.referrers(top.digest)] == [note.digest]
    assert [item.artifact_type for item in repository.referrers(top.digest, "text/x-note")] == ["text/x-note"]
    assert repository.referrers(top.digest, "text/x-other") == ()
    assert repository.clock
    assert abs(repository.clock.skew_seconds) <= 2


def test_every_artifact_of_a_push_is_attached(registry: Registry, maker: LayoutMaker) -> None:
    top = maker.add(multi(maker), name="v1")
    repository, target = client(registry), Target.parse(f"{registry.host}/team/app:1.0")
    statements = tuple(make_statement(top.descriptor, text) for text in ("first", "second"))
    with open_image(f"oci:{maker.root}") as image:
        judged = judge(image, target)
        with build_record(judged.contents()) as record:
            landed = push_by_digest(
                judged.permit(),
                image=image,
                target=target,
                record=record,
                client=repository,
                statements=statements,
            )
            move_tags(verify_push(landed, attach_artifacts(landed)))
    assert {entry.digest for entry in repository.referrers(top.digest)} == {
        artifact.manifest.digest for artifact in landed.artifacts
    }
    assert repository.resolve("1.0") == top


def test_a_second_push_sends_nothing(registry: Registry, maker: LayoutMaker) -> None:
    manifest = push(client(registry), maker, maker.image(), "v1")
    sent = [request for request in registry.requests() if "/blobs/uploads/" in request.path]
    push(client(registry), maker, manifest, "v1")
    assert [request for request in registry.requests() if "/blobs/uploads/" in request.path] == sent


def output(name: str, *argv: str) -> bytes:
    environ = {"HOME": "/nonexistent", "PATH": "/usr/bin:/bin"}
    return subprocess.run(
        [tool(name), *argv], check=True, capture_output=True, env=environ, timeout=60
    ).stdout


def test_crane_and_oras_read_the_same_bytes(any_registry: Registry, maker: LayoutMaker) -> None:
    top = multi(maker)
    repository = client(any_registry)
    for entry in top.manifests:
        push(repository, maker, Manifest.parse(maker.path(entry.digest).read_bytes()))
    repository.put_manifest(top, "v1")
    name = f"{any_registry.host}/team/app"
    assert output("crane", "manifest", "--insecure", f"{name}:v1") == top.content
    assert output("oras", "manifest", "fetch", "--plain-http", f"{name}:v1") == top.content
    for entry in top.manifests:
        manifest = Manifest.parse(maker.path(entry.digest).read_bytes())
        assert output("crane", "manifest", "--insecure", f"{name}@{entry.digest}") == manifest.content
        for blob in filter(None, (manifest.config, *manifest.layers)):
            content = maker.path(blob.digest).read_bytes()
            assert output("crane", "blob", "--insecure", f"{name}@{blob.digest}") == content
            argv = ("blob", "fetch", "--plain-http", "--output", "-", f"{name}@{blob.digest}")
            assert output("oras", *argv) == content


def test_oras_discovers_the_referrers(any_registry: Registry, maker: LayoutMaker) -> None:
    repository = client(any_registry)
    image = push(repository, maker, maker.image(), "v1")
    note = push(repository, maker, referrer(maker, image, b"note"))
    argv = ("discover", "--plain-http", "--format", "json", f"{any_registry.host}/team/app:v1")
    found = json.loads(output("oras", *argv))
    listed = found.get("referrers") or found.get("manifests")
    assert [(item["digest"], item["artifactType"]) for item in listed] == [(str(note.digest), "text/x-note")]


def test_oras_discovers_the_referrers_of_a_layout(maker: LayoutMaker, tmp_path: Path) -> None:
    repository = open_repository(Repository.parse(f"oci:{tmp_path / 'registry'}"), Access())
    image = push(repository, maker, maker.image(), "v1")
    note = push(repository, maker, referrer(maker, image, b"note"))
    argv = ("discover", "--oci-layout", "--format", "json", f"{tmp_path / 'registry'}:v1")
    found = json.loads(output("oras", *argv))
    listed = found.get("referrers") or found.get("manifests")
    assert [item["digest"] for item in listed] == [str(note.digest)]


def test_what_oras_attaches_in_a_layout_is_listed(maker: LayoutMaker, tmp_path: Path) -> None:
    folder = tmp_path / "registry"
    repository = open_repository(Repository.parse(f"oci:{folder}"), Access())
    image = push(repository, maker, maker.image(), "v1")
    (tmp_path / "note.txt").write_text("note")
    argv = [
        str(tool("oras")),
        "attach",
        "--oci-layout",
        "--artifact-type",
        "text/x-note",
        f"{folder}:v1",
        "note.txt",
    ]
    subprocess.run(argv, check=True, capture_output=True, cwd=tmp_path, timeout=60)
    assert [item.artifact_type for item in repository.referrers(image.digest)] == ["text/x-note"]
    push(repository, maker, image, "v2")
    assert repository.tags() == ("v1", "v2")
    assert len(repository.referrers(image.digest)) == 1


@pytest.mark.parametrize(
    "argv",
    [
        ("crane", "pull", "--insecure", "--format=oci"),
        ("oras", "copy", "--from-plain-http", "--to-oci-layout"),
    ],
)
def test_layouts_that_others_write_are_read(
    distribution: Registry, maker: LayoutMaker, tmp_path: Path, argv: tuple[str, ...]
) -> None:
    manifest = push(client(distribution), maker, maker.image(), "v1")
    folder = tmp_path / "pulled"
    target = str(folder) if argv[0] == "crane" else f"{folder}:v1"
    output(*argv, f"{distribution.host}/team/app:v1", target)
    with open_image(f"oci:{folder}") as image:
        assert image.top.content == manifest.content


def test_many_tags_come_in_pages(any_registry: Registry, maker: LayoutMaker) -> None:
    repository = client(any_registry)
    image = push(repository, maker, maker.image(), "v0")
    names = [f"v{number}" for number in range(1, 120)]
    for name in names:
        repository.put_manifest(image, name)
    assert set(repository.tags()) == {"v0", *names}


def test_docker_types_are_kept(any_registry: Registry, maker: LayoutMaker) -> None:
    image = maker.image()
    text = image.content.decode()
    for ours, theirs in [
        (
            "application/vnd.oci.image.manifest.v1+json",
            "application/vnd.docker.distribution.manifest.v2+json",
        ),
        ("application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json"),
        ("application/vnd.oci.image.layer.v1.tar+gzip", "application/vnd.docker.image.rootfs.diff.tar.gzip"),
    ]:
        text = text.replace(ours, theirs)
    docker = push(client(any_registry), maker, Manifest.parse(text.encode()), "v1")
    found = client(any_registry).resolve("v1")
    assert found == docker
    assert found.media_type != OCI_INDEX


def test_an_empty_blob_and_one_of_several_reads(any_registry: Registry, maker: LayoutMaker) -> None:
    repository = client(any_registry)
    large = maker.blob(bytes(range(256)) * 20_000, TAR)
    image = maker.image()
    assert image.config
    manifest = push(
        repository, maker, maker.manifest(config=image.config, layers=[maker.blob(b"", TAR), large]), "v1"
    )
    for blob in manifest.layers:
        assert b"".join(repository.read_blob(blob)) == maker.path(blob.digest).read_bytes()


def test_what_oras_py_inherits_keeps_to_our_rules(tmp_path: Path, maker: LayoutMaker) -> None:
    with distribution_registry(tmp_path / "registry", auth="token", tls=True) as registry:
        push(client(registry), maker, maker.image(), "v1")
        repository = Repository.parse(f"{registry.host}/team/app")
        access = Access(credential=login(registry.username, registry.password), ca_file=registry.ca_file)
        assert RemoteRepository(repository, access).get_tags(str(repository)) == ["v1"]
