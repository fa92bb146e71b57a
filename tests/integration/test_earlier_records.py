"""Earlier decisions as evidence: what a listed key signed of them, and nothing of what nobody did."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from pushpolicy import errors
from pushpolicy.engines import LocalOpa
from pushpolicy.model.digest import Digest
from pushpolicy.model.manifest import Manifest
from pushpolicy.model.reference import Target
from pushpolicy.pipeline import PushRequest, admit, check, collect
from pushpolicy.records.format import CREATED, RECORD, STATEMENT_TYPE
from pushpolicy.records.statement import Statement, sign
from pushpolicy.registry import Access, RepositoryClient, open_repository
from pushpolicy.signing.dsse import read_envelope
from tests.clients import client
from tests.integration.test_push_promotion import promotion
from tests.jobs import AT, GOOD, Job
from tests.keys import entry, key
from tests.layouts import of_bytes
from tests.policies import write_policy
from tests.registries import Registry
from tests.unit.gather.samples import trivy
from tests.unit.gather.test_attached import listed
from tests.workspace import IMAGE, TARGET, Workspace

LATER = AT.replace(hour=12)


@pytest.fixture
def job(tmp_path: Path, opa: Path) -> Job:
    return Job(folder=tmp_path, engine=LocalOpa(opa))


def trusting(request: PushRequest, **keys: dict[str, object]) -> PushRequest:
    """With these keys; the tests' own for decisions where there are none."""
    given = keys or {"publish": entry(role="decide")}
    return replace(request, job=replace(request.job, keys=listed(**given)))


def records(request: PushRequest) -> dict[str, Any]:
    value: dict[str, Any] = check(request).evidence.value["records"]
    return value


def published(job: Job, source: RepositoryClient, **changes: Any) -> None:
    """The job's image as 1.0 of the source, with its record."""
    target = Target.parse(f"{source.repository}:1.0")
    assert admit(job.request(GOOD, target, client=source, **changes)).published


def test_decisions_about_the_image_at_its_source(job: Job, any_registry: Registry) -> None:
    source, target = client(any_registry, "dev/app"), client(any_registry, "prod/app")
    (job.folder / "work/reports").mkdir(parents=True)
    (job.folder / "work/reports/trivy.json").write_text(trivy())
    published(job, source, signer=key)
    request = promotion(job, source, ":1.0", target, evaluated_at=LATER)
    (found,) = records(trusting(request))["items"]
    flaws = found.pop("findings")
    assert flaws == []
    digest = found.pop("digest")
    assert digest.startswith("sha256:")
    assert found == {
        "verified": True,
        "verified_by": "publish",
        "verifier": "https://pushpolicy.dev/verifier/v1",
        "registry": any_registry.host,
        "repository": "dev/app",
        "tags": ["1.0"],
        "sequence": {"1.0": 1},
        "verdict": "ALLOW",
        "anchored": False,
        "approved": False,
        "waived": 0,
        "coverage": 0,
        "at": "2026-11-02T10:00:00Z",
        "root_at": "2026-11-02T10:00:00Z",
    }


UNVERIFIED: dict[str, tuple[dict[str, dict[str, object]], str]] = {
    "another key": ({"publish": entry("other")}, "is signed by no listed key (publish)"),
    "another repository's key": (
        {"publish": entry(repositories=["prod.example/app"])},
        "is signed by no listed key (none is listed)",
    ),
    "a key that does not count any more": (
        {"publish": entry(not_after="2026-11-02T11:00:00Z")},
        "the key publish counts no more since 2026-11-02T11:00:00Z",
    ),
    "a key that did not count then": (
        {"publish": entry(not_before="2026-11-02T11:00:00Z")},
        "counts from 2026-11-02T11:00:00Z on",
    ),
    "another verifier": ({"publish": entry(verifier="https://other.example")}, "names the verifier"),
}


@pytest.mark.parametrize("case", UNVERIFIED)
def test_of_what_is_not_verified_only_the_reason_is_told(job: Job, olareg: Registry, case: str) -> None:
    keys, reason = UNVERIFIED[case]
    source, target = client(olareg, "dev/app"), client(olareg, "prod/app")
    published(job, source, signer=key)
    request = promotion(job, source, ":1.0", target, evaluated_at=LATER)
    (found,) = records(trusting(request, **keys))["items"]
    assert found.keys() == {"digest", "verified", "unverified"}
    assert found["verified"] is False
    assert reason in found["unverified"]


def test_a_key_that_counts_is_enough_beside_one_that_does_not_any_more(job: Job, olareg: Registry) -> None:
    """Keys follow one another; no older signature takes from what the newer says."""
    source, target = client(olareg, "dev/app"), client(olareg, "prod/app")
    published(job, source, signer=key)
    image = source.resolve("1.0")
    assert image
    (entered,) = (each for each in source.referrers(image.digest) if each.artifact_type == STATEMENT_TYPE)
    manifest = source.manifest(entered.digest)
    assert manifest
    envelope = read_envelope(b"".join(source.read_blob(manifest.layers[0])))
    told = Statement(payload_type=envelope.payload_type, predicate_type="", payload=envelope.payload)
    record = Digest.parse(manifest.annotations[RECORD])
    again = sign(image.descriptor, told, record, manifest.annotations[CREATED], key("next"))
    for blob in again.blobs:
        source.put_blob(blob.descriptor, blob.open)
    source.put_referrer(again.manifest)()
    request = promotion(job, source, ":1.0", target, evaluated_at=LATER)
    old, new = entry(not_after="2026-11-02T11:00:00Z"), entry("next")
    (found,) = records(trusting(request, old=old, new=new))["items"]
    assert (found["verified"], found.get("verified_by")) == (True, "new")


def test_an_unsigned_record_is_one_that_is_not_verified(job: Job, olareg: Registry) -> None:
    source, target = client(olareg, "dev/app"), client(olareg, "prod/app")
    published(job, source)
    request = promotion(job, source, ":1.0", target, evaluated_at=LATER)
    (found,) = records(trusting(request))["items"]
    assert (found["verified"], found["unverified"]) == (False, "it is unsigned")
    assert records(request) == {"status": "collected", "items": [], "before": []}


def test_a_record_that_was_copied_from_another_repository(job: Job, olareg: Registry) -> None:
    source, other, target = (client(olareg, f"{name}/app") for name in ("dev", "copied", "prod"))
    published(job, source, signer=key)
    image = source.resolve("1.0")
    assert image
    for entered in source.referrers(image.digest):
        manifest = source.manifest(entered.digest)
        assert manifest
        _copy(source, other, manifest)
    _copy(source, other, image, "1.0")
    request = promotion(job, other, ":1.0", target, evaluated_at=LATER)
    (found,) = records(trusting(request))["items"]
    assert found["unverified"] == f"it is for another repository than {other.repository}"


def _copy(
    source: RepositoryClient, target: RepositoryClient, manifest: Manifest, tag: str | None = None
) -> None:
    for blob in filter(None, (manifest.config, *manifest.layers)):
        content = b"".join(source.read_blob(blob))
        target.put_blob(blob, of_bytes(content))
    if manifest.subject:
        target.put_referrer(manifest)()
    else:
        target.put_manifest(manifest, tag)


def test_the_last_record_of_each_tag(job: Job, tmp_path: Path) -> None:
    target = Target.parse(f"oci:{tmp_path / 'registry'}:1.0").with_tags(("latest",))
    request = trusting(job.request(GOOD, target, evaluated_at=LATER))
    assert records(request) == {"status": "collected", "items": [], "before": []}
    for hour in (10, 11):
        assert admit(job.request(GOOD, target, signer=key, evaluated_at=AT.replace(hour=hour))).published
    # It is newer, and nobody signed it.
    assert admit(job.request(GOOD, target, evaluated_at=AT.replace(hour=11, minute=30))).published
    before = records(request)["before"]
    assert [(each["tag"], each["sequence"][each["tag"]], each["at"]) for each in before] == [
        ("1.0", 2, "2026-11-02T11:00:00Z"),
        ("latest", 2, "2026-11-02T11:00:00Z"),
    ]
    assert {each["verified_by"] for each in before} == {"publish"}


def test_records_that_cannot_be_listed_fail(
    job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = Target.parse(f"oci:{tmp_path / 'registry'}:1.0")
    assert admit(job.request(GOOD, target, signer=key)).published
    request = trusting(job.request(GOOD, target, evaluated_at=LATER))
    repository = open_repository(target.repository, Access())

    def refuses(*_: object) -> None:
        raise errors.PushError("the list is refused")

    monkeypatch.setattr(type(repository), "referrers", refuses)
    found = collect(request).evidence.records
    assert found is not None
    assert (found.status, found.reason) == ("failed", "the list is refused")


def test_only_new_findings_are_denied(workspace: Workspace, private: Path) -> None:
    """A push with a known flaw, after a signed one that had it; then with another."""
    settings = "new_findings: {severities: [critical, high]}"
    write_policy(workspace.folder.parent / "policy", {}, settings=settings)
    trust = workspace.folder.parent / "trust.yaml"
    trust.write_text(json.dumps({"keys": {"publish": entry()}}))
    first = ("--policy", "pack:tests_passed", "--key", str(private), "--trust", str(trust))
    judged = (
        "--policy",
        "pack:new_findings",
        "--policy",
        "../policy",
        "--trust",
        str(trust),
        "--format",
        "json",
    )
    flaw = {"VulnerabilityID": "CVE-2026-1", "PkgName": "a", "InstalledVersion": "1", "Severity": "HIGH"}
    report = next(workspace.folder.glob("**/trivy*.json"))
    value = json.loads(report.read_text())
    value["Results"] = [{"Target": "a", "Class": "os-pkgs", "Type": "alpine", "Vulnerabilities": [flaw]}]
    report.write_text(json.dumps(value))
    denied = workspace.run("check", IMAGE, TARGET, *judged)
    assert denied.code == errors.EXIT_DENIED
    assert "there is no verified record before" in denied.out
    assert workspace.push(*first).code == errors.EXIT_OK
    assert workspace.run("check", IMAGE, TARGET, *judged).code == errors.EXIT_OK
    value["Results"][0]["Vulnerabilities"].append({**flaw, "VulnerabilityID": "CVE-2026-2"})
    report.write_text(json.dumps(value))
    denied = workspace.run("check", IMAGE, TARGET, *judged)
    assert denied.code == errors.EXIT_DENIED
    assert [each["id"] for each in denied.json["violations"]] == ["CVE-2026-2"]
