"""`audit diff`: what one decision has that the other has not; in words, and for programs."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import pytest

from pushpolicy import errors
from pushpolicy.audit.compared import _facts, _findings, _items, _packages
from tests.policies import example
from tests.pushed_history import FINDING, push_history
from tests.registries import Registry
from tests.workspace import Ran, Workspace, fail_a_test, harmless


@pytest.fixture
def history(workspace: Workspace) -> Workspace:
    """Some pushes."""
    return push_history(workspace)


def _diff(place: Workspace, *arguments: str) -> Ran:
    ran = place.run("audit", "diff", *arguments)
    assert ran.code == errors.EXIT_OK, ran.err
    assert harmless(ran.out)
    return ran


def _records(place: Workspace) -> dict[str, str]:
    ran = place.run("audit", "list", "oci:app", "oci:other", "oci:denials", "--format", "jsonl")
    return {row["tag"][0]: row["record"] for row in map(json.loads, ran.out.splitlines())}


def test_a_waiver_let_it_in(history: Workspace) -> None:
    out = _diff(history, "oci:app:1.0", "oci:app:2.0").out
    assert out.startswith("A: ALLOW oci:app:1.0@sha256:")
    for line in (
        "evidence: 1 fact differs",
        "  tests: 2: 2 passed; of junit (junit) -> 2: 1 failed, 1 passed; of junit",
        "policy: 0 stricter, 1 looser, 0 changed",
        "decision: ALLOW",
        "  tests_passed: passed -> waived",
        "    new waived: junit: of 2 tests 1 failed and 0 could not run, none may: test_status.test_ping",
    ):
        assert line in out.splitlines()
    assert f"  looser   waiver       tests_passed {FINDING}: none -> " in out
    document = _diff(history, "oci:app:1.0", "oci:app:2.0", "--format", "json").json
    assert document["schema"] == "pushpolicy.audit.diff/v1"
    records = _records(history)
    sides = document["before"]["record"], document["after"]["record"]
    assert sides == (records["1.0"], records["2.0"])
    assert document["same"] is False
    assert [each["what"] for each in document["evidence"]] == ["tests"]
    assert [(each["what"], each["direction"]) for each in document["policy"]] == [("waiver", "looser")]
    assert document["decision"]["rules"] == [{"rule": "tests_passed", "before": "passed", "after": "waived"}]


def test_the_other_way_round_is_the_other_way_round(history: Workspace) -> None:
    there, back = (
        _diff(history, *sides, "--format", "json").json
        for sides in (("oci:app:1.0", "oci:app:2.0"), ("oci:app:2.0", "oci:app:1.0"))
    )
    turned = [{**each, "before": each["after"], "after": each["before"]} for each in back["evidence"]]
    assert turned == there["evidence"]
    assert back["policy"][0]["direction"] == "stricter"
    same = _diff(history, "oci:app:1.0", "oci:app:1.0")
    assert same.out.splitlines()[-1] == "it is the same record"
    assert _diff(history, "oci:app:1.0", "oci:app:1.0", "--format", "json").json["same"] is True


def test_a_rule_that_was_added(history: Workspace) -> None:
    out = _diff(history, "oci:app:1.0", "oci:other:1.0-rc", "--policy").out
    assert "  changed  rule         noisy: none -> A rule" in out.splitlines()
    assert '  +warn contains {"at": {"id": "always"}, "msg": "always"} if input.image.size > 0' in out
    assert "  noisy: not in the policy -> warned" in out.splitlines()
    assert "  +package" not in _diff(history, "oci:app:1.0", "oci:other:1.0-rc").out


def test_records_of_an_export_without_the_repository(history: Workspace) -> None:
    records = _records(history)
    assert history.run("audit", "export", "oci:app", "-o", "kept").code == errors.EXIT_OK
    sides = [f"export:kept@{records[tag]}" for tag in ("1.0", "2.0")]
    exported = _diff(history, *sides, "--format", "json").json
    direct = _diff(history, "oci:app:1.0", "oci:app:2.0", "--format", "json").json
    assert {key: exported[key] for key in ("evidence", "policy", "decision")} == {
        key: direct[key] for key in ("evidence", "policy", "decision")
    }
    shown = history.run("audit", "show", sides[1])
    assert (shown.code, shown.out.startswith("ALLOW oci:app:2.0@")) == (errors.EXIT_OK, True)
    image = exported["before"]["decision"]["image"]["digest"]
    newest = history.run("audit", "show", f"export:kept@{image}")
    assert "newest of those found" in newest.out.splitlines()[0]
    absent = history.run("audit", "diff", sides[0], f"export:kept@{records['4.0']}")
    assert (absent.code, absent.complaint()) == (
        errors.EXIT_RECORD,
        f"there is no export:kept@{records['4.0']}",
    )


def test_what_is_compared_has_to_be_one_record_each(history: Workspace) -> None:
    for other, code in (("oci:app", 2), ("export:kept", 2), ("oci:absent:1.0", 20), ("oci:app:9.9", 51)):
        assert history.run("audit", "diff", "oci:app:1.0", other).code == code


def test_a_denial_and_what_was_allowed_before(workspace: Workspace, any_registry: Registry) -> None:
    place, denials = f"{any_registry.host}/team/app", f"{any_registry.host}/audit/denials"
    assert workspace.push(target=f"{place}:1.0").code == errors.EXIT_OK
    fail_a_test(workspace)
    ran = workspace.push("--denials", denials, "--format", "json", target=f"{place}:1.1")
    assert ran.code == errors.EXIT_DENIED
    told = workspace.run("audit", "diff", f"{place}:1.0", f"{denials}@{ran.json['denial']['record']}")
    assert "decision: ALLOW -> DENY" in told.out.splitlines()
    assert "  tests_passed: passed -> violated" in told.out.splitlines()


def test_findings_and_packages() -> None:
    """By what scans and SBOMs list; what was not scanned has lost no finding."""
    before: dict[str, Any] = example()
    scan = before["scans"]["items"][0]
    (found,) = scan["findings"]
    before["scans"]["items"] = [scan, deepcopy(scan)]  # by two scanners
    after = deepcopy(before)
    for each in after["scans"]["items"]:
        each["findings"] = [{**found, "severity": "high"}, {**found, "id": "CVE-2026-0002"}]
    after["sbom"]["components"] = [
        {**each, "version": "9", "purl": each["purl"].partition("@")[0] + "@9"}
        for each in after["sbom"]["components"]
        if each["name"] != "flask"
    ]
    findings = list(_items(_findings(before), _findings(after)))
    assert [(each.name, each.before, each.after) for each in findings] == [
        ("CVE-2026-0001 in libssl3", "low", "high"),
        ("CVE-2026-0002 in libssl3", None, "low"),
    ]
    packages = list(_items(_packages(before), _packages(after)))
    assert [(each.name, each.before, each.after) for each in packages] == [
        ("debian/libssl3 (deb)", "3.0.15", "9"),
        ("flask (pypi)", "3.1.0", None),
    ]
    after["scans"] = {"status": "missing", "reason": "none"}
    del after["sbom"]
    assert list(_items(_findings(before), _findings(after))) == []
    assert list(_items(_packages(before), _packages(after))) == []
    assert {each.what: each.after for each in _facts(before, after)} == {
        "scans": None,
        "sbom": None,
        "missing": "scans",
    }


def test_who_pushed_from_where() -> None:
    before: dict[str, Any] = example()
    after = deepcopy(before)
    after["ci"] |= {"actor": "eve", "branch": "side"}
    after["credentials"] = {"status": "collected", "source": "workload-identity", "ephemeral": True}
    after["image"]["annotations"] = {"org.opencontainers.image.base.name": "docker.io/library/debian:13"}
    told = {each.what: (each.before, each.after) for each in _facts(before, after)}
    assert told["pushed by"] == ("dana, on push", "eve, on push")
    assert told["commit"][1] == f"{before['source']['commit']} of side"
    assert told["credential"] == (
        "secret-env, PUSHPOLICY_PASSWORD, personal-access-token, lasts",
        "workload-identity, ends within a day",
    )
    assert told["base image"] == (None, "docker.io/library/debian:13")
    assert told.keys() == {"pushed by", "commit", "credential", "base image"}
