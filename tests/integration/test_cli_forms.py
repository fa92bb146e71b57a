"""`pushpolicy push --statement`: other forms of an approval, signed, beside the decision's own statement."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from pushpolicy import errors
from pushpolicy.cli import environment, options
from pushpolicy.cli.schema import read_schema
from pushpolicy.model.digest import Digest
from pushpolicy.model.reference import Repository
from pushpolicy.records.forms import FORMS
from pushpolicy.records.statement import DECISION_PREDICATE, VSA_PREDICATE
from pushpolicy.registry.layout.repository import LayoutRepository
from pushpolicy.signing import bundle
from tests.approvals import check
from tests.keys import key
from tests.policies import write_policy
from tests.registries import Registry
from tests.sigstore import cosign, nobody_else
from tests.workspace import Workspace, fail_a_test

ALL = [word for form in FORMS for word in ("--statement", form)]


def signed(workspace: Workspace, image: str) -> Mapping[str, list[dict[str, Any]]]:
    """What the key signed about an image, as bundles, by the type of the predicate."""
    client = LayoutRepository(Repository.parse(f"oci:{workspace.folder / 'registry'}"))
    found: dict[str, list[dict[str, Any]]] = {}
    for entry in client.referrers(Digest.parse(image), bundle.TYPE):
        manifest = client.manifest(entry.digest)
        assert manifest
        assert manifest.artifact_type == bundle.TYPE
        envelope = bundle.read(b"".join(client.read_blob(manifest.layers[0])))
        assert envelope.is_signed_by(key().public)
        value = json.loads(envelope.payload)
        assert manifest.annotations[bundle.PREDICATE] == value["predicateType"]
        found.setdefault(value["predicateType"], []).append(value)
    return found


def test_the_options_are_the_forms_that_there_are() -> None:
    assert tuple(FORMS) == options.FORMS


def test_each_form_is_a_bundle_of_its_own(workspace: Workspace, private: Path) -> None:
    given = ("--policy", "pack", "--key", str(private), "--format", "json", "--format", "text=r.txt", *ALL)
    ran = workspace.push(*given, "--statement", "svr")
    assert ran.code == errors.EXIT_OK, ran.err
    jsonschema.Draft7Validator(json.loads(read_schema("decision"))).validate(ran.json)
    published = ran.json["published"]
    forms = ["svr", "test-result", "vulns"]
    assert published["signature"]["forms"] == forms
    assert ran.json["notes"] == ["there is no statement openvex: no waiver of a vulnerability was used"]
    assert "verify it; also as svr, test-result, vulns\n" in (workspace.folder / "r.txt").read_text()
    found = signed(workspace, published["digest"])
    assert found.keys() == {VSA_PREDICATE, *(FORMS[form].predicate_type for form in forms)}
    for form in forms:
        (value,) = found[FORMS[form].predicate_type]
        check(form, value["predicate"])
        (subject,) = value["subject"]
        assert f"sha256:{subject['digest']['sha256']}" == published["digest"]
        assert subject["annotations"][DECISION_PREDICATE]["record"] == published["record"]
    assert found[FORMS["test-result"].predicate_type][0]["predicate"]["result"] == "PASSED"


def test_a_waiver_that_was_used_is_told(workspace: Workspace, private: Path) -> None:
    report = json.loads((workspace.folder / "reports/trivy-sample.json").read_text())
    flaw = {"VulnerabilityID": "CVE-2026-0001", "PkgName": "PyYAML", "InstalledVersion": "6.0.3"}
    purl = {"PkgIdentifier": {"PURL": "pkg:pypi/pyyaml@6.0.3"}}
    report["Results"][0]["Vulnerabilities"] = [{**flaw, **purl, "Severity": "CRITICAL"}]
    workspace.write("reports/trivy-sample.json", json.dumps(report))
    waiver = {"rule": "scan_severity", "id": "CVE-2026-0001", "approver": "ana", "reason": "not reachable"}
    ends = f"{environment.now() + timedelta(days=9):%Y-%m-%dT%H:%M:%SZ}"
    write_policy(
        workspace.folder.parent / "ours", {}, waivers=json.dumps({"waivers": [{**waiver, "expires": ends}]})
    )
    release = ("--key", str(private), "--name", "ours", "--sequence", "1")
    pinned = workspace.run("policy", "push", "../ours", "oci:../policies:prod", *release).out.strip()
    given = ("--policy", "pack", "--policy", pinned, "--key", str(private), "--format", "json")
    ran = workspace.push(*given, "--statement", "openvex", "--statement", "vulns")
    assert ran.code == errors.EXIT_OK, ran.err
    found = signed(workspace, ran.json["published"]["digest"])
    (vex,) = found[FORMS["openvex"].predicate_type]
    check("openvex", vex["predicate"])
    (statement,) = vex["predicate"]["statements"]
    assert (statement["vulnerability"]["name"], statement["status"]) == ("CVE-2026-0001", "affected")
    assert statement["action_statement"] == "not reachable"
    (listed,) = found[FORMS["vulns"].predicate_type][0]["predicate"]["scanner"]["result"]
    assert listed["annotations"][0]["waived"][0]["approver"] == "ana"


def refused(workspace: Workspace, code: int, *given: str) -> str:
    """What a push says that is refused, and leaves nothing behind."""
    ran = workspace.push(*given)
    assert ran.code == code, ran.err
    assert not workspace.published
    assert ran.hint()
    return ran.complaint()


@pytest.mark.parametrize("form", FORMS)
def test_what_is_no_approval_has_none(workspace: Workspace, private: Path, form: str) -> None:
    write_policy(workspace.folder.parent / "ours", {}, settings="scan_severity: {max_high: 3}\n")
    given = ("--policy", "pack", "--policy", "../ours", "--key", str(private), "--statement", form)
    said = refused(workspace, errors.EXIT_USAGE, *given)
    assert said.startswith(f"--statement {form}: the decision is no approval: not anchored (local: only")
    # Nor does a dry run pass that a push would not.
    assert workspace.push(*given, "--dry-run").code == errors.EXIT_USAGE


def test_what_the_evidence_does_not_have_is_not_signed(workspace: Workspace, private: Path) -> None:
    (workspace.folder / "reports/junit.xml").unlink()
    given = ("--policy", "pack:worktree_clean", "--key", str(private), "--statement", "test-result")
    said = refused(workspace, errors.EXIT_INPUT, *given)
    assert said.startswith("--statement test-result: the evidence tests is missing: ")


def test_a_denial_is_answered_as_ever(workspace: Workspace, private: Path) -> None:
    fail_a_test(workspace)
    ran = workspace.push("--policy", "pack", "--key", str(private), *ALL)
    assert (ran.code, workspace.published) == (errors.EXIT_DENIED, False)


def test_without_a_key_there_is_nothing_to_sign_it_with(workspace: Workspace) -> None:
    said = refused(workspace, errors.EXIT_USAGE, "--policy", "pack", "--statement", "svr")
    assert said == "--statement: there is no key to sign it with"


def test_cosign_verifies_each_by_its_type(
    workspace: Workspace, private: Path, olareg: Registry, tmp_path: Path
) -> None:
    (tmp_path / "ci.pub").write_text(key().public.pem)
    words = [word for form in FORMS if form != "openvex" for word in ("--statement", form)]
    target = f"{olareg.host}/team/app:1.0"
    policy = ("--policy", "pack:tests_passed", "--policy", "pack:scan_bound")
    ran = workspace.push(*policy, "--key", str(private), *words, target=target)
    assert ran.code == errors.EXIT_OK, ran.err
    with nobody_else() as proxy:
        peer = cosign(tmp_path, proxy)
        given = ("verify-attestation", "--key", "ci.pub", "--insecure-ignore-tlog", target, "--type")
        for form in ("svr", "test-result", "vulns"):
            (line,) = peer.run(*given, FORMS[form].predicate_type).splitlines()
            value = json.loads(base64.b64decode(json.loads(line)["payload"]))
            check(form, value["predicate"])
        assert "none of the attestations matched" in peer.refuses(*given, FORMS["openvex"].predicate_type)
        assert proxy.heads == []
