"""`pushpolicy push --key`: what is said of the signature, and what a wrong key does."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from pushpolicy import errors
from pushpolicy.cli.schema import read_schema
from pushpolicy.model.reference import Repository
from pushpolicy.registry.layout.repository import LayoutRepository
from tests.judged import make_statement
from tests.keys import entry, key
from tests.workspace import TARGET, Workspace


def test_the_report_says_who_signed_and_what_others_take_it_for(workspace: Workspace, private: Path) -> None:
    ran = workspace.push(
        "--policy", "pack:tests_passed", "--key", str(private), "--format", "json", "--format", "text=r.txt"
    )
    assert ran.code == errors.EXIT_OK, ran.err
    jsonschema.Draft7Validator(json.loads(read_schema("decision"))).validate(ran.json)
    fingerprint = key().public.fingerprint
    assert ran.json["published"]["signature"] == {"key": fingerprint, "approval": True}
    text = (workspace.folder / "r.txt").read_text()
    assert f"\nsigned:         by the key ({fingerprint[:16]}), as a verification summary" in text


def test_the_key_in_the_variable_signs(workspace: Workspace) -> None:
    variables = {**workspace.environ, "PUSHPOLICY_SIGNING_KEY": key().private_pem().decode()}
    ran = replace(workspace, environ=variables).push("--policy", "pack:tests_passed")
    assert ran.code == errors.EXIT_OK, ran.err
    assert f"({key().public.fingerprint[:16]}), as a verification summary" in ran.out


def test_a_key_that_trust_yaml_lists_is_called_by_its_name(workspace: Workspace, private: Path) -> None:
    trust = trust_file(workspace, {"release": entry()})
    ran = workspace.push("--policy", "pack:tests_passed", "--trust", trust, "--key", str(private))
    assert ran.code == errors.EXIT_OK, ran.err
    assert "\nsigned:         by release (" in ran.out


def test_without_a_key_it_is_said_that_nothing_signs(workspace: Workspace) -> None:
    ran = workspace.push("--policy", "pack:tests_passed")
    assert "\nsigned:         no; --key FILE signs it" in ran.out
    assert ran.code == errors.EXIT_OK


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "No such file or directory"),
        ("hello", "is not a key in PEM"),
        (key().public.pem, "is a public key, where the private one belongs"),
    ],
)
def test_a_wrong_key_ends_without_a_push(
    workspace: Workspace, private: Path, content: str | None, why: str
) -> None:
    private.unlink() if content is None else private.write_text(content)
    ran = workspace.push("--policy", "pack:tests_passed", "--key", str(private))
    assert ran.code == errors.EXIT_USAGE
    assert why in ran.complaint()
    assert not workspace.published


@pytest.mark.parametrize(
    ("listed", "why"),
    [
        ({"release": entry("other")}, "is none that the trust file lists for decisions: release"),
        ({"ci": entry(role="policy")}, "is ci in the trust file, whose role is policy, not decide"),
        ({"ci": entry(not_after="2026-01-01T00:00:00Z")}, "counted until 2026-01-01T00:00:00Z"),
        (
            {"ci": entry(repositories=["registry.example/prod/*"])},
            "counts for registry.example/prod/*, not for",
        ),
    ],
)
def test_a_key_whose_signature_nobody_would_accept_signs_nothing(
    workspace: Workspace, private: Path, listed: dict[str, object], why: str
) -> None:
    options = (
        "--policy",
        "pack:tests_passed",
        "--trust",
        trust_file(workspace, listed),
        "--key",
        str(private),
    )
    for ran in (workspace.push(*options, "--dry-run"), workspace.push(*options)):
        assert ran.code == errors.EXIT_USAGE
        assert f"the decision cannot be signed: the key ({key().public.fingerprint[:16]}) " in ran.complaint()
        assert why in ran.complaint()
        assert not workspace.published


def test_without_a_key_it_is_said_who_will_not_take_the_record(workspace: Workspace) -> None:
    note = "the record is not signed (--key), and who trusts the keys of this policy (release) will refuse it"
    options = ("--policy", "pack:tests_passed", "--trust")
    elsewhere = {"release": entry(repositories=["registry.example/prod/*"])}
    assert note not in workspace.push(*options, trust_file(workspace, elsewhere)).out
    ran = workspace.push(*options, trust_file(workspace, {"release": entry()}), "--format", "json")
    assert ran.code == errors.EXIT_OK
    ignored, told = ran.json["notes"]
    assert told == note
    assert ignored.endswith("is ignored: it is unsigned")


def test_what_listed_keys_signed_is_chained_and_nothing_else(workspace: Workspace, private: Path) -> None:
    """Whoever can write to the repository, and has no key, neither gets into the chain nor breaks it."""
    trust = trust_file(workspace, {"release": entry()})
    options = ("--policy", "pack:tests_passed", "--trust", trust, "--format", "json")
    first = workspace.push(*options, "--key", str(private)).json
    assert first["chain"] == {"1.0.0": {"sequence": 1}}
    unsigned = workspace.push(*options).json["published"]["record"]
    last = workspace.push(*options, "--key", str(private)).json
    before = first["published"]["record"]
    assert last["chain"] == {"1.0.0": {"sequence": 2, "previous": before}}
    assert f"record {unsigned} is ignored: it is unsigned" in last["notes"]
    shown = workspace.run("audit", "show", f"{TARGET}", "--format", "json").json
    assert shown["decision"]["chain"] == last["chain"]
    assert shown["previous"] == {"1.0.0": before}


def test_what_is_beside_the_image_is_told_before_it_is_sent(workspace: Workspace, private: Path) -> None:
    options = ("--policy", "pack:tests_passed", "--key", str(private))
    digest = workspace.push(*options, "--format", "json").json["published"]["digest"]
    client = LayoutRepository(Repository.parse(f"oci:{workspace.folder / 'registry'}"))
    image = client.resolve("1.0.0")
    assert image
    old = f"{digest.replace(':', '-')}.sig"
    client.put_manifest(image, old)
    for number in range(19):
        artifact = make_statement(image.descriptor, str(number))
        for blob in artifact.blobs:
            client.put_blob(blob.descriptor, blob.open)
        client.put_referrer(artifact.manifest)
    told = (f"what cosign before version 3 signed ({old})", "21 artifacts are attached to the image")
    for ran in (workspace.push(*options, "--dry-run"), workspace.push(*options)):
        assert ran.code == errors.EXIT_OK
        assert all(text in ran.out for text in told)
    assert all(text in ran.err for text in told)
    # Nothing is attached that would hide anything, or is one more of many that are read.
    unsigned = workspace.push(*options[:2])
    assert not any(text in unsigned.out + unsigned.err for text in told)


def trust_file(workspace: Workspace, keys: Mapping[str, object]) -> str:
    """A trust.yaml that lists these keys, beside the checkout."""
    file = workspace.folder.parent / "trust.yaml"
    file.write_text(json.dumps({"keys": keys}))
    return str(file)
