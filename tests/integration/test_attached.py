"""What is attached to an image at its source decides about it: provenance of a builder, by a listed key."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from pushpolicy import errors
from pushpolicy.engines import LocalOpa
from pushpolicy.images import open_image
from pushpolicy.model.digest import Digest
from pushpolicy.model.manifest import Manifest
from pushpolicy.model.reference import Repository
from pushpolicy.pipeline import check
from pushpolicy.registry import Access, RepositoryClient, open_repository
from pushpolicy.signing.keys import SigningKey
from tests.clients import client
from tests.integration.test_push_promotion import promotion
from tests.jobs import Job
from tests.keys import entry, key
from tests.layouts import LayoutMaker, push
from tests.policies import rule, write_policy
from tests.registries import Registry
from tests.unit.gather.test_attached import (
    BUILDER,
    bundled,
    listed,
    provenance,
    refer,
    signature,
    simple,
    tag,
)
from tests.workspace import IMAGE, TARGET, Ran, Workspace

SETTINGS = f"builder_allowed: {{builders: [{{id: '{BUILDER}', keys: [builder]}}]}}"
UNVERIFIED = """deny contains {"at": {"id": $"{each.place}"}, "msg": $"{each.kind} {each.unverified}"} if {
	some each in input.image.attached
	not each.verified == true
}"""


def attach(client: RepositoryClient, folder: Path, image: Manifest, signer: str) -> None:
    """What `cosign attest` would attach: provenance in a bundle, signed by this key of the tests."""
    maker = LayoutMaker(folder)
    refer(maker, image, bundled(provenance(image), signer))
    push(client, maker, _only(maker))


def _only(maker: LayoutMaker) -> Manifest:
    (found,) = maker.entries
    return Manifest.parse(maker.path(Digest.parse(str(found["digest"]))).read_bytes())


def judge(workspace: Workspace, *, lists: str) -> Ran:
    trust = json.dumps({"keys": {"builder": entry(lists, "provenance", repositories=["oci/**"])}})
    write_policy(workspace.folder.parent / "policy", {}, settings=SETTINGS, trust=trust)
    return workspace.run(
        "check",
        IMAGE,
        TARGET,
        "--policy",
        "pack:builder_allowed",
        "--policy",
        "../policy",
        "--format",
        "json",
    )


def test_a_layout_with_what_a_builder_signed(workspace: Workspace, tmp_path: Path) -> None:
    layout = open_repository(Repository.parse(f"oci:{workspace.folder / 'image'}"), Access())
    with open_image(f"oci:{workspace.folder / 'image'}") as image:
        attach(layout, tmp_path / "attached", image.top, "builder")
    assert judge(workspace, lists="builder").code == errors.EXIT_OK
    denied = judge(workspace, lists="other")
    assert denied.code == errors.EXIT_DENIED
    assert "unverified: it is signed by no listed key (builder)" in denied.out
    assert BUILDER in denied.out


@pytest.fixture
def job(tmp_path: Path, opa: Path) -> Job:
    return Job(folder=tmp_path, engine=LocalOpa(opa))


def test_an_image_in_a_registry_with_what_others_attached(
    job: Job, tmp_path: Path, any_registry: Registry
) -> None:
    source, target = client(any_registry, "dev/app"), client(any_registry, "prod/app")
    maker = LayoutMaker(tmp_path / "built")
    image = push(source, maker, maker.image(), "v1")
    request = promotion(job, source, ":v1", target, policy=job.policy({"known": rule("known", UNVERIFIED)}))
    trusting = replace(request, job=replace(request.job, keys=listed(ci=entry("builder", "provenance"))))
    assert check(trusting).evidence.value["image"]["attached"] == []

    attach(source, tmp_path / "attached", image, "builder")
    content = simple(image)
    _sign(source, tmp_path / "signed", image, content, key("builder"))
    allowed = check(trusting)
    assert [each["verified_by"] for each in allowed.evidence.value["image"]["attached"]] == ["ci", "ci"]
    (build,) = allowed.evidence.value["provenance"]["items"]
    assert (build["builder"], build["verified_by"]) == (BUILDER, "ci")
    assert allowed.decision.allowed
    denied = check(request)
    assert {each.msg for each in denied.decision.violations} == {
        "statement trust.yaml lists no key of the role provenance",
        "signature trust.yaml lists no key of the role provenance",
    }


def _sign(
    client: RepositoryClient, folder: Path, image: Manifest, content: bytes, signer: SigningKey
) -> None:
    """What `cosign sign --new-bundle-format=false` would."""
    maker = LayoutMaker(folder)
    tag(maker, image, "sig", signature(maker, content, signer.sign(content)))
    push(client, maker, _only(maker), f"sha256-{image.digest.hex}.sig")
