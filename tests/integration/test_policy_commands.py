"""Commands for whoever writes rules and grants waivers, as they are run."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from pushpolicy import errors
from pushpolicy.cli import environment
from pushpolicy.model import strict_yaml
from tests.policies import evidence, rule, scan, write_policy
from tests.workspace import IMAGE, TARGET, Workspace, fail_a_test

SOON = f"{environment.now() + timedelta(days=20):%Y-%m-%dT%H:%M:%SZ}"
LATER = f"{environment.now() + timedelta(days=200):%Y-%m-%dT%H:%M:%SZ}"
GRANT = ("--reason", "flaky", "--approver", "dana", "--expires", SOON)
WAIVED = "tests_passed"


@pytest.fixture
def denied(workspace: Workspace) -> Workspace:
    fail_a_test(workspace)
    assert workspace.push("-q", "--format", "json=decision.json").code == errors.EXIT_DENIED
    return workspace


@pytest.mark.parametrize("file", [[], ["pushpolicy-evidence.json"], ["decision.json"]])
def test_what_is_granted_is_allowed(denied: Workspace, file: list[str]) -> None:
    """By a folder beside the checkout, where policy comes from."""
    folder = Path(write_policy(denied.folder.parent / "organisation", {}, settings=""))
    waivers = folder / "waivers.yaml"
    ran = denied.run("policy", "waive", *file, *GRANT, "--rule", WAIVED, "--write", str(waivers))
    assert ran.code == errors.EXIT_OK, ran.err
    assert f"appended to {waivers}" in ran.err
    assert ran.out == waivers.read_text()
    assert denied.run("check", IMAGE, TARGET).code == errors.EXIT_DENIED
    allowed = denied.run("check", IMAGE, TARGET, "--policy", "pack", "--policy", str(folder))
    assert allowed.code == errors.EXIT_OK, allowed.out


@pytest.mark.parametrize(
    "before",
    [
        "# ours\nmax_days: 30\nwaivers:\n  # old\n  - rule: a\n    id: x\n",
        "waivers:\n- rule: a\n  id: x",
        "",
        "max_days: 30 # ours\n",
        None,
    ],
)
def test_nothing_else_in_the_file_changes(denied: Workspace, before: str | None) -> None:
    file = denied.path("w.yaml")
    if before is not None:
        file.write_text(before)
    assert denied.run("policy", "waive", *GRANT, "--write", "w.yaml").code == errors.EXIT_OK
    text = file.read_text()
    assert text.startswith(before or "waivers:")
    old = strict_yaml.read((before or "").encode()) or {}
    [*kept, added] = strict_yaml.read(text.encode())["waivers"]
    assert kept == old.get("waivers", [])
    assert added.keys() == {"rule", "id", "reason", "approver", "expires"}


@pytest.mark.parametrize(
    "text",
    ["waivers: [{rule: a, id: x}]\n", "waivers:\n  - rule: a\n    id: x\nmax_days: 3\n", "- 1\n", "a: ["],
)
def test_a_file_that_cannot_be_appended_to_stays_as_it_is(denied: Workspace, text: str) -> None:
    denied.write("w.yaml", text)
    ran = denied.run("policy", "waive", *GRANT, "--write", "w.yaml")
    assert (ran.code, ran.out) == (errors.EXIT_INPUT, "")
    assert "w.yaml" in ran.err
    assert denied.path("w.yaml").read_text() == text


@pytest.mark.parametrize(
    ("options", "code", "why"),
    [
        (GRANT[:4], errors.EXIT_USAGE, "Missing option '--expires'"),
        (
            (*GRANT[:4], "--expires", LATER),
            errors.EXIT_USAGE,
            "later than the 90 days that the policy allows",
        ),
        ((*GRANT[:4], "--expires", "2020-01-01T00:00:00Z"), errors.EXIT_USAGE, "is over before"),
        ((*GRANT[:4], "--expires", "soon"), errors.EXIT_USAGE, "--expires is not a time"),
        ((*GRANT, "--not-before", LATER), errors.EXIT_USAGE, "is over before"),
        ((*GRANT, "--reason", " "), errors.EXIT_USAGE, "--reason is empty"),
        ((*GRANT, "--repository", "**"), errors.EXIT_USAGE, "a pattern for everything"),
        ((*GRANT, "--id", "CVE-1"), errors.EXIT_USAGE, "nothing of that rule and id was denied"),
        (("absent.json", *GRANT), errors.EXIT_INPUT, "absent.json: cannot be read"),
        (("reports/junit.xml", *GRANT), errors.EXIT_INPUT, "not an evidence document"),
    ],
)
def test_what_is_not_granted(denied: Workspace, options: tuple[str, ...], code: int, why: str) -> None:
    ran = denied.run("policy", "waive", *options)
    assert (ran.code, ran.out) == (code, "")
    assert why in ran.err


def test_no_waiver_is_granted_where_no_rule_judged_the_image(workspace: Workspace) -> None:
    policy = ("--policy", "pack:registries_allowed")
    assert workspace.push(*policy).code == errors.EXIT_DENIED
    ran = workspace.run("policy", "waive", *policy, *GRANT)
    assert (ran.code, ran.out) == (errors.EXIT_USAGE, "")
    assert "no waiver helps: no rule judged the image" in ran.err


def flawed(place: Workspace) -> str:
    """Evidence of three flaws in two packages, as a denied push would keep it."""
    purls = {
        "CVE-1": "pkg:deb/debian/openssl@3.0.1",
        "CVE-2": "pkg:deb/debian/openssl@3.0.2",
        "CVE-3": "pkg:npm/a@1",
    }
    findings = [
        {"id": name, "severity": "critical", "kind": "vulnerability", "package": "p", "purl": purl}
        for name, purl in purls.items()
    ]
    return str(place.write("flawed.json", evidence(scans=scan(findings)).content))


PACKAGE = "pkg:deb/debian/openssl@*"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--purl", PACKAGE), [{"purl": PACKAGE}]),
        (("--purl", "pkg:npm/a@1"), [{"purl": "pkg:npm/a@1"}]),
        (("--purl", PACKAGE, "--id", "CVE-2"), [{"id": "CVE-2", "purl": PACKAGE}]),
        (("--id", "CVE-2"), [{"id": "CVE-2"}]),
        ((), [{"id": "CVE-1"}, {"id": "CVE-2"}, {"id": "CVE-3"}]),
    ],
)
def test_a_waiver_by_package(
    workspace: Workspace, options: tuple[str, ...], expected: list[dict[str, str]]
) -> None:
    """What is granted waives exactly what it names, in a decision."""
    file, folder = flawed(workspace), workspace.folder.parent / "organisation"
    write_policy(folder, {}, settings="")
    rule = ("--rule", "scan_severity")
    ran = workspace.run(
        "policy", "waive", file, *GRANT, *rule, *options, "--write", str(folder / "waivers.yaml")
    )
    assert ran.code == errors.EXIT_OK, ran.err
    given = strict_yaml.read(ran.out.encode())["waivers"]
    words = ("reason", "approver", "expires")
    assert [{key: value for key, value in each.items() if key not in words} for each in given] == [
        {"rule": "scan_severity", **each} for each in expected
    ]
    at = ("--at", f"{environment.now():%Y-%m-%dT%H:%M:%SZ}")
    decided = workspace.run(
        "evaluate", file, "--policy", "pack", "--policy", str(folder), *at, "--format", "json"
    ).json
    names = {each.get("id") for each in expected} - {None}
    if options == ("--purl", PACKAGE):
        names = {"CVE-1", "CVE-2"}
    elif not names:
        names = {"CVE-3"}
    assert {each["id"] for each in decided["waived"] if each["rule"] == "scan_severity"} == names


@pytest.mark.parametrize(
    ("purl", "why"),
    [
        *(
            (purl, "does not name one package")
            for purl in ("*", "**", "pkg:*", "pkg:deb/*", "pkg:deb/**/openssl@*")
        ),
        *((purl, "does not name one package") for purl in ("openssl", "pkg:deb/{a,b}@*", "pkg:deb/a[b]")),
        ("", "--purl is empty"),
        (
            "pkg:deb/debian/curl@*",
            "denied are scan_severity pkg:deb/debian/openssl@3.0.1, scan_severity pkg:deb",
        ),
        ("pkg:deb/debian/openssl", "nothing of that rule, id and package was denied"),
    ],
)
def test_a_package_that_is_none(workspace: Workspace, purl: str, why: str) -> None:
    ran = workspace.run("policy", "waive", flawed(workspace), *GRANT, "--purl", purl)
    assert (ran.code, ran.out) == (errors.EXIT_USAGE, "")
    assert why in ran.err


def test_nobody_waives_an_integrity_rule(denied: Workspace) -> None:
    evidence = json.loads(denied.path("pushpolicy-evidence.json").read_text())
    evidence["source"]["dirty"] = True
    denied.write("dirty.json", json.dumps(evidence))
    ran = denied.run("policy", "waive", "dirty.json", *GRANT)
    assert ran.code == errors.EXIT_USAGE
    assert "nobody can waive worktree_clean" in ran.err


def test_inspect_says_where_each_part_comes_from(workspace: Workspace) -> None:
    """What the checkout brings is shown as its own, and by whom it was let in."""
    body = 'deny contains {"at": {}, "msg": "x"} if input.ci.ref_type == "tag"'
    write_policy(workspace.path("mine"), {"mine": rule("mine", body)})
    workspace.write(
        "pushpolicy.yaml",
        f"policy: [mine]\nwaivers: [{{rule: mine, id: x, reason: r, approver: a, expires: '{SOON}'}}]\n",
    )
    ran = workspace.run("policy", "inspect", "pack", "--repo-may", "scan_severity=waive", "--format", "json")
    assert ran.code == errors.EXIT_OK, ran.err
    rules = {each["name"]: each for each in ran.json["rules"]}
    assert rules["mine"]["origin"] == "checkout"
    assert [leaf["path"] for leaf in rules["mine"]["leaves"]] == ["ci.ref_type"]
    assert rules["scan_severity"]["waive"] == ["policy", "checkout"]
    assert rules["tests_passed"]["waive"] == ["policy"]
    assert rules["worktree_clean"]["waive"] == ["nobody"]
    assert {each["origin"] for each in rules["scan_severity"]["settings"]} == {"default"}
    assert [each["state"] for each in ran.json["waivers"]] == ["counts"]
    text = workspace.run("policy", "inspect", "pack").out
    assert "mine (checkout)  A rule  [high]" in text
    assert "requires  ci.ref_type" in text
    assert f"waiver (checkout) of mine x until {SOON}: counts" in text


def test_what_is_begun_is_tested_and_checked(workspace: Workspace) -> None:
    ran = workspace.run("policy", "init", "labelled")
    assert ran.out.splitlines() == [
        f"policies/labelled/{name}" for name in ("examples.yaml", "labelled.rego", "labelled_test.rego")
    ]
    assert workspace.run("policy", "check", "policies").code == errors.EXIT_OK
    assert workspace.run("policy", "test", "policies").out.startswith("PASS policies: 1 rule")
    again = workspace.run("policy", "init", "labelled")
    assert (again.code, again.out) == (errors.EXIT_USAGE, "")


def test_a_test_that_fails_ends_with_30(workspace: Workspace) -> None:
    workspace.run("policy", "init", "labelled")
    file = workspace.path("policies/labelled/labelled_test.rego")
    file.write_text(file.read_text().replace("found == set()", 'print("found", found)\n\tcount(found) == 1'))
    ran = workspace.run("policy", "test", "policies")
    assert ran.code == errors.EXIT_POLICY
    assert ran.out.startswith(
        "FAIL policies: 1 problem\n  - policies/labelled/labelled_test.rego:8: test_allow"
    )
    assert "    found set()" in ran.out
    [problem] = workspace.run("policy", "test", "policies", "--format", "json").json["problems"]
    assert (problem["rule"], problem["line"]) == ("labelled", 8)


def test_a_waiver_of_a_package_without_its_version_names_those_that_there_are(workspace: Workspace) -> None:
    waiver = {
        "rule": "scan_severity",
        "purl": "pkg:pypi/flask",
        "reason": "r",
        "approver": "a",
        "expires": SOON,
    }
    settings, waivers = json.dumps({"scan_severity": {"max_low": 0}}), json.dumps({"waivers": [waiver]})
    folder = write_policy(workspace.folder.parent / "organisation", {}, settings=settings, waivers=waivers)
    now = f"{environment.now():%Y-%m-%dT%H:%M:%SZ}"
    workspace.write("evidence.json", json.dumps(evidence(evaluated_at=now).value))
    policies = ("--policy", "pack:scan_severity", "--policy", folder)
    ran = workspace.run("evaluate", "evidence.json", *policies)
    assert "what it found is pkg:deb/debian/libssl3@3.0.15, pkg:pypi/flask@3.1.0\n" in ran.out
    checked = workspace.run("policy", "check", *policies, "--evidence", "evidence.json")
    assert "matches nothing in this evidence (is pkg:pypi/flask@3.1.0 meant?)" in checked.out + checked.err


def granted(place: Workspace, *waivers: dict[str, str]) -> list[str]:
    """Check the pack with these waivers, on the evidence of a push that was denied; its notes."""
    given = [{"reason": "r", "approver": "a", "expires": SOON, **waiver} for waiver in waivers]
    folder = write_policy(
        place.folder.parent / "organisation", {}, waivers="\n" + json.dumps({"waivers": given})
    )
    options = ("--evidence", "pushpolicy-evidence.json", "--format", "json")
    notes: list[str] = place.run("policy", "check", "pack", folder, *options).json["notes"]
    return [note.removeprefix(f"{folder}/") for note in notes]


@pytest.mark.parametrize(
    ("waiver", "says"),
    [
        ({"rule": "scan_severity", "id": "CVE-1"}, "matches nothing in this evidence"),
        ({"rule": "tests_passed", "id": "junit/faild"}, "in this evidence (is junit/failed meant?)"),
        ({"rule": "tests_passed", "id": "x", "expires": "2020-01-01T00:00:00Z"}, "it ended on 2020"),
        ({"rule": "tests_passed", "id": "x", "expires": LATER}, "lasts longer than the 90 days that"),
        ({"rule": "worktree_clean", "id": "x"}, "nobody can waive this rule"),
        (
            {
                "rule": "tests_passed",
                "id": "x",
                "expires": f"{environment.now() + timedelta(days=13):%Y-%m-%dT%H:%M:%SZ}",
            },
            "ends on ",
        ),
    ],
)
def test_check_notes_waivers_that_help_nobody(denied: Workspace, waiver: dict[str, str], says: str) -> None:
    notes = granted(denied, waiver)
    assert any(
        note.startswith(f"waivers.yaml:2: the waiver of {waiver['rule']}") and says in note for note in notes
    ), notes


def test_check_notes_nothing_of_a_waiver_that_is_used(denied: Workspace) -> None:
    [denial] = json.loads(denied.path("decision.json").read_text())["violations"]
    assert granted(denied, {"rule": denial["rule"], "id": denial["id"]}) == []


def test_two_decisions_are_compared(denied: Workspace) -> None:
    fixed = denied.path("reports/junit.xml")
    fixed.write_text(
        fixed.read_text().replace("<failure", "<system-out").replace("</failure", "</system-out")
    )
    denied.run("check", IMAGE, TARGET, "-q", "--format", "json=after.json")
    ran = denied.run("policy", "diff", "after.json", "decision.json", "--format", "json")
    assert ran.code == errors.EXIT_OK, ran.err
    directions = {each["what"]: each["direction"] for each in ran.json["changes"]}
    assert directions["finding"] == "stricter"
    same = denied.run("policy", "diff", "decision.json", "decision.json")
    assert same.out == "nothing differs\n"


def test_two_sets_are_compared_and_a_looser_one_may_fail(workspace: Workspace) -> None:
    folder = write_policy(workspace.path("org"), {}, settings="scan_severity: {max_high: -1}")
    ran = workspace.run("policy", "diff", "pack", f"pack,{folder}")
    assert ran.code == errors.EXIT_OK, ran.err
    assert ran.out.splitlines() == [
        "0 stricter, 1 looser, 0 changed",
        "  looser   setting      scan_severity.max_high: 0 -> -1",
    ]
    looser = workspace.run("policy", "diff", "pack", f"pack,{folder}", "--fail-on", "looser")
    assert looser.code == errors.EXIT_DIFFERS
    assert (
        workspace.run("policy", "diff", f"pack,{folder}", "pack", "--fail-on", "looser").code
        == errors.EXIT_OK
    )


@pytest.mark.parametrize("b", ["absent", "absent.json", "reports/junit.xml"])
def test_what_cannot_be_compared(denied: Workspace, b: str) -> None:
    ran = denied.run("policy", "diff", "decision.json" if b.endswith("json") else "pack", b)
    assert ran.code == (errors.EXIT_INPUT if b.endswith("json") else errors.EXIT_POLICY)
    assert b in ran.err
