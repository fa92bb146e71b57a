"""Hostile and broken policies and engines: one line with place and remedy, exit code 30, nothing pushed."""

from __future__ import annotations

import json
import os
import re
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


COMMANDS = ("check", "test", "inspect", "docs")
MARKS = "<script>alert(1)</script>"
ESCAPES = ("\x1b[2J", "\x07", "\x9b2J", "\u202e", "\u2028")
FOREIGN: dict[str, Callable[[Path], object]] = {
    **POLICY_FILES,
    "a link to itself": lambda folder: (folder / "r/r.rego").symlink_to("r.rego"),
    "a bomb of settings": lambda folder: (folder / "settings.yaml").write_text(YAML_BOMB),
    "a name of a terminal": lambda folder: (folder / "\x1b[2J.rego").write_text("package x"),
}
BESIDE: dict[str, Callable[[Path], object]] = {
    "examples a pipe": lambda folder: os.mkfifo(folder / "r/examples.yaml"),
    "examples a link that leads out": lambda folder: (folder / "r/examples.yaml").symlink_to("/etc/passwd"),
    "examples a device": lambda folder: (folder / "r/examples.yaml").symlink_to("/dev/zero"),
    "examples a bomb": lambda folder: (folder / "r/examples.yaml").write_text(YAML_BOMB),
    "examples too large": lambda folder: (folder / "r/examples.yaml").write_text("#" * 20_000_000),
    "examples of a terminal": lambda folder: (folder / "r/examples.yaml").write_text(
        '- {name: "\\e[2J", expect: violated}'
    ),
}
TESTS: dict[str, Callable[[Path], object]] = {
    "a test a pipe": lambda folder: os.mkfifo(folder / "r/r_test.rego"),
    "a test a link that leads out": lambda folder: (folder / "r/r_test.rego").symlink_to("/etc/passwd"),
    "a test a device": lambda folder: (folder / "r/r_test.rego").symlink_to("/dev/zero"),
    "a test too large": lambda folder: (folder / "r/r_test.rego").write_text("#" * 5_000_000),
}
READERS = ("check", "test", "docs")


@pytest.mark.parametrize("arrange", FOREIGN.values(), ids=FOREIGN)
def test_a_foreign_folder_stops_each_command(workspace: Workspace, arrange: Callable[[Path], object]) -> None:
    """Whoever reviews somebody's policy runs these on it."""
    folder = workspace.path("policy/r/r_test.rego").parent.parent
    arrange(folder)
    for command in (*([each, "policy"] for each in COMMANDS), ["diff", "pack", "policy"]):
        assert "policy" in refused(workspace, errors.EXIT_POLICY, "policy", *command)


@pytest.mark.parametrize(
    ("commands", "arrange"),
    [*((READERS, each) for each in BESIDE.values()), *((("test",), each) for each in TESTS.values())],
    ids=[*BESIDE, *TESTS],
)
def test_what_lies_beside_a_foreign_rule_stops_who_reads_it(
    workspace: Workspace, commands: tuple[str, ...], arrange: Callable[[Path], object]
) -> None:
    folder = Path(write_policy(workspace.path("policy"), {"r": rule("r", DENY)}))
    arrange(folder)
    for command in commands:
        ran = workspace.run("policy", command, "policy")
        assert ran.code == errors.EXIT_POLICY, (command, ran.out)
        # `test` reports what fails, the others stop.
        assert "policy/r/" in (ran.out if command == "test" and ran.out else ran.complaint())
        assert harmless(ran.out + ran.err), command
        assert "root:" not in ran.out + ran.err


def test_what_a_foreign_rule_says_of_itself_is_text(workspace: Workspace) -> None:
    """No tag, address or escape of METADATA, names and examples comes through, in any command and form."""
    head = f"""\
# METADATA
# title: {json.dumps(MARKS + "[x](javascript:alert(1))")}
# description: {json.dumps(MARKS + "`</code><img src=x>`")}
# custom:
#   severity: high
#   fix: {json.dumps(MARKS)}
"""
    folder = write_policy(workspace.path("policy"), {"r": rule("r", DENY, head=head)})
    examples = [{"name": MARKS, "expect": "violated"}]
    Path(folder, "r/examples.yaml").write_text(json.dumps(examples))
    for command in (*([each, "policy"] for each in COMMANDS), ["docs", "--html", "policy"]):
        ran = workspace.run("policy", *command)
        assert ran.code == errors.EXIT_OK, (command, ran.err)
        assert harmless(ran.out), command
        assert harmless(ran.err), command
        if "--html" in command:
            assert not re.search("<script|<img|href=.javascript", ran.out)
    changed = workspace.run("policy", "diff", "pack:user_not_root", "policy").out
    assert changed
    assert harmless(changed)


@pytest.mark.parametrize("key", ["title", "description", "fix"])
def test_a_rule_that_speaks_to_the_terminal_does_not_load(workspace: Workspace, key: str) -> None:
    for escape in ESCAPES:
        text = rule("r", DENY)
        line = next(line for line in text.splitlines() if f" {key}:" in line)
        said = f"{line.partition(':')[0]}: {json.dumps(f'a{escape}b')}"
        folder = write_policy(workspace.path("policy"), {"r": text.replace(line, said)})
        for command in (["push", IMAGE, TARGET, "--policy", folder], ["policy", "docs", folder]):
            assert "which nobody sees" in refused(workspace, errors.EXIT_POLICY, *command)


def test_a_waiver_is_written_through_no_link(workspace: Workspace) -> None:
    outside = workspace.write("../outside.yaml", "waivers:\n")
    workspace.path("waivers.yaml").symlink_to(outside)
    folder = write_policy(workspace.path("policy"), {"r": rule("r", DENY)})
    workspace.push("--policy", folder)
    grant = ("--reason", "x", "--approver", "y", "--expires", "2026-12-30T00:00:00Z")
    written = ("policy", "waive", "--policy", folder, *grant, "--write", "waivers.yaml")
    assert "waivers.yaml: it is a link" in refused(workspace, errors.EXIT_INPUT, *written)
    assert outside.read_text() == "waivers:\n"
    assert workspace.path("waivers.yaml").is_symlink()


def test_in_its_own_repository_a_policy_may_set_what_it_likes(workspace: Workspace) -> None:
    """Named by an argument, where nothing is configured; with --policy it is as in a push from here."""
    folder = write_policy(
        workspace.path("policy"), {"r": rule("r", DENY)}, settings="tests_passed: {min_tests: 3}\n"
    )
    ran = workspace.run("policy", "check", "pack", folder)
    assert ran.code == errors.EXIT_OK, ran.err
    assert "was checked as a policy of its own" in ran.out
    as_in_a_push = ("policy", "check", "--policy", "pack", "--policy", folder)
    assert "tests_passed" in refused(workspace, errors.EXIT_POLICY, *as_in_a_push)
    workspace.write("pushpolicy.yaml", "waivers: []\n")
    assert "tests_passed" in refused(workspace, errors.EXIT_POLICY, "policy", "check", "pack", folder)
