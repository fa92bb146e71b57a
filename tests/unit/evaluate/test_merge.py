from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pushpolicy.errors import PolicyError
from pushpolicy.evaluate.authority import Origin, RepositoryPolicy
from pushpolicy.evaluate.data import PolicyData
from pushpolicy.evaluate.merge import read_data
from pushpolicy.evaluate.settings import joined
from pushpolicy.evaluate.sources import read_source
from pushpolicy.model.index import Index, RuleEntry
from tests.policies import rule_entry, write_policy

NUMBER = {"type": "integer", "minimum": 0, "default": 3}
NAMES = {"type": "array", "items": {"type": "string"}, "default": []}
WAIVER = "{rule: r, id: x, reason: a, approver: b, expires: '2027-01-01T00:00:00Z'}"


def entry(*repo_may: str) -> RuleEntry:
    return rule_entry(
        repo_may=repo_may,
        settings={"max": NUMBER, "names": NAMES, "least": {**NUMBER, "stricter": "higher"}},
    )


INDEX = Index(rules={"r": entry(), "open": entry("settings", "waive")}, lib={})
ORIGINS = dict.fromkeys(INDEX.rules, Origin.PACK)


def read(folder: Path, repository: RepositoryPolicy | None = None, **data: str) -> PolicyData:
    source = read_source(Path(write_policy(folder, {}, **data)))
    return read_data([source], INDEX, repository or RepositoryPolicy(), ORIGINS)


def test_defaults_are_merged_and_bytes_canonical(tmp_path: Path) -> None:
    data = read(tmp_path, settings="r: {names: [b, a]}")
    assert data.settings == {
        "r": {"max": 3, "names": ["b", "a"], "least": 3},
        "open": {"max": 3, "names": [], "least": 3},
    }
    content = data.files()["data/settings/data.json"]
    assert json.loads(content) == data.settings
    assert content == (b'{"open":{"least":3,"max":3,"names":[]},"r":{"least":3,"max":3,"names":["b","a"]}}')


@pytest.mark.parametrize(
    "text",
    [
        "r: {maxx: 1}",
        "other: {max: 1}",
        "r: {max: '1'}",
        "r: {max: -1}",
        "r: {max: true}",
        "r: {max: null}",
        "r: {max: 1.5}",
        "r: {names: [1]}",
        "r: {names: [null]}",
        "r: 3",
        "[r]",
        "r: {max: 1, max: 2}",
        "r: &a {max: 1}\nopen: *a",
        "r: {max: .nan}",
        "r: {max: 1",
        "3: {max: 1}",
    ],
)
def test_settings_that_are_wrong(tmp_path: Path, text: str) -> None:
    with pytest.raises(PolicyError, match=r"settings\.yaml"):
        read(tmp_path, settings=text)


@pytest.mark.parametrize(
    "change",
    [
        {"rule": None},
        {"reason": ""},
        {"approver": None},
        {"expires": None},
        {"expires": "2027-01-01"},
        {"expires": "9999-01-01T00:00:00Z"},
        {"expires": 20270101},
        {"not_before": "soon"},
        {"id": None},
        {"id": 7},
        {"id": None, "evidence": "tests"},
        {"id": None, "evidence": "evidence:tsets"},
        {"evidence": "evidence:tests"},
        {"purl": "pkg:[a"},
        {"repository": "{a,b}"},
        {"expiry": "2027-01-01T00:00:00Z"},
    ],
)
def test_waivers_that_are_wrong(tmp_path: Path, change: dict[str, Any]) -> None:
    waiver = {
        "rule": "r",
        "id": "x",
        "reason": "a",
        "approver": "b",
        "expires": "2027-01-01T00:00:00Z",
    } | change
    text = json.dumps({"waivers": [{key: value for key, value in waiver.items() if value is not None}]})
    with pytest.raises(PolicyError, match=r"waivers\.yaml:1: .*waivers\[0\]"):
        read(tmp_path, waivers=text)


@pytest.mark.parametrize(
    "text",
    [
        "rules: {r: {mode: warn}}",
        "rules: {r: {mode: warn, reason: x}}",
        "rules: {r: {mode: off, until: '2027-01-01T00:00:00Z'}}",
        "rules: {r: {mode: none}}",
        "rules: {r: {mode: warn, until: later, reason: x}}",
        "rules: {other: {mode: enforce}}",
        "observe: {until: '2027-01-01T00:00:00Z'}",
        "observe: {until: later, reason: x}",
        "observe: true",
    ],
)
def test_enforcement_that_is_wrong(tmp_path: Path, text: str) -> None:
    with pytest.raises(PolicyError, match=r"enforcement\.yaml"):
        read(tmp_path, enforcement=text)


def test_off_is_a_word_and_not_false(tmp_path: Path) -> None:
    data = read(tmp_path, enforcement="rules: {r: {mode: off, until: '2027-01-01T00:00:00Z', reason: x}}")
    assert data.enforcement["rules"]["r"]["mode"] == "off"


def join(tmp_path: Path, name: str, *texts: str) -> PolicyData:
    sources = [
        read_source(Path(write_policy(tmp_path / str(number), {}, **{name: text})))
        for number, text in enumerate(texts)
    ]
    return read_data(sources, INDEX, RepositoryPolicy(), ORIGINS)


def test_sources_that_agree_are_joined_and_what_cannot_be_compared_is_refused(tmp_path: Path) -> None:
    assert join(tmp_path / "same", "settings", "r: {max: 1}", "r: {max: 1}").settings["r"]["max"] == 1
    joins = join(tmp_path / "stricter", "settings", "r: {least: 1}", "r: {least: 2}")
    assert joins.settings["r"]["least"] == 2
    with pytest.raises(PolicyError, match=r"1/settings.yaml:1: r.max: another source sets it too"):
        join(tmp_path / "other", "settings", "r: {max: 1}", "r: {max: 2}")


@pytest.mark.parametrize(
    ("way", "one", "other", "both"),
    [
        ("higher", 1, 2, 2),
        ("lower", 1, 2, 1),
        ("limit", 3, -1, 3),
        ("limit", 3, 0, 0),
        ("superset", ["a", "b"], ["c", "a"], ["a", "b", "c"]),
        ("subset", ["a", "b"], ["c", "a"], ["a"]),
        (True, False, True, True),
        (False, False, True, False),
        (None, 1, 2, None),
    ],
)
def test_of_two_settings_the_stricter_holds(way: object, one: Any, other: Any, both: Any) -> None:
    fragment = {"stricter": way} if way is not None else {}
    for first, second in ((one, other), (other, one)):
        found = joined(fragment, first, second)
        assert sorted(found) == both if isinstance(both, list) else found == both


def test_a_rule_of_another_part_of_the_pack_is_said_to_be_there(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="is added by --policy pack:user_not_root"):
        read(tmp_path, settings="user_not_root: {max: 1}")


@pytest.mark.parametrize("reverse", [False, True])
def test_of_two_measures_the_stricter_holds(tmp_path: Path, *, reverse: bool) -> None:
    soon, later = "until: '2027-01-01T00:00:00Z', reason: x", "until: '2027-02-01T00:00:00Z', reason: x"
    pairs = {
        "rules: {r: {mode: enforce}}": f"rules: {{r: {{mode: warn, {soon}}}}}",
        f"rules: {{r: {{mode: warn, {later}}}}}": f"rules: {{r: {{mode: off, {soon}}}}}",
        f"rules: {{r: {{mode: off, {soon}}}}}": f"rules: {{r: {{mode: off, {later}}}}}",
        f"observe: {{{soon}}}": f"observe: {{{later}}}",
        "max_days: 10": "max_days: 20",
        "repo_may: {open: [waive]}": "repo_may: {open: [waive, settings]}",
    }
    for number, (strict, mild) in enumerate(pairs.items()):
        alone = join(tmp_path / f"{number}-alone", "enforcement", strict)
        texts = (mild, strict) if reverse else (strict, mild)
        both = join(tmp_path / f"{number}-both", "enforcement", *texts)
        assert (both.enforcement, both.origins) == (alone.enforcement, alone.origins)


def test_the_shortest_limit_holds(tmp_path: Path) -> None:
    sources = [
        read_source(Path(write_policy(tmp_path / str(days), {}, waivers=f"max_days: {days}")))
        for days in (30, 60)
    ]
    assert read_data(sources, INDEX, RepositoryPolicy(), ORIGINS).waivers["max_days"] == 30
    assert read_data([], INDEX, RepositoryPolicy(), ORIGINS).waivers == {"max_days": 90, "waivers": []}


def test_a_repository_may_what_the_rule_says(tmp_path: Path) -> None:
    waiver = {"rule": "open", "id": "x", "reason": "a", "approver": "b", "expires": "2027-01-01T00:00:00Z"}
    wish = RepositoryPolicy(settings={"open": {"max": 9}}, waivers=(waiver,))
    data = read(tmp_path, wish, settings="open: {max: 1}", waivers=f"waivers: [{WAIVER}]")
    assert data.settings["open"]["max"] == 9
    assert [item["rule"] for item in data.waivers["waivers"]] == ["r", "open"]


@pytest.mark.parametrize(
    "wish",
    [
        RepositoryPolicy(settings={"r": {"max": 9}}),
        RepositoryPolicy(settings={"open": {"max": "9"}}),
        RepositoryPolicy(settings={"open": 3}),
        RepositoryPolicy(settings={"other": {}}),
        RepositoryPolicy(waivers=({"rule": "r"},)),
        RepositoryPolicy(waivers=({"rule": "open"},)),
        RepositoryPolicy(waivers=({},)),
    ],
)
def test_a_repository_may_nothing_else(tmp_path: Path, wish: RepositoryPolicy) -> None:
    with pytest.raises(PolicyError, match=r"pushpolicy\.yaml"):
        read(tmp_path, wish)
