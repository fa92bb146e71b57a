"""The image that was named is published, on the command line: exports of Docker, podman and containerd."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pushpolicy import errors
from pushpolicy.model.digest import Digest
from pushpolicy.model.manifest import OCI_MANIFEST
from tests.clients import client
from tests.docker_archives import write
from tests.docker_daemon import docker_daemon
from tests.exports import HUB, ImageStore, Value
from tests.layouts import tar_layer
from tests.podman import podman
from tests.policies import rule, write_policy
from tests.registries import Registry
from tests.workspace import TARGET, Ran, Workspace

ALWAYS = 'deny contains {"at": {"id": "never"}, "msg": "never"} if input.image.size == 1'
LAYERS = (tar_layer("base", b"base"), tar_layer("app", b"app"))


@pytest.fixture
def policy(workspace: Workspace) -> str:
    """A policy that has nothing against any of it."""
    return str(write_policy(workspace.folder.parent / "policy", {"fine": rule("fine", ALWAYS)}))


@pytest.fixture
def store() -> ImageStore:
    return ImageStore()


def published(workspace: Workspace) -> str | None:
    """The digest that the target's tag names."""
    index = workspace.folder / "registry" / "index.json"
    entries = json.loads(index.read_text())["manifests"] if index.exists() else []
    named = [each for each in entries if each.get("annotations", {}).values()]
    return named[0]["digest"] if named else None


def pushed(workspace: Workspace, policy: str, image: str, *options: str) -> Ran:
    return workspace.push("--policy", policy, *options, image=image)


def saved(workspace: Workspace, store: ImageStore, *targets: tuple[str | None, Value], **more: Value) -> Path:
    return write(workspace.path("s.tar"), store.export(*targets, without=list(more.values())))


@pytest.mark.parametrize("tag", ["full", "zstd"])
def test_of_two_compressions_of_one_image_the_one_that_was_named(
    workspace: Workspace, policy: str, store: ImageStore, tag: str
) -> None:
    """`docker save app:full app:zstd`, of dockerd 29 with containerd's image store."""
    images = {"full": store.image(LAYERS), "zstd": store.image(LAYERS, "+zstd")}
    saved(workspace, store, *((f"{HUB}app:{name}", image) for name, image in images.items()))
    ran = pushed(workspace, policy, f"docker-archive:s.tar:app:{tag}")
    assert ran.code == errors.EXIT_OK, ran.err
    assert published(workspace) == images[tag]["digest"]


def test_what_stays_ambiguous_is_refused_by_the_names_that_are_there(
    workspace: Workspace, policy: str, store: ImageStore
) -> None:
    """An index, and the manifest in it that manifest.json describes for both."""
    image = store.image(LAYERS)
    index = store.index(image, store.proof(image))
    saved(workspace, store, (f"{HUB}app:one", image), (f"{HUB}app:all", index))
    ran = pushed(workspace, policy, "docker-archive:s.tar")
    assert ran.code == errors.EXIT_INPUT
    assert "holds 2 images, name one: docker.io/library/app:all, docker.io/library/app:one" in ran.complaint()
    assert not workspace.published
    ran = pushed(workspace, policy, "docker-archive:s.tar:app:one")
    assert ran.code == errors.EXIT_OK, ran.err
    assert published(workspace) == image["digest"]


@pytest.mark.parametrize("length", [4, 12, 64])
@pytest.mark.parametrize("transport", ["docker-archive", "oci-archive"])
def test_an_image_by_its_id(
    workspace: Workspace, policy: str, store: ImageStore, transport: str, length: int
) -> None:
    images = [store.image(LAYERS), store.image(LAYERS[:1], "+zstd")]
    saved(workspace, store, (None, images[0]), (None, images[1]))
    for digest in (images[1]["digest"], store.read(images[1])["config"]["digest"]):
        short = digest.removeprefix("sha256:")[:length]
        ran = pushed(workspace, policy, f"{transport}:s.tar:{short}")
        assert ran.code == errors.EXIT_OK, ran.err
        assert published(workspace) == images[1]["digest"]


def test_an_id_of_two_manifests_is_refused(workspace: Workspace, policy: str, store: ImageStore) -> None:
    images = [store.image(LAYERS), store.image(LAYERS, "+zstd")]
    saved(workspace, store, (None, images[0]), (None, images[1]))
    config = store.read(images[0])["config"]["digest"]
    for reference in (f"@{config}", f":{config[7:19]}"):
        ran = pushed(workspace, policy, f"docker-archive:s.tar{reference}")
        assert ran.code == errors.EXIT_INPUT
        assert "holds 2 manifests of this image ID, name one: @sha256:" in ran.complaint()
    assert not workspace.published


def test_of_a_sparse_export_the_platform_that_the_hint_names(
    workspace: Workspace, policy: str, store: ImageStore
) -> None:
    """`ctr image export --platform linux/arm64` keeps the index, and leaves out what is not for that."""
    amd, arm = (store.image(LAYERS, architecture=name) for name in ("amd64", "arm64"))
    index = store.index(amd, arm, proof := store.proof(arm))
    saved(workspace, store, ("registry.example/app:1", index), amd=amd, proof=proof)
    ran = pushed(workspace, policy, "s.tar")
    assert ran.code == errors.EXIT_INPUT
    assert "the index is sparse: 2 of its manifests are not there: linux/amd64" in ran.complaint()
    assert ran.hint() == "push a platform that is there: --platform linux/arm64"
    ran = pushed(workspace, policy, "s.tar", "--platform", "linux/arm64")
    assert ran.code == errors.EXIT_OK, ran.err
    assert published(workspace) == arm["digest"]


def test_of_a_platform_whose_layers_docker_has_not(
    workspace: Workspace, policy: str, store: ImageStore
) -> None:
    """`docker save` exports its manifest, and nothing below that."""
    amd, arm = store.image(LAYERS), store.image([tar_layer("arm", b"arm")], architecture="arm64")
    index = store.index(amd, arm)
    files = store.export((f"{HUB}app:1", index))
    for blob in (store.read(arm)["config"], *store.read(arm)["layers"]):
        del files[f"blobs/sha256/{blob['digest'].removeprefix('sha256:')}"]
    write(workspace.path("s.tar"), files)
    ran = pushed(workspace, policy, "docker-archive:s.tar")
    assert ran.code == errors.EXIT_INPUT
    assert "2 blobs are not there" in ran.complaint()
    assert ran.hint() == "push a platform that is there: --platform linux/amd64"
    ran = pushed(workspace, policy, "docker-archive:s.tar", "--platform", "linux/amd64")
    assert ran.code == errors.EXIT_OK, ran.err
    assert published(workspace) == amd["digest"]


def test_an_archive_that_contradicts_itself(workspace: Workspace, policy: str, store: ImageStore) -> None:
    """Docker without containerd's store loads what manifest.json says, with it what index.json says."""
    image, other = store.image(LAYERS), store.image(LAYERS[:1])
    files = store.export((f"{HUB}app:1", image), (f"{HUB}app:2", other))
    first, second = files["manifest.json"]
    first["RepoTags"], second["RepoTags"] = second["RepoTags"], first["RepoTags"]
    write(workspace.path("s.tar"), files)
    ran = pushed(workspace, policy, "docker-archive:s.tar:app:1")
    assert ran.code == errors.EXIT_INPUT
    assert "index.json and manifest.json contradict each other about app:1" in ran.complaint()
    assert not workspace.published


def test_a_short_id_of_podman(workspace: Workspace, policy: str) -> None:
    workspace.write("root.tar", tar_layer("file", b"content"))
    with podman() as engine:
        engine.run("import", str(workspace.path("root.tar")), "app:1")
        identity = engine.run("image", "inspect", "--format", "{{.Id}}", "app:1")
        with engine.service() as host:
            given = workspace.with_variables(DOCKER_HOST=host)
            ran = pushed(given, policy, f"docker-daemon:{identity[:12]}")
            assert ran.code == errors.EXIT_OK, ran.err
            ran = pushed(given, policy, f"docker-daemon:{'0' * 12}")
    assert ran.code == errors.EXIT_INPUT
    assert "the daemon refuses (404)" in ran.complaint()


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        # It begins so: the daemon took it for an ID.
        ("cafe" + "1" * 60, "/images/sha256:cafe" + "1" * 60 + "/get"),
        # It does not: the daemon has an image of that name.
        ("2" * 64, "/images/cafe:latest/get"),
    ],
)
def test_what_could_be_a_name_or_an_id_is_what_the_daemon_says(
    workspace: Workspace, policy: str, store: ImageStore, said: str, asked: str
) -> None:
    archive = saved(workspace, store, (f"{HUB}cafe:latest", store.image(LAYERS))).read_bytes()
    with docker_daemon(workspace.path("docker.sock"), archive) as daemon:
        daemon.inspected = json.dumps({"Id": f"sha256:{said}", "RootFS": {"Layers": []}}).encode()
        ran = pushed(workspace.with_variables(DOCKER_HOST=daemon.host), policy, "docker-daemon:cafe")
    assert daemon.asked == ["/images/cafe/json", asked]
    # Whatever it sends has to be what its ID says.
    assert ran.code == (errors.EXIT_OK if "latest" in asked else errors.EXIT_INPUT), ran.err


SOCI, SPDX = "application/vnd.amazon.soci.index.v2+json", "application/spdx+json"


def with_artifacts(store: ImageStore, image: Value) -> tuple[Value, Value, Value]:
    """An index with a SOCI index, as soci-snapshotter writes it, and an SBOM; and these two."""
    made = {"schemaVersion": 2, "mediaType": OCI_MANIFEST}
    table = store.json(
        {
            **made,
            "artifactType": SOCI,
            "config": store.blob(b"{}", SOCI),
            "layers": [store.blob(b"table", "application/octet-stream")],
        },
        OCI_MANIFEST,
        platform=image["platform"],
        artifactType=SOCI,
        annotations={"com.amazon.soci.image-manifest-digest": image["digest"]},
    )
    bom = store.json(
        {
            **made,
            "artifactType": SPDX,
            "config": store.blob(b"{}", "application/vnd.oci.empty.v1+json"),
            "layers": [store.blob(b'{"spdxVersion": "SPDX-2.3"}', SPDX)],
            "subject": {key: image[key] for key in ("mediaType", "digest", "size")},
        },
        OCI_MANIFEST,
        platform={"os": "unknown", "architecture": "unknown"},
    )
    return store.index(image, table, bom), table, bom


def test_a_soci_index_and_an_sbom_go_along_and_are_told_as_what_they_are(
    workspace: Workspace, policy: str, store: ImageStore
) -> None:
    image = store.image(LAYERS)
    index, table, bom = with_artifacts(store, image)
    saved(workspace, store, (f"{HUB}app:1", index))
    ran = pushed(workspace, policy, "docker-archive:s.tar")
    assert ran.code == errors.EXIT_OK, ran.err
    assert published(workspace) == index["digest"]
    found = workspace.run("gather", "s.tar", TARGET).json["image"]
    assert [each["digest"] for each in found["platforms"]] == [image["digest"]]
    assert found["artifacts"] == [
        {"digest": table["digest"], "artifact_type": SOCI},
        {"digest": bom["digest"], "artifact_type": SPDX, "subject": image["digest"]},
    ]
    # Runtimes may read the layers by that table, which nobody compared.
    assert found["platforms"][0]["lazy_toc"] == "unverified"


def test_an_image_with_artifacts_is_pushed_promoted_and_replayed(
    workspace: Workspace, policy: str, store: ImageStore, any_registry: Registry
) -> None:
    image = store.image(LAYERS)
    index, _, bom = with_artifacts(store, image)
    saved(workspace, store, (f"{HUB}app:1", index))
    first, second = (f"{any_registry.host}/team/{name}:1.0" for name in ("app", "released"))
    for source, target in (("docker-archive:s.tar", first), (f"docker://{first}", second)):
        ran = workspace.push("--policy", policy, image=source, target=target)
        assert ran.code == errors.EXIT_OK, ran.err
        assert workspace.run("audit", "replay", target).code == errors.EXIT_OK
        place = client(any_registry, target.removeprefix(f"{any_registry.host}/").removesuffix(":1.0"))
        named = place.resolve("1.0")
        assert named
        assert str(named.digest) == index["digest"]
        listed = place.referrers(Digest.parse(image["digest"]))
        assert bom["digest"] in {str(entry.digest) for entry in listed}
