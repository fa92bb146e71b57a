"""``audit fleet`` says by which policy each repository was decided last, and who lags behind."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.keys import entry, key
from tests.policies import rule, write_policy
from tests.registries import Registry
from tests.workspace import Ran, Workspace, fail_a_test, harmless

RULE = 'deny contains {"at": {"id": "odd"}, "msg": "odd"} if input.image.size == 7'
PACK = ("--policy", "pack")


def _fleet(place: Workspace, *arguments: str) -> Ran:
    ran = place.run("audit", "fleet", *arguments, "--format", "json")
    assert ran.code == 0, ran.err
    return ran


def _behind(ran: Ran) -> dict[str, list[str]]:
    """What each has otherwise, those that lag behind first."""
    return {each["repository"]: each["differs"] for each in ran.json["repositories"]}


def _push(place: Workspace, target: str, *options: str) -> dict[str, Any]:
    ran = place.push(*options, "--format", "json", target=target)
    assert ran.code == 0, ran.out + ran.err
    return ran.json


def test_who_lags_behind(workspace: Workspace, any_registry: Registry) -> None:
    """What most have is what the others are held against, or what is named."""
    places = [f"{any_registry.host}/team/{name}" for name in ("one", "two", "three")]
    folder = write_policy(
        workspace.folder.parent / "org", {"r": rule("r", RULE)}, settings="scan_severity: {max_high: 1}\n"
    )
    org = (*PACK, "--policy", folder)
    _push(workspace, f"{places[0]}:1.0")
    old = _push(workspace, f"{places[1]}:1.0")
    assert _push(workspace, f"{places[2]}:1.0", *org)
    assert _behind(_fleet(workspace, *places)) == {
        places[2]: ["rule r", "setting scan_severity.max_high"],
        places[0]: [],
        places[1]: [],
    }
    named = _fleet(workspace, *places, *org)
    assert list(_behind(named)) == [places[0], places[1], places[2]]
    assert _behind(named)[places[2]] == []
    ran = workspace.run("audit", "fleet", *places)
    first, *rest = ran.out.splitlines()
    assert first.startswith(f"1 of 3 lag behind pack {old['policy']['digest'][:19]}")
    assert first.endswith("(that of 2)")
    assert [line for line in rest if not line.startswith(" ") and line] == [
        "lagging behind",
        "as it should be",
    ]
    assert all(len(line) <= 80 for line in rest)
    # The last one decides, whatever was before.
    _push(workspace, f"{places[2]}:1.1")
    assert not any(_behind(_fleet(workspace, *places)).values())


def test_what_a_repository_has_of_its_own_is_no_lag(workspace: Workspace) -> None:
    """Its settings, its rules, and waivers that are for it."""
    for name in ("one", "two"):
        _push(workspace, f"oci:{name}:1.0")
    own = {"settings": {"scan_severity": {"max_critical": -1}}}
    place = workspace.committed("pushpolicy.yaml", json.dumps(own))
    may = ("--repo-may", "scan_severity=settings")
    _push(place, "oci:three:1.0", *may)
    fail_a_test(place)
    expires = (datetime.now(UTC) + timedelta(days=20)).strftime("%Y-%m-%dT%H:%M:%SZ")
    waiver = {
        "rule": "tests_passed",
        "id": "junit/failed",
        "reason": "x",
        "approver": "CISO",
        "expires": expires,
    }
    waivers = write_policy(place.folder.parent / "waiving", {}, waivers=json.dumps({"waivers": [waiver]}))
    _push(place, "oci:four:1.0", *PACK, "--policy", waivers, *may)
    sources = ("oci:one", "oci:two", "oci:three", "oci:four")
    ran = _fleet(place, *sources)
    assert not any(_behind(ran).values())
    (last,) = (each for each in ran.json["repositories"] if each["repository"] == "oci:four")
    assert (last["waivers"], last["first_waiver_ends"], last["anchored"]) == (1, expires, False)
    ran = place.run("audit", "fleet", *sources)
    assert f" 1        {expires[:10]}" in ran.out
    assert ran.out.startswith("none of 4 lags behind pack ")


def test_the_newest_release_of_an_artifact(workspace: Workspace, private: Path) -> None:
    """One has it, two have the one before; who signed, and with which pushpolicy, is told with --trust."""
    (workspace.folder.parent / "org.pub").write_text(key().public.pem)
    by_key = ("--key", str(private), "--name", "platform")
    org = write_policy(workspace.folder.parent / "org", {"r": rule("r", RULE)})
    policy = (*PACK, "--policy", "oci:../policies:prod", "--policy-key", "../org.pub=platform")
    targets = ["one", "two", "three"]
    for number, names in enumerate((targets[:2], targets[2:]), start=1):
        stored = workspace.run(
            "policy", "push", org, "oci:../policies:prod", *by_key, "--sequence", str(number)
        )
        assert stored.code == 0, stored.err
        for name in names:
            _push(workspace, f"oci:{name}:1.0", *policy, "--min-sequence", "1", "--key", str(private))
        write_policy(Path(org), {"r": rule("r", RULE.replace("7", "8"))})
    trust = workspace.write("../trust.yaml", json.dumps({"keys": {"ci": entry()}}))
    ran = _fleet(workspace, *(f"oci:{name}" for name in targets), "--trust", str(trust))
    assert _behind(ran) == {"oci:one": ["rule r"], "oci:two": ["rule r"], "oci:three": []}
    assert ran.json["why"] == "the newest release that is in use"
    assert [each["release"] for each in ran.json["repositories"]] == [1, 1, 2]
    assert {each["version"] for each in ran.json["repositories"]} == {"0.1.0"}
    assert {each["signature"] for each in ran.json["repositories"]} == {"verified"}


def test_those_without_a_record(workspace: Workspace) -> None:
    (workspace.folder / "empty").mkdir()
    _push(workspace, "oci:one:1.0")
    ran = workspace.run("audit", "fleet", "oci:empty", "oci:one", "oci:nowhere")
    assert ran.code == 20
    assert harmless(ran.out)
    assert "no record\n" in ran.out
    assert "  oci:empty\n" in ran.out
    assert "not read: oci:nowhere: there is no such folder" in ran.out
    ran = workspace.run("audit", "fleet", "oci:empty")
    assert (ran.code, ran.out.splitlines()[0]) == (0, "no record in 1 repository")


def test_as_a_table(workspace: Workspace) -> None:
    _push(workspace, "oci:one:1.0")
    ran = workspace.run("audit", "fleet", "oci:one", "--format", "csv")
    assert ran.code == 0
    header, row = ran.out.splitlines()
    assert header.startswith("repository,behind,differs,time,result,tag,policy,")
    assert row.startswith("oci:one,false,,20")
