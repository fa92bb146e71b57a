"""`policy check` asks for more than a push does."""

from __future__ import annotations

from pathlib import Path

import pytest

from pushpolicy.engines import LocalOpa
from pushpolicy.errors import PolicyError
from pushpolicy.evaluate import PACK, check_policy
from pushpolicy.evaluate.check import unproven
from tests.policies import rule, write_policy

BODY = 'deny contains {"at": {}, "msg": "x"} if object.get(input.ci, "actor", "none") == "dana"'
EXAMPLE = "- {name: nobody, expect: passed, evidence: {ci: {actor: null}}}\n"


@pytest.mark.parametrize("named", [".", "r/r.rego"], ids=["a folder", "one file"])
def test_an_optional_path_needs_an_example_without_it(tmp_path: Path, opa: Path, named: str) -> None:
    write_policy(tmp_path, {"r": rule("r", BODY, custom="optional: [ci.actor]")})
    source = str(tmp_path / named)
    with pytest.raises(PolicyError, match=r"no example is without ci.actor, which custom.optional lists"):
        check_policy([source], LocalOpa(opa))
    (tmp_path / "r" / "examples.yaml").write_text(EXAMPLE)
    assert check_policy([source], LocalOpa(opa)).index.rules["r"].optional == ("ci.actor",)


DIRTY = 'deny contains {"at": {"id": "dirty"}, "msg": "x"} if input.source.dirty'
SETTINGS = "settings: {most: {type: integer, minimum: 0, default: 3}}"
MANY = 'deny contains {"at": {}, "msg": "x"} if count(input.target.tags) > data.settings.r.most'
FAILS = 'deny contains {"at": {}, "msg": "x"} if to_number(input.image.name) > 3'
AS_IT_IS = "- {name: dirty, expect: violated, at: [dirty], evidence: {source: {dirty: true}}}\n"


@pytest.mark.parametrize(
    ("body", "custom", "examples", "why"),
    [
        (DIRTY, "", "- {name: clean, expect: violated}", "expected is violated, and the rule says passed"),
        (DIRTY, "", AS_IT_IS.replace("violated", "passed"), "expected is passed, and the rule says violated"),
        (DIRTY, "", AS_IT_IS.replace("[dirty]", "[other]"), "at other, and there are dirty"),
        (DIRTY, "", AS_IT_IS.replace("[dirty]", "[]"), "at none, and there are dirty"),
        (DIRTY, "", AS_IT_IS.replace("true", '"yes"'), "does not fit its schema: source.dirty"),
        (MANY, SETTINGS, "- {name: a, expect: passed, settings: {least: 1}}", "has no setting least"),
        (MANY, SETTINGS, "- {name: a, expect: passed, settings: {most: -1}}", "setting most"),
        (MANY, SETTINGS, "- {name: a, expect: passed, settings: {most: 0}}", "the rule says violated"),
        (FAILS, "", "- {name: a, expect: passed, evidence: {image: {name: x}}}", "to_number"),
        (DIRTY, "", "- {name: a}", "expect is one of"),
    ],
)
def test_an_example_on_which_the_rule_says_something_else_is_an_error(
    tmp_path: Path, opa: Path, body: str, custom: str, examples: str, why: str
) -> None:
    folder = write_policy(tmp_path, {"r": rule("r", body, custom=custom)})
    (tmp_path / "r" / "examples.yaml").write_text(examples)
    with pytest.raises(PolicyError, match=rf"examples.yaml:1: \w+: .*{why}"):
        check_policy([folder], LocalOpa(opa))


def test_examples_are_of_the_rule_alone(tmp_path: Path, opa: Path) -> None:
    """What a set waives, sets or rolls out decides no example; one without `at` says nothing of findings."""
    rules = {"r": rule("r", MANY, custom=SETTINGS), "s": rule("s", DIRTY)}
    folder = write_policy(
        tmp_path,
        rules,
        settings="r: {most: 0}",
        enforcement='rules: {s: {mode: "off", until: "2026-09-01T00:00:00Z", reason: x}}',
    )
    (tmp_path / "r" / "examples.yaml").write_text("- {name: one tag, expect: passed}\n")
    (tmp_path / "s" / "examples.yaml").write_text(AS_IT_IS.replace("at: [dirty], ", ""))
    checked = check_policy([folder], LocalOpa(opa))
    [note] = unproven(checked, [folder])
    assert "no example shows what r denies" in note


def test_the_pack_agrees_with_its_examples_and_shows_what_each_rule_denies(opa: Path) -> None:
    checked = check_policy([PACK], LocalOpa(opa))
    assert list(unproven(checked, [PACK])) == []
