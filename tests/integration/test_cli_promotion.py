"""Promotion: an image that was allowed in one repository goes to another, and no report is needed again."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pushpolicy import errors
from tests.keys import entry, key
from tests.registries import Registry
from tests.workspace import Ran, Workspace


@pytest.fixture
def kept(workspace: Workspace) -> Path:
    """Keys, trust and settings, beside the checkout."""
    folder = workspace.folder.parent / "kept"
    (folder / "policy").mkdir(mode=0o700, parents=True)
    folder.chmod(0o700)
    for name in ("publish", "other"):
        (folder / f"{name}.key").write_bytes(key(name).private_pem())
        (folder / f"{name}.key").chmod(0o600)
    (folder / "trust.yaml").write_text(json.dumps({"keys": {"publish": entry("publish")}}))
    return folder


def _in_a_month() -> str:
    return (datetime.now(UTC) + timedelta(days=30)).strftime("%Y-%m-%dT%H:%M:%SZ")


def build(place: Workspace, registry: Registry, kept: Path, by: str = "publish", **more: str) -> Ran:
    """Push what was built to the repository for what is not released."""
    options = ["--policy", "pack:tests_passed", "--key", str(kept / f"{by}.key")]
    for name, value in more.items():
        options += [f"--{name}", value]
    return place.push(*options, target=f"{registry.host}/staging/web:1.0")


def pinned(place: Workspace, registry: Registry, kept: Path) -> str:
    """The settings as an artifact that is named by its digest, so that what they decide is anchored."""
    settings = {"promotion": {"from": [{"repository": f"{registry.host}/staging/*"}]}}
    (kept / "policy/settings.yaml").write_text(json.dumps(settings))
    ran = place.run(
        *("policy", "push", str(kept / "policy"), f"oci:{kept / 'policies'}:1"),
        *("--key", str(kept / "other.key"), "--name", "promotion", "--sequence", "1"),
    )
    assert ran.code == errors.EXIT_OK, ran.err
    return ran.out.strip()


def promote(place: Workspace, kept: Path, policy: str, source: str, target: str) -> Ran:
    """Push it on, judged by its record alone."""
    options = ["--policy", "pack:promotion", "--policy", policy, "--format", "json"]
    options += ["--trust", str(kept / "trust.yaml"), "--key", str(kept / "publish.key")]
    return place.push(*options, image=f"docker://{source}", target=target)


def test_what_was_allowed_is_promoted_without_its_reports(
    workspace: Workspace, any_registry: Registry, kept: Path
) -> None:
    assert build(workspace, any_registry, kept).code == errors.EXIT_OK
    (workspace.folder / "reports").rename(kept / "reports")
    policy, host = pinned(workspace, any_registry, kept), any_registry.host
    ran = promote(workspace, kept, policy, f"{host}/staging/web:1.0", f"{host}/prod/web:1.0")
    assert ran.code == errors.EXIT_OK, ran.err
    (rule,) = ran.json["rules"]
    assert (rule["name"], rule["status"]) == ("promotion", "passed")
    show = ("audit", "show", f"{host}/prod/web:1.0", "--trust", str(kept / "trust.yaml"))
    shown = workspace.run(*show, "--format", "json")
    assert shown.code == errors.EXIT_OK, shown.err
    (earlier,) = shown.json["evidence"]["records"]["items"]
    told = f"{earlier['digest']} in {host}/staging/web (ALLOW of {earlier['at']}, verified by publish then)"
    assert f"earlier:        {told}" in workspace.run(*show).out
    assert (earlier["repository"], earlier["verified_by"]) == ("staging/web", "publish")
    assert earlier["root_at"] == earlier["at"]


def test_what_is_promoted_again_is_as_old_as_its_reports(
    workspace: Workspace, olareg: Registry, kept: Path
) -> None:
    """The second promotion rests on the first, whose record holds no report of its own."""
    assert build(workspace, olareg, kept).code == errors.EXIT_OK
    (workspace.folder / "reports").rename(kept / "reports")
    policy, host = pinned(workspace, olareg, kept), olareg.host
    first = promote(workspace, kept, policy, f"{host}/staging/web:1.0", f"{host}/staging/late:1.0")
    assert first.code == errors.EXIT_OK, first.err
    second = promote(workspace, kept, policy, f"{host}/staging/late:1.0", f"{host}/prod/web:1.0")
    assert second.code == errors.EXIT_OK, second.err
    shown = workspace.run("audit", "show", f"{olareg.host}/prod/web:1.0", "--format", "json")
    (earlier,) = shown.json["evidence"]["records"]["items"]
    built = workspace.run("audit", "show", f"{olareg.host}/staging/web:1.0", "--format", "json")
    assert earlier["root_at"] == built.json["decision"]["evaluated_at"]
    assert earlier["at"] == first.json["evaluated_at"]


def test_a_record_that_nobody_listed_signed_promotes_nothing(
    workspace: Workspace, olareg: Registry, kept: Path
) -> None:
    assert build(workspace, olareg, kept, by="other").code == errors.EXIT_OK
    policy, host = pinned(workspace, olareg, kept), olareg.host
    ran = promote(workspace, kept, policy, f"{host}/staging/web:1.0", f"{host}/prod/web:1.0")
    assert ran.code == errors.EXIT_DENIED
    assert [each["id"] for each in ran.json["violations"]] == ["record"]
    assert "verified: false" in ran.json["violations"][0]["msg"]


def test_what_observe_mode_let_through_is_not_promoted(
    workspace: Workspace, olareg: Registry, kept: Path
) -> None:
    observing = kept / "observing"
    observing.mkdir()
    enforcement = {"observe": {"until": _in_a_month(), "reason": "a trial"}}
    (observing / "enforcement.yaml").write_text(json.dumps(enforcement))
    ran = build(workspace, olareg, kept, policy=str(observing))
    assert ran.code == errors.EXIT_OK, ran.err
    policy, host = pinned(workspace, olareg, kept), olareg.host
    ran = promote(workspace, kept, policy, f"{host}/staging/web:1.0", f"{host}/prod/web:1.0")
    assert ran.code == errors.EXIT_DENIED


def test_an_image_of_another_repository_is_not_promoted(
    workspace: Workspace, olareg: Registry, kept: Path
) -> None:
    options = ["--policy", "pack:tests_passed", "--key", str(kept / "publish.key")]
    assert workspace.push(*options, target=f"{olareg.host}/dev/web:1.0").code == errors.EXIT_OK
    policy, host = pinned(workspace, olareg, kept), olareg.host
    ran = promote(workspace, kept, policy, f"{host}/dev/web:1.0", f"{host}/prod/web:1.0")
    assert ran.code == errors.EXIT_DENIED
    assert [each["id"] for each in ran.json["violations"]] == ["record"]
