"""docs/editors.md: what `pushpolicy schema --write` gives an editor, read by OPA and jsonschema."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from pushpolicy.evaluate.sources import policies
from tests.policies import ROOT, example, rule, write_policy

PAGE = (ROOT / "docs/editors.md").read_text(encoding="utf-8")
SETTINGS = json.loads(re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)[0])
BODY = 'deny contains {{"at": {{}}, "msg": "no"}} if not calendar.weekday(input.{}, "Z") == "monday"'


def pushpolicy(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pushpolicy", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The workspace of an editor."""
    folder = tmp_path_factory.mktemp("workspace")
    ran = pushpolicy(folder, "schema", "--write", ".pushpolicy")
    assert ran.returncode == 0, ran.stderr
    assert sorted(ran.stdout.split()) == sorted(
        str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()
    )
    return folder


def test_all_schemas_are_written(written: Path) -> None:
    names = {path.name for path in (written / ".pushpolicy").glob("*.json")}
    assert names == {path.name for path in (policies() / "schema").glob("*.json")}


def test_they_are_written_anew(written: Path) -> None:
    file = written / ".pushpolicy" / "waivers.v1.json"
    file.write_text("{}")
    assert pushpolicy(written, "schema", "--write", ".pushpolicy").returncode == 0
    assert file.read_bytes() == (policies() / "schema" / file.name).read_bytes()


def test_each_is_a_schema(written: Path) -> None:
    for file in (written / ".pushpolicy").glob("*.json"):
        if "example" not in file.suffixes[-2]:
            jsonschema.Draft7Validator.check_schema(json.loads(file.read_bytes()))


def fits(folder: Path, name: str, document: Any) -> bool:
    schema = json.loads((folder / ".pushpolicy" / f"{name}.v1.json").read_bytes())
    return bool(jsonschema.Draft7Validator(schema).is_valid(document))


RULES = "rules: {r: {mode: warn, until: '2027-01-01T00:00:00Z', reason: new}}"
WAIVER = "waivers: [{rule: r, id: x, reason: known, approver: dana, expires: '2027-01-01T00:00:00Z'}]"


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("config", "evidence: {tests: [unit]}", "evidense: {tests: [unit]}"),
        ("config", "evidence: {tests: [{name: 'unit-*', min: 2}]}", "evidence: {tests: [{name: unit}]}"),
        ("settings", "scan_fresh: {max_age_hours: 12}", "scan_fresh: {max_age_hour: 12}"),
        ("settings", "scan_fresh: {max_age_hours: 12}", "scan_fresh: {max_age_hours: twelve}"),
        ("settings", "my_own: {most: 1}", "my_own: 1"),
        ("waivers", WAIVER, WAIVER.replace("expires", "expire")),
        ("enforcement", RULES, RULES.replace("warn", "waive")),
        ("trust", "{}", "isuers: {}"),
        ("examples", "[{name: one, expect: passed}]", "[{name: one}]"),
        ("examples", "[{name: one, expect: violated, at: [a]}]", "[{name: one, expect: violated, id: a}]"),
        ("examples", "[{name: one, expect: passed}]", "[{name: one, expect: allowed}]"),
    ],
)
def test_yaml_is_checked(written: Path, name: str, good: str, bad: str) -> None:
    assert fits(written, name, yaml.safe_load(good))
    assert not fits(written, name, yaml.safe_load(bad))


def test_every_file_of_the_shipped_rules_fits(written: Path) -> None:
    files = [
        *(policies() / "rules").rglob("examples.yaml"),
        *(policies() / "template").rglob("examples.yaml"),
    ]
    assert [file for file in files if not fits(written, "examples", yaml.safe_load(file.read_bytes()))] == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("--strict", "policies", ".pushpolicy/lib"),
        ("--bundle", "."),
    ],
    ids=["as the page says", "as the extension for VS Code does"],
)
@pytest.mark.parametrize(("field", "found"), [("evaluated_at", 0), ("evaluatedat", 1)])
def test_opa_flags_a_misspelt_field(
    written: Path, opa: Path, arguments: tuple[str, ...], field: str, found: int
) -> None:
    imports = "import data.pushpolicy.lib.calendar\nimport rego.v2"
    text = rule("r", BODY.format(field)).replace("import rego.v2", imports)
    write_policy(written / "policies", {"r": text}, settings="scan_fresh: {max_age_hours: 12}")
    schema = SETTINGS["opa.schema"].replace("${workspaceFolder}", ".")
    command = [opa, "check", "--schema", schema, *arguments]
    ran = subprocess.run(command, cwd=written, capture_output=True, text=True, check=False)
    assert ran.returncode == found, ran.stderr
    assert (f"undefined ref: input.{field}" in ran.stderr) is bool(found)


def test_the_page_names_what_is_written(written: Path) -> None:
    named = set(re.findall(r"\.pushpolicy/([\w.]+\.json)", PAGE))
    assert {each for each in named if not (written / ".pushpolicy" / each).is_file()} == set()
    assert {each.removeprefix("./.pushpolicy/") for each in SETTINGS["yaml.schemas"]} <= named


def test_the_example_is_printed_and_allowed(tmp_path: Path) -> None:
    printed = pushpolicy(tmp_path, "schema", "example").stdout
    document = json.loads(printed)
    assert document == example()
    (tmp_path / "evidence.json").write_text(printed)
    for pack in ("pack", "pack:strict"):
        assert pushpolicy(tmp_path, "evaluate", "evidence.json", "--policy", pack).stdout.startswith("ALLOW ")


def test_every_kind_of_it_is_collected_and_a_finding_has_all_fields() -> None:
    schema = json.loads((policies() / "schema/evidence.v1.json").read_bytes())
    document = example()
    assert document.keys() == schema["properties"].keys()
    kinds = [each for each in document.values() if isinstance(each, dict) and "status" in each]
    assert {each["status"] for each in kinds} == {"collected"}
    assert all(document[name] for name in document if name != "unread")
    findings = [finding for scan in document["scans"]["items"] for finding in scan["findings"]]
    place = schema["properties"]["scans"]["properties"]["items"]["items"]["properties"]["findings"]["items"]
    # One of a package that is known, mended and in no catalogue.
    elsewhere = {"location", "suppressed_by", "kev_added", "kev_due", "joined"}
    assert max(findings, key=len).keys() == place["properties"].keys() - elsewhere


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(("schema", "trust", "--write", "x"), 2), (("schema", "--write", "file/x"), 2), (("schema",), 0)],
)
def test_wrong_usage(tmp_path: Path, arguments: tuple[str, ...], code: int) -> None:
    (tmp_path / "file").write_text("")
    ran = pushpolicy(tmp_path, *arguments)
    assert ran.returncode == code
    assert "Traceback" not in ran.stderr
