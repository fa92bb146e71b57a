"""Wrong policies, settings and waivers: each is refused by name, with its file and line; none allows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pushpolicy.engines import LocalOpa
from pushpolicy.errors import PolicyError
from pushpolicy.evaluate import check_policy, evaluate, load_policy
from pushpolicy.evaluate.authoring.rego_tests import run
from pushpolicy.evaluate.authoring.testing import run_tests
from pushpolicy.evaluate.bundle import REMOVED
from pushpolicy.evaluate.faults import Fault
from pushpolicy.evaluate.removed import explain
from pushpolicy.model.document import Document
from tests.policies import example, rule
from tests.wrong_policies import DENY, LINKED, RIGHT, WRONG, Wrong, of_rule


def written(folder: Path, wrong: Wrong) -> str:
    (folder.parent / "outside.rego").write_text("package outside")
    for name, content in wrong.files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        if content == LINKED:
            file.symlink_to(LINKED)
        else:
            file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(folder)


def test_there_are_enough_of_them_and_no_two_are_one() -> None:
    assert len({wrong.name for wrong in WRONG}) == len(WRONG) >= 90


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.name)
def test_each_is_refused_with_its_file_and_line(tmp_path: Path, opa: Path, wrong: Wrong) -> None:
    source = written(tmp_path / "policies", wrong)
    with pytest.raises(PolicyError) as error:
        check_policy([source], LocalOpa(opa))
    lines = [line.removeprefix(f"{source}/") for line in error.value.message.splitlines()]
    assert any(line.startswith(wrong.place) and wrong.says in line for line in lines), lines
    assert all(Fault.parse(line).file for line in lines if ".rego" in wrong.place), lines
    # What is to be done stands behind the first semicolon, and nowhere else.
    assert all(Fault.parse(line).fix and str(Fault.parse(line)) == line for line in lines), lines


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.name)
def test_none_of_them_allows(tmp_path: Path, opa: Path, wrong: Wrong) -> None:
    """A push that does not check its policy first: what loads denies what the right rule would deny."""
    engine, source = LocalOpa(opa), written(tmp_path / "policies", wrong)
    document = example()
    document["source"]["dirty"] = True
    document["target"]["tags"] = [f"1.{number}" for number in range(5)]
    try:
        decision = evaluate(load_policy([source], engine), Document.of(document), engine)
    except PolicyError:
        return
    assert not decision.allowed


def test_every_builtin_that_opa_has_and_rules_do_not_is_explained(opa: Path) -> None:
    with LocalOpa(opa).run("capabilities", "--current") as run:
        there = {each["name"] for each in json.loads(run.finish().stdout)["builtins"]}
    allowed = json.loads((Path(__file__).parents[2] / "policies/capabilities.json").read_bytes())["builtins"]
    removed = there - {each["name"] for each in allowed}
    assert removed
    assert removed <= REMOVED
    for name in removed:
        said = explain(f"rego_type_error: undefined function {name}")
        assert said.startswith(f"{name} is removed; ")
    assert (
        explain("rego_type_error: undefined function no.such")
        == "rego_type_error: undefined function no.such; call what there is, with what it takes"
    )


REMOVALS = [wrong for wrong in WRONG if " is removed" in wrong.says]


@pytest.mark.parametrize("wrong", REMOVALS, ids=lambda wrong: wrong.name)
def test_a_removed_builtin_is_explained_wherever_a_policy_loads(
    tmp_path: Path, opa: Path, wrong: Wrong
) -> None:
    """A push only loads its policy; OPA would say that the function is undefined, when it decides."""
    assert len(REMOVALS) >= 5
    source = written(tmp_path / "policies", wrong)
    with pytest.raises(PolicyError) as error:
        load_policy([source], LocalOpa(opa))
    assert f"{source}/{wrong.place}: {wrong.says}; " in error.value.message


def test_a_field_that_is_called_like_a_removed_builtin_is_none(tmp_path: Path, opa: Path) -> None:
    body = f'{DENY}{{ time := {{"clock": 3}}; input.image.size > time.clock }}'
    load_policy([written(tmp_path / "policies", of_rule("a variable", "", "", body))], LocalOpa(opa))


def test_a_misspelt_function_is_the_only_thing_that_is_said(tmp_path: Path, opa: Path) -> None:
    """What is optional is listed for that call: it is not to be left out."""
    [wrong] = (each for each in WRONG if each.name == "a function misspelt, for what is optional")
    with pytest.raises(PolicyError) as error:
        load_policy([written(tmp_path / "policies", wrong)], LocalOpa(opa))
    assert len(error.value.message.splitlines()) == 1


@pytest.mark.parametrize(
    ("test", "line", "says"),
    [
        ("test_x if true\n\ntest_y if sprntf(1)", 7, "undefined function sprntf; call what there is"),
        ("test_x if mended.x == set(", 6, "rego_parse_error"),
        (
            "test_x if some y in mended.deny with input.z as 1",
            5,
            "var mended is unsafe; give the variable a value",
        ),
    ],
)
def test_a_test_that_does_not_compile_is_named_as_its_writer_knows_it(
    tmp_path: Path, opa: Path, test: str, line: int, says: str
) -> None:
    text = f"package pushpolicy.rules.r_test\n\nimport rego.v2\n\n{test}\n"
    files = {"r/r.rego": rule("r", RIGHT), "r/r_test.rego": text}
    source = written(tmp_path / "policies", Wrong("test", "", "", files))
    engine = LocalOpa(opa)
    policy = load_policy([source], engine)
    with pytest.raises(PolicyError) as error:
        run(policy, engine, {"r": Path(source) / "r"}, ())
    lines = error.value.message.splitlines()
    assert all(each.startswith(f"{source}/r/r_test.rego:{line}: ") for each in lines), lines
    assert any(says in each for each in lines), lines


def test_a_file_of_tests_without_a_test_fails(tmp_path: Path, opa: Path) -> None:
    text = "package pushpolicy.rules.r_test\n\nimport rego.v2\n\ntst_x if true\n"
    files = {"r/r.rego": rule("r", RIGHT), "r/r_test.rego": text}
    source = written(tmp_path / "policies", Wrong("test", "", "", files))
    engine = LocalOpa(opa)
    found = run_tests(load_policy([source], engine), engine, [source]).faults
    assert [fault.message for fault in found if fault.file == f"{source}/r/r_test.rego"] == [
        "there is no test in it"
    ]


def test_a_removed_builtin_in_a_test_is_explained(tmp_path: Path, opa: Path) -> None:
    test = "package pushpolicy.rules.r_test\n\nimport rego.v2\n\ntest_now if time.now_ns() > 0\n"
    source = written(
        tmp_path / "policies", Wrong("test", "", "", {"r/r.rego": rule("r", RIGHT), "r/r_test.rego": test})
    )
    engine = LocalOpa(opa)
    policy = load_policy([source], engine)
    with pytest.raises(PolicyError, match=r"time\.now_ns is removed; the time of the decision is"):
        run(policy, engine, {"r": Path(source) / "r"}, ())
