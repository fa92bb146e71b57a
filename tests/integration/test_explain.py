"""`evaluate --explain`, `--trace` and print(), with real OPA."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from pushpolicy import errors
from pushpolicy.cli.schema import read_schema
from pushpolicy.engines import LocalOpa
from pushpolicy.evaluate import evaluate, load_policy
from pushpolicy.evaluate.examples import read
from pushpolicy.evaluate.explain import Asked, Explanation, Finding, explain
from pushpolicy.evaluate.sources import policies, read_source
from pushpolicy.model.document import Document
from tests.policies import evidence, example, rule, scan, write_policy
from tests.workspace import IMAGE, TARGET, Workspace, fail_a_test, harmless

WRONG = rule(
    "flaws",
    """deny contains {"at": {"id": f.id}, "msg": $"{f.id} is bad"} if {
	some scan in input.scans.items
	some f in scan.findings
	print("looking at", f.id, f.fixed_in)
	not _tolerable(f)
}

_tolerable(f) if f.severity in {"low", "negligible"}

_tolerable(f) if not f.fix_state == "fixed\"""",
)


def flaw(name: str, severity: str, **more: Any) -> dict[str, Any]:
    return {"id": name, "severity": severity, "kind": "vulnerability", "package": "p", **more}


FLAWED = scan(
    [
        flaw("CVE-1", "low", fix_state="unknown"),
        flaw("CVE-2", "medium", fix_state="fixed", fixed_in="2"),
        flaw("CVE-3", "high", fix_state="not-fixed"),
    ]
)


@pytest.fixture
def engine(opa: Path) -> LocalOpa:
    return LocalOpa(opa)


def explained(engine: LocalOpa, folder: Path, body: str, document: Document, **data: str) -> Explanation:
    # Where no rule is applicable, nothing is allowed.
    other = 'deny contains {"at": {"id": "x"}, "msg": "x"} if not count(input.target.tags) > 0'
    source = write_policy(folder, {"r": rule("r", body), "other": rule("other", other)}, **data)
    policy = load_policy([source], engine)
    decision = evaluate(policy, document, engine)
    [found] = explain(policy, engine, decision, document, Asked(rules=("r",), sources=(source,)))
    assert found.file == str(folder / "r" / "r.rego")
    return found


def inputs(finding: Finding, way: int = 0) -> dict[str, Any]:
    """What led to a finding: values by path, None where nothing is."""
    return {held.path: held.value for each in finding.causes[way].inputs for held in each.held}


# Bodies of deny, each in another way to go through the evidence, and what led to their only finding.
WAYS: dict[str, tuple[str, Mapping[str, Any]]] = {
    "some in": (
        'some s in input.scans.items\n\tsome f in s.findings\n\tnot f.severity in {"low", "high"}',
        {"scans.items[0].findings[1].severity": "medium"},
    ),
    "some with keys": (
        'some i, s in input.scans.items\n\tsome j, f in s.findings\n\ti == 0; f.severity == "medium"; j > 0',
        {"scans.items[0].findings[1].severity": "medium"},
    ),
    "wildcards": (
        'input.scans.items[_].findings[_].severity == "medium"',
        {"scans.items[0].findings[1].severity": "medium"},
    ),
    "a wildcard behind é": (
        'x := "é"; input.scans.items[_].findings[_].severity == "medium"; x != input.image.name',
        {"scans.items[0].findings[1].severity": "medium", "image.name": "web:build"},
    ),
    "a variable": (
        'some i\n\tf := input.scans.items[i].findings[_]\n\tf.severity == "medium"',
        {"scans.items[0].findings[1].severity": "medium"},
    ),
    "a key": (
        'some name, result in input.ci.jobs\n\tresult != "success"\n\tname != "lint"',
        {'ci.jobs["scan"]': "failure"},
    ),
    "a computed key": (
        'some name in ["build", "scan", "test"]\n\tnot input.ci.jobs[name] == "success"',
        {"ci.jobs.scan": "failure"},
    ),
    "a helper": (
        "some s in input.scans.items\n\tsome f in s.findings\n\tnot _fine(f)",
        {"scans.items[0].findings[1].severity": "medium"},
    ),
    "every": (
        'not { every f in input.scans.items[0].findings { not f.severity == "medium" } }',
        {
            "scans.items[0].findings[0].severity": "low",
            "scans.items[0].findings[1].severity": "medium",
            "scans.items[0].findings[2].severity": "high",
        },
    ),
}
HELPER = '\n\n_fine(f) if f.severity in {"low", "high"}'


@pytest.mark.parametrize(("body", "expected"), WAYS.values(), ids=WAYS)
def test_which_input_led_to_a_finding(
    engine: LocalOpa, tmp_path: Path, body: str, expected: Mapping[str, Any]
) -> None:
    ci = {
        **example()["ci"],
        "jobs": {"build": "success", "test": "success", "scan": "failure", "lint": "skipped"},
    }
    text = f'deny contains {{"at": {{"id": "x"}}, "msg": "x"}} if {{\n\t{body}\n}}'
    text += HELPER if "_fine" in body else ""
    found = explained(engine, tmp_path, text, evidence(scans=FLAWED, ci=ci))
    [finding] = found.findings
    assert (finding.kind, finding.ways) == ("violation", 1)
    assert inputs(finding) == expected


def test_every_finding_of_the_shipped_examples_has_a_cause(engine: LocalOpa) -> None:
    policy, looked = load_policy(["pack:strict"], engine), 0
    for name in policy.index.rules:
        for one in read(policies() / "rules" / name, name):
            if one.expect not in ("violated", "warned") or one.settings:
                continue
            document = Document.of(one.evidence)
            decision = evaluate(policy, document, engine)
            [found] = explain(policy, engine, decision, document, Asked(rules=(name,), sources=("pack",)))
            assert found.findings, one
            for finding in found.findings:
                is_told = all(cause.inputs for cause in finding.causes) and finding.ways > 0
                assert finding.absent or is_told, (one.name, finding)
            looked += 1
            break
    assert looked > 25


def test_a_finding_with_many_causes_tells_a_few(engine: LocalOpa, tmp_path: Path) -> None:
    flaws = scan([flaw(f"CVE-{number}", "low") for number in range(2000)])
    body = """deny contains {"at": {"id": "low"}, "msg": "low"} if {
	some f in input.scans.items[_].findings
	f.severity == "low"
}"""
    [finding] = explained(engine, tmp_path, body, evidence(scans=flaws)).findings
    assert (finding.ways, len(finding.causes)) == (2001, 3)
    assert inputs(finding) == {"scans.items[0].findings[0].severity": "low"}


def test_of_many_findings_the_first_are_explained(engine: LocalOpa, tmp_path: Path) -> None:
    flaws = scan([flaw(f"CVE-{number}", "low") for number in range(2000)])
    body = """deny contains {"at": {"id": f.id, "of": count(all)}, "msg": "low"} if {
	some s in input.scans.items
	some f in s.findings
	all := s.findings
	f.severity == "low"
}"""
    found = explained(engine, tmp_path, body, evidence(scans=flaws))
    assert (len(found.findings), found.more) == (10, 1991)
    assert all(each.ways == 1 for each in found.findings)
    [read] = [each for each in found.reads if each.path.endswith("severity")]
    assert (read.places, read.absent, len(read.held)) == (2001, 0, 1)


def test_why_nothing_was_denied(engine: LocalOpa, tmp_path: Path) -> None:
    body = """deny contains {"at": {"id": f.id}, "msg": msg} if {
	some s in input.scans.items
	s.kind == "image"
	some f in s.findings
	msg := $"{f.id} is bad"
	f.severity == "critical"
	not f.fix_state == "fixed"
}"""
    found = explained(engine, tmp_path, body, evidence(scans=FLAWED))
    assert found.status == "passed"
    [part] = found.parts
    assert [(each.line, each.met) for each in part.conditions] == [
        (12, 3),
        (13, 2),
        (14, 4),
        (16, 0),
        (17, 0),
    ]


BACKWARDS = """deny contains {"at": {"id": "x"}, "msg": "x"} if {
	some x
	x.severity == "critical"
	x = input.scans.items[_].findings[_]
}"""


def test_a_rule_in_which_conditions_use_what_comes_later_is_explained_too(
    engine: LocalOpa, tmp_path: Path
) -> None:
    found = explained(engine, tmp_path, BACKWARDS, evidence(scans=FLAWED))
    assert [part.conditions for part in found.parts] == [()]
    again = explained(engine, tmp_path, BACKWARDS.replace("critical", "high"), evidence(scans=FLAWED))
    assert inputs(again.findings[0]) == {"scans.items[0].findings[2].severity": "high"}


@pytest.mark.parametrize(
    ("changes", "at"),
    [
        (
            {"sbom": {"status": "missing", "reason": "no file"}},
            {"sbom.status": "missing", "sbom.reason": "no file"},
        ),
        ({}, {"tests.coverage": None}),
    ],
)
def test_absent_evidence_says_what_is_there_instead(
    engine: LocalOpa, tmp_path: Path, changes: Mapping[str, Any], at: Mapping[str, Any]
) -> None:
    tests = {key: value for key, value in example()["tests"].items() if key != "coverage"}
    body = """deny contains {"at": {"id": "x"}, "msg": "x"} if {
	input.tests.coverage.percent < 10
	count(input.sbom.items) > 9
}"""
    found = explained(engine, tmp_path, body, evidence(tests=tests, **changes))
    absent = {held.path: held.value for each in found.findings for held in each.absent}
    assert absent.items() >= at.items()


def test_a_rule_of_an_artifact_is_explained_by_its_place_in_the_set(engine: LocalOpa, tmp_path: Path) -> None:
    body = 'deny contains {"at": {"id": "x"}, "msg": "x"} if input.source.dirty == false'
    held = read_source(Path(write_policy(tmp_path, {"r": rule("r", body)})))
    policy = load_policy(["oci:x:1"], engine, artifacts={"oci:x:1": held})
    document = evidence()
    decision = evaluate(policy, document, engine)
    [found] = explain(policy, engine, decision, document, Asked(rules=("r",), sources=("oci:x:1",)))
    assert found.file == "rules/r/r.rego"
    assert found.findings[0].causes


def test_warnings_waivers_and_what_is_not_applicable(engine: LocalOpa, tmp_path: Path) -> None:
    body = """not_applicable contains "no release" if not input.ci.event == "tag"

warn contains {"at": {"id": "w"}, "msg": "slow"} if input.tests.duration > 1
"""
    warned = explained(engine, tmp_path / "w", body, evidence())
    assert (warned.status, warned.findings[0].kind) == ("warned", "warning")
    assert inputs(warned.findings[0]) == {"tests.duration": example()["tests"]["duration"]}
    skipped = explained(engine, tmp_path / "n", body.replace("> 1", "> 1000"), evidence())
    assert (skipped.status, skipped.reason, skipped.findings) == ("not_applicable", "no release", ())
    assert [(part.head, part.line) for part in skipped.parts] == [("not_applicable", 11), ("warn", 13)]
    waivers = "waivers: [{rule: r, id: x, reason: ours, approver: dana, expires: 2026-03-20T00:00:00Z}]\n"
    denies = 'deny contains {"at": {"id": "x"}, "msg": "x"} if input.tests.duration > 1'
    waived = explained(engine, tmp_path / "x", denies, evidence(), waivers=waivers)
    assert (waived.status, waived.findings[0].kind) == ("waived", "waived")
    assert (waived.findings[0].waiver or {})["approver"] == "dana"


@pytest.fixture
def place(workspace: Workspace) -> Workspace:
    """Evidence and a rule that denies wrongly."""
    workspace.write("evidence.json", evidence(scans=FLAWED).content)
    write_policy(workspace.folder / "rules", {"flaws": WRONG})
    return workspace


RUN = ("evaluate", "evidence.json", "--policy", "rules", "--policy", "pack:minimal")


def test_the_text_says_it_in_80_columns(place: Workspace) -> None:
    ran = place.run(*RUN, "--explain", "flaws", "--explain", "tests_passed", "--explain", "flaws")
    assert ran.code == errors.EXIT_DENIED
    assert harmless(ran.out)
    told = ran.out.partition("\nflaws: violated")[2]
    assert (
        "\n  violation CVE-2: CVE-2 is bad\n"
        "    by line 11, which read\n"
        '      scans.items[0].findings[1].severity = "medium"  (line 18 in _tolerable)\n'
        '      scans.items[0].findings[1].fix_state = "fixed"  (line 20 in _tolerable)\n'
    ) in told
    assert (
        "\n  it reads\n"
        '    scans.items[].findings[].severity = "low", "medium", "high"  (4 places)\n'
        '    scans.items[].findings[].fix_state = "unknown", "fixed", "not-fixed"\n'
        "        (4 places)\n"
        "  helpers: _tolerable (line 18)\n"
    ) in told
    assert "\ntests_passed: passed\n" in told
    assert "flaws: " not in told  # asked for twice, told once
    assert all(len(line) < 80 for line in told.splitlines() if "/" not in line)


def test_it_says_the_same_each_time(place: Workspace) -> None:
    """Also where Python puts what is in sets into another order."""
    said = set()
    for seed in "123":
        run = place.with_variables(PYTHONHASHSEED=seed).start(
            *RUN, "--explain", "tests_passed", "--explain", "flaws"
        )
        said.add(run.communicate()[0])
    assert len(said) == 1


def test_the_document_fits_the_schema_and_can_be_compared(place: Workspace) -> None:
    options = (*RUN, "--explain", "flaws", "--explain", "worktree_clean", "--trace", "full")
    ran = place.run(*options, "--format", "json=a.json", "--format", "text=report.txt")
    assert ran.code == errors.EXIT_DENIED, ran.err
    document = json.loads(place.path("a.json").read_text())
    jsonschema.Draft7Validator(json.loads(read_schema("decision"))).validate(document)
    assert [each["rule"] for each in document["explanations"]] == ["flaws", "worktree_clean"]
    assert place.run("policy", "diff", "a.json", "a.json").out == "nothing differs\n"


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--explain", "flawz"], "--explain flawz: the policy has no such rule (is flaws meant?)"),
        (["--explain", ""], "--explain is empty"),
        (["--explain", "\x1b[31m"], "--explain \\x1b[31m: the policy has no such rule"),
        (["--trace", "full"], "--trace is of the rules that --explain names"),
        (["--explain", "flaws", "--trace", "all"], "Invalid value for '--trace'"),
    ],
)
def test_what_cannot_be_meant_is_refused(place: Workspace, options: list[str], complaint: str) -> None:
    ran = place.run(*RUN, *options)
    assert ran.code == errors.EXIT_USAGE
    assert ran.complaint().startswith(complaint)


def test_the_trace_is_opas_own_with_the_lines_of_the_rule(place: Workspace) -> None:
    told = place.run(*RUN, "--explain", "flaws", "--trace", "fails").out
    assert "  OPA's trace (fails), " in told
    assert "    flaws.rego:15            | | Fail not data.pushpolicy.rules.flaws._tolerable(f)\n" in told
    notes = place.run(*RUN, "--explain", "flaws", "--trace", "notes").out
    assert "OPA's trace (notes), 0 lines" in notes


def test_a_long_trace_is_cut_and_says_so(place: Workspace) -> None:
    place.write("evidence.json", evidence(scans=scan([flaw(f"C-{n}", "low") for n in range(200)])).content)
    some = place.run(*RUN, "--explain", "flaws", "--trace", "fails").out
    assert "400 lines" in some
    assert "more\n" in some.partition("    cut here: there are ")[2]
    place.write("evidence.json", evidence(scans=scan([flaw(f"C-{n}", "low") for n in range(3000)])).content)
    ran = place.run(*RUN, "--explain", "flaws", "--trace", "full", "--format", "json")
    [found] = ran.json["explanations"]
    assert len(found["trace"]["lines"]) == 400
    assert "cut" not in found["trace"]


def printed(text: str) -> Iterator[str]:
    return (line for line in text.splitlines() if line.startswith("rules/flaws/"))


def test_what_rules_print_is_shown_with_its_place(place: Workspace) -> None:
    ran = place.run(*RUN, "--format", "json")
    file = "rules/flaws/flaws.rego"
    assert sorted(printed(ran.err)) == [
        f"{file}:14: looking at CVE-1 <undefined>",
        f"{file}:14: looking at CVE-2 2",
        f"{file}:14: looking at CVE-2026-1120 3.1.1",
        f"{file}:14: looking at CVE-3 <undefined>",
    ]
    assert "explanations" not in ran.json


def test_what_is_printed_is_harmless_and_bounded(place: Workspace) -> None:
    flaws = [flaw(f"\x1b[31m::error::{n}\nsecond", "low") for n in range(3000)]
    place.write("evidence.json", evidence(scans=scan(flaws)).content)
    loud = WRONG.replace('"looking at"', f'"{"x" * 500}"').replace(
        "not _tol", 'print()\n\tprint("é")\n\tnot _tol'
    )
    write_policy(place.folder / "rules", {"flaws": loud})
    ran = place.run(*RUN)
    assert ran.code == errors.EXIT_DENIED
    assert harmless(ran.err)
    assert "\n::" not in ran.err
    assert len(list(printed(ran.err))) == 200
    assert "more lines of print()" in ran.err


def test_a_check_shows_what_is_printed_and_a_push_does_not(workspace: Workspace) -> None:
    folder = workspace.folder.parent / "organisation"
    source = write_policy(folder, {"flaws": WRONG.replace("some scan", 'print("here")\n\tsome scan')})
    fail_a_test(workspace)
    options = ("--policy", source, "--policy", "pack")
    shown = workspace.run("check", IMAGE, TARGET, *options)
    assert "flaws.rego:12: here\n" in shown.err
    for quiet in (workspace.run("check", IMAGE, TARGET, "-q", *options), workspace.push(*options)):
        assert quiet.code == shown.code == errors.EXIT_DENIED
        assert "here" not in quiet.err
