"""What a person reads of a job's identity: in a decision, in `doctor`, and where something is wrong."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pytest

from pushpolicy import errors
from tests.attacks.ci_system import JOBS
from tests.attacks.table import changed
from tests.certificates import Certificates, make_certificates
from tests.fake_registry import Answered
from tests.issuer import FLAVOR, KID, METADATA_PATH, LocalIssuer, local_issuer, metadata_server
from tests.policies import write_policy
from tests.workspace import IMAGE, TARGET, Ran, Workspace

REQUIRED = "identity_verified: {required: true}"
MACHINE = {"google.compute_engine.project_id": "shop", "google.compute_engine.instance_id": "7"}


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("issuer"))


@dataclass(frozen=True)
class Site:
    """A job of GitHub's kind, and its issuer."""

    place: Workspace
    issuer: LocalIssuer
    authority: Path

    def options(self, trust: str | None = None, settings: str = REQUIRED) -> list[str]:
        own = f"issuers: {{local: {{issuer: '{self.issuer.url}', system: github-actions}}}}\n"
        write_policy(self.place.folder.parent / "policy", {}, settings=settings, trust=trust or own)
        return ["--policy", "pack", "--policy", "../policy", "--ca-file", str(self.authority)]

    def check(self, trust: str | None = None, settings: str = REQUIRED, **variables: str) -> Ran:
        return self.place.with_variables(**variables).run(
            "check", IMAGE, TARGET, *self.options(trust, settings)
        )


@pytest.fixture
def site(workspace: Workspace, certificates: Certificates) -> Iterator[Site]:
    environ = workspace.environ
    with local_issuer(certificates) as issuer:
        issuer.claims.update(
            repository=environ["GITHUB_REPOSITORY"],
            repository_id="4711",
            ref=environ["GITHUB_REF"],
            ref_type="branch",
            sha=environ["GITHUB_SHA"],
            event_name=environ["GITHUB_EVENT_NAME"],
            run_id=environ["GITHUB_RUN_ID"],
        )
        assert certificates.authority
        yield Site(workspace.with_variables(**issuer.environ()), issuer, certificates.authority)


def test_a_decision_and_doctor_say_who_vouches_for_the_run(site: Site) -> None:
    ran = site.check()
    assert ran.code == errors.EXIT_OK
    lines = ran.out.splitlines()
    (number,) = (number for number, line in enumerate(lines) if line.startswith("identity:"))
    vouched = f"verified: a token of {site.issuer.url}, key {KID}, until "
    assert lines[number].startswith(f"identity:       {vouched}")
    assert lines[number + 1].strip().startswith("verified: repository, repository_id, ref, ")
    assert lines[number + 2].strip().startswith("asserted: provider, ")
    assert lines[number + 3].startswith("evidence: ")
    doctor = site.place.run("doctor", *site.options())
    assert doctor.code == errors.EXIT_OK
    assert f"identity {vouched}" in doctor.out
    commit = site.place.environ["GITHUB_SHA"]
    assert f"commit: {commit} (verified, by GITHUB_SHA, the token's sha)\n" in doctor.out
    assert "job: publish (asserted, by GITHUB_JOB)\n" in doctor.out
    assert "identity.claims.sub: a job (verified, by the token's sub)\n" in doctor.out


def test_evaluate_says_the_same_of_a_document(site: Site) -> None:
    document = site.place.run("gather", IMAGE, TARGET, *site.options()[4:], "-o", "evidence.json")
    assert document.code == errors.EXIT_OK, document.err
    said = site.place.run("evaluate", "evidence.json").out
    assert "identity:       asserted: " in said


def test_without_a_token_it_is_one_line(site: Site) -> None:
    ran = site.check(settings="{}", **NO_REQUEST)
    assert ran.code == errors.EXIT_OK
    lines = ran.out.splitlines()
    (number,) = (number for number, line in enumerate(lines) if line.startswith("identity:"))
    assert lines[number].startswith("identity:       asserted: the job has no identity token")
    assert lines[number + 1].startswith("evidence:")


def test_a_token_that_does_not_say_what_the_run_is_of_is_not_called_verified(site: Site) -> None:
    site.issuer.claims["run_id"] = None
    ran = site.check()
    assert ran.code == errors.EXIT_DENIED
    assert f"identity:       asserted: a token of {site.issuer.url}, " in ran.out
    assert "verified: a token" not in ran.out


class Wrong(NamedTuple):
    """What is wrong, and the words that say what and what to do."""

    what: Callable[[Site], Ran]
    words: tuple[str, ...]
    code: int = errors.EXIT_DENIED


def _handed_over(audience: str = "pushpolicy", age: int = 0) -> Callable[[Site], Ran]:
    def run(site: Site) -> Ran:
        at = int(time.time()) - age
        token = site.issuer.token(audience, iat=at, nbf=at, exp=at + 600)
        return site.check(PUSHPOLICY_ID_TOKEN=token, **NO_REQUEST)

    return run


def _answering(path: str, status: int) -> Callable[[Site], Ran]:
    def run(site: Site) -> Ran:
        site.issuer.answers[path] = lambda: Answered(status=status)
        return site.check()

    return run


def _trusting(trust: str) -> Callable[[Site], Ran]:
    return lambda site: site.check(trust.replace("ISSUER", site.issuer.url))


NO_REQUEST = {"ACTIONS_ID_TOKEN_REQUEST_URL": "", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": ""}
WRONG = {
    "another audience": Wrong(
        _handed_over("other"), ("the token is for other, not for pushpolicy", "for the audience pushpolicy")
    ),
    "an expired token": Wrong(
        _handed_over(age=1000), ("the token expired ", "make it in the job that pushes, just before")
    ),
    "a token that may be another job's": Wrong(_handed_over(), ("another job may have left the token",)),
    "no permission": Wrong(_answering("/request", 403), ("403 Forbidden; let the job have `permissions:",)),
    "an issuer that fails": Wrong(
        _answering("/keys", 404), ("fetching the keys of ", "404", "can name a file with its keys (jwks)")
    ),
    "an issuer that is not trusted": Wrong(
        _trusting("issuers: {a: {issuer: 'https://ci.example', system: github-actions}}"),
        ("of no trusted issuer", "trusts https://ci.example; name another under `issuers` of its trust.yaml"),
    ),
    "an issuer without its system": Wrong(
        _trusting("issuers: {a: {issuer: 'ISSUER'}}"), ("does not say ref, event, ", "nothing of the run is")
    ),
    "an unknown system": Wrong(
        _trusting("issuers: {a: {issuer: 'ISSUER', system: github}}"), ("github", "schema trust"), 30
    ),
    "another CI system": Wrong(
        _trusting("issuers: {a: {issuer: 'ISSUER', system: gitlab-ci}}"), ("says gitlab-ci",)
    ),
    "http": Wrong(_trusting("issuers: {a: {issuer: 'http://ci.example'}}"), ("no https address",), 30),
    "a field that is not there": Wrong(_trusting("issuer: {}"), ("trust.yaml", "`issuer`"), 30),
    "keys that are not there": Wrong(
        _trusting("issuers: {a: {issuer: 'ISSUER', jwks: keys.jwks}}"),
        ("trust.yaml: issuers.a: there is no file", "save the answer of its jwks_uri there"),
        30,
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_said_with_its_remedy(site: Site, name: str) -> None:
    wrong = WRONG[name]
    ran = wrong.what(site)
    assert ran.code == wrong.code, ran.out + ran.err
    said = ran.out + ran.err
    assert [words for words in wrong.words if words not in said] == [], said
    assert "verified: a token" not in said


@pytest.fixture
def build(site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """The same in a job of Google Cloud Build, whose metadata server gives the issuer's tokens."""
    machine = {"compute_engine": {"project_id": "shop", "instance_id": "7", "zone": "z"}}
    site.issuer.claims = {"sub": "107", "azp": "107", "email": "publish@shop", "google": machine}
    with metadata_server(site.issuer) as address:
        monkeypatch.setattr("pushpolicy.cli.identity.METADATA", address)
        job = changed(site.place, JOBS["cloud-build"]).with_variables(**NO_REQUEST)
        yield Site(job, site.issuer, site.authority)


def of_google(site: Site) -> str:
    return f"issuers: {{local: {{issuer: '{site.issuer.url}', system: cloud-build}}}}\n"


def test_a_build_is_allowed_by_its_service_account_and_nothing_of_the_run_is_proven(build: Site) -> None:
    named = f"identity_verified: {{service_accounts: [{{issuer: '{build.issuer.url}', id: '107'}}]}}"
    ran = build.check(of_google(build), named)
    assert ran.code == errors.EXIT_OK, ran.out
    assert f"identity:       asserted: a token of {build.issuer.url}, " in ran.out
    assert "nothing of the run is proven" in ran.out
    assert "verified: " not in ran.out
    assert build.check(of_google(build), named.replace("107", "108")).code == errors.EXIT_DENIED
    doctor = build.place.run("doctor", *build.options(of_google(build), named))
    for name, value in {"sub": "107", "email": "publish@shop", **MACHINE}.items():
        assert f"identity.claims.{name}: {value} (verified, by the token's {name})\n" in doctor.out
    assert "commit: " in doctor.out
    assert "google.compute_engine.zone" not in doctor.out


def test_a_build_says_why_it_has_no_token(build: Site) -> None:
    build.issuer.answers[METADATA_PATH] = lambda: Answered(status=403, headers=FLAVOR)
    ran = build.check(of_google(build))
    assert ran.code == errors.EXIT_DENIED
    assert "asking Google's metadata server for an identity token: the server answered 403" in ran.out
    assert "roles/iam.serviceAccountOpenIdTokenCreator" in ran.out


@pytest.mark.parametrize("where", ["elsewhere", "untrusted", "two systems"])
def test_the_metadata_server_is_asked_in_a_build_alone_and_for_a_trusted_issuer(
    build: Site, where: str
) -> None:
    mark = {"elsewhere": {"BUILDER_OUTPUT": ""}, "two systems": {"BUILDKITE": "true"}}.get(where, {})
    trust = "issuers: {a: {issuer: 'https://ci.example', system: gitlab-ci}}"
    ran = build.check(trust if where == "untrusted" else of_google(build), "{}", **mark)
    assert ran.code in (errors.EXIT_OK, errors.EXIT_DENIED)
    assert build.issuer.asked == []
