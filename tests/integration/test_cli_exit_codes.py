"""Every exit code of the command line, each reached by what causes it, and nothing written but on ALLOW."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from urllib.parse import unquote

import click
import pytest

from pushpolicy import errors
from pushpolicy.cli import main as boundary
from pushpolicy.cli.main import cli
from pushpolicy.cli.publishing import KEPT
from tests.fake_registry import Answered, Asked, fake_registry
from tests.policies import rule, write_policy
from tests.workspace import IMAGE, TARGET, Workspace, fail_a_test

README = Path(__file__).parents[2] / "README.md"
CODES = {value for name, value in vars(errors).items() if name.startswith("EXIT_")}
COMMANDS = [
    [],
    *([name] for name in cli.list_commands(None)),  # type: ignore[arg-type]  # the context is not used
    *(["policy", name] for name in ("check", "diff", "docs", "init", "inspect", "test", "waive")),
    *(["audit", name] for name in ("list", "show", "replay")),
]
ALWAYS = 'deny contains {"at": {"id": "always"}, "msg": "always"} if input.image.size > 0'
NEVER = ALWAYS.replace("> 0", "== 1")


def test_allowed_and_published(workspace: Workspace) -> None:
    ran = workspace.push()
    assert ran.code == errors.EXIT_OK
    assert ran.out.startswith(f"ALLOW {TARGET}@sha256:")
    assert workspace.published
    assert not (workspace.folder / KEPT).exists()


USAGE = {
    "no command": [],
    "unknown command": ["publish"],
    "no target": ["push", IMAGE],
    "unknown option": ["push", IMAGE, TARGET, "--force"],
    "target without tag": ["push", IMAGE, "registry.example/app"],
    "target without registry": ["push", IMAGE, "app:1.0.0"],
    "target by digest": ["push", IMAGE, f"registry.example/app@sha256:{'0' * 64}"],
    "malformed further tag": ["push", IMAGE, TARGET, "--tag", "a b"],
    "kind of evidence": ["push", IMAGE, TARGET, "--evidence", "test=reports/junit.xml"],
    "evidence without a path": ["push", IMAGE, TARGET, "--evidence", "tests="],
    "unknown format": ["push", IMAGE, TARGET, "--format", "xml"],
    "format without a file": ["push", IMAGE, TARGET, "--format", "json="],
    "a rule of a name that none can have": ["policy", "init", "Not-Root"],
    "a rule that is in the pack": ["policy", "init", "tests_passed"],
    "two reports for one place": ["push", IMAGE, TARGET, "--format", "json", "--format", "text"],
    "report in no folder": ["push", IMAGE, TARGET, "--format", "json=absent/report.json"],
    "absent configuration": ["push", IMAGE, TARGET, "--config", "absent.yaml"],
    "password as an option": ["push", IMAGE, TARGET, "--password", "hunter2-hunter2"],
    "password joined": ["push", IMAGE, TARGET, "--password=hunter2-hunter2"],
    "password without user": ["push", IMAGE, "registry.example/app:1.0.0", "--password-stdin"],
    "no time": ["evaluate", "evidence.json", "--at", "yesterday"],
    "reference without registry": ["audit", "list", "app"],
    "reference without image": ["audit", "show", "oci:image"],
    "unknown schema": ["schema", "image"],
    "demo in a full folder": ["demo", "--keep", "image"],
}


@pytest.mark.parametrize("arguments", USAGE.values(), ids=USAGE)
def test_wrong_usage(workspace: Workspace, arguments: list[str]) -> None:
    workspace.write("evidence.json", "{}")
    ran = workspace.run(*arguments)
    assert ran.code == errors.EXIT_USAGE
    assert ran.out == ""
    assert "Traceback" not in ran.err
    assert "hunter2" not in ran.err
    assert not workspace.published


def options_of(path: list[str]) -> Iterator[str]:
    """Each option of a command that takes a value."""
    command: click.Command = cli
    for name in path:
        assert isinstance(command, click.Group)
        found = command.get_command(click.Context(command), name)
        assert found is not None
        command = found
    for option in command.params:
        if isinstance(option, click.Option) and not option.is_flag and option.name != "help":
            yield max(option.opts, key=len)


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_no_option_is_given_as_an_empty_text(workspace: Workspace, path: list[str]) -> None:
    """As `--ca-file "$CA"` does where the variable is not set."""
    for option in options_of(path):
        for empty in ("", " "):
            ran = workspace.run(*path, option, empty)
            assert ran.code == errors.EXIT_USAGE, option
            assert option in ran.complaint(), option
            assert ran.hint(), option


@pytest.mark.parametrize("option", ["--ca-file", "--cert-dir", "--username", "--policy", "--tag", "--git"])
def test_a_push_with_an_empty_option_pushes_nothing(workspace: Workspace, option: str) -> None:
    ran = workspace.push("--policy", "pack", option, "")
    assert ran.code == errors.EXIT_USAGE
    assert f"{option} is empty" in ran.complaint()
    assert "variable" in ran.hint()
    assert not workspace.published


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_an_option_that_lacks_its_value(workspace: Workspace, path: list[str]) -> None:
    """Click does not say whose it is: the help that is named is, and the report has the form asked for."""
    for option in options_of(path):
        ran = workspace.run(*path, option)
        assert ran.code == errors.EXIT_USAGE
        assert ran.complaint().endswith(f"Option '{option}' requires an argument."), option
        assert ran.hint() == f"see 'pushpolicy {' '.join(path)} --help'"
    ran = workspace.run("evaluate", "--format", "json", "--at")
    assert json.loads(ran.out)["exit_code"] == errors.EXIT_USAGE


@pytest.mark.parametrize("group", [[], *sorted({tuple(path[:-1]) for path in COMMANDS if len(path) > 1})])
def test_no_help_line_is_cut(workspace: Workspace, group: Sequence[str]) -> None:
    listed = workspace.run(*group, "--help").out.partition("Commands:")[2]
    assert listed.count("\n  ") >= 3
    assert "..." not in listed


def test_a_literal_password_is_refused_with_the_reason(workspace: Workspace) -> None:
    ran = workspace.push("--password", "hunter2-hunter2", target="registry.example/app:1.0.0")
    assert "--password is refused" in ran.complaint()
    assert "--password-stdin" in ran.hint()


def test_denied(workspace: Workspace) -> None:
    fail_a_test(workspace)
    ran = workspace.push()
    assert ran.code == errors.EXIT_DENIED
    assert re.match(rf"DENY {TARGET}@sha256:[0-9a-f]{{64}}: 1 rule, 1 finding\n", ran.out)
    for part in ("test_status.test_ping", "fix: ", f"kept:      {KEPT}", "{rule: tests_passed, "):
        assert part in ran.out
    assert not workspace.published


def test_what_no_rule_judged_is_denied(workspace: Workspace) -> None:
    """A rule that is given nothing to judge by is no gate: alone, it allowed every image."""
    ran = workspace.push("--policy", "pack:registries_allowed")
    assert ran.code == errors.EXIT_DENIED
    assert "no rule judged this image, and this one does not apply: the setting allowed names none" in ran.out
    assert "no waiver helps: no rule judged the image" in ran.out
    assert not workspace.published
    folder = workspace.path("beside")
    write_policy(folder, {"never": rule("never", NEVER)})
    beside = workspace.push("--policy", "pack:registries_allowed", "--policy", str(folder))
    assert beside.code == errors.EXIT_OK
    assert "not applicable: registries_allowed" in beside.out


def test_the_reproduce_command_reproduces(workspace: Workspace) -> None:
    fail_a_test(workspace)
    folder = write_policy(workspace.path("more rules"), {"always": rule("always", ALWAYS)})
    ran = workspace.push(
        "--policy", "pack", "--policy", folder, "--format", "json=decision.json", "--format", "text"
    )
    assert ran.code == errors.EXIT_DENIED
    command = next(line.partition(" ")[2] for line in ran.out.splitlines() if line.startswith("reproduce:"))
    again = workspace.shell(command.strip(), "--format", "json")
    assert again.code == errors.EXIT_DENIED
    denied = json.loads((workspace.folder / "decision.json").read_text())
    # What became of the push is said beside the decision.
    assert [note for note in denied.pop("notes") if "leaves no trace" in note]
    assert again.json == denied


INPUT = {
    "no image": ["push", "oci:absent", TARGET],
    "no archive": ["push", "oci-archive:absent.tar", TARGET],
    "neither": ["push", "absent", TARGET],
    "another name": ["push", "oci:image:2.0.0", TARGET],
    "another digest": ["push", f"oci:image@sha256:{'0' * 64}", TARGET],
    "no image layout": ["push", "oci:reports", TARGET],
    "no report": ["push", IMAGE, TARGET, "--evidence", "tests=absent.xml"],
    "no match": ["push", IMAGE, TARGET, "--evidence", "absent/*.xml"],
    "report of another kind": ["push", IMAGE, TARGET, "--evidence", "scans=reports/junit.xml"],
    "no extra": ["push", IMAGE, TARGET, "--evidence", "extra.ticket=absent.json"],
    "not a report": ["push", IMAGE, TARGET, "--evidence", "status.py"],
    "no evidence": ["evaluate", "absent.json"],
    "not evidence": ["evaluate", "reports/trivy-sample.json"],
    "a folder as evidence": ["evaluate", "image"],
    "no place for evidence": ["gather", IMAGE, TARGET, "-o", "absent/evidence.json"],
    "no repository": ["audit", "list", "oci:absent"],
}


@pytest.mark.parametrize("arguments", INPUT.values(), ids=INPUT)
def test_image_or_evidence_unreadable(workspace: Workspace, arguments: list[str]) -> None:
    ran = workspace.run(*arguments)
    assert ran.code == errors.EXIT_INPUT
    assert ran.out == ""
    assert ran.complaint()
    assert ran.hint()
    assert not workspace.published


POLICY = {
    "no policy": ["--policy", "absent"],
    "not a policy": ["--policy", "status.py"],
    "no engine there": ["--engine", "absent"],
    "not an engine": ["--engine", "/bin/true"],
    "an engine that fails": ["--engine", "/bin/false"],
}


@pytest.mark.parametrize("options", POLICY.values(), ids=POLICY)
def test_policy_or_engine(workspace: Workspace, options: list[str]) -> None:
    ran = workspace.push(*options)
    assert ran.code == errors.EXIT_POLICY
    assert ran.out == ""
    assert ran.complaint()
    assert ran.hint()
    assert not workspace.published


def test_no_engine_installed(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pushpolicy_opa", None)
    ran = workspace.push()
    assert ran.code == errors.EXIT_POLICY
    assert "no OPA engine is installed" in ran.complaint()
    assert "packages/opa" in ran.hint()


def refuse(status: int, method: str, path: str) -> Callable[[Asked], Answered]:
    """A registry in memory that refuses one kind of request."""
    held: dict[str, bytes] = {}

    def answer(asked: Asked) -> Answered:
        if asked.method == method and re.search(path, asked.path):
            return Answered(status=status)
        if asked.method == "POST":
            return Answered(status=202, headers={"Location": asked.path})
        if asked.method in ("PUT", "PATCH"):
            held[re.sub(r"uploads/\?digest=", "", unquote(asked.path))] = asked.body
            return Answered(status=201)
        return Answered(body=held[asked.path]) if asked.path in held else Answered(status=404)

    return answer


def test_push_failed_and_nothing_tagged(workspace: Workspace) -> None:
    options = ["--policy", write_policy(workspace.path("rules"), {"one": rule("one", NEVER)})]
    with fake_registry(refuse(403, "PUT", "/manifests/")) as registry:
        ran = workspace.push(*options, target=f"{registry.host}/app:1.0.0")
        puts = [asked.path for asked in registry.asked if asked.method == "PUT"]
    assert ran.code == errors.EXIT_PUSH, ran.err
    assert registry.host in ran.complaint()
    assert ran.hint()
    assert puts
    assert all("sha256" in path for path in puts)


@pytest.mark.parametrize("files", [8, 12])
def test_no_file_can_be_opened_any_more(workspace: Workspace, files: int) -> None:
    """Advice about what could not be opened, here the policy or OPA, would not help."""
    program = f"import resource; resource.setrlimit(resource.RLIMIT_NOFILE, ({files}, {files}))\n"
    program += "from pushpolicy.__main__ import run; run()"
    ran = subprocess.run(
        [sys.executable, "-c", program, "push", IMAGE, TARGET],
        cwd=workspace.folder,
        env=workspace.environ,
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert ran.returncode == errors.EXIT_POLICY
    said = ran.stderr.decode().splitlines()
    assert said[-2].startswith("pushpolicy: ")
    assert said[-2].endswith("Too many open files")
    assert said[-1] == "  -> raise the limit on open files (ulimit -n), or that of the system"
    assert not workspace.published


def test_target_is_a_file(workspace: Workspace) -> None:
    ran = workspace.push(target="oci:status.py:1.0.0")
    assert ran.code == errors.EXIT_PUSH
    assert "status.py" in ran.complaint()


def test_pushed_but_incomplete(workspace: Workspace) -> None:
    """The layers, which the registry says it has, cannot be read back."""
    options = ["--policy", write_policy(workspace.path("rules"), {"one": rule("one", NEVER)})]
    with fake_registry(refuse(403, "GET", "/blobs/")) as registry:
        ran = workspace.push(*options, "--verify", "full", target=f"{registry.host}/app:1.0.0")
        tags = [asked.path for asked in registry.asked if asked.method == "PUT" and "1.0.0" in asked.path]
    assert ran.code == errors.EXIT_INCOMPLETE, ran.err
    assert ran.complaint().startswith("pushed by digest, but ")
    assert ran.hint()
    assert tags == []


def test_replay_differs(workspace: Workspace) -> None:
    assert workspace.push().code == errors.EXIT_OK
    assert workspace.run("audit", "replay", TARGET).code == errors.EXIT_OK
    stricter = ["audit", "replay", TARGET, "--policy", "pack", "--policy", "next-policy"]
    assert workspace.run(*stricter).code == errors.EXIT_DIFFERS
    assert workspace.run(*stricter, "--fail-on", "looser").code == errors.EXIT_OK


def test_record_invalid(workspace: Workspace) -> None:
    assert workspace.run("audit", "show", "oci:image:1.0.0").code == errors.EXIT_RECORD
    assert workspace.push().code == errors.EXIT_OK
    for blob in (workspace.folder / "registry/blobs/sha256").iterdir():
        blob.write_bytes(blob.read_bytes().replace(b'"ALLOW"', b'"DENYS"'))
    for command in ("show", "replay"):
        ran = workspace.run("audit", command, TARGET)
        assert ran.code == errors.EXIT_RECORD
        assert ran.complaint()
    assert workspace.run("audit", "list", "oci:registry").code == errors.EXIT_RECORD


def test_a_bug_is_told_from_everything_else(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a\nb")

    monkeypatch.setattr("pushpolicy.cli.publishing.push_requests", fail)
    ran = workspace.push()
    assert ran.code == errors.EXIT_BUG
    assert "ZeroDivisionError" in ran.complaint()
    report = Path(ran.hint().removeprefix("please report it with "))
    assert "Traceback" in report.read_text()
    assert report.stat().st_mode & 0o077 == 0


def test_a_bug_with_nowhere_to_write_the_report(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boundary.cli, "main", lambda *_, **__: 1 / 0)
    ran = workspace.with_variables(TMPDIR="/nonexistent").run("doctor")
    assert ran.code == errors.EXIT_BUG
    assert "ZeroDivisionError" in ran.complaint()


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_interrupted(by: signal.Signals, workspace: Workspace, tmp_path: Path) -> None:
    """CI systems cancel a job by SIGTERM."""
    (tmp_path / "room").mkdir()
    workspace = workspace.with_variables(TMPDIR=str(tmp_path / "room"))
    started = workspace.path("started")
    engine = workspace.write("../engine", f"#!/bin/sh\n: > '{started}'\nexec sleep 60\n")
    engine.chmod(0o755)
    process = workspace.start("push", IMAGE, TARGET, "--engine", str(engine))
    while not started.exists() and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(by)
    out, err = process.communicate(timeout=20)
    assert process.returncode == errors.EXIT_INTERRUPTED, err
    assert out == b""
    assert b"pushpolicy: interrupted\n" in err
    assert b"no tag was moved" in err
    assert b"Traceback" not in err
    assert not workspace.published
    assert list((tmp_path / "room").iterdir()) == []


def test_interrupted_while_the_report_is_written(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("pushpolicy.cli.report.write_stdout", interrupt)
    ran = workspace.push()
    assert ran.code == errors.EXIT_INTERRUPTED
    assert "the image is published" in ran.complaint()
    assert workspace.published


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: " ".join(command) or "pushpolicy")
def test_every_command_has_help_and_stands_in_the_readme(workspace: Workspace, command: list[str]) -> None:
    ran = workspace.run(*command, "--help")
    assert ran.code == errors.EXIT_OK
    assert ran.out.startswith(f"Usage: {' '.join(['pushpolicy', *command])} ")
    assert ran.err == ""
    assert "pushpolicy " + " ".join(command) in README.read_text()


def test_readme_and_help_list_every_exit_code(workspace: Workspace) -> None:
    rows = re.findall(r"^\| (\d+) \| .+ \|$", README.read_text(), re.MULTILINE)
    assert {int(row) for row in rows} == CODES
    help_text = workspace.run("--help").out
    codes = re.findall(r"\b(\d+) [a-z]", help_text[help_text.index("Exit codes:") :])
    assert {int(code) for code in codes} == CODES


def test_every_failure_has_an_exit_code_of_the_table() -> None:
    root = errors.PushPolicyError
    kinds: list[type[errors.PushPolicyError]] = [root, *root.__subclasses__()]
    assert {kind.exit_code for kind in kinds} == CODES - {errors.EXIT_OK, errors.EXIT_DENIED}
