"""What differs between two sets, and which way it goes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pushpolicy.engines import LocalOpa
from pushpolicy.evaluate import PolicySet, load_policy
from pushpolicy.evaluate.approvals import statement
from pushpolicy.evaluate.authoring.changes import compare, setting_direction
from tests import ssh
from tests.policies import rule, write_policy

DENY = 'deny contains {"at": {"id": "x"}, "msg": "x"} if '
SETTING = "settings: {most: {type: integer, minimum: -1, stricter: limit, default: 3}}"
BODY = f"{DENY}count(input.target.tags) > data.settings.r.most"
MODE = 'rules: {{r: {{mode: "{}", until: "{}", reason: x}}}}'
WAIVER = "waivers: [{{rule: r, id: x, reason: y, approver: z, expires: '{}'}}]"
SOON, LATER = "2027-01-01T00:00:00Z", "2027-02-01T00:00:00Z"
BASE = {"r": rule("r", BODY, custom=SETTING)}


def loaded(folder: Path, opa: Path, rules: dict[str, str], **data: str) -> PolicySet:
    return load_policy([write_policy(folder, rules, **data)], LocalOpa(opa))


def changed(**more: str) -> dict[str, str]:
    return {
        "r": rule("r", BODY, custom="\n".join([SETTING, *(f"{key}: {value}" for key, value in more.items())]))
    }


def test_a_waiver_that_gets_its_approval_is_looser_and_no_signature_is_shown(
    tmp_path: Path, opa: Path
) -> None:
    private = ssh.key("alice")
    trust = f"approvers: {{alice: {{key: '{ssh.line(private)}'}}}}\nquorum: {{policy: a, rules: {{r: 1}}}}"
    waiver: dict[str, Any] = {"rule": "r", "id": "x", "reason": "y", "approver": "z", "expires": SOON}
    waiver["repository"] = "a.example/b"
    before = loaded(tmp_path / "a", opa, BASE, trust=trust, waivers=json.dumps({"waivers": [waiver]}))
    signature = ssh.signed(private, statement(before.waivers[0], before.files))
    waiver["approvals"] = [{"principal": "alice", "signature": signature}]
    after = loaded(tmp_path / "b", opa, BASE, trust=trust, waivers=json.dumps({"waivers": [waiver]}))
    assert told(before, after, "waiver r x a.example/b") == "looser"
    assert told(after, before, "waiver r x a.example/b") == "stricter"
    (change,) = compare(before, after)
    assert '"approvals":["alice"]' in str(change.after)
    assert "SSH SIGNATURE" not in str(change)


def test_a_set_does_not_differ_from_itself(tmp_path: Path, opa: Path) -> None:
    sets = [loaded(tmp_path / name, opa, BASE, waivers=WAIVER.format(SOON)) for name in "ab"]
    assert compare(*sets) == ()


@pytest.mark.parametrize(
    ("what", "rules", "data"),
    [
        ("rule s", {**BASE, "s": rule("s", f"{DENY}input.source.dirty")}, {}),
        ("integrity r", changed(integrity="true"), {}),
        ("setting r.most", BASE, {"settings": "r: {most: 2}"}),
        ("requires r", {"r": rule("r", f'{BODY}\n\n{DENY}input.ci.ref_type == "tag"', custom=SETTING)}, {}),
        ("max_days waivers", BASE, {"waivers": "max_days: 30"}),
        ("max_days rollouts", BASE, {"enforcement": "max_days: 30"}),
        ("quorum r", BASE, {"trust": "quorum: {policy: a, rules: {'*': 1}}"}),
    ],
)
def test_what_denies_more_is_stricter_and_its_undoing_looser(
    tmp_path: Path, opa: Path, what: str, rules: dict[str, str], data: dict[str, str]
) -> None:
    before, after = loaded(tmp_path / "a", opa, BASE), loaded(tmp_path / "b", opa, rules, **data)
    assert told(before, after, what) == "stricter"
    assert told(after, before, what) == "looser"


@pytest.mark.parametrize(
    ("what", "rules", "data"),
    [
        ("effective_on r", changed(effective_on=f'"{SOON}"'), {}),
        ("waiver r x", BASE, {"waivers": WAIVER.format(SOON)}),
        ("rollout r", BASE, {"enforcement": MODE.format("warn", SOON)}),
        ("rollout observe mode", BASE, {"enforcement": f'observe: {{until: "{SOON}", reason: x}}'}),
        ("setting r.most", BASE, {"settings": "r: {most: -1}"}),
    ],
)
def test_what_excepts_is_looser_and_its_undoing_stricter(
    tmp_path: Path, opa: Path, what: str, rules: dict[str, str], data: dict[str, str]
) -> None:
    before, after = loaded(tmp_path / "a", opa, BASE), loaded(tmp_path / "b", opa, rules, **data)
    assert told(before, after, what) == "looser"
    assert told(after, before, what) == "stricter"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"waivers": WAIVER.format(SOON)}, {"waivers": WAIVER.format(LATER)}),
        ({"enforcement": MODE.format("warn", SOON)}, {"enforcement": MODE.format("warn", LATER)}),
        ({"enforcement": MODE.format("warn", LATER)}, {"enforcement": MODE.format("off", SOON)}),
    ],
)
def test_an_exception_that_lasts_longer_or_softens_more_is_looser(
    tmp_path: Path, opa: Path, before: dict[str, str], after: dict[str, str]
) -> None:
    one, other = loaded(tmp_path / "a", opa, BASE, **before), loaded(tmp_path / "b", opa, BASE, **after)
    assert [str(each.direction) for each in compare(one, other)] == ["looser"]
    assert [str(each.direction) for each in compare(other, one)] == ["stricter"]


ONE = "{{rule: r, id: x, reason: y, approver: z, expires: '{}'{}}}"
PURL, BEGIN = ", purl: 'pkg:deb/a@1'", f", not_before: '{SOON}'"


@pytest.mark.parametrize(
    ("before", "after", "what"),
    [
        ([ONE.format(SOON, "")], [ONE.format(SOON, ""), ONE.format(LATER, "")], "waiver r x"),
        ([ONE.format(SOON, "")], [ONE.format(LATER, ""), ONE.format(SOON, "")], "waiver r x"),
        ([ONE.format(LATER, BEGIN)], [ONE.format(LATER, "")], "waiver r x"),
        ([ONE.format(LATER, BEGIN)], [ONE.format(SOON, "")], "waiver r x"),
        ([ONE.format(SOON, PURL)], [ONE.format(SOON, "")], "waiver r x"),
    ],
)
def test_a_waiver_that_excepts_anything_more_is_looser(
    tmp_path: Path, opa: Path, before: list[str], after: list[str], what: str
) -> None:
    one, other = (
        loaded(tmp_path / name, opa, BASE, waivers=f"waivers: [{', '.join(each)}]")
        for name, each in (("a", before), ("b", after))
    )
    assert told(one, other, what) == "looser"


@pytest.mark.parametrize("way", [", stricter: lower", ", stricter: higher", ""])
def test_what_was_strict_says_the_set_before(tmp_path: Path, opa: Path, way: str) -> None:
    """Else a set that turns the meaning of a setting could call its looser value stricter."""
    other = SETTING.replace(", stricter: limit", way).replace("default: 3", "default: 9")
    one = loaded(tmp_path / "a", opa, BASE)
    two = loaded(tmp_path / "b", opa, {"r": rule("r", BODY, custom=other)})
    assert told(one, two, "setting r.most") == "looser"


def test_what_lost_something_is_looser_whatever_it_gained(tmp_path: Path, opa: Path) -> None:
    one = loaded(tmp_path / "a", opa, BASE)
    warns = {"r": rule("r", BODY.replace("deny", "warn"), custom=SETTING)}
    assert told(one, loaded(tmp_path / "b", opa, warns), "finds r") == "looser"


def told(before: PolicySet, after: PolicySet, what: str) -> str:
    return {f"{each.what} {each.name}": str(each.direction) for each in compare(before, after)}[what]


@pytest.mark.parametrize(
    ("way", "old", "new", "direction"),
    [
        ("higher", 70, 80, "stricter"),
        ("lower", 70, 80, "looser"),
        ("limit", 0, -1, "looser"),
        ("limit", -1, 5, "stricter"),
        ("limit", 5, 4, "stricter"),
        ("subset", ["a", "b"], ["a"], "stricter"),
        ("superset", ["a"], ["a", "b"], "stricter"),
        ("superset", ["a"], ["b"], "looser"),
        ("subset", ["a", "b"], ["a", "c"], "looser"),
        ("subset", ["a", "b"], ["b", "a"], "changed"),
        (True, False, True, "stricter"),
        (False, False, True, "looser"),
        (None, 1, 2, "changed"),
        ("higher", None, 2, "changed"),
    ],
)
def test_a_setting_goes_the_way_that_its_declaration_says(
    way: Any, old: Any, new: Any, direction: str
) -> None:
    assert setting_direction({"stricter": way} if way is not None else {}, old, new) == direction
