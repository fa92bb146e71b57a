"""A report that does not say what it looked for: each way out that the denial names is one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pushpolicy import errors
from pushpolicy.model.digest import Digest
from tests.workspace import IMAGE, TARGET, Workspace

SCAN = "reports/trivy-sample.json"
UNSAID = "which does not say what it looked for"


@pytest.fixture
def place(workspace: Workspace) -> Workspace:
    """The scan of an image without packages: nothing in it tells what was looked for."""
    report = json.loads((workspace.folder / SCAN).read_text())
    workspace.write(SCAN, json.dumps(report | {"Results": []}))
    return workspace


def program_alone(place: Workspace) -> None:
    """The image has one program, and no package; the scan is of it."""
    layout = place.folder / "image"

    def stored(content: bytes, entry: dict[str, Any]) -> None:
        entry |= {"digest": str(Digest.of(content)), "size": len(content)}
        (layout / "blobs/sha256" / Digest.of(content).hex).write_bytes(content)

    def read(entry: dict[str, Any]) -> dict[str, Any]:
        value: dict[str, Any] = json.loads((layout / "blobs/sha256" / entry["digest"][7:]).read_text())
        return value

    index = json.loads((layout / "index.json").read_text())
    manifest = read(index["manifests"][0])
    config = read(manifest["config"])
    layer: dict[str, Any] = {"mediaType": "application/vnd.oci.image.layer.v1.tar"}
    stored(b"\x7fELF".ljust(1024, b"\0"), layer)
    manifest["layers"] = [layer]
    config["rootfs"]["diff_ids"] = [layer["digest"]]
    stored(json.dumps(config).encode(), manifest["config"])
    stored(json.dumps(manifest).encode(), index["manifests"][0])
    (layout / "index.json").write_text(json.dumps(index))
    report = json.loads((place.folder / SCAN).read_text())
    report["Metadata"] |= {"ImageID": manifest["config"]["digest"], "DiffIDs": [layer["digest"]]}
    place.write(SCAN, json.dumps(report))


def bom(place: Workspace, *components: object) -> None:
    """An SBOM of the image."""
    index = json.loads((place.folder / "image/index.json").read_text())
    root = {"type": "container", "name": "app", "version": index["manifests"][0]["digest"]}
    document = {"bomFormat": "CycloneDX", "specVersion": "1.6", "metadata": {"component": root}}
    place.write("reports/app.cdx.json", json.dumps(document | {"components": components}))


def test_it_is_denied_and_the_denial_names_the_ways_out(place: Workspace) -> None:
    ran = place.push()
    assert ran.code == errors.EXIT_DENIED
    for way in (UNSAID, "run scans --image", "add an SBOM", "accept_unsaid"):
        assert way in ran.out


def test_a_capture_is_one(place: Workspace) -> None:
    trivy = place.write("tools/trivy", "#!/bin/sh\nexit 0\n")
    trivy.chmod(0o755)
    command = (str(trivy), "image", "--exit-code", "1", "--input", "{image}")
    ran = place.run("run", "scans", "--image", IMAGE, "--", *command)
    assert ran.code == errors.EXIT_OK, ran.err
    assert place.push().code == errors.EXIT_OK


def organisation(folder: Path, settings: str) -> tuple[str, ...]:
    """Options with a policy of the organisation beside the pack."""
    (folder / "organisation").mkdir()
    (folder / "organisation/settings.yaml").write_text(settings)
    return "--policy", "pack", "--policy", str(folder / "organisation")


def test_a_setting_is_one(place: Workspace, tmp_path: Path) -> None:
    assert place.push(*organisation(tmp_path, "scan_bound: {accept_unsaid: [trivy]}")).code == errors.EXIT_OK


def test_packages_without_a_flaw_count_unless_proof_is_asked_for(place: Workspace, tmp_path: Path) -> None:
    report = json.loads((place.folder / SCAN).read_text())
    listed = {"Target": "app", "Class": "lang-pkgs", "Type": "python-pkg", "Packages": [{"Name": "flask"}]}
    place.write(SCAN, json.dumps(report | {"Results": [listed]}))
    strict = organisation(tmp_path, "scan_bound: {accept_listed: []}")
    assert UNSAID in place.run("check", IMAGE, TARGET, *strict).out
    assert place.push().code == errors.EXIT_OK


def test_an_sbom_that_lists_nothing_is_one(place: Workspace) -> None:
    program_alone(place)
    assert UNSAID in place.push().out
    bom(place)
    ran = place.push()
    assert ran.code == errors.EXIT_OK, ran.out


def test_an_sbom_that_lists_packages_is_none(place: Workspace) -> None:
    bom(place, {"type": "library", "name": "musl", "version": "1"})
    ran = place.push()
    assert ran.code == errors.EXIT_DENIED
    assert UNSAID in ran.out


def test_an_sbom_that_hides_packages_is_none(place: Workspace) -> None:
    """The image has Python packages."""
    bom(place)
    ran = place.push("--format", "json")
    assert ran.code == errors.EXIT_DENIED
    (violation,) = ran.json["violations"]
    assert "of an image that an SBOM calls empty; but layer sha256:" in violation["msg"]
    assert "holds '.dist-info/'" in violation["msg"]
