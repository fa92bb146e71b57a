"""A part with a token of its job, from the command that writes it to the decision."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from pushpolicy import errors
from pushpolicy.gather.parts import LIST, TOKEN
from tests.certificates import Certificates, make_certificates
from tests.issuer import KID, LocalIssuer, local_issuer
from tests.parts import members
from tests.policies import write_policy
from tests.workspace import IMAGE, Ran, Workspace

WORKFLOW, PINNED = "example/ci/.github/workflows/scan.yml", "8f14e45fceea167a5a36dedd4bea2543a5c1f6b1"
CLAIMS = {
    "repository": "GITHUB_REPOSITORY",
    "repository_id": "GITHUB_REPOSITORY_ID",
    "ref": "GITHUB_REF",
    "sha": "GITHUB_SHA",
    "event_name": "GITHUB_EVENT_NAME",
    "run_id": "GITHUB_RUN_ID",
    "run_attempt": "GITHUB_RUN_ATTEMPT",
}


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    (folder := tmp_path / "pki").mkdir()
    return make_certificates(folder)


@pytest.fixture
def issuer(certificates: Certificates) -> Iterator[LocalIssuer]:
    with local_issuer(certificates) as running:
        yield running


@pytest.fixture
def job(workspace: Workspace, issuer: LocalIssuer) -> Workspace:
    """A job that may ask the issuer for its token."""
    place = workspace.with_variables(GITHUB_REPOSITORY_ID="4711", **issuer.environ())
    issuer.claims = {claim: place.environ[name] for claim, name in CLAIMS.items()}
    issuer.claims |= {"job_workflow_ref": f"{WORKFLOW}@refs/heads/main", "job_workflow_sha": PINNED}
    folder = place.folder.parent / "policy"
    named = {"issuers": {"local": {"issuer": issuer.url, "system": "github-actions"}}}
    jobs = [{"path": WORKFLOW, "at": PINNED, "brings": ["tests"]}]
    settings = json.dumps({"parts_trusted": {"jobs": jobs}})
    write_policy(folder, {}, settings=settings, trust=json.dumps(named))
    return place


def write_part(job: Workspace, certificates: Certificates, *more: str) -> Ran:
    trust = str(job.folder.parent / "policy/trust.yaml")
    given = ("--trust", trust, "--ca-file", str(certificates.authority), "--identity", *more)
    return job.run("gather", "--part", "unit", "-o", "unit.part", *given)


def push(job: Workspace, certificates: Certificates) -> Ran:
    (job.folder / "reports/junit.xml").unlink()
    policies = ("--policy", "pack", "--policy", str(job.folder.parent / "policy"))
    return job.push(*policies, "--part", "unit.part", "--ca-file", str(certificates.authority))


def test_a_part_of_the_job_that_may_bring_it_is_allowed_and_its_token_is_gone(
    job: Workspace, issuer: LocalIssuer, certificates: Certificates
) -> None:
    ran = write_part(job, certificates)
    assert ran.code == errors.EXIT_OK, ran.err
    content = members(job.folder / "unit.part")
    assert (next(iter(content)), next(reversed(content))) == (LIST, TOKEN)
    token = content[TOKEN].decode()
    ran = push(job, certificates)
    assert ran.code == errors.EXIT_OK, ran.out + ran.err
    assert f"part:           unit: verified: a token of {issuer.url}, key {KID}, until 2" in ran.out
    # One token for the part and one for the push, whose audience is another; the keys once.
    assert issuer.asked.count("/request") == 2
    assert issuer.asked.count("/keys") == 1
    stored = [path.read_bytes() for path in (job.folder / "registry").rglob("*") if path.is_file()]
    for secret in (token, token.rpartition(".")[2]):
        assert secret not in ran.out + ran.err
        assert not any(secret.encode() in each for each in stored)
    assert any(b"pushpolicy-part:sha256:" in each for each in stored)


def test_a_part_without_a_token_is_denied_where_the_policy_names_who_brings_it(
    job: Workspace, certificates: Certificates
) -> None:
    assert job.run("gather", "--part", "unit", "-o", "unit.part").code == errors.EXIT_OK
    ran = push(job, certificates)
    assert ran.code == errors.EXIT_DENIED
    assert "part:           unit: asserted: it carries no identity token of its job\n" in ran.out
    assert not job.published


def test_a_job_without_permission_is_told_what_it_lacks(job: Workspace, certificates: Certificates) -> None:
    place = job.with_variables(ACTIONS_ID_TOKEN_REQUEST_URL="")
    ran = write_part(place, certificates)
    assert ran.code == errors.EXIT_USAGE
    assert "cannot ask for a token" in ran.complaint()
    assert "id-token: write" in ran.hint()
    assert not (place.folder / "unit.part").exists()


def test_an_issuer_that_nobody_trusts_is_not_asked(job: Workspace, issuer: LocalIssuer) -> None:
    ran = job.run("gather", "--part", "unit", "-o", "unit.part", "--identity")
    assert ran.code == errors.EXIT_INPUT
    assert issuer.asked == []


def test_an_identity_is_of_a_part(job: Workspace) -> None:
    ran = job.run("gather", IMAGE, "oci:registry:1.0.0", "--identity")
    assert ran.code == errors.EXIT_USAGE
    assert "--identity is of a part" in ran.complaint()
