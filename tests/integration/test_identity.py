"""A push that has to be of a verified job, from trust.yaml to the decision: a real issuer, and real OPA."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from pushpolicy import gather
from pushpolicy.engines import LocalOpa, find_engine
from pushpolicy.errors import PolicyError
from pushpolicy.evaluate import PolicySet, load_policy
from pushpolicy.gather.ci.identity import TokenAccess
from pushpolicy.http.settings import Settings
from pushpolicy.model.reference import Target
from pushpolicy.pipeline import Outcome, PushRequest, admit_all
from pushpolicy.registry import Access, open_repository
from tests.certificates import Certificates, make_certificates
from tests.issuer import LocalIssuer, jwk, local_issuer, rsa_key
from tests.jobs import AT, GOOD
from tests.jobs import RULES as RULES_OF_JOBS
from tests.layouts import LayoutMaker
from tests.policies import write_policy
from tests.unit.gather.ci.test_identity import GITHUB, GITHUB_CLAIMS


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("issuer"))


@pytest.fixture
def issuer(certificates: Certificates) -> Iterator[LocalIssuer]:
    with local_issuer(certificates) as running:
        running.claims.update(GITHUB_CLAIMS)
        yield running


@pytest.fixture
def engine(opa: Path) -> LocalOpa:
    return find_engine(str(opa))


def policy(folder: Path, engine: LocalOpa, trust: str) -> PolicySet:
    (folder / "policy").mkdir(exist_ok=True)
    (folder / "policy/trust.yaml").write_text(trust)
    (folder / "policy/settings.yaml").write_text("identity_verified: {required: false}\n")
    return load_policy(["pack", str(folder / "policy")], engine)


def request(
    folder: Path, policy: PolicySet, engine: LocalOpa, access: TokenAccess, environ: dict[str, str], name: str
) -> PushRequest:
    (folder / "work/reports").mkdir(parents=True, exist_ok=True)
    (folder / "work/reports/junit.xml").write_text(GOOD)
    image = folder / "image"
    if not image.exists():
        maker = LayoutMaker(image)
        maker.add(maker.image(), name="1.0")
    target = Target.parse(f"oci:{folder / name}:1.0")
    return PushRequest(
        job=gather.Job(
            workspace=folder / "work",
            environ=environ,
            credential=None,
            evaluated_at=AT,
            tokens=access,
            verified_for=policy.trust.verified_for,
        ),
        image=f"oci:{image}",
        target=target,
        client=open_repository(target.repository, Access()),
        policy=policy,
        engine=engine,
    )


def denied(outcome: Outcome, rule: str) -> set[str]:
    return {found.id for found in outcome.decision.violations if found.rule == rule}


RULES = ("identity_verified", "branch_allowed", "event_allowed", "fork_denied")


def test_verified_for_lets_a_verified_job_and_no_asserted_one(
    tmp_path: Path, engine: LocalOpa, issuer: LocalIssuer, certificates: Certificates
) -> None:
    """And one run asks once, for however many images."""
    demanding = policy(tmp_path, engine, f"verified_for: ['oci:{tmp_path}/**']\n")
    settings = Settings(ca_file=certificates.authority, attempts=1, total_timeout=5)
    access = TokenAccess(issuers=(issuer.trusted(),), settings=settings)
    environ = {**GITHUB, **issuer.environ()}
    both = [request(tmp_path, demanding, engine, access, environ, name) for name in ("one", "two")]
    for outcome in admit_all(both):
        assert outcome.gathered.evidence.target.demanded is not None
        assert [denied(outcome, name) for name in RULES] == [set()] * 4
        content = outcome.evidence.content.decode()
        assert all(secret not in content for secret in outcome.gathered.token_secrets)
        assert len(outcome.gathered.token_secrets) == 2
    assert issuer.asked.count("/request") == issuer.asked.count("/keys") == 1
    issuer.keys.clear()
    (outcome,) = admit_all([both[0]])
    assert [denied(outcome, name) for name in RULES] == [
        {"ci.identity"},
        {"ci.trust.ref"},
        {"ci.trust.event"},
        {"ci.trust.event"},
    ]
    said = [found.msg for found in outcome.decision.violations if found.rule == "identity_verified"]
    assert "is not there" in said[0]


def test_verified_for_names_no_other_repository(
    tmp_path: Path, engine: LocalOpa, issuer: LocalIssuer, certificates: Certificates
) -> None:
    lenient = policy(tmp_path, engine, f"verified_for: ['oci:{tmp_path}/prod/**', 'oci:{tmp_path}']\n")
    access = TokenAccess(issuers=(), settings=Settings())
    (outcome,) = admit_all([request(tmp_path, lenient, engine, access, GITHUB, "one")])
    assert outcome.gathered.evidence.target.demanded is None
    assert [denied(outcome, name) for name in RULES] == [set()] * 4


def test_what_demands_an_identity_needs_the_rule_that_judges_it(tmp_path: Path, engine: LocalOpa) -> None:
    folder = write_policy(tmp_path / "own", RULES_OF_JOBS)
    (tmp_path / "own/trust.yaml").write_text("verified_for: ['reg.example/**']\n")
    with pytest.raises(PolicyError, match="identity_verified"):
        load_policy([folder], engine)


def test_a_file_of_keys_becomes_part_of_the_policy(tmp_path: Path, engine: LocalOpa) -> None:
    trust = "issuers: {own: {issuer: 'https://ci.example', jwks: keys.jwks}}\n"
    digests = set()
    for name in ("one", "two"):
        (tmp_path / "policy").mkdir(exist_ok=True)
        (tmp_path / "policy/keys.jwks").write_text(json.dumps({"keys": [jwk(rsa_key(name))]}))
        loaded = policy(tmp_path, engine, trust)
        assert loaded.trust.issuers["own"].jwks == {"keys": [jwk(rsa_key(name))]}
        digests.add(loaded.identity.digest)
    assert len(digests) == 2


@pytest.mark.parametrize("content", [None, "x", '{"keys": [], "keys": []}'])
def test_a_file_of_keys_that_cannot_be_read_ends_the_run(
    tmp_path: Path, engine: LocalOpa, content: str | None
) -> None:
    (tmp_path / "policy").mkdir()
    if content is not None:
        (tmp_path / "policy/keys.jwks").write_text(content)
    with pytest.raises(PolicyError, match=r"keys\.jwks"):
        policy(tmp_path, engine, "issuers: {own: {issuer: 'https://ci.example', jwks: keys.jwks}}\n")
