"""What test reports say beside their counts: tool, suites, retries, and cases that are called alike."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pushpolicy.model.evidence import Scanner
from pushpolicy.reports.facts import SuiteFacts, of_type
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.recognise import read
from pushpolicy.reports.suites import MAX_NAMES, MAX_SUITES


def facts(folder: Path, name: str, content: str | Any) -> SuiteFacts:
    (folder / name).write_text(content if isinstance(content, str) else json.dumps(content))
    (found,) = of_type(SuiteFacts, read(folder / name, Limits()).facts)
    return found


def told(found: SuiteFacts) -> tuple[Any, ...]:
    tool = (found.tool.name, found.tool.version) if found.tool else None
    return tool, found.suites, found.retries, found.duplicates


CASE = '<testcase classname="c" name="{}">{}</testcase>'
SUREFIRE = 'xmlns:xsi="x" xsi:noNamespaceSchemaLocation="https://maven.apache.org/surefire-test-report.xsd"'
JUNIT = {
    "nothing is said": ("<testsuites><testsuite/></testsuites>", (None, None, None, None)),
    "surefire, with a flaky case and one that failed thrice": (
        f'<testsuite name="S" {SUREFIRE}>'
        + CASE.format("a", "<flakyFailure/><flakyError/>")
        + CASE.format("b", "<failure/><rerunFailure/><rerunError/>")
        + "</testsuite>",
        (("surefire", None), ("S",), 4, 0),
    ),
    "suites within suites, of which one is empty": (
        '<testsuites name="jest tests"><testsuite name="A"><testsuite name="B">'
        + CASE.format("a", "")
        + '</testsuite></testsuite><testsuite name="C"/></testsuites>',
        (("jest", None), ("B", "A", "jest tests"), None, 0),
    ),
    "two of one suite that are called alike, and one of another": (
        '<testsuites><testsuite name="pytest">'
        + CASE.format("a", "")
        + CASE.format("a", "<error/>")
        + CASE.format("b", "")
        + '</testsuite><testsuite name="other">'
        + CASE.format("a", "")
        + "</testsuite></testsuites>",
        (("pytest", None), ("pytest", "other"), None, 1),
    ),
}


@pytest.mark.parametrize("name", JUNIT)
def test_junit(tmp_path: Path, name: str) -> None:
    content, wanted = JUNIT[name]
    assert told(facts(tmp_path, "junit.xml", content)) == wanted


def test_too_many_names_and_suites_are_not_told_in_part(tmp_path: Path) -> None:
    many = "".join(CASE.format(number, "") for number in range(MAX_NAMES + 1))
    assert facts(tmp_path, "junit.xml", f'<testsuite name="s">{many}</testsuite>').duplicates is None
    suite = '<testsuite name="{}"><testcase/></testsuite>'
    for number, wanted in ((MAX_SUITES, MAX_SUITES), (MAX_SUITES + 1, 0)):
        many = "".join(suite.format(each) for each in range(number))
        found = facts(tmp_path, "junit.xml", f"<testsuites>{many}</testsuites>")
        assert len(found.suites or ()) == wanted
    assert facts(tmp_path, "junit.xml", suite.format("x" * 501)).suites is None


def test_ctrf(tmp_path: Path) -> None:
    tests = [
        {"name": "a", "status": "passed", "suite": ["s", "t"], "retries": 2},
        {"name": "a", "status": "failed", "suite": ["s", "t"], "retries": 1},
        {"name": "a", "status": "passed", "suite": "u", "retries": 0},
        {"name": "b", "status": "passed"},
    ]
    results: dict[str, Any] = {
        "tool": {"name": "playwright", "version": "1.2"},
        "summary": {},
        "tests": tests,
    }
    found = facts(tmp_path, "ctrf.json", {"reportFormat": "CTRF", "results": results})
    assert told(found) == (("playwright", "1.2"), ("s > t", "u"), 3, 1)
    plain = {"summary": {}, "tests": [{"name": "b", "status": "passed"}]}
    found = facts(tmp_path, "ctrf.json", {"reportFormat": "CTRF", "results": plain})
    assert told(found) == (None, None, None, 0)


def test_go(tmp_path: Path) -> None:
    events = [
        ("run", "T"),
        ("fail", "T"),
        ("run", "T"),
        ("pass", "T"),
        ("run", "U"),
        ("pass", "U"),
        ("pass", ""),
    ]
    lines = [json.dumps({"Action": action, "Package": "p", "Test": test}) for action, test in events]
    assert told(facts(tmp_path, "gotest.json", "\n".join(lines))) == (("go test", None), ("p",), 1, None)


def test_nunit(tmp_path: Path) -> None:
    case = '<test-case fullname="F.a" result="Passed"/>'
    suite = f'<test-suite name="F" fullname="N.F">{case}{case}</test-suite>'
    found = facts(tmp_path, "nunit.xml", f'<test-run engine-version="3.9">{suite}</test-run>')
    assert told(found) == (("NUnit", "3.9"), ("N.F",), None, 1)
    old = f'<test-results><environment nunit-version="2.2"/>{suite}</test-results>'
    assert facts(tmp_path, "nunit.xml", old).tool == Scanner(name="NUnit", version="2.2")


@pytest.mark.parametrize(
    ("framework", "tool"),
    [("xUnit.net 2.4.1.0", ("xUnit.net", "2.4.1.0")), ("xUnit", ("xUnit", None)), (None, None)],
)
def test_xunit(tmp_path: Path, framework: str | None, tool: tuple[str, str | None] | None) -> None:
    case = '<test name="a" result="Pass"/>'
    said = f'test-framework="{framework}"' if framework else ""
    content = (
        f'<assemblies><assembly {said}><collection name="C">{case}{case}</collection></assembly></assemblies>'
    )
    assert told(facts(tmp_path, "a.xunit.xml", content)) == (tool, ("C",), None, 1)
