"""An SBOM without packages stands in for what a scan does not say, unless anything contradicts it."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from pushpolicy.gather import empty
from pushpolicy.images import packages
from pushpolicy.model.evidence import (
    Finding,
    Sbom,
    SbomComponent,
    SbomEvidence,
    Scan,
    Scanner,
    ScansEvidence,
    Severity,
    Status,
)
from pushpolicy.reports.scans import count
from tests.unit.gather.samples import make_image, make_image_evidence, make_platform

AMD, ARM = make_platform("linux/amd64", "amd"), make_platform("linux/arm64", "arm")
IMAGE = make_image_evidence(AMD, ARM)
FLAW = Finding(id="CVE-1", severity=Severity.LOW, kind="vulnerability", package="musl")
ROOT = SbomComponent(sbom="bom", name="app", type="container", purl="pkg:oci/app@sha256:1")


@pytest.fixture(autouse=True)
def layers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is in the layers."""
    monkeypatch.setattr(packages, "told", lambda *_: None)


def scan(**fields: Any) -> Scan:
    given: dict[str, Any] = {"name": "s", "kind": "image", "bound": True, "platform": "linux/amd64"} | fields
    counts = count(given.get("findings", ()))
    return Scan(format="trivy", scanner=Scanner(name="trivy"), counts=counts, sha256="0" * 64, **given)


def bom(name: str = "bom", **fields: Any) -> Sbom:
    given: dict[str, Any] = {"bound": True, "platform": "linux/amd64"} | fields
    return Sbom(
        name=name, format="spdx", origin="file", sha256="0" * 64, spec_version="2.3", components=1, **given
    )


def told(
    *scans: Scan, boms: tuple[Sbom, ...] = (bom(),), components: Any = (ROOT,), **fields: Any
) -> tuple[str | None, str | None]:
    """What is written on the first of the scans."""
    listed = SbomEvidence(status=Status.COLLECTED, items=boms, components=components)
    done = empty.evidence(
        ScansEvidence(status=Status.COLLECTED, items=scans), replace(listed, **fields), make_image(), IMAGE
    )
    return done.items[0].empty_by, done.items[0].not_empty


def test_a_bound_sbom_that_lists_nothing_but_the_image_stands_in() -> None:
    assert told(scan()) == ("bom", None)
    assert told(scan(), components=()) == ("bom", None)


@pytest.mark.parametrize("given", [{"looked_for": ("secrets",)}, {"bound": False, "platform": None}])
def test_of_other_scans_nothing_is_asked(given: dict[str, Any]) -> None:
    assert told(scan(**given)) == (None, None)


@pytest.mark.parametrize(
    "given",
    [
        {"boms": ()},
        {"boms": (bom(bound=False, platform=None),)},
        {"boms": (bom(platform="linux/arm64"),)},
        {"components": None},
        {"status": Status.FAILED},
        {"components": (SbomComponent(sbom="bom", name="musl"),)},
        {"components": (replace(ROOT, purl="pkg:apk/alpine/musl@1"),)},
        {"components": (replace(ROOT, type="library"),)},
    ],
)
def test_without_a_bound_sbom_of_that_platform_that_lists_nothing_there_is_none(
    given: dict[str, Any],
) -> None:
    assert told(scan(), **given) == (None, None)


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        (scan(name="o", packages=3), "the scan o lists packages"),
        (scan(name="o", findings=(FLAW,)), "the scan o lists packages"),
        (scan(name="o", system="alpine 3.22.1"), "the scan o found the system alpine 3.22.1"),
        (scan(name="o", packages=3, platform="linux/arm64"), None),
    ],
)
def test_what_another_scan_of_the_platform_knows_contradicts_it(other: Scan, reason: str | None) -> None:
    assert told(scan(), other) == (None if reason else "bom", reason)


def test_what_the_scan_itself_knows_contradicts_it() -> None:
    assert told(scan(packages=2)) == (None, "the scan s lists packages")


def test_what_another_sbom_lists_contradicts_it() -> None:
    listed = (SbomComponent(sbom="other", name="musl"),)
    boms = (bom(), bom("other"))
    assert told(scan(), boms=boms, components=listed) == (None, "the SBOM other lists packages")
    elsewhere = (bom(), bom("other", platform="linux/arm64"))
    assert told(scan(), boms=elsewhere, components=listed) == ("bom", None)


def test_what_the_layers_hold_contradicts_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "told", lambda _, digest: f"{digest} holds them")
    assert told(scan()) == (None, f"{AMD.digest} holds them")


@pytest.mark.parametrize("field", [{"lazy_toc": "unverified"}, {"not_comparable": "application/x"}])
def test_layers_that_others_do_not_read_as_they_are_contradict_it(field: dict[str, str]) -> None:
    about = make_image_evidence(replace(AMD, **field))
    done = empty.evidence(
        ScansEvidence(status=Status.COLLECTED, items=(scan(),)),
        SbomEvidence(status=Status.COLLECTED, items=(bom(),), components=()),
        make_image(),
        about,
    )
    assert done.items[0].not_empty == "its layers cannot be searched"


def test_of_two_manifests_of_one_platform_name_nothing_is_said() -> None:
    about = make_image_evidence(AMD, replace(ARM, platform="linux/amd64"))
    scans = ScansEvidence(status=Status.COLLECTED, items=(scan(),))
    boms = SbomEvidence(status=Status.COLLECTED, items=(bom(),), components=())
    assert empty.evidence(scans, boms, make_image(), about) == scans
