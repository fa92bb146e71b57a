"""What one upgrade or waiver answers: told once below a denial, and so in a decision without it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from pushpolicy import errors
from pushpolicy.cli.render.several import several_lines
from pushpolicy.engines import LocalOpa
from pushpolicy.evaluate import evaluate, load_policy
from pushpolicy.model.decision import Violation
from tests.policies import evidence, scan, write_policy
from tests.workspace import Workspace

# Three flaws of openssl, two of which are fixed by one version; one of curl, and one that nothing fixes.
FLAWS = {
    "CVE-1": ("openssl", "3.0.15"),
    "CVE-2": ("openssl", "3.0.15"),
    "CVE-3": ("openssl", "3.0.9"),
    "CVE-4": ("curl", "8.1"),
    "CVE-5": ("openssl", None),
}


def finding(name: str, package: str, fixed_in: str | None) -> dict[str, Any]:
    facts = {"kind": "vulnerability", "severity": "critical", "published": "2020-01-01T00:00:00Z"}
    fix = {"fixed_in": fixed_in, "fix_state": "fixed"} if fixed_in else {"fix_state": "not-fixed"}
    return {"id": name, "package": package, **facts, **fix}


def flaws(*, upgraded: bool = False) -> list[dict[str, Any]]:
    found = [finding(name, package, fix) for name, (package, fix) in FLAWS.items()]
    return [each for each in found if not (upgraded and each["package"] == "openssl" and "fixed_in" in each)]


def test_an_upgrade_answers_what_it_is_said_to_answer(opa: Path) -> None:
    engine = LocalOpa(opa)
    policy = load_policy(["pack:strict"], engine)
    before, after = (
        evaluate(policy, evidence(scans=scan(flaws(upgraded=upgraded))), engine).violations
        for upgraded in (False, True)
    )
    lines = list(several_lines(before))
    told = re.fullmatch(
        r"upgrading openssl to the newest of 3\.0\.15, 3\.0\.9 answers (\d+) findings of (\d+) rules",
        lines[0],
    )
    assert told
    assert int(told[1]) == len(before) - len(after)
    assert "upgrading curl to 8.1 answers 2 findings of 2 rules" in lines
    assert "a waiver of CVE-1 takes an entry for each of fix_overdue, scan_severity" in lines
    assert not any("CVE-5" in line for line in lines), "one rule alone denies it"


def test_it_is_told_below_a_denial(workspace: Workspace) -> None:
    file = workspace.write("flawed.json", evidence(scans=scan(flaws())).content)
    ran = workspace.run("evaluate", str(file), "--policy", "pack:strict")
    assert ran.code == errors.EXIT_DENIED
    assert ran.out.count("upgrading openssl to ") == 1
    assert "\n\nupgrading openssl to " in ran.out


def violation(rule: str, name: str, **at: Any) -> Violation:
    return Violation(rule=rule, id=name, msg="m", at={"id": name, **at}, severity="high", fix="f")


@pytest.mark.parametrize(
    "found",
    [
        [],
        [violation("a", "x", package="p", fixed_in="1")],
        # Not fixed, and one and the same rule.
        [violation("a", "x", package="p"), violation("a", "y", package="p")],
        # An id that means something else in each rule.
        [violation("a", "linux/amd64"), violation("b", "linux/amd64")],
        [violation("a", "x", package=["p"], fixed_in="1"), violation("a", "y", package="p", fixed_in=1)],
    ],
)
def test_nothing_is_told_where_each_finding_is_its_own(found: list[Violation]) -> None:
    assert list(several_lines(found)) == []


def test_it_stays_short_and_harmless() -> None:
    found = [
        violation(rule, f"CVE-{number}", package=f"p{number}\x1b[31m", fixed_in=f"{version}\n")
        for rule in ("a", "b")
        for number in range(50)
        for version in range(20)
    ]
    lines = list(several_lines(found))
    assert len(lines) == 8
    assert lines[3] == lines[7] == "... and 47 more like that"
    assert all(line.isprintable() for line in lines)


def test_of_many_waivers_ten_of_a_kind_are_told(workspace: Workspace) -> None:
    many = [finding(f"CVE-{number}", "openssl", None) for number in range(24)]
    file = workspace.write("flawed.json", evidence(scans=scan(many)).content)
    entries = "".join(
        f"  - {{rule: scan_severity, id: CVE-{number}, reason: r, approver: a, expires: {ends}}}\n"
        for number, ends in enumerate(['"2026-03-10T00:00:00Z"'] * 12 + ['"2026-04-20T00:00:00Z"'] * 12)
    )
    organisation = write_policy(workspace.folder.parent / "org", {}, waivers=f"waivers:\n{entries}")
    ran = workspace.run("evaluate", str(file), "--policy", "pack:scan_severity", "--policy", organisation)
    told = [line for line in ran.out.splitlines() if line.startswith(("waiver", "... and"))]
    assert ran.code == errors.EXIT_OK
    assert [line.partition(":")[0] for line in told[:20]] == ["waiver expiring"] * 10 + ["waiver used"] * 10
    assert told[20:] == [
        f"... and 2 more waivers {state} (all of them: --format json)" for state in ("expiring", "used")
    ]
