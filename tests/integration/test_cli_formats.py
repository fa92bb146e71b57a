"""Formats: every command's report in each, every JSON with its schema, and errors as reports."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import fastjsonschema
import pytest

from pushpolicy import errors
from pushpolicy.cli.formats import FORMATS, Format, Kind, Report
from pushpolicy.evaluate.sources import policies
from pushpolicy.model.decision import SCHEMA as DECISION
from tests.integration.test_cli_exit_codes import INPUT, POLICY, USAGE
from tests.policies import rule, write_policy
from tests.workspace import IMAGE, TARGET, Ran, Workspace, fail_a_test

# Each command that reports, once there is a record; with the kind and the schema of its report.
REPORTING = {
    "push": (["push", IMAGE, TARGET], Kind.DECISION, DECISION),
    "dry run": (["push", IMAGE, TARGET, "--dry-run"], Kind.DECISION, DECISION),
    "check": (["check", IMAGE, TARGET], Kind.DECISION, DECISION),
    "evaluate": (["evaluate", "evidence.json"], Kind.DECISION, DECISION),
    "gather": (["gather", IMAGE, TARGET], Kind.GATHERED, "pushpolicy.evidence/v1"),
    "policy check": (["policy", "check"], Kind.POLICY, "pushpolicy.policy.check/v1"),
    "policy diff": (["policy", "diff", "pack", "next-policy"], Kind.POLICY, "pushpolicy.policy.diff/v1"),
    "policy inspect": (["policy", "inspect"], Kind.POLICY, "pushpolicy.policy.inspect/v1"),
    "policy test": (["policy", "test", "next-policy"], Kind.POLICY, "pushpolicy.policy.test/v1"),
    "audit list": (["audit", "list", TARGET], Kind.LISTING, "pushpolicy.audit.list/v1"),
    "audit show": (["audit", "show", TARGET], Kind.RECORD, "pushpolicy.audit.show/v1"),
    "audit diff": (["audit", "diff", TARGET, TARGET], Kind.COMPARED, "pushpolicy.audit.diff/v1"),
    "audit replay": (["audit", "replay", TARGET], Kind.REPLAY, "pushpolicy.audit.replay/v1"),
    "what-if": (
        ["audit", "replay", TARGET, "--policy", "pack"],
        Kind.WHAT_IF,
        "pushpolicy.audit.what-if/v1",
    ),
    "doctor": (["doctor"], Kind.DOCTOR, "pushpolicy.doctor/v1"),
}
TAKES_NO_FORMAT = {"demo", "publish", "schema", "policy init"}
FAILING = {
    name: arguments
    for name, arguments in {**USAGE, **INPUT}.items()
    # The evidence is printed before it cannot be written to the file.
    if "--format" not in arguments and name != "no place for evidence"
} | {name: ["push", IMAGE, TARGET, *options] for name, options in POLICY.items()}


@pytest.fixture
def pushed(workspace: Workspace) -> Workspace:
    """A workspace with a record, and evidence in evidence.json."""
    assert workspace.push("-q").code == errors.EXIT_OK
    assert workspace.run("gather", IMAGE, TARGET, "-o", "evidence.json", "-q").code == errors.EXIT_OK
    return workspace


@pytest.fixture
def shouting() -> Any:
    """A format of one file and one row, which says what it is given; it is no format for errors."""
    module = ModuleType("pushpolicy.cli.formats.shouting")

    def render(report: Report) -> str:
        verdicts = [str(decision.verdict) for decision in report.decisions]
        return " ".join([report.kind.upper(), *verdicts]) + "!\n"

    module.render = render  # type: ignore[attr-defined]
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, module.__name__, module)
        patch.setitem(FORMATS, "shouting", Format("shouting", frozenset(Kind) - {Kind.ERROR, Kind.DOCTOR}))
        yield


PAGES = [name for name, (_, kind, _) in REPORTING.items() if kind in FORMATS["html"].kinds]


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_one_document_that_says_what_it_is_of(pushed: Workspace, name: str) -> None:
    arguments = REPORTING[name][0]
    plain, ran = pushed.run(*arguments), pushed.run(*arguments, "--format", "html=page.html")
    page = pushed.path("page.html").read_text(encoding="utf-8")
    assert ran.code == plain.code
    assert ran.out == ""
    assert page.startswith('<!doctype html>\n<html lang="en">')
    assert page.endswith("</html>\n")
    assert page.count("<h1>") == page.count("<main") == 1
    assert "oci:registry" in page


def test_a_new_format_is_one_file_and_one_row(pushed: Workspace, shouting: None) -> None:
    for arguments, kind, _ in REPORTING.values():
        ran = pushed.run(*arguments, "--format", "shouting")
        if kind is Kind.DOCTOR:
            assert ran.code == errors.EXIT_USAGE
            assert "--format 'shouting' does not fit this command" in ran.complaint()
            assert ran.hint() == "use one of text, json"
            continue
        assert ran.code == errors.EXIT_OK, ran.err
        assert ran.out.startswith(kind.upper())
        has_decisions = kind not in (Kind.GATHERED, Kind.POLICY, Kind.WHAT_IF, Kind.LISTING)
        assert (" ALLOW!" in ran.out) is has_decisions


def test_a_format_that_is_none_for_errors_says_nothing_of_them(workspace: Workspace, shouting: None) -> None:
    ran = workspace.run("check", "absent", TARGET, "--format", "shouting", "--format", "json=error.json")
    assert (ran.code, ran.out) == (errors.EXIT_INPUT, "")
    assert read(workspace, "error.json")["exit_code"] == errors.EXIT_INPUT


@pytest.mark.parametrize("name", REPORTING)
def test_every_command_reports_as_json_with_a_schema(pushed: Workspace, name: str) -> None:
    arguments, _, schema = REPORTING[name]
    ran = pushed.run(*arguments, "--format", "json", "--format", "text=report.txt")
    assert ran.code == errors.EXIT_OK, ran.err
    assert ran.json["schema"] == schema
    if schema == DECISION:
        fastjsonschema.validate(json.loads((policies() / "schema/decision.v1.json").read_bytes()), ran.json)
    assert pushed.path("report.txt").read_text().endswith("\n")
    if name != "gather":  # which prints evidence, whatever form decisions are to have
        assert pushed.with_variables(PUSHPOLICY_FORMAT="json").run(*arguments).json["schema"] == schema


def test_several_images_are_one_document(workspace: Workspace) -> None:
    config = f"images: [{{image: '{IMAGE}', target: 'oci:a:1'}}, {{image: '{IMAGE}', target: 'oci:b:1'}}]"
    workspace.write("pushpolicy.yaml", config)
    ran = workspace.run("push", "--all", "--dry-run", "--allow-target", "oci:*", "--format", "json")
    assert ran.json["schema"] == "pushpolicy.push-all/v1"
    assert [image["schema"] for image in ran.json["images"]] == [DECISION] * 2


def read(place: Workspace, name: str) -> dict[str, Any]:
    return Ran(code=0, out=place.path(name).read_text(), err="").json


@pytest.mark.parametrize("name", FAILING)
def test_every_error_is_one_document_in_json(workspace: Workspace, name: str) -> None:
    workspace.write("evidence.json", "{}")
    arguments = FAILING[name]
    plain = workspace.run(*arguments)
    ran = workspace.run(*arguments, "--format", "json")
    if not arguments or not TAKES_NO_FORMAT.isdisjoint((arguments[0], " ".join(arguments[:2]))):
        assert (ran.code, ran.out) == (errors.EXIT_USAGE, "")
        return
    assert (ran.code, ran.err) == (plain.code, plain.err)
    expected = {"schema": "pushpolicy.error/v1", "exit_code": plain.code, "message": plain.complaint()}
    found = {key: value for key, value in ran.json.items() if key != "problems"}
    assert ("problems" in ran.json) is (plain.code == errors.EXIT_POLICY)
    assert found == (expected | {"hint": plain.hint()} if plain.hint() else expected)
    assert plain.out == ""


def test_an_error_of_many_lines(workspace: Workspace) -> None:
    rules = {name: rule(name, "denny contains 1 if true") for name in ("a", "b")}
    folder = write_policy(workspace.path("bad"), rules)
    ran = workspace.run("policy", "check", folder, "--format", "json")
    assert ran.code == ran.json["exit_code"] == errors.EXIT_POLICY
    told = [f"pushpolicy: {line}" for line in ran.json["message"].split("\n")]
    assert len(told) > 1
    first = next(each for each in ran.json["problems"] if "`denny`" in each["message"])
    assert first.keys() == {"file", "line", "rule", "message", "fix"}
    assert (first["file"], first["line"], first["rule"]) == (f"{folder}/a/a.rego", 11, "a")
    assert first["fix"] == "the name of a helper starts with _"
    assert ran.err.splitlines()[: len(told)] == told


def test_each_problem_says_what_to_do(workspace: Workspace) -> None:
    """Also where a name in the message holds what stands before the remedy, or a hint is the remedy."""
    clean = rule("r", 'deny contains {"at": {"id": "x"}, "msg": "x"} if input.source.dirty')
    folder = write_policy(workspace.path("mine"), {"r": clean})
    workspace.write("mine/r/examples.yaml", '- {name: "one: two; three", expect: violated}')
    [problem] = workspace.run("policy", "check", folder, "--format", "json").json["problems"]
    assert problem == {
        "file": f"{folder}/r/examples.yaml",
        "line": 1,
        "rule": "r",
        "message": "one: two, three: expected is violated, and the rule says passed",
        "fix": "correct the rule or the example",
    }
    ran = workspace.run("policy", "check", "absent", "--format", "json")
    assert ran.json["problems"][0]["fix"] == ran.json["hint"] == ran.hint()


def test_a_bug_in_json(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pushpolicy.cli.publishing.push_requests", lambda *_: 1 / 0)
    ran = workspace.push("--format", "json")
    assert ran.code == ran.json["exit_code"] == errors.EXIT_BUG
    assert "ZeroDivisionError" in ran.json["message"]


def test_a_bug_in_the_format_of_an_error_changes_nothing(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pushpolicy.cli.render.error.failure", lambda *_: 1 / 0)
    ran = workspace.run("check", "absent", TARGET, "--format", "json")
    assert (ran.code, ran.out) == (errors.EXIT_INPUT, "")
    assert "pushpolicy: absent: " in ran.err
    assert "could not be reported in the format asked for: ZeroDivisionError" in ran.err


def test_an_error_takes_the_place_of_an_older_report(workspace: Workspace) -> None:
    """Whoever reads the file alone must not take the decision of an earlier run for this one's."""
    assert workspace.push("--format", "json=out.json").code == errors.EXIT_OK
    assert read(workspace, "out.json")["verdict"] == "ALLOW"
    assert workspace.push("--format", "json=out.json", image="absent").code == errors.EXIT_INPUT
    assert read(workspace, "out.json")["schema"] == "pushpolicy.error/v1"


def test_an_error_never_follows_a_report_that_is_written(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first report stands; the second cannot be written."""
    workspace.path("here").mkdir()
    ran = workspace.push("--format", "json", "--format", "text=here")
    assert ran.code == errors.EXIT_INCOMPLETE
    assert ran.json["verdict"] == "ALLOW"
    assert "here: cannot be written" in ran.complaint()
    assert workspace.published


def test_a_denial_is_no_error(workspace: Workspace) -> None:
    fail_a_test(workspace)
    ran = workspace.push("--format", "json")
    assert (ran.code, ran.json["verdict"]) == (errors.EXIT_DENIED, "DENY")


def test_no_secret_is_in_an_error(workspace: Workspace) -> None:
    place = workspace.with_variables(DEPLOY_TOKEN="planted-0123456789")
    ran = place.run("check", "planted-0123456789", TARGET, "--format", "json")
    assert ran.code == errors.EXIT_INPUT
    assert "planted" not in ran.out + ran.err
    assert "<the variable DEPLOY_TOKEN>" in ran.json["message"]


def test_an_error_is_printable(workspace: Workspace) -> None:
    ran = workspace.run("check", "a\x1b[2J\udc80\u202e", TARGET, "--format", "json")
    assert ran.code == ran.json["exit_code"] == errors.EXIT_INPUT
    assert ran.json["message"].isprintable()


@pytest.mark.parametrize("arguments", [["tests", "--scanned", "code", "--", "true"], ["--nope"]])
def test_the_output_of_run_is_its_command_s(workspace: Workspace, arguments: list[str]) -> None:
    ran = workspace.with_variables(PUSHPOLICY_FORMAT="json").run("run", *arguments)
    assert (ran.code, ran.out) == (errors.EXIT_USAGE, "")


def test_gather_as_text_and_to_a_file(workspace: Workspace) -> None:
    ran = workspace.run("gather", IMAGE, TARGET, "--format", "text", "-o", "evidence.json", "-q")
    assert ran.code == errors.EXIT_OK
    assert "reports/junit.xml" in ran.out
    assert read(workspace, "evidence.json")["schema"] == "pushpolicy.evidence/v1"
    plain = workspace.with_variables(PUSHPOLICY_FORMAT="text").run("gather", IMAGE, TARGET)
    assert plain.json["schema"] == "pushpolicy.evidence/v1"


def test_a_part_has_no_format(workspace: Workspace) -> None:
    ran = workspace.run("gather", "--part", "unit", "-o", "unit.part", "--format", "json")
    assert ran.code == ran.json["exit_code"] == errors.EXIT_USAGE
    assert not Path(workspace.folder / "unit.part").exists()


def test_doctor_in_json(workspace: Workspace) -> None:
    ran = workspace.run("doctor", "--engine", "absent", "--format", "json")
    assert ran.code == errors.EXIT_POLICY
    checks = {check["name"]: check for check in ran.json["checks"]}
    assert checks["engine"]["exit_code"] == errors.EXIT_POLICY
    assert "absent" in checks["engine"]["problem"]
    assert any("reports/junit.xml" in line for line in checks["reports"]["found"])
    assert json.dumps(checks).isascii()
