"""A revision label binds the image to whatever it says; the rule judges what it says."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pushpolicy.errors import InputError
from pushpolicy.gather import Limits, NamedEvidence, gather
from pushpolicy.gather.image import Statements, embedded
from pushpolicy.gather.image import evidence as image_evidence
from pushpolicy.images import open_image
from pushpolicy.model.digest import Digest
from pushpolicy.model.evidence import Evidence
from pushpolicy.model.manifest import OCI_CONFIG, Manifest
from pushpolicy.reports.provenance.slsa import V02
from tests.layouts import LayoutMaker, child
from tests.unit.gather.samples import COMMIT, make_image, make_request, trivy, write
from tests.unit.gather.test_gather import gathered
from tests.unit.reports.provenance.test_attestation import BUILDKIT_02, envelope

LABEL = "org.opencontainers.image.revision"


@pytest.mark.parametrize(
    ("labels", "bound"),
    [({LABEL: COMMIT}, "label"), ({LABEL: "main"}, "label"), ({LABEL: COMMIT[:12]}, "label"), ({}, "none")],
)
def test_the_label_binds_to_a_commit(tmp_path: Path, labels: dict[str, str], bound: str) -> None:
    image = gather(make_request(tmp_path, image=make_image(labels))).evidence.image
    assert image.bound_to_commit == bound
    assert [platform.platform for platform in image.platforms] == ["linux/amd64"]


SPDX = {
    "spdxVersion": "SPDX-2.3",
    "name": "rootfs",
    "creationInfo": {"creators": ["Tool: syft-1.2.3"]},
    "packages": [{"SPDXID": "a", "name": "a"}],
}


@pytest.fixture
def maker(tmp_path: Path) -> LayoutMaker:
    return LayoutMaker(tmp_path / "layout")


def stated(subject: Manifest, kind: str, predicate: Any) -> dict[str, Any]:
    return {
        "_type": "https://in-toto.io/Statement/v0.1",
        "predicateType": kind,
        "subject": [{"name": "pkg:docker/app", "digest": {"sha256": subject.digest.hex}}],
        "predicate": predicate,
    }


def attested(maker: LayoutMaker, subject: Manifest, *statements: Any) -> Manifest:
    """An index of the image and its attestation, as BuildKit writes it."""
    layers = [maker.json(statement, "application/vnd.in-toto+json") for statement in statements]
    config = maker.json({"os": "unknown", "architecture": "unknown", "rootfs": {"diff_ids": []}}, OCI_CONFIG)
    marks = {
        "vnd.docker.reference.type": "attestation-manifest",
        "vnd.docker.reference.digest": str(subject.digest),
    }
    attestation = maker.manifest(config=config, layers=layers)
    return maker.add(
        maker.nest(child(subject, "linux/amd64"), child(attestation, "unknown/unknown", **marks))
    )


def evidence(maker: LayoutMaker, tmp_path: Path) -> Evidence:
    with open_image(f"oci:{maker.root}") as image:
        return gathered(make_request(write(tmp_path / "work", {"README": ""}), image=image)).evidence


def test_provenance_and_sbom_of_the_index(maker: LayoutMaker, tmp_path: Path) -> None:
    image = maker.image()
    attested(
        maker,
        image,
        stated(image, V02, BUILDKIT_02),
        stated(image, "https://spdx.dev/Document", SPDX),
        stated(image, "https://example/other", {}),
    )
    found = evidence(maker, tmp_path)
    assert found.sbom is not None
    assert found.provenance is not None
    assert found.image.bound_to_commit == "provenance"
    (build,) = found.provenance.items
    assert (build.origin, build.bound, build.platforms) == ("image", True, ("linux/amd64",))
    assert (build.commit, build.signed, build.name) == (COMMIT, False, "image@linux/amd64")
    (sbom,) = found.sbom.items
    assert (sbom.origin, sbom.bound, sbom.bound_by, sbom.components) == ("image", True, "manifest", 1)
    assert found.sbom.not_covered == ()
    assert found.reports == ()


def test_an_attestation_of_another_image_is_none_of_this(maker: LayoutMaker, tmp_path: Path) -> None:
    image, other = maker.image(), maker.image(content=b"other")
    attested(maker, image, stated(other, V02, BUILDKIT_02))
    with pytest.raises(InputError, match="is about something else"):
        evidence(maker, tmp_path)


def test_an_attestation_about_nothing_is_told_as_that(maker: LayoutMaker, tmp_path: Path) -> None:
    image = maker.image()
    attested(maker, image, {**stated(image, V02, BUILDKIT_02), "subject": []})
    with pytest.raises(InputError, match="has no subject: BuildKit names the image where it has a name"):
        evidence(maker, tmp_path)


def test_a_label_goes_before_provenance(maker: LayoutMaker, tmp_path: Path) -> None:
    labels = {"org.opencontainers.image.revision": "2" * 40}
    image = maker.image(config={"config": {"Labels": labels}})
    attested(maker, image, stated(image, V02, BUILDKIT_02))
    assert evidence(maker, tmp_path).image.bound_to_commit == "label"


def test_provenance_without_a_commit_binds_none(maker: LayoutMaker, tmp_path: Path) -> None:
    image = maker.image()
    attested(maker, image, stated(image, V02, {"builder": {"id": "b"}}))
    assert evidence(maker, tmp_path).image.bound_to_commit == "none"


def test_a_broken_attestation_fails_its_kinds(maker: LayoutMaker, tmp_path: Path) -> None:
    image = maker.image()
    attested(maker, image, stated(image, "https://spdx.dev/Document", []))
    found = evidence(maker, tmp_path)
    assert found.provenance is not None
    assert found.sbom is not None
    assert (found.provenance.status, found.sbom.status) == ("failed", "failed")
    assert "attestation sha256:" in (found.provenance.reason or "")


def test_an_attestation_that_was_swapped_is_not_believed(maker: LayoutMaker, tmp_path: Path) -> None:
    image = maker.image()
    content = stated(image, V02, BUILDKIT_02)
    attested(maker, image, content)
    honest = json.dumps(content).encode()
    (path,) = (path for path in (maker.root / "blobs" / "sha256").iterdir() if path.read_bytes() == honest)
    path.write_bytes(honest.replace(COMMIT.encode(), b"2" * 40))
    with pytest.raises(InputError, match="has other content than its digest says"):
        evidence(maker, tmp_path)


def embedded_after(maker: LayoutMaker, change: Callable[[Path], object], limits: Limits) -> Statements:
    """What is read of an attestation whose blob was changed after the image was judged to be whole."""
    image = maker.image()
    content = stated(image, V02, BUILDKIT_02)
    attested(maker, image, content)
    with open_image(f"oci:{maker.root}") as opened:
        about = image_evidence(opened)
        change(maker.path(Digest.of(json.dumps(content).encode())))
        return embedded(opened, about, limits)


@pytest.mark.parametrize(
    ("change", "limits", "said"),
    [
        (lambda _: None, Limits(max_report_size=100), "bytes are over the limit of 100"),
        # Removed: were it opened before its size is known to be in bounds, that would be said instead.
        (Path.unlink, Limits(max_report_size=100), "bytes are over the limit of 100"),
        (Path.unlink, Limits(), "it cannot be read"),
        (lambda blob: blob.write_bytes(b" " + blob.read_bytes()[1:]), Limits(), "not what its digest says"),
        (lambda blob: blob.write_bytes(blob.read_bytes() + b" "), Limits(), "not what its digest says"),
    ],
    ids=["too large", "too large to be opened", "absent", "other bytes", "more bytes"],
)
def test_an_attestation_that_is_not_read_whole_is_a_problem(
    maker: LayoutMaker, change: Callable[[Path], object], limits: Limits, said: str
) -> None:
    found = embedded_after(maker, change, limits)
    (problem,) = found.problems
    assert said in problem
    assert found.read == ()


def test_files_of_every_kind(tmp_path: Path) -> None:
    image = make_image()
    digest = str(image.top.digest)
    component = {"type": "container", "name": "app", "version": digest, "bom-ref": "root"}
    flaw = {"id": "CVE-1", "ratings": [{"severity": "high"}], "affects": [{"ref": "root"}]}
    bom = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "metadata": {"component": component},
        "components": [{"name": "a", "bom-ref": "a", "purl": "pkg:npm/a@1"}],
        "vulnerabilities": [flaw],
    }
    vex = {
        "@context": "https://openvex.dev/ns/v0.2.0",
        "statements": [
            {
                "vulnerability": {"name": "CVE-1"},
                "products": [{"@id": f"pkg:oci/app@{digest}"}],
                "status": "not_affected",
                "justification": "component_not_present",
            }
        ],
    }
    results = [{"Vulnerabilities": [{"VulnerabilityID": "CVE-1", "Severity": "HIGH"}]}]
    files = {
        "bom.json": json.dumps(bom),
        "app.openvex.json": json.dumps(vex),
        "build.intoto.jsonl": json.dumps(envelope(stated(image.top, V02, BUILDKIT_02))) + "\n",
        "trivy.json": trivy(image, Results=results),
    }
    found = gathered(make_request(write(tmp_path, files), image=image)).evidence
    assert found.sbom is not None
    assert found.vex is not None
    assert found.provenance is not None
    assert {found.sbom.status, found.vex.status, found.provenance.status, found.scans.status} == {"collected"}
    assert [(report.kind, report.name) for report in found.reports] == [
        ("scans", "bom"),
        ("scans", "trivy"),
        ("sbom", "bom"),
        ("vex", "app"),
        ("provenance", "build"),
    ]
    assert [(scan.name, scan.bound) for scan in found.scans.items] == [("bom", True), ("trivy", True)]
    (document,) = found.vex.items
    for scan in found.scans.items:
        assert [claim.sha256 for finding in scan.findings for claim in finding.vex or ()] == [document.sha256]
        assert scan.counts.listed["high"] == 1
    assert (document.findings, document.by_status) == (2, {"not_affected": 1})
    assert found.image.bound_to_commit == "provenance"


def test_one_file_is_named_once_for_all_it_is(tmp_path: Path) -> None:
    bom = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "components": [{"name": "a"}],
        "vulnerabilities": [{"id": "CVE-1"}],
    }
    write(tmp_path, {"x": json.dumps(bom)})
    named = (NamedEvidence(kind="sbom", name="image", path="x"),)
    found = gathered(make_request(tmp_path, named=named)).evidence
    assert [(report.kind, report.name) for report in found.reports] == [("scans", "image"), ("sbom", "image")]


def test_nothing_found_is_missing(tmp_path: Path) -> None:
    found = gathered(make_request(tmp_path)).evidence
    for kind in (found.sbom, found.vex, found.provenance):
        assert kind is not None
        assert kind.status == "missing"
        assert kind.reason


def test_a_broken_bom_may_have_been_a_scan(tmp_path: Path) -> None:
    write(
        tmp_path,
        {"bom.json": '{"bomFormat": "CycloneDX", "specVersion": "1.5", "vuln', "trivy.json": trivy()},
    )
    found = gathered(make_request(tmp_path)).evidence
    assert found.sbom is not None
    assert (found.sbom.status, found.scans.status) == ("failed", "failed")


def test_more_vex_than_can_be_compared_is_not_believed_in_part(tmp_path: Path) -> None:
    image = make_image()
    purls = [f"pkg:oci/app{number}" for number in range(3_000)]
    products = [{"@id": f"pkg:oci/app@{image.top.digest}"}, *({"@id": purl} for purl in purls)]
    statement = {"vulnerability": "CVE-1", "products": products, "status": "fixed"}
    flaws = [{"VulnerabilityID": "CVE-1", "Severity": "HIGH"}]
    files = {
        "app.openvex.json": json.dumps({"@context": "https://openvex.dev/ns", "statements": [statement]}),
        "trivy.json": trivy(image, Results=[{"Vulnerabilities": flaws * 400}]),
    }
    found = gathered(make_request(write(tmp_path, files), image=image)).evidence
    assert found.vex is not None
    assert found.vex.status == "failed"
    assert all(finding.vex is None for scan in found.scans.items for finding in scan.findings)
