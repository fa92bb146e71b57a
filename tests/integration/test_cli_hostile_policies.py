"""Hostile and broken policies and engines: one line with place and remedy, exit code 30, nothing pushed."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from pushpolicy import errors
from pushpolicy.engines.process import Limits
from tests.hostile import YAML_BOMB, refused
from tests.policies import rule, write_policy
from tests.workspace import IMAGE, TARGET, Workspace, harmless

DENY = 'deny contains {"at": {"id": "always"}, "msg": "always"} if input.image.size > 0'


CALL = 'http.send({"method": "get", "url": "http://127.0.0.1:1"})'
HTTP = f'deny contains {{"at": {{}}, "msg": "x"}} if {{ input.image.size > 0; {CALL} }}'
RULES = {
    "not Rego": rule("r", "deny contains"),
    "binary": "\x00\x01",
    "denny": rule("r", DENY.replace("deny", "denny")),
    "boolean": rule("r", "deny if input.image.size > 0"),
    "another package": rule("r", DENY).replace("package pushpolicy.rules.r", "package pushpolicy.main"),
    "no metadata": rule("r", DENY).partition("package")[1] + rule("r", DENY).partition("package")[2],
    "the network": rule("r", HTTP),
    "the environment": rule(
        "r", 'deny contains {"at": {}, "msg": opa.runtime().env.HOME} if input.image.size > 0'
    ),
    "all of the input": rule("r", 'deny contains {"at": {}, "msg": "x"} if count(input) == 0'),
}


@pytest.mark.parametrize("text", RULES.values(), ids=RULES)
def test_rule(workspace: Workspace, text: str) -> None:
    folder = write_policy(workspace.path("policy"), {"r": text})
    ran = workspace.push("--policy", "pack", "--policy", folder)
    assert ran.code == errors.EXIT_POLICY, ran.out
    assert ran.out == ""
    assert all(f"{folder}/r/r.rego:" in line or "r.rego" in line for line in ran.err.splitlines()[:1])
    assert "Traceback" not in ran.err
    assert harmless(ran.err)
    assert not workspace.published


EXPIRED = """\
waivers:
  - {rule: r, id: always, reason: r, approver: a, expires: "2020-01-01T00:00:00Z"}
"""
DATA: dict[str, tuple[str, str]] = {
    "unknown setting": ("settings", "r: {limit: 1}\n"),
    "settings with a key twice": ("settings", "r: {}\nr: {}\n"),
    "settings bomb": ("settings", YAML_BOMB),
    "waiver without end": ("waivers", "waivers: [{rule: r, id: x, reason: r, approver: a}]\n"),
    "waiver of everything": (
        "waivers",
        'waivers: [{rule: r, reason: r, approver: a, expires: "2099-01-01T00:00:00Z"}]\n',
    ),
    "off without end": ("enforcement", "rules: {r: {mode: off, reason: r}}\n"),
}


@pytest.mark.parametrize(("name", "text"), DATA.values(), ids=DATA)
def test_data_of_a_policy(workspace: Workspace, name: str, text: str) -> None:
    folder = write_policy(workspace.path("policy"), {"r": rule("r", DENY)}, **{name: text})
    complaint = refused(workspace, errors.EXIT_POLICY, "push", IMAGE, TARGET, "--policy", folder)
    assert f"{name}.yaml" in complaint


def test_expired_waiver_waives_nothing(workspace: Workspace) -> None:
    folder = write_policy(workspace.path("policy"), {"r": rule("r", DENY)}, waivers=EXPIRED)
    ran = workspace.push("--policy", folder)
    assert ran.code == errors.EXIT_DENIED
    assert "waiver expired: r always" in ran.out
    assert not workspace.published


POLICY_FILES: dict[str, Callable[[Path], object]] = {
    "rule a pipe": lambda folder: os.mkfifo(folder / "r/r.rego"),
    "rule a link that leads out": lambda folder: (folder / "r/r.rego").symlink_to("/etc/passwd"),
    "settings a pipe": lambda folder: os.mkfifo(folder / "settings.yaml"),
    "settings a device": lambda folder: (folder / "settings.yaml").symlink_to("/dev/zero"),
    "data that OPA would load": lambda folder: (folder / "r/data.json").write_text("{}"),
    "too large": lambda folder: (folder / "r/r.rego").write_text("#" * 5_000_000),
}


@pytest.mark.parametrize("arrange", POLICY_FILES.values(), ids=POLICY_FILES)
def test_file_of_a_policy(workspace: Workspace, arrange: Callable[[Path], object]) -> None:
    folder = workspace.path("policy/r/r_test.rego").parent.parent
    arrange(folder)
    ran = workspace.push("--policy", str(folder))
    assert ran.code == errors.EXIT_POLICY
    assert "Traceback" not in ran.err
    assert str(folder) in ran.err
    assert not workspace.published


ALLOW = '{"result":[{"expressions":[{"value":{"allow":true}}]}]}'
ENGINES = {
    "says nothing": "exit 0",
    "says {}": "echo {}",
    "says allow": f"echo '{ALLOW}'",
    "says true": 'echo \'{"result":[{"expressions":[{"value":true}]}]}\'',
    "says half": f"printf %s '{ALLOW[:30]}'",
    "says it deeply": "head -c 300000 /dev/zero | tr '\\0' '['",
    "speaks to the terminal": "printf '\\033[2J\\n\\033]0;x\\007' >&2; exit 3",
    "hangs": "exec sleep 60",
    "hangs and holds on": "sleep 60 & sleep 60",
    "talks without end": "exec yes",
    "complains without end": "exec yes >&2",
    "dies": "kill -9 $$",
}


@pytest.mark.parametrize("script", ENGINES.values(), ids=ENGINES)
def test_engine(workspace: Workspace, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    small = partial(Limits, seconds=0.4, grace=0.1, output=4_000_000)
    monkeypatch.setattr("pushpolicy.engines.local.Limits", small)
    workspace.write("../engine", f"#!/bin/sh\n{script}\n").chmod(0o755)
    complaint = refused(workspace, errors.EXIT_POLICY, "push", IMAGE, TARGET, "--engine", "../engine")
    assert "OPA" in complaint


OUTSIDE = ("/proc/self/root", "/", "root", "..", "below/../..", "no\\0name")


@pytest.mark.parametrize("named", OUTSIDE)
def test_a_configuration_names_no_policy_outside_the_checkout(workspace: Workspace, named: str) -> None:
    workspace.path("root").symlink_to("/")
    workspace.write("pushpolicy.yaml", f'policy: ["{named}"]\n')
    for command in (["policy", "check"], ["push", IMAGE, TARGET]):
        complaint = refused(workspace, errors.EXIT_USAGE, *command)
        assert complaint.startswith("pushpolicy.yaml: ")


def test_a_configuration_that_names_a_link_to_itself(workspace: Workspace) -> None:
    workspace.path("loop").symlink_to("loop")
    workspace.write("pushpolicy.yaml", "policy: [loop]\n")
    complaint = refused(workspace, errors.EXIT_POLICY, "push", IMAGE, TARGET)
    assert complaint.startswith("policy loop is not a folder")


def test_a_configuration_may_name_a_policy_beside_its_folder(workspace: Workspace) -> None:
    write_policy(workspace.path("shared"), {"r": rule("r", DENY)})
    workspace.path("part").mkdir()
    workspace.write("part/pushpolicy.yaml", "policy: [../shared]\n")
    ran = replace(workspace, folder=workspace.folder / "part").run("policy", "check")
    assert ran.code == errors.EXIT_OK, ran.err


def test_a_policy_that_this_user_may_not_read(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root may read everything, so the answer is given for it."""
    folder = write_policy(workspace.path("policy"), {"r": rule("r", DENY)})
    is_dir = Path.is_dir

    def refuse(path: Path) -> bool:
        if path.name == "r":
            raise PermissionError(13, "Permission denied", str(path))
        return is_dir(path)

    monkeypatch.setattr(Path, "is_dir", refuse)
    complaint = refused(workspace, errors.EXIT_POLICY, "push", IMAGE, TARGET, "--policy", folder)
    assert complaint == f"policy {folder}: {folder}/r cannot be read: Permission denied"
