"""A denial that somebody copies onto an image is no approval, to cosign or to audit."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from pushpolicy.model.digest import Digest
from pushpolicy.records.format import ARTIFACT_TYPE, STATEMENT_TYPE
from pushpolicy.records.statement import DECISION_PREDICATE, VSA_PREDICATE
from tests.builders import Tool
from tests.clients import client
from tests.keys import entry, key
from tests.programs import tool
from tests.registries import Registry
from tests.sigstore import cosign, nobody_else
from tests.workspace import Workspace, fail_a_test


@pytest.fixture
def peer(tmp_path: Path) -> Iterator[Tool]:
    (tmp_path / "ci.pub").write_text(key().public.pem)
    with nobody_else() as proxy:
        yield cosign(tmp_path, proxy)


def copied(registry: Registry, source: str) -> None:
    """By oras, as whoever can write to the repository would do it."""
    names = (f"{registry.host}/audit/denials:{source}", f"{registry.host}/team/app:{source}")
    subprocess.run(
        [tool("oras"), "copy", "--from-plain-http", "--to-plain-http", *names],
        check=True,
        capture_output=True,
    )


def test_it_is_taken_for_no_approval(
    workspace: Workspace, any_registry: Registry, peer: Tool, tmp_path: Path
) -> None:
    place = workspace.with_variables(PUSHPOLICY_SIGNING_KEY=key().private_pem().decode())
    target, policy = f"{any_registry.host}/team/app:1.0", ("--policy", "pack:tests_passed")
    # It is in the repository by the word of nobody: what was pushed was not signed.
    pushed = workspace.push(*policy, "--format", "json", target=target)
    image = Digest.parse(pushed.json["published"]["digest"])
    fail_a_test(place)
    options = ("--denials", f"{any_registry.host}/audit/denials", "--format", "json")
    denied = place.push(*policy, *options, target=target)
    assert denied.code == 10, denied.err
    tag = denied.json["denial"]["tag"]
    for name in (tag, f"{tag}.1"):
        copied(any_registry, name)
    beside = {each.artifact_type for each in client(any_registry).referrers(image)}
    assert {ARTIFACT_TYPE, STATEMENT_TYPE} <= beside
    for kind in (VSA_PREDICATE, DECISION_PREDICATE, "custom"):
        reference = f"{any_registry.host}/team/app@{image}"
        said = peer.refuses(
            "verify-attestation", "--key", "ci.pub", "--type", kind, "--insecure-ignore-tlog", reference
        )
        assert "no matching attestations" in said or "no attestations" in said.lower(), said
    trust = tmp_path / "trust.yaml"
    trust.write_text(json.dumps({"keys": {"ci": entry()}}))
    verified = place.run("audit", "verify", target, "--trust", str(trust))
    assert verified.code == 51
    assert verified.out.startswith("NOT VALID: result: the verdict is DENY (tests_passed)\n")
    for given in (["--trust", str(trust)], []):
        shown = place.run("audit", "show", target, *given)
        assert shown.out.startswith(f"DENY {target}@{image}: "), given
