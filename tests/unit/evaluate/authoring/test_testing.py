"""`policy test`: what fails, what is only said, and how long the pack takes."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from pushpolicy.engines import LocalOpa
from pushpolicy.engines.process import Process
from pushpolicy.errors import PolicyError
from pushpolicy.evaluate import load_policy
from pushpolicy.evaluate.authoring.testing import Tested, run_tests
from pushpolicy.evaluate.sources import policies
from tests.policies import rule, unguarded, write_policy

DIRTY = 'deny contains {"at": {"id": "dirty"}, "msg": "x"} if input.source.dirty'
SHOWN = "- {name: dirty, expect: violated, at: [dirty], evidence: {source: {dirty: true}}}\n"
BRANCH = 'deny contains {"at": {"id": "ref"}, "msg": "x"} if input.ci.ref_type == "tag"'
TAG = "- {name: a tag, expect: violated, evidence: {ci: {ref_type: tag, tag: v1, branch: null}}}\n"
PASSES = "test_it if count(data.pushpolicy.rules.r.deny) == 1 with input.source.dirty as true"
FAILS = """\
test_it[name] if {
	some name, wanted in {"dirty": 1, "clean": 1}
	count(data.pushpolicy.rules.r.deny) == wanted with input.source.dirty as name == "dirty"
}"""


def outcome(
    folder: Path, opa: Path, body: str, examples: str, tests: str = "", threshold: float = 0
) -> Tested:
    source = write_policy(folder, {"r": rule("r", body)})
    (folder / "r" / "examples.yaml").write_text(examples)
    if tests:
        text = f"package pushpolicy.rules.r_test\n\nimport rego.v2\n\n{tests}\n"
        (folder / "r" / "r_test.rego").write_text(text)
    engine = LocalOpa(opa)
    return run_tests(load_policy([source], engine), engine, [source], threshold)


def test_what_holds_passes(tmp_path: Path, opa: Path) -> None:
    result = outcome(tmp_path, opa, DIRTY, SHOWN, PASSES, threshold=100)
    assert result.faults == ()
    assert (result.examples, [test.status for test in result.rego.tests]) == (1, ["evaluated", "passed"])
    assert result.deletions > 5


@pytest.mark.parametrize(
    ("examples", "tests", "where", "why"),
    [
        (SHOWN, FAILS, "r_test.rego:5", 'test_it, "clean" failed'),
        (SHOWN.replace("[dirty]", "[other]"), "", "examples.yaml", "expected are findings at other"),
        ("- {name: clean, expect: passed}", "", "examples.yaml", "no example shows what r denies"),
        ("", PASSES, "examples.yaml", "no example shows what r denies"),
        ("- {name: x}", "", "examples.yaml", "expect is one of"),
    ],
)
def test_what_does_not_hold_is_named_with_its_file(
    tmp_path: Path, opa: Path, examples: str, tests: str, where: str, why: str
) -> None:
    faults = [str(fault) for fault in outcome(tmp_path, opa, DIRTY, examples, tests).faults]
    assert any(why in fault and f"r/{where}" in fault for fault in faults), faults


def test_lines_that_nothing_reaches_are_named(tmp_path: Path, opa: Path) -> None:
    body = f'{DIRTY}\n\ndeny contains {{"at": {{}}, "msg": "y"}} if {{\n\tinput.image.size < 9\n}}'
    result = outcome(tmp_path, opa, body, SHOWN.replace(", at: [dirty]", ""), threshold=90)
    assert result.rego.coverage is not None
    [(first, last)] = result.rego.coverage["r"].missed
    assert '"msg": "y"' in (tmp_path / "r" / "r.rego").read_text().splitlines()[last - 1]
    [fault] = result.faults
    assert (fault.line, fault.rule) == (first, "r")
    assert "% of r, not 90 %" in str(fault)
    unordered = outcome(tmp_path, opa, body, SHOWN.replace(", at: [dirty]", ""), threshold=math.nan)
    assert len(unordered.faults) == 1


def test_print_is_shown_of_tests_and_examples(tmp_path: Path, opa: Path) -> None:
    body = DIRTY.replace(" if ", ' if {\n\tprint("dirty:", input.source.dirty)\n\t') + "\n}"
    result = outcome(tmp_path, opa, body, SHOWN, PASSES)
    assert [test.printed for test in result.rego.tests] == ["dirty: true\n"] * 2


def test_a_test_that_does_not_compile_names_its_file(tmp_path: Path, opa: Path) -> None:
    with pytest.raises(PolicyError, match=rf"{tmp_path}/r/r_test.rego:5.*unsafe"):
        outcome(tmp_path, opa, DIRTY, SHOWN, "test_it if nothing")


def test_a_leaf_whose_absence_allows_is_named(tmp_path: Path, opa: Path) -> None:
    assert outcome(tmp_path, opa, BRANCH, TAG).faults == ()
    engine, source = LocalOpa(opa), str(tmp_path)
    policy = unguarded(load_policy([source], engine))
    [fault] = run_tests(policy, engine, [source]).faults
    assert "a tag: allowed once ci.ref_type is deleted" in str(fault)


@pytest.mark.parametrize(
    ("body", "custom", "evidence"),
    [
        ("input.ci.untrusted_trigger", "", "ci: {untrusted_trigger: pull_request_target}"),
        ('object.get(input.ci, "actor", "") == "dana"', "optional: [ci.actor]", "ci: {actor: dana}"),
        (
            'object.get(input.ci.jobs, "e2e", "") == "failure"',
            "optional: [ci.jobs, ci.jobs.e2e]",
            "ci: {jobs: {e2e: failure}}",
        ),
    ],
)
def test_what_schema_or_rule_says_of_absence_is_no_fault(
    tmp_path: Path, opa: Path, body: str, custom: str, evidence: str
) -> None:
    text = rule("r", f'deny contains {{"at": {{}}, "msg": "x"}} if {body}', custom=custom)
    source = write_policy(tmp_path, {"r": text})
    (tmp_path / "r" / "examples.yaml").write_text(
        f"- {{name: one, expect: violated, evidence: {{{evidence}}}}}"
    )
    engine = LocalOpa(opa)
    assert run_tests(load_policy([source], engine), engine, [source]).faults == ()


class Counting(LocalOpa):
    """Counts the processes that evaluate or test."""

    started = 0

    def run(self, *arguments: str, descriptors: Sequence[int] = (), cut: int | None = None) -> Process:
        self.started += arguments[0] in ("eval", "test")
        return super().run(*arguments, descriptors=descriptors, cut=cut)


def test_every_shipped_rule_passes_and_all_of_it_is_reached(opa: Path) -> None:
    """In a few processes for thousands of decisions: that is what its time depends on."""
    engine, sources = Counting(opa), [str(policies() / "rules")]
    result = run_tests(load_policy(sources, engine), engine, sources, threshold=100)
    assert result.faults == ()
    assert result.deletions > 10_000
    assert engine.started <= 2 + 3 * max(os.cpu_count() or 1, 2)
