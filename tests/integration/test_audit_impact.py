"""``audit impact``: which published images have a flaw or a package, and how they passed."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pushpolicy.model.reference import Repository
from pushpolicy.registry.layout.repository import LayoutRepository
from tests.clients import client
from tests.layouts import LayoutMaker, push
from tests.policies import write_policy
from tests.registries import Registry
from tests.workspace import Ran, Workspace, harmless

CVE, GHSA = "CVE-2021-44228", "GHSA-jfh8-c2jp-5v3q"
SCAN = "reports/trivy-sample.json"
PURL = "pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1"


def _scan(place: Workspace, *flaws: dict[str, Any]) -> None:
    """Let the scan list these, medium unless they say otherwise."""
    report = json.loads((place.folder / SCAN).read_text())
    usual: dict[str, Any] = {
        "PkgName": "log4j-core",
        "InstalledVersion": "2.14.1",
        "Severity": "MEDIUM",
        "FixedVersion": "2.15.0",
    }
    usual |= {"PkgIdentifier": {"PURL": PURL}, "Status": "fixed"}
    report["Results"][0]["Vulnerabilities"] = [usual | flaw for flaw in flaws]
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    place.write(SCAN, json.dumps(report | {"CreatedAt": now}))


def _bom(place: Workspace, version: str) -> None:
    """An SBOM of the image, with the package."""
    index = json.loads((place.folder / "image/index.json").read_text())
    root = {"type": "container", "name": "app", "version": index["manifests"][0]["digest"]}
    purl = PURL.replace("2.14.1", version)
    component = {"type": "library", "name": "log4j-core", "version": version, "purl": purl}
    document = {"bomFormat": "CycloneDX", "specVersion": "1.6", "metadata": {"component": root}}
    place.write("reports/app.cdx.json", json.dumps(document | {"components": [component]}))


def _push(place: Workspace, target: str, *options: str) -> None:
    ran = place.push(*options, target=target)
    assert ran.code == 0, ran.out + ran.err


def _impact(place: Workspace, *arguments: str) -> Ran:
    ran = place.run("audit", "impact", *arguments, "--format", "json")
    assert ran.code == 0, ran.err
    return ran


def _found(ran: Ran) -> dict[str, str]:
    """How sure it is of each repository."""
    return {each["repository"]: each["have"] for each in ran.json["images"]}


def _listed(ran: Ran) -> set[str]:
    """The repositories with an image of which a scan lists it."""
    return {place for place, have in _found(ran).items() if have == "listed"}


def test_a_flaw_and_what_became_of_its_tags(
    workspace: Workspace, any_registry: Registry, tmp_path: Path
) -> None:
    """In two repositories: named still, moved and gone; in a third another flaw of the same package."""
    places = [f"{any_registry.host}/team/{name}" for name in ("one", "two", "three")]
    _scan(workspace, {"VulnerabilityID": CVE})
    _push(workspace, f"{places[0]}:1.0", "--tag", "main")
    _push(workspace, f"{places[1]}:1.0")
    _scan(workspace, {"VulnerabilityID": "CVE-2021-45046"})
    _push(workspace, f"{places[2]}:1.0")
    there, maker = client(any_registry, "team/one"), LayoutMaker(tmp_path / "layout")
    push(there, maker, maker.image(), "main")
    ran = _impact(workspace, CVE.lower(), *places)
    assert _found(ran) == {places[0]: "listed", places[1]: "listed"}
    first = ran.json["images"][0]
    assert {tag: state.split()[0] for tag, state in first["tags"].items()} == {
        "1.0": "named",
        "main": "moved",
    }
    assert first["treated"] == ["no rule denied it"]
    assert (first["found"][0]["id"], first["found"][0]["version"]) == (CVE, "2.14.1")
    # Two pushes of one second are equally old.
    assert ran.json["first_known"]["repository"] in places[:2]
    later = (datetime.now(UTC) + timedelta(hours=30)).strftime("%Y-%m-%dT%H:%M:%SZ")
    ran = workspace.run("audit", "impact", CVE, *places, "--at", later)
    assert ran.code == 0
    assert all(len(line) <= 80 for line in ran.out.splitlines())
    assert ran.out.startswith(f"2 images have {CVE}, 2 of them still named by a tag; first known here\n")
    assert ", 1 day " in ran.out
    none = workspace.run("audit", "impact", "CVE-2014-0160", *places)
    assert (none.code, none.out) == (
        0,
        "no published image has CVE-2014-0160, by 3 records of 3 repositories\n",
    )


def test_a_tag_that_is_gone(workspace: Workspace) -> None:
    _scan(workspace, {"VulnerabilityID": CVE})
    _push(workspace, "oci:one:1.0")
    index = workspace.folder / "one/index.json"
    value = json.loads(index.read_text())
    name = "org.opencontainers.image.ref.name"
    value["manifests"] = [each for each in value["manifests"] if name not in each.get("annotations", {})]
    index.write_text(json.dumps(value))
    (image,) = _impact(workspace, CVE, "oci:one").json["images"]
    assert (image["named"], image["tags"]) == (False, {"1.0": "gone"})


def test_every_name_of_a_flaw(workspace: Workspace) -> None:
    """Told by another record which has both; an advisory of several flaws joins none of them."""
    advisory = "GO-2021-0101"
    _scan(workspace, {"VulnerabilityID": GHSA})
    _push(workspace, "oci:one:1.0")
    _scan(workspace, {"VulnerabilityID": CVE, "VendorIDs": [GHSA, advisory]})
    _push(workspace, "oci:two:1.0")
    _scan(workspace, {"VulnerabilityID": "CVE-2021-1", "VendorIDs": [advisory]})
    _push(workspace, "oci:three:1.0")
    _scan(workspace, {"VulnerabilityID": advisory})
    _push(workspace, "oci:four:1.0")
    sources = tuple(f"oci:{name}" for name in ("one", "two", "three", "four"))
    ran = _impact(workspace, CVE, *sources)
    assert _listed(ran) == {"oci:one", "oci:two", "oci:four"}
    assert ran.json["names"] == [CVE.lower(), GHSA.lower()]
    assert _listed(_impact(workspace, GHSA, *sources)) == {"oci:one", "oci:two", "oci:four"}
    assert _listed(_impact(workspace, "CVE-2021-1", *sources)) == {"oci:three", "oci:four"}
    assert _listed(_impact(workspace, advisory, *sources)) == {
        "oci:one",
        "oci:two",
        "oci:three",
        "oci:four",
    }


def test_how_it_was_let_through(workspace: Workspace) -> None:
    """By a waiver; with a rule that would deny it now, an image of it is denied, and counted apart."""
    expires = (datetime.now(UTC) + timedelta(days=20)).strftime("%Y-%m-%dT%H:%M:%SZ")
    waiver = {
        "rule": "scan_severity",
        "id": CVE,
        "reason": "unreachable",
        "approver": "CISO",
        "expires": expires,
    }
    folder = write_policy(workspace.folder.parent / "org", {}, waivers=json.dumps({"waivers": [waiver]}))
    _scan(workspace, {"VulnerabilityID": CVE, "Severity": "CRITICAL"})
    _push(workspace, "oci:one:1.0", "--policy", "pack", "--policy", folder)
    assert workspace.push("--denials", "oci:denied", target="oci:two:1.0").code == 10
    ran = _impact(workspace, CVE, "oci:one", "oci:denied")
    (image,) = ran.json["images"]
    assert image["treated"] == [f"waived until {expires} by CISO: unreachable"]
    assert ran.json["denied"] == 1
    text = workspace.run("audit", "impact", CVE, "oci:one", "oci:denied").out
    assert "1 more has it, and never passed the gate\n" in text


def test_what_was_published_before_it_was_known(workspace: Workspace) -> None:
    """Its SBOM has the package, in a version that nothing says is mended; nothing looked since."""
    for name, version in (("old", "2.14.1"), ("mended", "2.15.0"), ("other", "2.3")):
        _bom(workspace, version)
        _scan(workspace)
        _push(workspace, f"oci:{name}:1.0")
    (workspace.folder / "reports/app.cdx.json").unlink()
    _bom(workspace, "2.14.1")
    _scan(workspace)
    _push(workspace, "oci:rescanned:1.0")
    _wait_a_second()
    _scan(workspace, {"VulnerabilityID": CVE})
    _push(workspace, "oci:known:1.0")
    _wait_a_second()
    _scan(workspace)
    _push(workspace, "oci:rescanned:2.0")
    sources = tuple(f"oci:{name}" for name in ("old", "mended", "other", "rescanned", "known"))
    ran = _impact(workspace, CVE, *sources)
    assert _found(ran) == {"oci:known": "listed", "oci:old": "possibly", "oci:other": "possibly"}
    text = workspace.run("audit", "impact", CVE, *sources).out
    assert text.startswith(f"3 images have {CVE} (2 of them possibly), 3 of them still named by a")
    assert "it was not known then" in text
    by_package = _impact(workspace, "--package", PURL.partition("@")[0], *sources)
    assert set(_found(by_package).values()) == {"package"}
    assert set(_found(by_package)) == set(sources)
    exact = _impact(workspace, "--package", "pkg:maven/*/log4j-core@2.3", *sources)
    assert set(_found(exact)) == {"oci:other"}


def _wait_a_second() -> None:
    """Times of scans have whole seconds."""
    start = datetime.now(UTC).replace(microsecond=0)
    while datetime.now(UTC).replace(microsecond=0) == start:
        pass


def test_of_copies(workspace: Workspace) -> None:
    _scan(workspace, {"VulnerabilityID": CVE})
    _push(workspace, "oci:one:1.0")
    assert workspace.run("audit", "export", "oci:one", "-o", "history").code == 0
    ran = workspace.run("audit", "impact", CVE, "export:history")
    assert ran.code == 0, ran.err
    assert "named by a tag (as of" in " ".join(ran.out.split())
    assert _found(_impact(workspace, CVE, "export:history")) == {"oci:one": "listed"}


def test_hostile_names(workspace: Workspace) -> None:
    hostile = "CVE-\x1b[2J::error::x\u202e"
    _scan(workspace, {"VulnerabilityID": hostile, "PkgName": "=cmd|x", "PkgIdentifier": {}})
    _push(workspace, "oci:one:1.0")
    ran = workspace.run("audit", "impact", "oci:one", "--id", hostile)
    assert (ran.code, harmless(ran.out)) == (0, True)
    assert ran.out.startswith("1 image has ")
    ran = workspace.run("audit", "impact", "oci:one", "--id", hostile, "--format", "csv")
    header, row = ran.out.splitlines()
    assert header.startswith("repository,digest,have,named,tags,id,severity,package,")
    assert ",'=cmd|x," in row


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("oci:one",), "impact does not know what to look for"),
        ((CVE, "app"), "app is no SOURCE: it names no registry"),
        (("--package", "left-pad", "oci:one"), "--package left-pad: a package URL begins with pkg:"),
        (("--package", "pkg:npm/x", "app"), "app is no SOURCE: it names no registry"),
    ],
)
def test_wrong_usage(workspace: Workspace, arguments: tuple[str, ...], complaint: str) -> None:
    ran = workspace.run("audit", "impact", *arguments)
    assert (ran.code, ran.complaint()) == (2, complaint)


def test_one_that_cannot_be_read_ends_no_other(workspace: Workspace) -> None:
    _scan(workspace, {"VulnerabilityID": CVE})
    _push(workspace, "oci:one:1.0")
    there = LayoutRepository(Repository.parse(f"oci:{workspace.folder / 'one'}"))
    assert there.resolve("1.0")
    ran = workspace.run("audit", "impact", CVE, "oci:nowhere", "oci:one")
    assert ran.code == 20
    assert ran.out.startswith(f"1 image has {CVE}, 1 of them still named by a tag;")
    assert "not read: oci:nowhere: there is no such folder" in ran.out
