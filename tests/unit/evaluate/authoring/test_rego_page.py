"""docs/rego.md lists what rules can call, and every builtin that they cannot."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from pushpolicy.evaluate.authoring.rego_page import DOCUMENT, helpers, rego_page
from pushpolicy.evaluate.bundle import REMOVED
from pushpolicy.evaluate.removed import explain, instead
from pushpolicy.evaluate.sources import policies
from tests.policies import ROOT, example

LIB = policies() / "system" / "lib"


def test_the_page_is_up_to_date() -> None:
    assert (ROOT / DOCUMENT).read_text(encoding="utf-8") == rego_page(), "run `make index`"


def test_every_removed_builtin_has_something_instead() -> None:
    for builtin in REMOVED:
        assert f"`{builtin}`" in rego_page()
        said = explain(f"rego_type_error: undefined function {builtin}")
        assert said == f"{builtin} is removed; {instead(builtin)}"


def test_what_was_never_there_is_told_in_opas_words() -> None:
    assert explain("undefined function tiem.now_ns") == "undefined function tiem.now_ns"


def run(opa: Path, *arguments: str | Path) -> str:
    return subprocess.run([opa, *arguments], check=True, capture_output=True, text=True).stdout


def test_the_page_has_every_function_of_lib_that_others_may_call(opa: Path) -> None:
    files = [file for file in LIB.rglob("*.rego") if not file.stem.endswith("_test")]
    rules = [
        rule for file in files for rule in json.loads(run(opa, "parse", "--format", "json", file))["rules"]
    ]
    functions = {rule["head"]["ref"][0]["value"] for rule in rules if "args" in rule["head"]}
    public = {name for name in functions if not name.startswith("_")}
    assert public == {call.partition("(")[0] for _, call, _ in helpers()} != set()


def test_each_example_is_true_of_the_example(opa: Path, tmp_path: Path) -> None:
    (tmp_path / "input.json").write_text(json.dumps(example()))
    for package, _, metadata in helpers():
        place = ("--data", LIB, "--input", tmp_path / "input.json", "--import", f"data.{package}")
        said = run(opa, "eval", *place, "--format", "raw", metadata["custom"]["example"])
        assert said.strip() == "true", metadata["custom"]["example"]
