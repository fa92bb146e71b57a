"""`pushpolicy push --key`: what is said of the signature, and what a wrong key does."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from pushpolicy import errors
from pushpolicy.cli.schema import read_schema
from tests.keys import entry, key
from tests.workspace import Workspace


@pytest.fixture
def private(workspace: Workspace) -> Path:
    """The file of a key, beside the checkout."""
    folder = workspace.folder.parent / "keys"
    folder.mkdir(mode=0o700)
    file = folder / "ci.key"
    file.write_bytes(key().private_pem())
    file.chmod(0o600)
    return file


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
    trust = workspace.folder.parent / "trust.yaml"
    trust.write_text(json.dumps({"keys": {"release": entry()}}))
    ran = workspace.push("--policy", "pack:tests_passed", "--trust", str(trust), "--key", str(private))
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
