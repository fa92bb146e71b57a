"""`--also`: one image in several repositories and registries, all or none, each with its own record."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pushpolicy import errors, pipeline
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest
from pushpolicy.model.manifest import OCI_INDEX, Manifest
from pushpolicy.push import send
from pushpolicy.registry.admitted import Admitted, admit
from pushpolicy.registry.interface import OpenBlob
from tests.clients import client
from tests.docker_archives import LAYERS, old_style, write
from tests.fake_registry import Answered, Asked, fake_registry
from tests.policies import rule, write_policy
from tests.registries import PASSWORD, USERNAME, Registry, distribution_registry
from tests.workspace import TARGET, Ran, Workspace

ALWAYS = 'deny contains {"at": {"id": "never"}, "msg": "never"} if input.image.size == 1'
NOT_B = 'deny contains {"at": {"id": "b"}, "msg": "not there"} if endswith(input.target.repository, "b")'


@pytest.fixture
def policy(workspace: Workspace) -> str:
    """A policy that has nothing against any of it."""
    return str(write_policy(workspace.folder.parent / "policy", {"fine": rule("fine", ALWAYS)}))


@pytest.fixture
def second(tmp_path: Path) -> Iterator[Registry]:
    """Another registry, which asks for a password."""
    with distribution_registry(tmp_path / "second", auth="basic") as registry:
        yield registry


def pushed(place: Workspace, policy: str, target: str, *also: str, image: str = "oci:image") -> Ran:
    options = [word for each in also for word in ("--also", each)]
    return place.push("--policy", policy, *options, image=image, target=target)


def logged_in(place: Workspace, registry: Registry) -> None:
    """What `docker login` leaves."""
    auth = base64.b64encode(f"{USERNAME}:{PASSWORD}".encode()).decode()
    config = Path(place.environ["HOME"], ".docker", "config.json")
    config.parent.mkdir()
    config.write_text(json.dumps({"auths": {registry.host: {"auth": auth}}}))


def shown(place: Workspace, reference: str) -> dict[str, Any]:
    """The record of a tag, whose decision is about that tag."""
    ran = place.run("audit", "show", reference, "--format", "json")
    assert ran.code == errors.EXIT_OK, ran.err
    return ran.json


def test_two_registries_and_a_folder(
    workspace: Workspace, policy: str, any_registry: Registry, second: Registry
) -> None:
    logged_in(workspace, second)
    targets = [f"{any_registry.host}/team/app:1.0", f"{second.host}/mirror/app:stable", TARGET]
    ran = workspace.push(
        "--policy", policy, "--format", "json", "--tag", "1", *also(*targets[1:]), target=targets[0]
    )
    assert ran.code == errors.EXIT_OK, ran.err
    assert ran.json["schema"] == "pushpolicy.push-all/v1"
    published = [each["published"] for each in ran.json["images"]]
    assert [each["tags"] for each in published] == [["1.0", "1"], ["stable"], ["1.0.0"]]
    assert len({each["digest"] for each in published}) == 1
    assert len({each["record"] for each in published}) == 3
    sources = [shown(workspace, target)["evidence"]["credentials"]["source"] for target in targets[:2]]
    assert sources == ["anonymous", "file"]
    assert shown(workspace, TARGET)
    assert ran.err.count("read reports/junit.xml") == 1


def also(*targets: str) -> list[str]:
    """The options."""
    return [word for target in targets for word in ("--also", target)]


def test_a_denial_for_one_target_stops_all(workspace: Workspace, any_registry: Registry) -> None:
    policy = str(write_policy(workspace.folder.parent / "policy", {"b": rule("b", NOT_B)}))
    ran = pushed(workspace, policy, TARGET, f"{any_registry.host}/team/b:1.0")
    assert ran.code == errors.EXIT_DENIED
    assert f"ALLOW {TARGET}" in ran.out
    assert f"DENY {any_registry.host}/team/b:1.0" in ran.out
    assert "nothing was pushed: 1 of 2 are denied" in ran.out
    assert not workspace.published
    assert any_registry.writes() == []


def test_a_check_judges_each_and_writes_nothing(workspace: Workspace) -> None:
    policy = str(write_policy(workspace.folder.parent / "policy", {"b": rule("b", NOT_B)}))
    for target, code in {"oci:other": errors.EXIT_OK, "oci:b": errors.EXIT_DENIED}.items():
        ran = workspace.run("check", "oci:image", TARGET, "--also", f"{target}:1", "--policy", policy)
        assert ran.code == code, ran.err
        assert ran.out.count("@sha256:") == 2
    assert not workspace.published


@pytest.mark.parametrize(
    ("target", "more"),
    [
        (TARGET, TARGET),
        (TARGET, "oci:./registry:2.0"),
        ("registry.example/app:1", "REGISTRY.example/app:2"),
        ("docker.io/library/app:1", "docker.io/app:1"),
    ],
)
def test_one_repository_twice(workspace: Workspace, policy: str, target: str, more: str) -> None:
    ran = pushed(workspace, policy, target, more)
    assert ran.code == errors.EXIT_USAGE
    assert "is a target already" in ran.complaint()
    assert "--tag" in ran.hint()
    assert not workspace.published


def test_it_goes_with_one_image_only(workspace: Workspace) -> None:
    ran = workspace.run("push", "--all", "--also", TARGET)
    assert ran.code == errors.EXIT_USAGE
    assert workspace.push("--also", "app:1").code == errors.EXIT_USAGE


def refusing(method: str, part: str) -> Iterator[str]:
    """The host of a registry that refuses some requests, and is empty for all others."""

    def answer(asked: Asked) -> Answered:
        if asked.method == method and part in asked.path:
            return Answered(status=403, body=b'{"errors":[{"code":"DENIED"}]}')
        if asked.method in ("GET", "HEAD"):
            return Answered(status=404 if asked.path != "/v2/" else 200)
        return Answered(status=202, headers={"Location": f"{asked.path}/1"})

    with fake_registry(answer) as registry:
        yield registry.host


def test_a_registry_that_takes_no_content_leaves_all_untagged(
    workspace: Workspace, policy: str, any_registry: Registry
) -> None:
    for host in refusing("POST", "/blobs/uploads"):
        place = f"{any_registry.host}/team/app:1.0"
        for targets in ((place, f"{host}/app:1"), (f"{host}/app:1", place)):
            ran = pushed(workspace, policy, *targets)
            assert ran.code == errors.EXIT_PUSH, ran.err
            assert host in ran.complaint()
    assert not [w for w in any_registry.writes() if "/manifests/" in w.path]


def test_layers_of_docker_save_are_compressed_once(workspace: Workspace, policy: str) -> None:
    """From standard input, which cannot be read twice."""
    archive = write(workspace.path("image.tar"), old_style())
    words = ["push", "docker-archive:-", TARGET, "--also", "oci:other:1", "--policy", policy]
    process = workspace.start(*words, stdin=subprocess.PIPE)
    _, err = process.communicate(archive.read_bytes(), timeout=60)
    assert process.returncode == errors.EXIT_OK, err
    folders = [workspace.folder / name / "blobs" / "sha256" for name in ("registry", "other")]
    images = [
        {path.name for path in folder.iterdir() if path.stat().st_size > len(LAYERS[1])} for folder in folders
    ]
    assert images[0] & images[1]


def test_what_a_registry_has_is_not_sent_to_its_second_repository(
    workspace: Workspace, policy: str, any_registry: Registry
) -> None:
    ran = pushed(workspace, policy, *(f"{any_registry.host}/team/{name}:1.0" for name in ("one", "other")))
    assert ran.code == errors.EXIT_OK, ran.err
    about = [asked for asked in any_registry.writes() if "/other/blobs/" in asked.path]
    mounted = [asked for asked in about if "mount=" in asked.path and "from=team%2Fone" in asked.path]
    assert {asked.status for asked in mounted} == {201}
    assert len(mounted) == 3, "its config and its layers"


def test_what_all_have_already_is_read_once(
    workspace: Workspace, policy: str, olareg: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    targets = (f"{olareg.host}/team/app:1.0", TARGET)
    assert pushed(workspace, policy, *targets).code == errors.EXIT_OK
    read = list[Digest]()

    def admitting(blob: Descriptor, content: OpenBlob) -> Admitted:
        read.append(blob.digest)
        return admit(blob, content)

    monkeypatch.setattr(send, "admit", admitting)
    ran = pushed(workspace, policy, *targets)
    assert ran.code == errors.EXIT_OK, ran.err
    index = json.loads((workspace.folder / "image" / "index.json").read_text())
    top = Digest.parse(index["manifests"][0]["digest"])
    manifest = Manifest.parse((workspace.folder / "image/blobs/sha256" / top.hex).read_bytes())
    images = {part.digest for part in (manifest.config, *manifest.layers) if part}
    assert sorted(map(str, images)) == sorted(str(digest) for digest in read if digest in images)


def test_one_password_is_for_one_registry(
    workspace: Workspace, policy: str, any_registry: Registry, second: Registry
) -> None:
    given = workspace.with_variables(PUSHPOLICY_USERNAME=USERNAME, PUSHPOLICY_PASSWORD=PASSWORD)
    ran = pushed(given, policy, f"{any_registry.host}/app:1", f"{second.host}/app:1")
    assert ran.code == errors.EXIT_USAGE
    assert "one password or certificate for two registries" in ran.complaint()
    assert any_registry.writes() == []


def test_a_tag_that_moved_in_one_registry_stops_the_tags_of_all(
    workspace: Workspace, policy: str, olareg: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another push comes between the decision and the tags, in the second registry."""
    place = f"{olareg.host}/team/app:1.0"
    assert pushed(workspace, policy, place).code == errors.EXIT_OK
    other = client(olareg, "team/app")
    before = other.resolve("1.0")
    assert before
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [before.descriptor.to_json()]}
    landing = pipeline._land

    def land(*given: Any) -> Any:
        other.put_manifest(Manifest.parse(json.dumps(index).encode()), "1.0")
        return landing(*given)

    monkeypatch.setattr(pipeline, "_land", land)
    write(workspace.path("image.tar"), old_style())
    ran = pushed(workspace, policy, TARGET, place, image="docker-archive:image.tar")
    assert ran.code == errors.EXIT_INCOMPLETE
    assert "tag 1.0 was moved meanwhile" in ran.complaint()
    assert '"1.0.0"' not in (workspace.folder / "registry" / "index.json").read_text()
