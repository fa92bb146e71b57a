"""The sample project: always the same commits and image, truly named by the sample scans."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pushpolicy.demo import project
from pushpolicy.demo.shell import Shell
from pushpolicy.model.digest import Digest

VERSIONS = [project.FIRST, project.FIXED]


def prepared(folder: Path, until: project.Version, **environ: str) -> Shell:
    """A project in the state of this version."""
    folder.mkdir()
    shell = Shell.of(folder, {**os.environ, **environ})
    project.create(shell)
    for version in VERSIONS[: VERSIONS.index(until) + 1]:
        shell = project.prepare(shell, version)
    return shell


def image_ids(folder: Path) -> tuple[str, list[str]]:
    """Image ID and DiffIDs of the project's image."""
    index = json.loads((folder / "image/index.json").read_text())
    manifest = json.loads(_blob(folder, index["manifests"][0]["digest"]))
    config = _blob(folder, manifest["config"]["digest"])
    return str(Digest.of(config)), json.loads(config)["rootfs"]["diff_ids"]


def _blob(folder: Path, digest: str) -> bytes:
    return (folder / "image/blobs" / digest.replace(":", "/")).read_bytes()


def committed_sample(version: project.Version) -> dict[str, Any]:
    sample: dict[str, Any] = json.loads((project.SAMPLES / f"trivy-{version.name}.sample.json").read_text())
    return sample


@pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.name)
def test_sample_scans_name_the_image_that_is_built(tmp_path: Path, version: project.Version) -> None:
    prepared(tmp_path / "project", version)
    named = committed_sample(version)["Metadata"]
    assert (named["ImageID"], named["DiffIDs"]) == image_ids(tmp_path / "project"), (
        f"the sample application changed: put these IDs into sample/trivy-{version.name}.sample.json"
    )


@pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.name)
def test_sample_scans_say_that_they_are_samples(tmp_path: Path, version: project.Version) -> None:
    prepared(tmp_path / "project", version)
    report = json.loads((tmp_path / "project/reports/trivy-sample.json").read_text())
    assert report["ReportID"].startswith("sample-")
    assert "not by Trivy" in report["ReportID"]
    assert report["Trivy"]["Version"] == "sample"


def test_sample_scan_is_dated_now(tmp_path: Path) -> None:
    prepared(tmp_path / "project", project.FIRST)
    report = json.loads((tmp_path / "project/reports/trivy-sample.json").read_text())
    age = datetime.now(UTC) - datetime.fromisoformat(report["CreatedAt"])
    assert timedelta() <= age < timedelta(minutes=2)
    report["CreatedAt"] = committed_sample(project.FIRST)["CreatedAt"]
    assert report == committed_sample(project.FIRST)


def test_upgrade_is_the_difference_between_the_sample_scans() -> None:
    def packages(version: project.Version) -> list[str]:
        return [package["Version"] for package in committed_sample(version)["Results"][0]["Packages"]]

    def severities(version: project.Version) -> list[str]:
        found = committed_sample(version)["Results"][0].get("Vulnerabilities", [])
        return [vulnerability["Severity"] for vulnerability in found]

    assert (packages(project.FIRST), severities(project.FIRST)) == ([project.FIRST.pyyaml], ["CRITICAL"])
    assert (packages(project.FIXED), severities(project.FIXED)) == ([project.FIXED.pyyaml], [])


def test_commits_do_not_depend_on_the_readers_git(tmp_path: Path) -> None:
    settings = tmp_path / "home"
    settings.mkdir()
    (settings / ".gitconfig").write_text(
        "[user]\nname = Reader\n[core]\nautocrlf = true\n[commit]\ngpgsign = true\n"
    )
    strange = {
        "HOME": str(settings),
        "GIT_AUTHOR_NAME": "Reader",
        "GIT_DIR": "/nowhere",
        "LC_ALL": "tr_TR.UTF-8",
    }
    plain = prepared(tmp_path / "plain", project.FIXED)
    other = prepared(tmp_path / "other", project.FIXED, **strange)
    assert plain.commit == other.commit
    assert len(plain.commit) == 40


def test_worktree_is_clean_after_each_commit(tmp_path: Path) -> None:
    shell = prepared(tmp_path / "project", project.FIXED)
    assert shell.quietly("git status --porcelain") == ""
    assert shell.quietly("git rev-parse --abbrev-ref HEAD").strip() == "main"
