"""What-if: another policy, other settings, other waivers, on pushes and denials that are recorded."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from pushpolicy import errors
from pushpolicy.audit import trial
from pushpolicy.audit.allowance import Allowance
from pushpolicy.audit.history import each_record
from pushpolicy.audit.shelf import Shelf
from pushpolicy.audit.trial import Trial
from pushpolicy.audit.walk import Opened
from pushpolicy.audit.what_if import Direction, PushEffect, WhatIf
from pushpolicy.engines import LocalOpa
from pushpolicy.evaluate import PolicySet, load_policy
from pushpolicy.evaluate.batches import decisions
from pushpolicy.evaluate.policyset import SCHEMA
from pushpolicy.model.reference import Reference
from pushpolicy.registry import Access, open_repository
from tests.policies import rule, write_policy
from tests.registries import Registry
from tests.workspace import IMAGE, Workspace

MOST = "settings:\n  most:\n    type: integer\n    default: 0\n    description: How many bytes."
LARGE = (
    'deny contains {"at": {"id": "size"}, "msg": "too large"} if {\n'
    "\tdata.settings.large.most > 0\n\tinput.image.size > data.settings.large.most\n}"
)
RULES = {
    "large": rule("large", LARGE, MOST),
    "named": rule("named", 'deny contains {"at": {}, "msg": "no"} if input.target.repository == "x"'),
}
WAIVER = """\
waivers:
  - {rule: large, id: size, reason: r, approver: ann, expires: "2027-01-01T00:00:00Z"}
max_days: 3650
"""
DENIALS = ("--denials", "oci:denials")


@pytest.fixture
def place(workspace: Workspace) -> Workspace:
    """Of three decisions by a policy of two rules two are pushes, and one is a denial."""
    write_policy(workspace.folder.parent / "policy", RULES)
    write_policy(workspace.folder.parent / "small", RULES, settings="large: {most: 1}")
    for tag in ("1", "2"):
        assert pushed(workspace, tag, "../policy").code == errors.EXIT_OK
    assert pushed(workspace, "3", "../small").code == errors.EXIT_DENIED
    return workspace


def pushed(place: Workspace, tag: str, policy: str) -> Any:
    return place.run("push", IMAGE, f"oci:registry:{tag}", "--policy", policy, *DENIALS, "-q")


def tried(place: Workspace, *options: str) -> Any:
    return place.run("audit", "replay", "oci:registry", *options)


def directions(ran: Any) -> dict[str, str]:
    return {each["image"]["tags"][0]: each["direction"] for each in ran.json["pushes"]}


def test_other_settings_with_the_recorded_rules(place: Workspace) -> None:
    place.write("settings.yaml", "large: {most: 2}")
    ran = tried(place, "--settings", "settings.yaml", *DENIALS, "--format", "json")
    assert ran.code == errors.EXIT_DIFFERS
    assert directions(ran) == {"1": "stricter", "2": "stricter", "3": "unchanged"}
    assert (ran.json["direction"], ran.json["counts"]["denied"]) == ("stricter", 2)
    assert ran.json["repositories"]["oci:registry"]["stricter"] == 2
    (change,) = ran.json["pushes"][0]["difference"]["findings"]
    assert (change["rule"], change["after"], change["msg"]) == ("large", "violation", "too large")


def test_a_denial_shows_what_a_looser_policy_would_have_let_in(place: Workspace) -> None:
    place.write("settings.yaml", "{}")
    ran = tried(place, "--settings", "settings.yaml", *DENIALS)
    assert ran.code == errors.EXIT_DIFFERS
    lines = ran.out.splitlines()
    assert lines[0] == "looser: 1 of 3 past decisions: 1 would be let in"
    assert any(line.startswith("looser: oci:registry:3  DENY -> ALLOW  unsigned") for line in lines)
    assert "    no violation any more: too large" in lines
    assert tried(place, "--settings", "settings.yaml").code == errors.EXIT_OK  # without denials


def test_other_waivers_with_the_recorded_policy(place: Workspace) -> None:
    place.write("waivers.yaml", WAIVER)
    ran = tried(place, "--waivers", "waivers.yaml", *DENIALS, "--format", "json")
    assert directions(ran) == {"1": "unchanged", "2": "unchanged", "3": "looser"}
    write_policy(place.folder.parent / "waived", RULES, settings="large: {most: 1}", waivers=WAIVER)
    assert pushed(place, "4", "../waived").code == errors.EXIT_OK
    place.write("none.yaml", "waivers: []")
    ran = tried(place, "--waivers", "none.yaml", "--format", "json")
    assert directions(ran) == {"1": "unchanged", "2": "unchanged", "4": "stricter"}


@pytest.mark.parametrize(
    ("fail_on", "stricter", "looser"),
    [("any", 50, 50), ("stricter", 50, 0), ("looser", 0, 50), ("none", 0, 0)],
)
def test_what_fails(place: Workspace, fail_on: str, stricter: int, looser: int) -> None:
    place.write("stricter.yaml", "large: {most: 2}")
    place.write("looser.yaml", "{}")
    for name, code in (("stricter", stricter), ("looser", looser)):
        assert tried(place, "--settings", f"{name}.yaml", "--fail-on", fail_on, *DENIALS).code == code


def test_parts_go_together(place: Workspace) -> None:
    """Settings or waivers beside --policy stand for those of that policy."""
    place.write("settings.yaml", "large: {most: 1}")
    place.write("waivers.yaml", WAIVER)
    other = ("--policy", "../small")
    assert tried(place, *other, "--format", "json").json["direction"] == "stricter"
    assert tried(place, *other, "--waivers", "waivers.yaml").code == errors.EXIT_OK
    both = ("--settings", "settings.yaml", "--waivers", "waivers.yaml")
    assert tried(place, *both).code == errors.EXIT_OK
    place.write("settings.yaml", "larger: {most: 1}")
    refused = tried(place, *other, "--settings", "settings.yaml")
    assert refused.code == errors.EXIT_POLICY
    assert "larger: no rule is named so" in refused.complaint()


def test_a_name_that_no_recorded_policy_has_is_told(place: Workspace) -> None:
    place.write("settings.yaml", "larger: {most: 1}")
    ran = tried(place, "--settings", "settings.yaml")
    assert (ran.code, ran.out.splitlines()[0]) == (errors.EXIT_OK, "unchanged: 2 past decisions")
    assert "no policy that was tried has the rules that the files name: larger" in ran.err


def test_what_a_recorded_rule_does_not_take_is_one_line(place: Workspace) -> None:
    place.write("settings.yaml", "large: {least: 1}")
    ran = tried(place, "--settings", "settings.yaml")
    assert ran.code == errors.EXIT_RECORD
    assert ran.out.count("not replayable: oci:registry:") == 2
    assert "the rule has no such setting" in ran.out


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (("--fail-on", "any"), errors.EXIT_USAGE, "--fail-on says what fails a what-if"),
        (("--settings", "none.yaml"), errors.EXIT_POLICY, "none.yaml"),
        (("--settings", "list.yaml"), errors.EXIT_POLICY, "list.yaml"),
        (("--waivers", "waivers.yaml"), errors.EXIT_POLICY, "waivers.yaml"),
    ],
)
def test_wrong_input(place: Workspace, options: tuple[str, ...], code: int, said: str) -> None:
    place.write("list.yaml", "- a")
    place.write("waivers.yaml", "waivers: [{rule: large}]")
    ran = tried(place, *options)
    assert (ran.code, ran.out) == (code, "")
    assert said in ran.err


def test_one_source_that_cannot_be_read_ends_no_other(place: Workspace) -> None:
    ran = place.run("audit", "replay", "oci:registry", "oci:absent", "--policy", "../policy")
    assert ran.code == errors.EXIT_RECORD
    assert ran.out.splitlines()[0] == "unchanged: 2 past decisions"
    assert "not read: oci:absent" in ran.out


def test_what_the_checkout_set_and_waived_stays(workspace: Workspace) -> None:
    write_policy(workspace.folder.parent / "policy", RULES)
    config = "settings: {large: {most: 1}}\nwaivers:\n" + WAIVER.split("\n")[1].replace(
        "2027", "2026"
    ).replace("01-01", "12-20")
    place = workspace.committed("pushpolicy.yaml", config)
    may = ("--policy", "../policy", "--repo-may", "large=settings,waive")
    ran = place.run("push", IMAGE, "oci:registry:1", *may, "--format", "json", "-q")
    assert (ran.code, len(ran.json["waived"])) == (errors.EXIT_OK, 1), ran.err
    place.write("settings.yaml", "large: {most: 7}")
    place.write("waivers.yaml", "waivers: []")
    for options in (("--settings", "settings.yaml"), ("--waivers", "waivers.yaml")):
        assert tried(place, *options).code == errors.EXIT_OK


def history(place: Workspace) -> list[Opened]:
    at = Reference.parse(f"oci:{place.folder}/registry")
    shelf = Shelf.of(open_repository(at.repository, Access()))
    return [each for each in each_record(shelf, at, Allowance()) if isinstance(each, Opened)]


class Asked:
    """Which rules are evaluated, and of how many documents."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.rules: list[list[str]] = []
        self.kinds: list[set[str]] = []
        monkeypatch.setattr(trial, "decisions", self._decisions)

    def _decisions(self, questions: Iterator[Any], engine: LocalOpa) -> Iterator[Any]:
        return decisions(map(self._seen, questions), engine)

    def _seen(self, question: Any) -> Any:
        if hasattr(question, "policy"):
            self.rules.append(sorted(question.policy.index.rules))
            value = question.evidence.value
            self.kinds.append(
                {name for name in value if value[name].__class__ is not dict or _is_told(value[name])}
            )
        return question


def _is_told(kind: Any) -> bool:
    """Whether a part of a document was handed over, and nothing in its place."""
    return bool(kind) and kind.get("reason") != "no rule that is asked reads it"


def effect(records: list[Opened], policy: PolicySet, engine: LocalOpa) -> WhatIf:
    found = WhatIf()
    for push in Trial(engine, policy).effects(records):
        found.add(push)
    return found


def test_only_what_changed_is_evaluated(
    place: Workspace, opa: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    engine, records = LocalOpa(opa), history(place)
    same = load_policy([write_policy(tmp_path / "same", RULES)], engine)
    more = RULES | {"never": rule("never", 'deny contains {"at": {}, "msg": "n"} if input.image.size > 1')}
    other = load_policy([write_policy(tmp_path / "more", more)], engine)
    fewer = load_policy([write_policy(tmp_path / "fewer", {"named": RULES["named"]})], engine)
    asked = Asked(monkeypatch)
    assert effect(records, same, engine).direction is Direction.UNCHANGED
    assert effect(records, fewer, engine).direction is Direction.UNCHANGED
    assert asked.rules == []
    found = effect(records, other, engine)
    assert (found.direction, found.whole.denied) == (Direction.STRICTER, 2)
    assert asked.rules == [["never"], ["never"]]
    assert asked.kinds[0] == {"schema", "evaluated_at", "target", "image", "reports", "ci"}
    assert effect(records, same, Other(opa)).direction is Direction.UNCHANGED
    assert asked.rules[2:] == [["large", "named"]] * 2  # another engine decided


class Other(LocalOpa):
    """The same OPA, as if another build."""

    def identity(self) -> Any:
        return replace(super().identity(), version="1.99.0")


def test_what_an_older_schema_does_not_know_is_told_from_what_was_missing(
    place: Workspace, opa: Path, tmp_path: Path
) -> None:
    engine = LocalOpa(opa)
    rules = {
        "reads": rule("reads", 'deny contains {"at": {}, "msg": "n"} if input.tests.totals.flaky > 7'),
        "asks": rule("asks", 'deny contains {"at": {}, "msg": "n"} if not input.sbom.status == "collected"'),
        "absent": rule("absent", 'deny contains {"at": {}, "msg": "n"} if input.extra.review.no == true'),
    }
    policy = load_policy([write_policy(tmp_path / "newer", rules)], engine)
    assert effect(history(place), policy, engine).rules.keys() == {"asks", "absent"}
    older = [older_schema(each) for each in history(place)]
    found = effect(older, policy, engine)
    assert (found.direction, found.whole.newer) == (Direction.STRICTER, 2)
    newer = {name for name, each in found.rules.items() if each.direction is Direction.NEWER}
    assert newer == {"reads", "asks"}
    only = load_policy([write_policy(tmp_path / "only", {"asks": rules["asks"]})], engine)
    found = effect(older, only, engine)
    assert (found.direction, found.whole.denied) == (Direction.NEWER, 0)
    assert [push.after for push in found.pushes if isinstance(push, PushEffect)] == [None, None]


def older_schema(opened: Opened) -> Opened:
    """The same record, as if its schema knew neither SBOMs nor flaky tests."""
    policy = opened.held.policy
    schema = json.loads(policy.files[SCHEMA])
    del schema["properties"]["sbom"]
    del schema["properties"]["tests"]["properties"]["totals"]["properties"]["flaky"]
    files = {**policy.files, SCHEMA: json.dumps(schema).encode()}
    held = type(opened.held)(policy=replace(policy, files=files))
    return replace(opened, held=held)


def test_rows_come_one_by_one_and_nothing_is_kept(place: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    place.write("settings.yaml", "large: {most: 2}")
    ran = tried(place, "--settings", "settings.yaml", *DENIALS, "--format", "jsonl")
    assert ran.code == errors.EXIT_DIFFERS
    rows = {row["tag"][0]: row for row in map(json.loads, ran.out.splitlines())}
    assert {tag: row["direction"] for tag, row in rows.items()} == {
        "1": "stricter",
        "2": "stricter",
        "3": "unchanged",
    }
    assert rows["1"]["changes"] == ["large: new violation: too large"]
    assert (rows["1"]["before"], rows["1"]["after"], rows["1"]["actor"]) == ("ALLOW", "DENY", "sample-author")
    assert ran.err.splitlines() == ["stricter: 2 of 3 past decisions: 2 would be denied"]
    both = tried(place, "--settings", "settings.yaml", "--format", "csv", "--format", "json=all.json")
    assert len(both.out.splitlines()) == 3
    assert len(json.loads(place.path("all.json").read_text())["pushes"]) == 2


def test_what_is_kept_is_bounded_and_what_changes_verdicts_comes_first(
    place: Workspace, opa: Path, tmp_path: Path
) -> None:
    engine, records = LocalOpa(opa), history(place)
    never = {"never": rule("never", 'deny contains {"at": {}, "msg": "n"} if input.image.size > 1')}
    policy = load_policy([write_policy(tmp_path / "more", RULES | never)], engine)
    found, all_of_them = WhatIf(keep=3), WhatIf()
    for push in Trial(engine, policy).effects(each for _ in range(50) for each in records):
        found.add(push)
        all_of_them.add(push)
    assert (found.whole.total, found.whole.denied) == (100, 100)
    ranks = sorted((push.rank for push in all_of_them.pushes), reverse=True)
    assert [push.rank for push in found.pushes] == ranks[:3]
    assert found.pushes[0].verdict_changes


def test_a_policy_that_opa_does_not_take_is_told_once(place: Workspace) -> None:
    text = rule("wrong", 'deny contains {"at": {}, "msg": "n"} if lower(input.image.size) == "x"')
    write_policy(place.folder.parent / "wrong", {"wrong": text})
    ran = tried(place, "--policy", "../wrong")
    assert (ran.code, ran.out) == (errors.EXIT_POLICY, "")
    assert "rego_type_error" in ran.complaint()


def test_denials_in_a_registry_are_part_of_what_is_asked(
    workspace: Workspace, any_registry: Registry
) -> None:
    place, apart = f"{any_registry.host}/team/app", ("--denials", f"{any_registry.host}/audit/denials")
    write_policy(workspace.folder.parent / "policy", RULES)
    write_policy(workspace.folder.parent / "small", RULES, settings="large: {most: 1}")
    for tag, policy, code in (("1", "../policy", 0), ("2", "../small", 10), ("3", "../small", 10)):
        ran = workspace.run("push", IMAGE, f"{place}:{tag}", "--policy", policy, *apart, "-q")
        assert ran.code == code, ran.err
    workspace.write("settings.yaml", "{}")
    options = ("--settings", "settings.yaml", *apart, "--format", "json")
    found = workspace.run("audit", "replay", place, *options)
    assert directions(found) == {"1": "unchanged", "2": "looser", "3": "looser"}
    assert found.json["counts"]["allowed"] == 2
    only = workspace.run("audit", "replay", f"{place}:1", *options)
    assert directions(only) == {"1": "unchanged"}
