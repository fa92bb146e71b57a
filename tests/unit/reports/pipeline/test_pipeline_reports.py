"""Reports of zizmor, gitleaks and detect-secrets: places and rules, never what stands there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pushpolicy.reports.declared import BrokenReportError, NotAReport
from pushpolicy.reports.facts import ScanFacts
from pushpolicy.reports.format import ReadFile
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.pipeline import PipelineFacts
from pushpolicy.reports.recognise import read
from tests.report_files import SAMPLES

# Stands in each of the samples, and in what is made of them below.
PLANTED = "planted-Q7r5T9w2Zx4"
Listed = list[tuple[str, int, str]]


def sarif(tool: str, *results: dict[str, Any]) -> dict[str, Any]:
    return {"tool": {"driver": {"name": tool, "rules": []}}, "results": list(results)}


def result(rule: str, file: str | None = "src/app.py", line: int | None = 7, **more: Any) -> dict[str, Any]:
    region = {"startLine": line, "snippet": {"text": PLANTED}} if line else {"snippet": {"text": PLANTED}}
    place = {"physicalLocation": {"artifactLocation": {"uri": file}, "region": region}}
    return {"ruleId": rule, "message": {"text": PLANTED}, "locations": [place] if file else [], **more}


def log(*runs: dict[str, Any]) -> dict[str, Any]:
    return {"version": "2.1.0", "runs": list(runs)}


def read_as(folder: Path, name: str, content: Any) -> ReadFile:
    text = content if isinstance(content, bytes) else json.dumps(content).encode()
    (folder / name).write_bytes(text)
    return read(folder / name, Limits())


def listed(file: ReadFile) -> tuple[Listed, Listed]:
    """The findings and the risks of a file, as file, line and rule."""
    (facts,) = file.facts
    assert isinstance(facts, PipelineFacts)
    assert {each.tool for each in (*facts.findings, *facts.risks)} <= {facts.tool}
    before = f"{facts.tool}/"
    found, risks = (
        [(each.file, each.line, each.rule.removeprefix(before)) for each in several]
        for several in (facts.findings, facts.risks)
    )
    return found, risks


WORKFLOW = ".github/workflows/publish.yml"
SAMPLE = {
    "gitleaks.json": ([("src/app.py", 7, "generic-api-key")], []),
    "zizmor.json": (
        [(WORKFLOW, 12, "hardcoded-container-credentials")],
        [(WORKFLOW, 9, "unpinned-uses")],
    ),
    "detect-secrets.json": ([("src/app.py", 7, "Secret Keyword")], []),
}


@pytest.mark.parametrize("name", SAMPLE)
def test_the_samples(name: str) -> None:
    file = read(SAMPLES / name, Limits())
    assert file.format.name == name.removesuffix(".json")
    assert listed(file) == SAMPLE[name]
    assert PLANTED not in msgspec.json.encode(file.facts).decode()


OLD = {"line": PLANTED, "lineNumber": 3, "offender": PLANTED, "rule": "AWS", "file": "a.env", "commit": "1"}
LOCAL = {"kind": "Primary", "key": {"Local": {"verbatim_path": "./a.yml"}}}
FETCHED = {"kind": "Primary", "key": {"Remote": {"slug": {"owner": "a"}, "path": "b/action.yml"}}}


def zizmor(symbolic: dict[str, Any], row: int = 0, **more: Any) -> dict[str, Any]:
    concrete = {"location": {"start_point": {"row": row, "column": 0}}, "feature": PLANTED}
    place = {"symbolic": symbolic, "concrete": concrete}
    return {"ident": "artipacked", "determinations": {}, "locations": [place], **more}


def secret(**more: Any) -> dict[str, Any]:
    found = {"type": "Secret Keyword", "hashed_secret": PLANTED, "line_number": 4, **more}
    return {"version": "1.5.0", "plugins_used": [], "results": {"a.py": [found]}}


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("x.json", [OLD], ([("a.env", 3, "AWS")], [])),
        ("x.json", [{"RuleID": "r", "File": "./a", "StartLine": 0}], ([("a", 1, "r")], [])),
        ("gitleaks-report.json", [], ([], [])),
        ("zizmor.json", [], ([], [])),
        ("x.json", [zizmor(LOCAL)], ([], [("a.yml", 1, "artipacked")])),
        ("x.json", [zizmor(FETCHED, 4)], ([], [("b/action.yml", 5, "artipacked")])),
        ("x.json", [zizmor(LOCAL, ignored=True)], ([], [("a.yml", 1, "artipacked")])),
        ("x.baseline", secret(), ([("a.py", 4, "Secret Keyword")], [])),
        ("x.baseline", secret(is_secret=True), ([("a.py", 4, "Secret Keyword")], [])),
        ("x.baseline", secret(is_secret=False), ([], [])),
        ("x.baseline", secret(is_secret=False, is_verified=True), ([("a.py", 4, "Secret Keyword")], [])),
        ("x.sarif", log(sarif("gitleaks", result("aws"))), ([("src/app.py", 7, "aws")], [])),
        ("x.sarif", log(sarif("Gitleaks")), ([], [])),
        ("x.sarif", log(sarif("gitleaks", result("aws", None))), ([("gitleaks", 1, "aws")], [])),
        ("x.sarif", log(sarif("gitleaks", result("aws", line=None))), ([("src/app.py", 1, "aws")], [])),
        ("x.sarif", log(sarif("gitleaks", result("aws", kind="pass"))), ([], [])),
        (
            "x.sarif",
            log(sarif("gitleaks", result("aws", suppressions=[{"kind": "inSource"}]))),
            ([("src/app.py", 7, "aws")], []),
        ),
        (
            "x.sarif",
            log(sarif("zizmor", result("zizmor/artipacked", WORKFLOW))),
            ([], [(WORKFLOW, 7, "artipacked")]),
        ),
        (
            "x.sarif",
            log(sarif("zizmor", result("zizmor/hardcoded-container-credentials", WORKFLOW))),
            ([(WORKFLOW, 7, "hardcoded-container-credentials")], []),
        ),
    ],
)
def test_what_is_read(tmp_path: Path, name: str, content: Any, expected: tuple[Listed, Listed]) -> None:
    file = read_as(tmp_path, name, content)
    assert listed(file) == expected
    assert set(file.by_kind()) == {"pipeline"}
    assert PLANTED not in msgspec.json.encode(file.facts).decode()


def test_a_log_of_several_tools_is_scans_and_evidence_of_the_pipeline(tmp_path: Path) -> None:
    """Each run is one or the other: a secret that gitleaks found is no finding of a scan as well."""
    file = read_as(tmp_path, "x.sarif", log(sarif("semgrep", result("a")), sarif("gitleaks", result("aws"))))
    assert [type(each) for each in file.facts] == [ScanFacts, PipelineFacts]
    assert [len(facts) for facts in file.by_kind().values()] == [1, 1]


BROKEN: dict[str, tuple[str, Any, str]] = {
    "a banner before gitleaks' list": ("gitleaks.json", f"Secret: {PLANTED}\n[]".encode(), "it is no json"),
    "a list of other things": ("gitleaks.json", [1], "does not read as JSON of its format"),
    "cut short": ("gitleaks.json", f'[{{"RuleID": "{PLANTED}'.encode(), "truncated"),
    "without a rule": ("x.json", [{"RuleID": "", "File": PLANTED, "StartLine": 1}], "names no rule"),
    "without a file": ("x.json", [{"RuleID": "a", "File": "", "StartLine": 1}], "names no file"),
    "a second entry in other case": ("x.json", [OLD, {"ruleid": PLANTED, "file": "a"}], "names no rule"),
    "a line that is a text": ("x.json", [{"RuleID": "a", "File": "a", "StartLine": PLANTED}], "StartLine"),
    "zizmor without a location": ("x.json", [zizmor(LOCAL) | {"locations": []}], "no location"),
    "zizmor of no file": ("x.json", [zizmor({"key": {"Stdin": {}}})], "names no file"),
    "zizmor as an object": ("zizmor.json", b'{"findings": [', "does not read as JSON"),
    "a baseline of lists": ("x.json", secret() | {"results": {"a": {PLANTED: 1}}}, "Expected `array`"),
    "a run that failed": (
        "x.sarif",
        log(sarif("zizmor") | {"invocations": [{"executionSuccessful": False}]}),
        "not successful",
    ),
    "a run without results": ("x.sarif", log(sarif("gitleaks") | {"results": None}), "no results"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_what_cannot_be_read_fails_the_kind_and_is_not_quoted(tmp_path: Path, what: str) -> None:
    name, content, reason = BROKEN[what]
    with pytest.raises(BrokenReportError, match=reason) as caught:
        read_as(tmp_path, name, content)
    assert "pipeline" in caught.value.kinds
    assert PLANTED not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content"),
    [("x.json", []), ("list.json", []), ("gitleaks.json", {"title": PLANTED}), ("x.baseline", {"a": 1})],
)
def test_what_is_something_else_is_a_stranger(tmp_path: Path, name: str, content: Any) -> None:
    with pytest.raises(NotAReport) as caught:
        read_as(tmp_path, name, content)
    assert PLANTED not in str(caught.value)
