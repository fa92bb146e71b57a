"""What the reports look like: the first line, the pinned JSON, colours, and readers that go away."""

from __future__ import annotations

import json
import os
import pty
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from pushpolicy import errors
from pushpolicy.cli.render.error import failure
from pushpolicy.cli.report import Output, Outputs
from pushpolicy.cli.schema import NAMES, read_schema
from pushpolicy.evaluate.json_schema import compile_schema
from tests.policies import rule, write_policy
from tests.workspace import IMAGE, TARGET, Workspace, fail_a_test

DIGEST = "sha256:[0-9a-f]{64}"
DENY = 'deny contains {"at": {"id": "always"}, "msg": "always"} if input.image.size > 0'
MANY = """deny contains {"at": {"id": $"n{n}"}, "msg": $"number {n}"} if {
	input.image.size > 0
	some n in numbers.range(10, 30)
}"""
WAIVER = """\
waivers:
  - {rule: r, id: always, reason: because, approver: somebody, expires: "%s"}
"""
OBSERVE = 'observe: {until: "%s", reason: trying it out}\n'
WARN = 'rules: {r: {mode: warn, until: "%s", reason: rolling out}}\n'
# What version 1 of the decision gained, and what a run says beside it: optional, so that older ones fit.
GAINED = {"rollouts", "settings", "loosened", "chain", "notes"}


def soon() -> str:
    return (datetime.now(UTC) + timedelta(days=30)).strftime("%Y-%m-%dT%H:%M:%SZ")


def policy(place: Workspace, text: str = DENY, **data: str) -> list[str]:
    """The options for the shipped pack with a rule `r` beside it, from a folder outside the checkout."""
    folder = write_policy(place.folder.parent / "policy", {"r": rule("r", text)}, **data)
    return ["--policy", "pack", "--policy", folder]


def allowed(place: Workspace) -> list[str]:
    return []


def denied(place: Workspace) -> list[str]:
    return policy(place)


def observed(place: Workspace) -> list[str]:
    return policy(place, enforcement=OBSERVE % soon())


def warned(place: Workspace) -> list[str]:
    return policy(place, enforcement=WARN % soon())


def waived(place: Workspace) -> list[str]:
    return policy(place, waivers=WAIVER % soon())


def lacking(place: Workspace) -> list[str]:
    place.path("reports/junit.xml").unlink()
    return []


KINDS: dict[str, tuple[Callable[[Workspace], list[str]], int]] = {
    "allowed": (allowed, errors.EXIT_OK),
    "denied": (denied, errors.EXIT_DENIED),
    "observed": (observed, errors.EXIT_OK),
    "warned": (warned, errors.EXIT_OK),
    "waived": (waived, errors.EXIT_OK),
    "lacking evidence": (lacking, errors.EXIT_DENIED),
}


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    value: dict[str, Any] = json.loads(read_schema("decision"))
    return value


@pytest.mark.parametrize(("arrange", "code"), KINDS.values(), ids=KINDS)
def test_json_is_as_pinned(
    workspace: Workspace, schema: dict[str, Any], arrange: Callable[[Workspace], list[str]], code: int
) -> None:
    options = arrange(workspace)
    ran = workspace.push(*options, "--format", "json", "--format", "text=report.txt")
    assert ran.code == code, ran.err
    jsonschema.Draft7Validator(schema).validate(ran.json)
    compile_schema(schema)(ran.json)
    assert ("published" in ran.json) is (code == errors.EXIT_OK)
    if code == errors.EXIT_OK:
        assert ran.json["published"]["guarantee"] == "atomic"
        assert "\nguarantee:      atomic: " in (workspace.folder / "report.txt").read_text()
        assert '"guarantee"' not in workspace.run("audit", "show", TARGET, "--format", "json").out
    first = (workspace.folder / "report.txt").read_text().splitlines()[0]
    assert re.match(rf"(ALLOW|DENY) {TARGET}@{DIGEST}", first)
    assert first.startswith(ran.json["verdict"])


def test_schema_is_strict(workspace: Workspace, schema: dict[str, Any]) -> None:
    found = workspace.push(*policy(workspace), "--format", "json").json
    validator = jsonschema.Draft7Validator(schema)
    paths = list(_objects(found, ()))
    assert len(paths) > 10
    for path in paths:
        changed = json.loads(json.dumps(found))
        place = changed
        for step in path:
            place = place[step]
        place["unknown"] = 1
        assert not validator.is_valid(changed), path
    for key in found.keys() - GAINED:
        assert not validator.is_valid({name: value for name, value in found.items() if name != key}), key
    assert not validator.is_valid({**found, "verdict": "ALLOW"})
    assert not validator.is_valid({**found, "violations": []})


def _objects(value: Any, path: tuple[Any, ...]) -> Any:
    """The paths of all objects whose keys are pinned: what a rule puts into `at` is its own."""
    if isinstance(value, dict):
        if path[-1:] != ("at",):
            yield path
        for key, item in value.items():
            yield from _objects(item, (*path, key)) if key != "at" else ()
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _objects(item, (*path, index))


def test_every_schema_is_printed(workspace: Workspace) -> None:
    for name in NAMES:
        ran = workspace.run("schema", name)
        assert ran.code == errors.EXIT_OK
        jsonschema.Draft7Validator.check_schema(ran.json)
        compile_schema(ran.json)  # every keyword is one that is checked here too
        assert ran.json["$id"] == f"pushpolicy.{name}/v1"
    assert workspace.run("schema").json["$id"] == "pushpolicy.evidence/v1"


def test_first_line_and_ten_findings(workspace: Workspace) -> None:
    ran = workspace.push(*policy(workspace, MANY))
    lines = ran.out.splitlines()
    assert re.fullmatch(rf"DENY {TARGET}@{DIGEST}: 1 rule, 21 findings", lines[0])
    assert sum(line.startswith("  - number ") for line in lines) == 10
    assert "  ... and 11 more (all of them: --format json)" in lines
    assert len(workspace.push(*policy(workspace, MANY), "--format", "json").json["violations"]) == 21


def test_a_waiver_is_offered_where_one_can_be_had(workspace: Workspace) -> None:
    offered = (
        "a waiver could be asked for, in waivers.yaml of a folder that the pipeline names "
        "(--policy pack --policy DIR):"
    )
    lines = workspace.push(*denied(workspace)).out.splitlines()
    assert lines[lines.index(offered) + 1].startswith('  - {rule: r, id: "always", reason: ...')
    assert lines[-1].endswith(": --repo-may r=waive")
    workspace.path("status.py").write_text("# changed after it was built\n")
    dirty = workspace.push().out
    assert "worktree_clean  not met" in dirty
    assert offered not in dirty


def test_observing_says_so(workspace: Workspace) -> None:
    ran = workspace.push(*observed(workspace))
    assert ran.code == errors.EXIT_OK
    assert re.fullmatch(rf"ALLOW {TARGET}@{DIGEST}, observed only: .+", ran.out.splitlines()[0])
    assert "always" in ran.out


def test_audit_in_json(workspace: Workspace) -> None:
    assert workspace.push().code == errors.EXIT_OK
    for command, name in (("list", "list"), ("show", "show"), ("replay", "replay")):
        ran = workspace.run("audit", command, TARGET, "--format", "json")
        assert ran.code == errors.EXIT_OK
        assert ran.json["schema"] == f"pushpolicy.audit.{name}/v1"
    tried = workspace.run("audit", "replay", TARGET, "--policy", "pack", "--format", "json")
    assert tried.json["schema"] == "pushpolicy.audit.what-if/v1"
    assert tried.json["direction"] == "unchanged"


def test_quiet_says_nothing_but_the_report(workspace: Workspace) -> None:
    ran = workspace.push("--quiet")
    assert (ran.code, ran.err) == (errors.EXIT_OK, "")
    assert ran.out.startswith("ALLOW ")


def test_format_from_the_environment(workspace: Workspace) -> None:
    assert (
        workspace.with_variables(PUSHPOLICY_FORMAT="json").run("check", IMAGE, TARGET).json["verdict"]
        == "ALLOW"
    )


@pytest.mark.parametrize(
    "variable",
    ["PUSHPOLICY_POLICY", "PUSHPOLICY_ENGINE", "PUSHPOLICY_CONFIG", "PUSHPOLICY_AT", "PUSHPOLICY_TAG"],
)
def test_environment_cannot_choose_what_decides(workspace: Workspace, variable: str) -> None:
    ran = workspace.with_variables(**{variable: "/nonexistent"}).run("check", IMAGE, TARGET)
    assert ran.code == errors.EXIT_OK


def on_a_terminal(place: Workspace, *arguments: str) -> tuple[int, bytes]:
    """Run with standard output on a terminal; exit code and what the terminal got."""
    terminal, theirs = pty.openpty()
    process = place.start(*arguments, stdout=theirs)
    os.close(theirs)
    shown = b""
    with suppress(OSError):  # how Linux tells that the other end is closed
        while part := os.read(terminal, 65536):
            shown += part
    process.communicate(timeout=30)
    os.close(terminal)
    return process.returncode, shown


def without(place: Workspace, name: str) -> Workspace:
    return replace(place, environ={key: value for key, value in place.environ.items() if key != name})


def test_colours_on_a_terminal_only_and_not_with_no_color(workspace: Workspace) -> None:
    code, shown = on_a_terminal(without(workspace, "NO_COLOR"), "check", IMAGE, TARGET)
    assert code == errors.EXIT_OK
    assert b"\x1b[32m" in shown
    code, shown = on_a_terminal(workspace.with_variables(NO_COLOR="1"), "check", IMAGE, TARGET)
    assert code == errors.EXIT_OK
    assert shown.startswith(b"ALLOW ")
    assert b"\x1b" not in shown
    assert b"\x1b" not in without(workspace, "NO_COLOR").run("check", IMAGE, TARGET).out.encode()


def piped(place: Workspace, *arguments: str, stream: str) -> tuple[int, bytes]:
    """Run with a reader of one stream that is gone from the start; exit code and the other stream."""
    reader, writer = os.pipe()
    os.close(reader)
    process = place.start(*arguments, **{stream: writer})
    os.close(writer)
    out, err = process.communicate(timeout=60)
    return process.returncode, out or err or b""


@pytest.mark.parametrize("format_", ["text", "json"])
def test_reader_of_the_report_goes_away(workspace: Workspace, format_: str) -> None:
    code, err = piped(workspace, "check", IMAGE, TARGET, "-q", "--format", format_, stream="stdout")
    assert (code, err) == (errors.EXIT_OK, b"")
    code, err = piped(
        workspace, "check", IMAGE, TARGET, "-q", *policy(workspace), "--format", format_, stream="stdout"
    )
    assert (code, err) == (errors.EXIT_DENIED, b"")


def test_reader_of_the_talk_goes_away(workspace: Workspace) -> None:
    code, out = piped(workspace, "push", IMAGE, TARGET, stream="stderr")
    assert code == errors.EXIT_OK
    assert out.startswith(b"ALLOW ")
    assert workspace.published
    code, out = piped(workspace, "push", "oci:absent", TARGET, stream="stderr")
    assert (code, out) == (errors.EXIT_INPUT, b"")


@pytest.mark.parametrize("command", [["policy", "check"], ["doctor"], ["schema"], ["gather", IMAGE, TARGET]])
def test_reader_of_other_output_goes_away(workspace: Workspace, command: list[str]) -> None:
    code, err = piped(workspace, *command, stream="stdout")
    assert code == errors.EXIT_OK
    assert b"Traceback" not in err
    assert b"BrokenPipe" not in err


def test_reader_of_the_help_goes_away(workspace: Workspace) -> None:
    """click gives up by itself here; wherever that happens, it must not look like a success."""
    code, err = piped(workspace, "--help", stream="stdout")
    assert (code, err) == (errors.EXIT_INTERRUPTED, b"")


def test_standard_output_is_full(workspace: Workspace) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("there is no /dev/full here")
    with full.open("wb") as out:
        process = workspace.start("check", IMAGE, TARGET, "-q", stdout=out)
        _, err = process.communicate(timeout=30)
    assert process.returncode == errors.EXIT_INPUT
    assert err.startswith(b"pushpolicy: standard output cannot be written: ")
    assert b"Traceback" not in err


FULL = Path("/dev/full")
# By a shell, for subprocess has no word for a stream that is closed.
STREAMS = {"closed": ">&-", "full": f">{FULL}"}


def ended(place: Workspace, *arguments: str, streams: str) -> tuple[int, str]:
    """Run with such streams; exit code and standard error."""
    if str(FULL) in streams and not FULL.exists():
        pytest.skip("there is no /dev/full here")
    command = f"{shlex.join([sys.executable, '-P', '-m', 'pushpolicy', *arguments])} {streams}"
    done = subprocess.run(
        ["sh", "-c", command], cwd=place.folder, env=dict(place.environ), capture_output=True, text=True
    )
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


@pytest.mark.parametrize("streams", STREAMS.values(), ids=STREAMS)
def test_a_denial_is_one_wherever_its_report_goes(workspace: Workspace, streams: str) -> None:
    denied = policy(workspace)
    for command in ("push", "check"):
        code, err = ended(workspace, command, IMAGE, TARGET, "-q", *denied, streams=streams)
        assert (code, err.count("\n")) == (errors.EXIT_DENIED, 1)
        assert err.startswith("pushpolicy: standard output cannot be written: ")
    code, err = ended(workspace, "evaluate", "pushpolicy-evidence.json", *denied, streams=streams)
    assert code == errors.EXIT_DENIED
    assert not workspace.published


@pytest.mark.parametrize("streams", STREAMS.values(), ids=STREAMS)
def test_what_was_published_is_said_without_a_report(workspace: Workspace, streams: str) -> None:
    code, err = ended(workspace, "push", IMAGE, TARGET, "-q", streams=streams)
    assert code == errors.EXIT_INCOMPLETE
    assert re.search(rf"^pushpolicy: published {TARGET}@{DIGEST}, but without a report: standard output", err)
    assert workspace.published


def test_what_was_published_is_said_when_a_file_is_full(workspace: Workspace) -> None:
    if not FULL.exists():
        pytest.skip("there is no /dev/full here")
    ran = workspace.with_variables(PUSHPOLICY_FORMAT=f"json={FULL}").push()
    assert ran.code == errors.EXIT_INCOMPLETE
    assert re.match(rf"published {TARGET}@{DIGEST}, but without a report: {FULL}", ran.complaint())
    assert workspace.published


@pytest.mark.parametrize("streams", STREAMS.values(), ids=STREAMS)
@pytest.mark.parametrize("command", [["--help"], ["--version"], ["push", "--help"], ["doctor"], ["schema"]])
def test_output_that_cannot_be_written_is_no_bug(
    workspace: Workspace, command: list[str], streams: str
) -> None:
    code, err = ended(workspace, *command, streams=streams)
    assert code == errors.EXIT_INPUT
    assert err.startswith("pushpolicy: standard output cannot be written: ")


def test_a_closed_stream_is_no_place_for_a_file(workspace: Workspace) -> None:
    """The next file that is opened has its number: talk or report would be written into it."""
    code, _ = ended(workspace, "push", IMAGE, TARGET, streams="<&- >&- 2>&-")
    assert code == errors.EXIT_INCOMPLETE
    assert workspace.run("audit", "replay", TARGET).code == errors.EXIT_OK
    code, err = ended(
        workspace, "push", IMAGE, "r.example/a:1", "--username", "u", "--password-stdin", streams="<&-"
    )
    assert code == errors.EXIT_USAGE
    assert "holds no password" in err


def test_head(workspace: Workspace) -> None:
    """As people type it."""
    process = workspace.start("check", IMAGE, TARGET, "-q", "--format", "text")
    done = subprocess.run(["head", "-1"], stdin=process.stdout, capture_output=True, check=True)
    process.communicate(timeout=30)
    assert process.returncode == errors.EXIT_OK
    assert done.stdout.startswith(b"ALLOW ")


@pytest.mark.parametrize("encoding", ["idna", "undefined", "utf-16", "ascii:strict"])
def test_no_encoding_of_a_variable_keeps_it_from_speaking(workspace: Workspace, encoding: str) -> None:
    place = workspace.with_variables(PYTHONIOENCODING=encoding)
    fail_a_test(place)
    process = place.start("push", IMAGE, TARGET)
    out, err = process.communicate(timeout=30)
    assert process.returncode == errors.EXIT_DENIED
    assert out.startswith(b"DENY ")
    assert err.startswith(b"read reports/junit.xml: ")


def test_a_variable_creates_files_and_an_option_replaces_them(workspace: Workspace) -> None:
    path = workspace.path("report.json")
    place = workspace.with_variables(PUSHPOLICY_FORMAT="json=report.json")
    path.write_text("")
    assert place.run("check", IMAGE, TARGET).code == errors.EXIT_OK
    assert json.loads(path.read_text())["verdict"] == "ALLOW"
    path.write_text("somebody else's")
    ran = place.run("check", IMAGE, TARGET)
    assert ran.code == errors.EXIT_USAGE
    assert ran.complaint() == "report.json is there already, and a variable replaces no file"
    assert path.read_text() == "somebody else's"
    assert place.run("check", IMAGE, TARGET, "--format", "json=report.json").code == errors.EXIT_OK
    assert json.loads(path.read_text())["verdict"] == "ALLOW"


def test_nor_does_it_replace_what_comes_meanwhile(workspace: Workspace) -> None:
    path = workspace.path("report.json")
    output = Output.parse(f"json={path}", replaces=False)
    path.write_text("somebody else's")
    outputs = Outputs()
    outputs.ask([output])
    with pytest.raises(errors.InputError, match="a variable replaces no file"):
        outputs.write(failure(errors.EXIT_INPUT, "x", None))
    assert path.read_text() == "somebody else's"


def test_a_pipe_that_nobody_reads_is_not_waited_for(workspace: Workspace) -> None:
    pipe = workspace.path("pipe")
    os.mkfifo(pipe)
    ran = workspace.with_variables(PUSHPOLICY_FORMAT=f"json={pipe}").push()
    assert ran.code == errors.EXIT_INCOMPLETE
    assert re.match(rf"published {TARGET}@{DIGEST}, but without a report: {pipe}", ran.complaint())


def test_a_pipe_that_somebody_reads_gets_the_whole_report(workspace: Workspace) -> None:
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as cat:
        assert cat.stdin
        assert workspace.push("--format", f"json=/dev/fd/{cat.stdin.fileno()}").code == errors.EXIT_OK
        assert json.loads(cat.communicate()[0])["schema"]
