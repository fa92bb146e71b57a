"""What audit says beside the verdict of an honest record: by observe mode alone, loosened, not anchored."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pushpolicy import errors
from pushpolicy.model.reference import Repository
from pushpolicy.records.format import ARTIFACT_TYPE
from pushpolicy.registry.layout.repository import LayoutRepository
from tests.policies import rule, write_policy
from tests.workspace import TARGET, Workspace

DENY = 'deny contains {"at": {"id": "always"}, "msg": "always"} if input.image.size > 0'
SETTING = {"settings": {"scan_severity": {"max_critical": -1}}}


def _annotations(folder: Path) -> dict[str, str]:
    client = LayoutRepository(Repository.parse(f"oci:{folder}"))
    image = client.resolve("1.0.0")
    assert image
    (record,) = client.referrers(image.digest, ARTIFACT_TYPE)
    return dict(record.annotations)


def _said(place: Workspace) -> list[str]:
    """The first lines of list, show and replay, each of which ends well."""
    ran = [place.run("audit", command, TARGET) for command in ("list", "show", "replay")]
    assert [each.code for each in ran] == [errors.EXIT_OK] * 3, [each.err for each in ran]
    return [each.out.splitlines()[0] for each in ran]


def test_what_observe_mode_alone_allowed_is_no_plain_allow(workspace: Workspace) -> None:
    until = (datetime.now(UTC) + timedelta(days=30)).strftime("%Y-%m-%dT%H:%M:%SZ")
    folder = write_policy(
        workspace.folder.parent / "policy",
        {"r": rule("r", DENY)},
        enforcement=f'observe: {{until: "{until}", reason: trying}}\n',
    )
    ran = workspace.push("--policy", "pack", "--policy", folder)
    assert ran.code == errors.EXIT_OK, ran.err
    assert _annotations(workspace.folder / "registry")["dev.pushpolicy.verdict"] == "OBSERVED"
    for line in _said(workspace):
        assert "observed only" in line
        assert "unsigned, not anchored" in line


def test_what_the_checkout_loosened_is_said(workspace: Workspace) -> None:
    place = workspace.committed("pushpolicy.yaml", json.dumps(SETTING))
    ran = place.push("--repo-may", "scan_severity=settings")
    assert ran.code == errors.EXIT_OK, ran.err
    assert _annotations(place.folder / "registry")["dev.pushpolicy.loosened"] == "true"
    for line in _said(place):
        assert "loosened by the judged checkout (setting scan_severity.max_critical)" in line


def test_a_target_of_dots_alone_is_said_to_be_any(workspace: Workspace) -> None:
    workspace.path("inner/here").mkdir()
    inner = replace(workspace, folder=workspace.folder / "inner/here")
    reports = [f"--evidence=../../reports/{name}" for name in ("junit.xml", "trivy-sample.json")]
    pushed = inner.push(*reports, image="oci:../../image", target="oci:.:1.0.0")
    assert pushed.code == errors.EXIT_OK, pushed.out + pushed.err
    shutil.copytree(inner.folder, inner.folder / "../elsewhere")
    for place in (".", "../elsewhere"):
        ran = inner.run("audit", "show", f"oci:{place}:1.0.0")
        assert ran.code == errors.EXIT_OK, ran.out + ran.err
        assert "for a folder that it calls ., which can be any" in ran.out.splitlines()[0]


def test_a_folder_that_a_link_leads_to_is_the_one_that_was_pushed_to(workspace: Workspace) -> None:
    """By every name: the link, the folder itself, from elsewhere; absolute, relative, with a slash."""
    folder = workspace.folder
    (folder / "real").mkdir()
    (folder / "link").symlink_to("real")
    (folder.parent / "near").symlink_to(folder)
    for target in ("oci:link", "oci:../near/other"):
        assert workspace.push(target=f"{target}:1.0.0").code == errors.EXIT_OK
    names = ("link", "./link/", "real", f"{folder}/link", f"{folder}/real", "../near/other", "other")
    for name in names:
        ran = workspace.run("audit", "show", f"oci:{name}:1.0.0")
        assert ran.code == errors.EXIT_OK, name + ran.out
