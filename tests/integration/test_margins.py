"""How far a decision is from another: each margin is held against decisions made without the search."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pushpolicy import errors
from pushpolicy.cli.schema import read_schema
from pushpolicy.engines import LocalOpa
from pushpolicy.evaluate import evaluate, load_policy
from pushpolicy.evaluate.conftest import Conftest
from pushpolicy.evaluate.json_schema import compile_schema
from pushpolicy.evaluate.margins import Margin, Margins, margins
from pushpolicy.evaluate.policyset import PolicySet
from pushpolicy.model.document import Document
from tests.policies import evidence, example, rule, scan, write_policy
from tests.workspace import IMAGE, TARGET, Workspace, fail_a_test

AT = "2026-03-02T10:00:00Z"
STRICT = "pack:strict"
STEP = {"integer": 1, "number": 1e-4}


@pytest.fixture
def engine(opa: Path) -> LocalOpa:
    return LocalOpa(opa)


def finding(name: str, severity: str, **more: Any) -> dict[str, Any]:
    facts = {"kind": "vulnerability", "package": name.lower(), "cvss": 5.5, "epss": 0.01, "kev": False}
    published = {"published": "2026-02-05T10:00:00Z", "fix_state": "fixed", "fixed_in": "2"}
    return {"id": name, "severity": severity, **facts, **published, **more}


def flawed() -> Document:
    """Evidence in which thresholds pass and fail, and time matters."""
    return evidence(
        evaluated_at=AT,
        scans=scan(
            [
                finding("CVE-1", "high"),
                finding("CVE-2", "critical", cvss=9.81),
                finding("CVE-3", "medium"),
                finding("CVE-4", "low"),
                finding("CVE-5", "low"),
                {key: value for key, value in finding("CVE-6", "negligible").items() if key != "published"},
            ]
        ),
    )


def found_by(policy: PolicySet, engine: LocalOpa, document: Document, name: str) -> set[str]:
    return {each.id for each in evaluate(policy, document, engine).violations if each.rule == name}


def asked(sources: list[str], engine: LocalOpa, document: Document) -> Margins:
    policy = load_policy(sources, engine)
    return margins(policy, engine, document, evaluate(policy, document, engine))


def of(found: Margins, name: str) -> Margin:
    return next(each for each in found.settings if f"{each.rule}.{each.key}" == name)


@pytest.mark.parametrize("document", [evidence(), flawed()], ids=["allowed", "denied"])
def test_at_what_was_found_nothing_more_is_denied_and_a_step_beyond_it_is(
    document: Document, engine: LocalOpa, tmp_path: Path
) -> None:
    """Decided on again with settings.yaml, for every threshold of the pack that has a margin here."""
    policy = load_policy([STRICT], engine)
    found = margins(policy, engine, document, evaluate(policy, document, engine))
    assert found.settings

    def with_value(margin: Margin, value: float) -> set[str]:
        settings = json.dumps({margin.rule: {margin.key: value}})
        folder = write_policy(tmp_path, {}, settings=settings)
        return found_by(load_policy([STRICT, folder], engine), engine, document, margin.rule)

    for each in found.settings:
        now = found_by(policy, engine, document, each.rule)
        there = with_value(each, each.found)
        beyond = with_value(each, beyond_of(each, policy))
        assert beyond > there, each
        assert set(each.next.ids) <= beyond - there
        assert each.next.count == len(beyond - there)
        assert there == now if each.passes else there < now, each


def beyond_of(margin: Margin, policy: PolicySet) -> float:
    if margin.stricter == "limit" and margin.found == -1:
        return 1_000_000
    step = STEP[policy.index.rules[margin.rule].settings[margin.key]["type"]]
    return round(margin.found + (step if margin.stricter == "higher" else -step), 4)


def test_every_number_of_the_pack_says_which_way_is_stricter(engine: LocalOpa) -> None:
    found = asked([STRICT], engine, evidence())
    assert not found.unsaid
    rules = load_policy([STRICT], engine).index.rules
    numbers = {
        f"{name}.{key}"
        for name, entry in rules.items()
        for key, fragment in entry.settings.items()
        if fragment["type"] in ("integer", "number")
    }
    assert {f"{each.rule}.{each.key}" for each in found.settings} | {*found.free} == numbers


def test_the_measure_of_the_evidence_is_what_is_found(engine: LocalOpa) -> None:
    tests = example()["tests"]
    tests["coverage"] |= {"covered": 802, "total": 1000, "percent": 80.2}
    [report, *_] = tests["coverage"]["reports"]
    tests["coverage"]["reports"] = [{**report, "covered": 802, "total": 1000, "percent": 80.2}]
    found = asked([STRICT], engine, evidence(tests=tests))
    margin = of(found, "coverage_minimum.min_percent")
    assert (margin.passes, margin.value, margin.found, margin.by) == (True, 80, 80.2, 0.2)
    found = asked([STRICT], engine, flawed())
    expected = {
        "scan_severity.max_critical": (False, 1, 1),
        "scan_severity.max_low": (True, 2, None),
        "scan_risk.max_cvss": (True, 9.81, 0.19),
        "fix_overdue.days_critical": (False, 25, 18),
        "fix_overdue.days_high": (True, 25, 5),
        "fix_overdue.days_negligible": (True, -1, None),  # it has no day, so any limit denies it
    }
    for name, (passes, measure, by) in expected.items():
        margin = of(found, name)
        assert (margin.passes, margin.found, margin.by) == (passes, measure, by), name
    assert of(found, "fix_overdue.days_high").next.ids == ("CVE-1",)
    assert found.settings[0].passes is False, "what fails comes first"


OWN = """\
deny contains {"at": {"id": "size"}, "msg": "too large"} if input.image.size > data.settings.own.most

deny contains {"at": {"id": "few"}, "msg": "few"} if count(input.image.platforms) < data.settings.own.least

deny contains {"at": {"id": "odd"}, "msg": "odd"} if input.image.size % data.settings.own.odd == 1

_far := time.add_date(0, data.settings.own.years, 0, 0)

deny contains {"at": {"id": "old"}, "msg": "old"} if time.parse_rfc3339_ns(input.evaluated_at) > _far
"""
OWN_SETTINGS = """\
settings:
  most: {type: integer, stricter: lower, default: 1000000000000}
  least: {type: number, stricter: higher, default: 1.5}
  odd: {type: integer, default: 7}
  years: {type: integer, stricter: lower, default: 100}"""


def test_rules_of_ones_own_have_margins_too(engine: LocalOpa, tmp_path: Path) -> None:
    """Sizes in bytes and numbers without bounds; one that says no way, and one on which OPA itself fails."""
    folder = write_policy(tmp_path, {"own": rule("own", OWN, OWN_SETTINGS)})
    document = evidence()
    found = asked([folder], engine, document)
    size = document.value["image"]["size"]
    assert of(found, "own.most").found == size
    assert of(found, "own.least").found == len(document.value["image"]["platforms"])
    assert of(found, "own.least").by == 0.5
    assert found.unsaid == ("own.odd", "own.years")


def test_a_waived_finding_has_room_of_its_own(engine: LocalOpa, tmp_path: Path) -> None:
    """What a waiver covers counts for nothing: what is sought is where more would be denied."""
    waiver = "{rule: scan_severity, id: CVE-2, reason: r, approver: a, expires: '2026-03-20T00:00:00Z'}"
    folder = write_policy(tmp_path, {}, waivers=f"waivers: [{waiver}]")
    assert not of(asked([STRICT], engine, flawed()), "scan_severity.max_critical").passes
    assert "scan_severity.max_critical" in asked([STRICT, folder], engine, flawed()).free


GRANTED = "rule: scan_severity, id: CVE-2, reason: r, approver: a, expires: '2026-03-06T08:30:00Z'"
ENDS = {
    "waivers": f"waivers: [{{{GRANTED}}}]",
    "enforcement": "rules: {scan_severity: {mode: warn, until: '2026-03-09T00:00:00.5Z', reason: new}}",
}


@pytest.mark.parametrize("named", [["waivers"], ["enforcement"], [*ENDS], []])
def test_before_a_moment_and_from_then_on(named: list[str], engine: LocalOpa, tmp_path: Path) -> None:
    """Decided on again a minute before and at each time that is told, and at the end of all."""
    folder = write_policy(tmp_path, {}, settings="", **{name: ENDS[name] for name in named})
    policy, document = load_policy([STRICT, folder], engine), flawed()
    found = margins(policy, engine, document, evaluate(policy, document, engine))
    assert found.moments
    assert found.days == 30

    def at(time: datetime) -> set[tuple[str, str]]:
        later = Document.of({**document.value, "evaluated_at": f"{time:%Y-%m-%dT%H:%M:%SZ}"})
        return {(each.rule, each.id) for each in evaluate(policy, later, engine).violations}

    denied = at(datetime.fromisoformat(AT))
    for each in found.moments:
        time = datetime.fromisoformat(each.at)
        assert time == datetime.fromisoformat(AT) + timedelta(seconds=each.seconds)
        assert at(time - timedelta(minutes=1)) == denied, each
        after = at(time)
        assert dict(listed(each.denies)) == by_rule(after - denied)
        assert dict(listed(each.clears)) == by_rule(denied - after)
        denied = after
    assert at(datetime.fromisoformat(AT) + timedelta(days=30)) == denied
    said = [text for each in found.moments for text in each.ends]
    texts = {
        "waivers": "the waiver of scan_severity CVE-2 ends",
        "enforcement": "the mode warn of scan_severity ends",
    }
    assert sorted(said) == sorted(texts[name] for name in named)


def listed(found: Any) -> Iterator[tuple[str, int]]:
    for each in found:
        assert len(each.ids) == min(each.count, 3)
        yield each.rule, each.count


def by_rule(found: set[tuple[str, str]]) -> Mapping[str, int]:
    names = [name for name, _ in found]
    return {name: names.count(name) for name in names}


def test_what_becomes_overdue_is_told_to_the_minute(engine: LocalOpa) -> None:
    found = asked([STRICT], engine, flawed())
    overdue = [each for each in found.moments if any(of.rule == "fix_overdue" for of in each.denies)]
    assert [(each.at[:16], each.denies[0].ids) for each in overdue] == [("2026-03-07T10:00", ("CVE-1",))]


def test_a_window_that_closes_and_opens(engine: LocalOpa, tmp_path: Path) -> None:
    settings = "push_window: {from: '09:00', until: '17:00', days: [monday, friday]}"
    folder = write_policy(tmp_path, {}, settings=settings)
    policy = ["pack:push_window", folder]
    found = asked(policy, engine, evidence(evaluated_at="2026-03-06T10:00:00Z"))  # a Friday
    changes = [(each.at[:15], bool(each.denies), bool(each.clears)) for each in found.moments]
    assert changes[:3] == [
        ("2026-03-06T17:0", True, False),
        ("2026-03-07T00:0", True, False),
        ("2026-03-07T09:0", False, True),
    ]
    assert ("2026-03-09T00:0", False, True) in changes


def test_what_policies_of_conftest_say_later(engine: LocalOpa, tmp_path: Path) -> None:
    (tmp_path / "a.rego").write_text(
        'package main\nimport rego.v1\ndeny contains "late" if input.evaluated_at > "2026-03-05"\n'
    )
    policy = load_policy(
        ["pack:user_not_root"], engine, conftest=Conftest(folders=(str(tmp_path),), namespaces=("main",))
    )
    document = evidence(evaluated_at=AT)
    [moment] = margins(policy, engine, document, evaluate(policy, document, engine)).moments
    assert moment.at.startswith("2026-03-05T00:0")
    assert moment.denies[0].rule == "conftest_main"


@pytest.mark.parametrize("time", ["2262-04-01T00:00:00Z", "1970-01-01T00:00:00Z"])
def test_a_time_at_the_end_of_all_times(time: str, engine: LocalOpa) -> None:
    asked(["pack:minimal"], engine, evidence(evaluated_at=time))


def test_evidence_that_is_missing_has_no_margin(engine: LocalOpa) -> None:
    found = asked([STRICT], engine, evidence(tests={"status": "missing", "reason": "none"}))
    assert "tests_passed.min_tests" in found.free


def test_margins_on_the_command_line(workspace: Workspace) -> None:
    fail_a_test(workspace)
    assert workspace.run("check", IMAGE, TARGET).code == errors.EXIT_DENIED
    kept = "pushpolicy-evidence.json"
    plain = workspace.run("evaluate", kept)
    ran = workspace.run("evaluate", kept, "--margins", "--format", "text", "--format", "json=decision.json")
    assert ran.code == errors.EXIT_DENIED
    assert ran.out.startswith(plain.out)
    told = ran.out.removeprefix(plain.out)
    assert "  tests_passed.min_tests  passes by 1: at least 1, found 2 (tests/too-few)\n" in told
    assert "in the next 30 days, of this evidence:\n" in told
    assert "denied by scan_fresh: trivy-sample/age\n" in told
    document = json.loads(workspace.path("decision.json").read_text())
    compile_schema(json.loads(read_schema("decision")))(document)
    assert document["margins"]["days"] == 30
    assert workspace.run("evaluate", kept, "--format", "json").json.keys() == document.keys() - {"margins"}
    # What reads decisions reads this one.
    assert workspace.run("policy", "diff", "decision.json", "decision.json").out == "nothing differs\n"
    later = datetime.fromisoformat(document["evaluated_at"]).astimezone(UTC) + timedelta(days=300)
    ran = workspace.run("evaluate", kept, "--margins", "--at", f"{later:%Y-%m-%dT%H:%M:%SZ}")
    assert "in the next 30 days time changes nothing of this\n" in ran.out
