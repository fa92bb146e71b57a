from __future__ import annotations

from pathlib import Path

import pytest

from pushpolicy.engines import LocalOpa
from pushpolicy.errors import UsageError
from pushpolicy.evaluate import check_policy
from pushpolicy.evaluate.authoring.scaffold import begin_rule
from pushpolicy.evaluate.authoring.testing import run_tests
from pushpolicy.evaluate.check import unproven


@pytest.mark.parametrize("name", ["labelled", "load_test"])
def test_what_is_begun_holds(tmp_path: Path, opa: Path, name: str) -> None:
    files = begin_rule(name, tmp_path / "policies")
    assert [file.name for file in files] == ["examples.yaml", f"{name}.rego", f"{name}_test.rego"]
    assert not any("new_rule" in file.read_text() for file in files)
    sources, engine = [str(tmp_path / "policies")], LocalOpa(opa)
    policy = check_policy(sources, engine)
    assert list(unproven(policy, sources)) == []
    result = run_tests(policy, engine, sources, threshold=100)
    assert result.faults == ()
    assert [test.status for test in result.rego.tests if test.file.endswith(".rego")] == ["passed", "passed"]


@pytest.mark.parametrize("there", ["a folder", "a file", "a link to nowhere"])
def test_nothing_is_overwritten(tmp_path: Path, there: str) -> None:
    place = tmp_path / "mine"
    match there:
        case "a folder":
            place.mkdir()
        case "a file":
            place.write_text("kept")
        case _:
            place.symlink_to(tmp_path / "nowhere")
    with pytest.raises(UsageError, match="mine is there already"):
        begin_rule("mine", tmp_path)
    assert {path.name for path in tmp_path.rglob("*")} == {"mine"}


@pytest.mark.parametrize("name", ["Mine", "1st", "a-b", "../up", "", "a" * 65, "a\nb", "import"])
def test_a_name_that_no_rule_can_have(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="cannot be the name of a rule"):
        begin_rule(name, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be written: Not a directory"):
        begin_rule("mine", tmp_path / "file")
