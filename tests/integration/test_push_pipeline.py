"""The whole way with the real engine: a report, a policy, an image, and what becomes of it."""

from __future__ import annotations

import gzip
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pushpolicy import gather
from pushpolicy.engines import LocalOpa
from pushpolicy.errors import EngineError, InputError, UsageError
from pushpolicy.gather import Shared
from pushpolicy.model import canonical, decision, evidence
from pushpolicy.model.decision import Verdict
from pushpolicy.model.manifest import Manifest
from pushpolicy.model.reference import Target
from pushpolicy.pipeline import PushRequest, admit, check, collect
from pushpolicy.records.format import ARTIFACT_TYPE, STATEMENT_TYPE
from pushpolicy.records.statement import read_named, statement_of
from pushpolicy.registry import Access, open_repository
from pushpolicy.registry.remote import RemoteRepository
from pushpolicy.signing.dsse import read_envelope
from pushpolicy.signing.keys import Signer, SigningError
from tests.jobs import AT, BAD, GOOD, Job
from tests.keys import key
from tests.registries import Registry


@pytest.fixture
def job(tmp_path: Path, opa: Path) -> Job:
    """A job with the pinned OPA."""
    return Job(folder=tmp_path, engine=LocalOpa(opa))


@pytest.fixture(params=["layout", "distribution", "olareg"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Target:
    """A repository of each kind."""
    if request.param == "layout":
        return Target.parse(f"oci:{tmp_path / 'published'}:1.0")
    registry: Registry = request.getfixturevalue(request.param)
    return Target.parse(f"{registry.host}/team/app:1.0")


@pytest.fixture
def remote(any_registry: Registry) -> Target:
    """A repository of a registry."""
    return Target.parse(f"{any_registry.host}/team/app:1.0")


def test_an_allowed_image_is_published_with_its_proof(job: Job, target: Target) -> None:
    request = job.request(GOOD, target)
    outcome = admit(request)
    assert outcome.decision.verdict is Verdict.ALLOW
    assert outcome.published
    named = request.client.resolve("1.0")
    assert named
    assert named.digest == outcome.published.digest == outcome.decision.image.digest
    record = job.record(request)
    assert record.decision == outcome.decision
    assert record.evidence == outcome.evidence
    assert record.policy == request.policy.bundle()
    (report,) = record.summary.reports
    content = b"".join(request.client.read_blob(report))
    assert gzip.decompress(content) == GOOD.encode()


def test_a_denied_image_leaves_the_registry_untouched(
    job: Job, remote: Target, any_registry: Registry
) -> None:
    outcome = admit(job.request(BAD, remote))
    assert outcome.decision.verdict is Verdict.DENY
    assert [violation.msg for violation in outcome.decision.violations] == ["a test failed"]
    assert outcome.published is None
    assert any_registry.requests(), "the tag was read"
    assert any_registry.writes() == []


def test_reports_are_read_while_the_registry_is_asked_for_its_tags(
    job: Job, remote: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, was_read = Shared.read, threading.Event()
    resolve, waited = RemoteRepository.resolve, list[bool]()

    def reading(shared: Shared, job: gather.Job) -> None:
        read(shared, job)
        was_read.set()

    def resolving(client: RemoteRepository, tag: str) -> Manifest | None:
        waited.append(was_read.wait(30))
        return resolve(client, tag)

    monkeypatch.setattr(Shared, "read", reading)
    monkeypatch.setattr(RemoteRepository, "resolve", resolving)
    assert check(job.request(GOOD, remote)).decision.allowed
    assert waited
    assert all(waited)


def test_a_denied_image_makes_no_layout(job: Job, tmp_path: Path) -> None:
    outcome = admit(job.request(BAD, Target.parse(f"oci:{tmp_path / 'published'}:1.0")))
    assert outcome.decision.verdict is Verdict.DENY
    assert not (tmp_path / "published").exists()


@pytest.mark.parametrize("report", [GOOD, BAD])
def test_evidence_and_decision_are_encoded_once(
    report: str, job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded = Counter[str]()

    def encode(value: Any) -> bytes:
        encoded[value.get("schema", "") if isinstance(value, dict) else ""] += 1
        return real(value)

    real = canonical.encode
    monkeypatch.setattr(canonical, "encode", encode)
    outcome = admit(job.request(report, Target.parse(f"oci:{tmp_path / 'published'}:1.0")))
    assert bool(outcome.published) is (report is GOOD)
    # The decision once more, with the place of its record.
    assert {schema: encoded[schema] for schema in (evidence.SCHEMA, decision.SCHEMA)} == {
        evidence.SCHEMA: 1,
        decision.SCHEMA: 2 if outcome.published else 1,
    }


@pytest.mark.parametrize("report", [GOOD, BAD])
def test_check_decides_and_writes_nothing(
    report: str, job: Job, remote: Target, any_registry: Registry
) -> None:
    outcome = check(job.request(report, remote))
    assert outcome.decision.allowed is (report is GOOD)
    assert any_registry.writes() == []


def test_collect_decides_nothing(job: Job, remote: Target, any_registry: Registry) -> None:
    request = job.request(BAD, remote)
    assert collect(request) == check(request).gathered
    assert any_registry.writes() == []


def _leaking(job: Job, target: Target) -> PushRequest:
    secret = "s3cr3t-t0k3n-value"
    report = GOOD.replace('name="b"', f'name="b {secret}"')
    return job.request(report, target, environ={"DEPLOY_TOKEN": secret})


def _without_image(job: Job, target: Target) -> PushRequest:
    return job.request(GOOD, target, image="oci:nowhere")


def _failing_engine(job: Job, target: Target) -> PushRequest:
    return job.request(GOOD, target, engine=LocalOpa(Path("/bin/false")))


@pytest.mark.parametrize(
    ("broken", "error"),
    [(_leaking, InputError), (_without_image, InputError), (_failing_engine, EngineError)],
)
def test_a_failure_before_the_push_writes_nothing(
    broken: Callable[[Job, Target], PushRequest],
    error: type[Exception],
    job: Job,
    remote: Target,
    any_registry: Registry,
) -> None:
    with pytest.raises(error) as caught:
        admit(broken(job, remote))
    assert any_registry.writes() == []
    assert "s3cr3t" not in str(caught.value)


def test_the_records_of_a_tag_are_chained(job: Job, target: Target) -> None:
    first = admit(job.request(GOOD, target)).published
    request = job.request(GOOD, target, evaluated_at=AT.replace(hour=11))
    second = admit(request).published
    assert first
    assert second
    assert job.record(request).summary.digest == second.record.digest
    assert job.record(request).summary.previous == {"1.0": first.record.digest}
    assert len(request.client.referrers(first.digest, ARTIFACT_TYPE)) == 2


def test_what_is_pushed_with_a_key_is_signed_for_each_tag(job: Job, target: Target) -> None:
    """The policy is a folder, so what is signed is no approval; it names the record that is beside it."""
    target = target.with_tags(("latest",))
    outcome = admit(job.request(GOOD, target, signer=key))
    client = open_repository(target.repository, Access())
    listed = client.referrers(outcome.decision.image.digest, STATEMENT_TYPE)
    manifests = [client.manifest(each.digest) for each in listed]
    found = [each for each in manifests if each and each.artifact_type == STATEMENT_TYPE]
    named = []
    for manifest in found:
        envelope = read_envelope(b"".join(client.read_blob(manifest.layers[0])))
        assert envelope.is_signed_by(key().public)
        said = read_named(envelope.payload)
        named.append(said.tag)
        assert statement_of(outcome.decision, said).payload == envelope.payload
        assert said.record == (outcome.published and outcome.published.record.digest)
    assert sorted(named) == ["1.0", "latest"]


def test_a_key_that_cannot_be_read_stops_a_push_before_anything_is_sent(job: Job, remote: Target) -> None:
    def no_key() -> Signer:
        raise SigningError("is damaged: it is no key")

    with pytest.raises(UsageError, match="cannot be signed: the key is damaged"):
        admit(job.request(GOOD, remote, signer=no_key))
    assert open_repository(remote.repository, Access()).resolve("1.0") is None


def test_a_key_is_not_asked_for_before_an_allow(job: Job, target: Target) -> None:
    def asked() -> Signer:
        raise AssertionError("the key was read")

    assert not admit(job.request(BAD, target, signer=asked)).decision.allowed
