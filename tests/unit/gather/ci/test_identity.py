"""A job's token beside its variables: what it proves, what contradicts it, and what is asserted still."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from pushpolicy.gather.ci import evidence
from pushpolicy.gather.ci.identity import TokenAccess, prove
from pushpolicy.http.settings import Settings
from pushpolicy.identity.issuers import Issuer
from pushpolicy.model.evidence import CiEvidence
from tests.certificates import Certificates, make_certificates
from tests.issuer import LocalIssuer, jwk, local_issuer, rsa_key
from tests.unit.gather.ci.test_github import PUSH, event_file
from tests.unit.gather.samples import COMMIT

GITHUB = PUSH | {"GITHUB_REPOSITORY_ID": "4711", "RUNNER_ENVIRONMENT": "github-hosted"}
GITHUB_CLAIMS = {
    "repository": "o/r",
    "repository_id": "4711",
    "ref": "refs/heads/main",
    "ref_type": "branch",
    "sha": COMMIT,
    "event_name": "push",
    "run_id": "7",
    "run_attempt": "2",
    "actor": "someone",
    "ref_protected": "true",
    "runner_environment": "github-hosted",
    "job_workflow_ref": "o/ci/.github/workflows/p.yml@refs/tags/v1",
    "job_workflow_sha": COMMIT,
    "user_secret": "not kept",
}
GITLAB = {
    "GITLAB_CI": "true",
    "CI_PIPELINE_SOURCE": "push",
    "CI_PROJECT_PATH": "o/r",
    "CI_PROJECT_ID": "4711",
    "CI_COMMIT_BRANCH": "main",
    "CI_COMMIT_SHA": COMMIT,
    "CI_PIPELINE_ID": "7",
    "CI_JOB_ID": "8151",
    "CI_JOB_NAME": "publish",
}
GITLAB_CLAIMS = {
    "project_path": "o/r",
    "project_id": "4711",
    "ref": "main",
    "ref_path": "refs/heads/main",
    "sha": COMMIT,
    "pipeline_source": "push",
    "pipeline_id": "7",
    "job_id": "8151",
    "sub": "project_path:o/r:ref_type:branch:ref:main",
}
PROVEN = {
    *("branch", "commit", "event", "event_raw", "ref", "ref_type"),
    *("repository", "repository_id", "run.id"),
}


class World(NamedTuple):
    issuer: LocalIssuer
    settings: Settings

    def gathered(self, environ: Mapping[str, str], trusted: Issuer | None = None) -> CiEvidence:
        access = TokenAccess(issuers=(trusted or self.issuer.trusted(),), settings=self.settings)
        return evidence(environ, COMMIT, proof=prove(environ, access))

    def github(self, claims: Mapping[str, Any] = {}, environ: Mapping[str, str] = {}) -> CiEvidence:
        self.issuer.claims.update({**GITHUB_CLAIMS, **claims})
        return self.gathered({**GITHUB, **self.issuer.environ(), **environ})

    def gitlab(self, claims: Mapping[str, Any] = {}, environ: Mapping[str, str] = {}) -> CiEvidence:
        value = self.issuer.token(**{**GITLAB_CLAIMS, **claims})
        trusted = self.issuer.trusted(system="gitlab-ci")
        return self.gathered({**GITLAB, "PUSHPOLICY_ID_TOKEN": value, **environ}, trusted)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("issuer"))


@pytest.fixture
def world(certificates: Certificates) -> Iterator[World]:
    settings = Settings(ca_file=certificates.authority, attempts=1, total_timeout=5)
    with local_issuer(certificates) as issuer:
        yield World(issuer, settings)


def trusted(found: CiEvidence, how: str) -> set[str]:
    """The fields that are as sure as this."""
    return {field for field, level in (found.trust or {}).items() if level == how}


def test_what_the_jobs_own_token_says_is_verified(world: World) -> None:
    found = world.github()
    assert (found.status, found.reason) == ("collected", None)
    assert trusted(found, "verified") >= PROVEN | {"ref_protected", "actor", "runner.kind", "run.attempt"}
    assert trusted(found, "asserted") >= {"job", "run", "runner"}
    identity = found.identity
    assert identity is not None
    assert (identity.assurance, identity.whole, identity.reason) == ("verified", True, None)
    assert (identity.issuer, identity.repository_id) == (world.issuer.url, "4711")
    assert identity.key == jwk(rsa_key())
    assert identity.configuration is not None
    assert identity.configuration.ref == "refs/tags/v1"
    assert identity.claims is not None
    assert "user_secret" not in identity.claims
    assert identity.claims["run_id"] == "7"


def test_what_a_token_of_a_variable_says_is_replayable(world: World) -> None:
    found = world.gitlab()
    assert (found.status, found.reason) == ("collected", None)
    assert trusted(found, "replayable") >= PROVEN
    assert not trusted(found, "verified")
    assert found.identity is not None
    assert (found.identity.assurance, found.identity.whole) == ("replayable", True)


@pytest.mark.parametrize(
    ("claims", "field"),
    [
        ({"ref": "refs/heads/other"}, "ref"),
        ({"ref": "refs/tags/v1", "ref_type": "tag"}, "branch"),
        ({"sha": "2" * 40}, "commit"),
        ({"repository": "o/fork"}, "repository"),
        ({"repository_id": "4712"}, "repository_id"),
        ({"event_name": "pull_request"}, "event_raw"),
        ({"event_name": "pull_request_target"}, "event_raw"),
        ({"run_id": "8"}, "run.id"),
        ({"run_attempt": "1"}, "run.attempt"),
        ({"actor": "mallory"}, "actor"),
        ({"ref_protected": "false"}, "ref_protected"),
        ({"runner_environment": "self-hosted"}, "runner.kind"),
    ],
)
def test_a_token_and_variables_that_differ_have_failed(
    world: World, claims: dict[str, str], field: str
) -> None:
    found = world.github(claims)
    assert found.status == "failed"
    assert found.contradictions is not None
    assert any(each.field in (field, "ref") for each in found.contradictions)
    assert any("the token's" in side.source for each in found.contradictions for side in each.sides)


@pytest.mark.parametrize("claims", [{"pipeline_id": "8"}, {"job_id": "1"}, {"project_id": "1"}])
def test_a_token_of_another_job_has_failed(world: World, claims: dict[str, str]) -> None:
    assert world.gitlab(claims).status == "failed"


@pytest.mark.parametrize("lost", ["CI_PIPELINE_ID", "CI_JOB_ID"])
def test_a_token_of_a_variable_that_may_be_another_jobs_is_asserted(world: World, lost: str) -> None:
    found = world.gitlab(environ={lost: "", "CI_JOB_NAME": ""})
    assert found.identity is not None
    assert (found.identity.assurance, found.identity.whole) == ("asserted", False)
    assert "another job" in (found.identity.reason or "")
    assert trusted(found, "replayable") == set()


@pytest.mark.parametrize("lost", ["ref", "sha", "event_name", "repository_id", "run_id"])
def test_half_a_group_proves_nothing_of_the_run(world: World, lost: str) -> None:
    found = world.github({lost: None})
    assert found.status == "collected"
    assert trusted(found, "verified") == set()
    assert found.identity is not None
    assert (found.identity.assurance, found.identity.whole) == ("verified", False)
    assert "does not say" in (found.identity.reason or "")


@pytest.mark.parametrize("event", ["workflow_run", "issue_comment", "discussion"])
def test_the_ref_of_an_untrusted_trigger_is_the_default_branch_and_proves_nothing(
    world: World, event: str, tmp_path: Path
) -> None:
    found = world.github({"event_name": event}, {"GITHUB_EVENT_NAME": event} | event_file(tmp_path, {}))
    assert found.event == "other"
    assert trusted(found, "verified") == set()
    assert found.identity is not None
    assert "default branch" in (found.identity.reason or "")


def test_a_token_that_proves_nothing_says_why_and_everything_is_asserted(world: World) -> None:
    world.issuer.keys.clear()
    found = world.github()
    assert found.status == "collected"
    assert trusted(found, "verified") == set()
    assert found.identity is not None
    assert (found.identity.assurance, found.identity.key) == ("asserted", None)
    assert "is not there" in (found.identity.reason or "")


def test_the_token_of_another_system_is_a_contradiction(world: World) -> None:
    environ = {**PUSH, "PUSHPOLICY_ID_TOKEN": world.issuer.token()}
    found = world.gathered(environ, world.issuer.trusted(system="gitlab-ci"))
    assert found.status == "failed"
    assert found.contradictions is not None
    assert found.contradictions[0].field == "provider"


def test_a_customised_subject_is_not_read(world: World) -> None:
    found = world.github({"sub": "repo:evil/x:ref:refs/heads/evil"})
    assert (found.repository, found.branch) == ("o/r", "main")


def test_claims_of_an_issuer_of_ones_own_are_named_in_trust_yaml(world: World) -> None:
    said = {
        "ref": "refs/heads/main",
        "commit": COMMIT,
        "event_raw": "push",
        "run.id": "7",
        "repository_id": "4711",
        "job": "publish",
    }
    value = world.issuer.token(**{f"my-{field}": text for field, text in said.items()})
    own = world.issuer.trusted(system=None, claims={field: f"my-{field}" for field in said})
    found = world.gathered({**GITHUB, "PUSHPOLICY_ID_TOKEN": value}, own)
    assert trusted(found, "replayable") >= {*said, "branch", "event"}


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({"my": {"job": "publish"}}, "publish"),
        ({"my": {"job": "other"}, "my.job": "publish"}, "publish"),
        ({"my.job": "publish", "my": {"job": "other"}}, "publish"),
        ({"my": {"job": ["publish"]}}, None),
        ({"my": "publish"}, None),
    ],
)
def test_a_claim_in_an_object_is_named_by_its_path_and_stands_for_no_other(
    world: World, claims: dict[str, Any], expected: str | None
) -> None:
    value = world.issuer.token(**claims)
    own = world.issuer.trusted(system=None, claims={"job": "my.job"})
    found = world.gathered({**GITHUB, "PUSHPOLICY_ID_TOKEN": value}, own)
    assert found.identity is not None
    assert found.identity.claims is not None
    assert found.identity.claims.get("my.job") == expected


def test_without_a_token_or_anybody_who_asks_nothing_changes() -> None:
    assert prove(GITHUB, TokenAccess(issuers=(), settings=Settings())) is None
    assert prove({"PUSHPOLICY_ID_TOKEN": "x"}, None) is None
    assert evidence(GITHUB, COMMIT).identity is None
