"""What pushpolicy signs, before the tools of others, and what cosign signs, before pushpolicy."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from pushpolicy.model.decision import Verdict
from pushpolicy.model.digest import Digest
from pushpolicy.model.reference import Target
from pushpolicy.records.format import ARTIFACT_TYPE
from pushpolicy.records.statement import VSA_PREDICATE, Named, statement_of
from pushpolicy.records.statement import signed as signed_as
from pushpolicy.signing import bundle
from pushpolicy.signing.keys import read_public
from pushpolicy.signing.trust import Key
from pushpolicy.signing.verify import IN_TOTO, verify
from tests.builders import Tool, skopeo
from tests.clients import client
from tests.keys import key
from tests.programs import tool
from tests.registries import Registry
from tests.sigstore import VERIFIER, Shelf, allowed, attach, attach_bundle, cosign, nobody_else, sigstorejs
from tests.workspace import Workspace

NO_LOG = "--insecure-ignore-tlog"
# Cosign signs without a transparency log, a timestamp, and a look at what Sigstore's own are.
OFFLINE = ("--yes", "--key=own.key", "--signing-config=config.json", "--trusted-root=root.json")
_CONFIG = '{"mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json"}'
_REVIEW = "https://example.com/review/v1"
_ROOT = '{"mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1"}'
_OF_OLD = (
    "--yes",
    "--key=own.key",
    "--new-bundle-format=false",
    "--use-signing-config=false",
    "--tlog-upload=false",
)


@pytest.fixture
def peer(tmp_path: Path) -> Iterator[Tool]:
    """Cosign with the public keys ci.pub and other.pub; it may ask nobody but the registry."""
    for name in ("ci", "other"):
        (tmp_path / f"{name}.pub").write_text(key(name).public.pem)
    with nobody_else() as proxy:
        yield cosign(tmp_path, proxy)
        assert proxy.heads == []


def shelf_of(registry: Registry, folder: Path) -> Shelf:
    """One image, 1.0, of which nothing is signed."""
    made = Shelf(registry=registry, folder=folder)
    made.put("1.0")
    return made


@pytest.fixture
def shelf(any_registry: Registry, tmp_path: Path) -> Shelf:
    """The same in a registry of each kind in turn."""
    return shelf_of(any_registry, tmp_path)


def attested(peer: Tool, place: str, public: str = "ci", kind: str = VSA_PREDICATE) -> list[dict[str, Any]]:
    """The statements that `cosign verify-attestation` verifies: it prints a line with an envelope each."""
    said = peer.run("verify-attestation", "--key", f"{public}.pub", "--type", kind, NO_LOG, place)
    return [json.loads(base64.b64decode(json.loads(line)["payload"])) for line in said.splitlines()]


def refused(peer: Tool, place: str, public: str = "ci", kind: str = VSA_PREDICATE) -> str:
    """Why it verifies none."""
    return peer.refuses("verify-attestation", "--key", f"{public}.pub", "--type", kind, NO_LOG, place)


def signed(peer: Tool, place: str, public: str = "ci") -> set[str]:
    """The types of what `cosign verify` takes for signatures of the image."""
    said = json.loads(peer.run("verify", "--key", f"{public}.pub", NO_LOG, place))
    return {each["critical"]["type"] for each in said}


def by_cosign(peer: Tool, registry: Registry, image: Digest, options: tuple[str, ...] = OFFLINE) -> None:
    """A signature and an attestation of cosign's about an image of team/app, by a key of its own."""
    peer.run("generate-key-pair", "--output-key-prefix=own")
    (peer.folder / "config.json").write_text(_CONFIG)
    (peer.folder / "root.json").write_text(_ROOT)
    (peer.folder / "predicate.json").write_text('{"reviewed": "yes"}')
    place = f"{registry.host}/team/app@{image}"
    peer.run("sign", *options, place)
    peer.run("attest", *options, f"--type={_REVIEW}", "--predicate=predicate.json", place)


def pushed(workspace: Workspace, registry: Registry, peer: Tool) -> Digest:
    """The image of a push that was allowed by the shipped policies, signed for two tags."""
    secret = peer.folder / "ci.key"
    secret.touch(0o600)
    secret.write_bytes(key().private_pem())
    options = ("--key", str(secret), "--tag", "latest", "--format", "json")
    ran = workspace.push(*options, target=f"{registry.host}/team/app:1.0")
    assert ran.code == 0, ran.err
    return Digest.parse(ran.json["published"]["digest"])


def bundles(registry: Registry, image: Digest) -> list[bytes]:
    """Those that are attached to it."""
    reader = client(registry)
    manifests = [reader.manifest(each.digest) for each in reader.referrers(image, bundle.TYPE)]
    kept = [each for each in manifests if each and each.artifact_type == bundle.TYPE]
    return [b"".join(reader.read_blob(each.layers[0])) for each in kept]


def test_others_verify_what_a_push_signed(workspace: Workspace, any_registry: Registry, peer: Tool) -> None:
    digest = pushed(workspace, any_registry, peer)
    place = f"{any_registry.host}/team/app"
    uris = [f"oci://{place}:1.0", f"oci://{place}:latest"]
    for reference in (f"{place}:latest", f"{place}@{digest}"):
        found = attested(peer, reference)
        assert sorted(each["predicate"]["resourceUri"] for each in found) == uris
        assert {each["predicate"]["verificationResult"] for each in found} == {"PASSED"}
    assert "accepted signatures do not match threshold" in refused(peer, f"{place}:1.0", "other")
    assert f"found: {VSA_PREDICATE}" in refused(peer, f"{place}:1.0", kind="slsaprovenance1")
    javascript, by_javascript = sigstorejs(peer.folder), list[str]()
    for content in bundles(any_registry, digest):
        (peer.folder / "bundle.json").write_bytes(content)
        by_javascript.append(json.loads(javascript.run("bundle.json", "ci.pub"))["predicate"]["resourceUri"])
        assert "key not found" in javascript.refuses("bundle.json", "other.pub")
    assert sorted(by_javascript) == uris


def test_others_go_on_listing_and_copying(workspace: Workspace, any_registry: Registry, peer: Tool) -> None:
    digest = pushed(workspace, any_registry, peer)
    host = any_registry.host
    place = f"{host}/team/app:1.0"

    def run(name: str, *arguments: str) -> str:
        return Tool(argv=(str(tool(name)),), folder=peer.folder).run(*arguments)

    tree = peer.run("tree", place)
    assert tree.count(f"{VSA_PREDICATE} artifacts via OCI referrer") == 2
    types = {ARTIFACT_TYPE, bundle.TYPE}
    listed = json.loads(run("oras", "discover", "--plain-http", "--format", "json", place))
    assert {each["artifactType"] for each in listed["referrers"]} == types
    regctl = ("--host", f"reg={host},tls=disabled", "artifact", "list", "--format", "{{json .}}", place)
    assert {each["artifactType"] for each in json.loads(run("regctl", *regctl))["descriptors"]} == types
    run("crane", "validate", "--insecure", "--remote", place)
    skopeo(peer.folder).run(
        "copy", "--src-tls-verify=false", f"docker://{place}", f"oci:{peer.folder}/copied"
    )
    index = json.loads((peer.folder / "copied/index.json").read_bytes())
    assert [each["digest"] for each in index["manifests"]] == [str(digest)]


def test_what_cosign_signs_and_what_we_sign_lie_side_by_side(shelf: Shelf, peer: Tool) -> None:
    """Whichever came first, both are found; what is signed for one tag does not hide that for another."""
    place = shelf.place("1.0")
    shelf.sign("1.0")
    by_cosign(peer, shelf.registry, shelf.images["1.0"].digest)
    shelf.sign("1.0", resourceUri=f"oci://{shelf.place('later')}")
    uris = [each["predicate"]["resourceUri"] for each in attested(peer, place)]
    assert sorted(uris) == [f"oci://{place}", f"oci://{shelf.place('later')}"]
    (theirs,) = attested(peer, place, "own", _REVIEW)
    assert theirs["predicate"] == {"reviewed": "yes"}
    assert signed(peer, place, "own") == {"https://sigstore.dev/cosign/sign/v1", _REVIEW}
    # To cosign any statement by the key that is asked for is a signature: what this key signs is an approval.
    assert signed(peer, place) == {VSA_PREDICATE}


def test_a_record_is_valid_beside_what_cosign_signed(
    workspace: Workspace, any_registry: Registry, peer: Tool
) -> None:
    """Before another push, which finds the first record, and after it."""
    digest = pushed(workspace, any_registry, peer)
    by_cosign(peer, any_registry, digest)
    assert pushed(workspace, any_registry, peer) == digest
    ran = workspace.run(
        "audit", "verify", f"{any_registry.host}/team/app:1.0", "--trust", f"{peer.folder}/ci.pub"
    )
    assert ran.code == 0, ran.out + ran.err
    assert len(attested(peer, f"{any_registry.host}/team/app:1.0")) == 4


def test_what_cosign_attests_is_read_and_verified(olareg: Registry, peer: Tool) -> None:
    image = shelf_of(olareg, peer.folder).images["1.0"].digest
    by_cosign(peer, olareg, image)
    own = (peer.folder / "own.pub").read_text()
    keys = {"own": Key(key=own, role="vex"), "ci": Key(key=key().public.pem, role="vex")}
    said = []
    for content in bundles(olareg, image):
        found = verify(bundle.read(content), keys, client(olareg).repository, datetime.now(UTC), "vex")
        assert (found.key, found.payload_type) == ("own", IN_TOTO)
        said.append(json.loads(found.payload))
        # A key is named alike.
        assert json.loads(content)["verificationMaterial"]["publicKey"]["hint"] == read_public(own).hint
    subjects = [each["digest"]["sha256"] for statement in said for each in statement["subject"]]
    assert subjects == [image.hex] * 2
    assert {"reviewed": "yes"} in [each.get("predicate") for each in said]


def test_an_edited_statement_is_refused_by_everybody(shelf: Shelf, peer: Tool) -> None:
    """One whose subject was edited to be another image, and the whole one beside that image."""
    content = shelf.sign("1.0")
    whole = json.loads(content)
    payload = base64.b64decode(whole["dsseEnvelope"]["payload"])
    edited = payload.replace(shelf.images["1.0"].digest.hex.encode(), shelf.put("2.0").digest.hex.encode())
    assert edited != payload
    whole["dsseEnvelope"]["payload"] = base64.b64encode(edited).decode()
    write = client(shelf.registry)
    attach_bundle(write, shelf.images["2.0"].descriptor, json.dumps(whole).encode())
    attach_bundle(write, shelf.put("3.0").descriptor, content)
    assert attested(peer, shelf.place("1.0"))
    assert "accepted signatures do not match threshold" in refused(peer, shelf.place("2.0"))
    assert "provided artifact digest does not match" in refused(peer, shelf.place("3.0"))
    (peer.folder / "bundle.json").write_text(json.dumps(whole))
    assert "signature verification failed" in sigstorejs(peer.folder).refuses("bundle.json", "ci.pub")


@pytest.mark.parametrize("verdict", [Verdict.DENY, Verdict.ALLOW])
def test_a_decision_that_is_no_approval_is_none_to_cosign(
    verdict: Verdict, olareg: Registry, peer: Tool
) -> None:
    """Neither as it is, nor as a bundle, which who may write there can make of it: its type is ours."""
    shelf = shelf_of(olareg, peer.folder)
    decision = allowed(Target.parse(shelf.place("1.0")), shelf.images["1.0"].digest)
    decision = replace(decision, verdict=verdict, observed=verdict is Verdict.ALLOW)
    named = Named(record=Digest.of(b"record"), tag="1.0", verifier=VERIFIER, version="0.1.0")
    statement = statement_of(decision, named)
    attach(client(olareg), signed_as(shelf.images["1.0"].descriptor, decision, named, key()))
    assert "no matching attestations: \n" in refused(peer, shelf.place("1.0")) + "\n"
    shelf.attach("1.0", statement.payload_type, statement.payload)
    for kind in (VSA_PREDICATE, statement.predicate_type):
        assert "unsupported media type" in refused(peer, shelf.place("1.0"), kind=kind)
    assert "unsupported media type" in peer.refuses("verify", "--key=ci.pub", NO_LOG, shelf.place("1.0"))


def test_a_bundle_hides_what_cosign_signed_the_old_way(olareg: Registry, peer: Tool) -> None:
    """The first hazard of docs/deploy.md; where a later cosign looks at both, the page has to say so."""
    shelf = shelf_of(olareg, peer.folder)
    by_cosign(peer, olareg, shelf.images["1.0"].digest, _OF_OLD)
    place = shelf.place("1.0")
    assert signed(peer, place, "own") == {"cosign container image signature"}
    shelf.sign("1.0")
    peer.refuses("verify", "--key=own.pub", NO_LOG, place)
    assert attested(peer, place)
