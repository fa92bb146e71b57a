"""Who commits to the repository that is judged: its configuration, its policies, its reports."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

from pushpolicy import errors
from tests.attacks.table import Attack, Change, Run, changed, push
from tests.policies import rule, write_policy
from tests.unit.gather.samples import git
from tests.workspace import Workspace, fail_a_test

SOON = (datetime.now(UTC) + timedelta(days=20)).strftime("%Y-%m-%dT%H:%M:%SZ")
MISSING = {
    "rule": "tests_passed",
    "evidence": "evidence:tests",
    "reason": "x",
    "approver": "CISO",
    "expires": SOON,
}
FAILED = {"rule": "tests_passed", "id": "junit/failed", "reason": "x", "approver": "CISO", "expires": SOON}


def configured(**content: Any) -> Change:
    """Commit a configuration."""
    return lambda place: place.committed("pushpolicy.yaml", json.dumps(content))


def failing(change: Change) -> Change:
    """The same, and a test has failed."""

    def strike(place: Workspace) -> Workspace:
        place = change(place) or place
        fail_a_test(place)
        return place

    return strike


def waived(**changes: Any) -> Change:
    """A test has failed, and the configuration waives it."""
    waiver = {name: value for name, value in {**FAILED, **changes}.items() if value is not None}
    return failing(configured(waivers=[waiver]))


def critical(place: Workspace) -> None:
    """The scan found a critical flaw."""
    path = place.folder / "reports/trivy-sample.json"
    report = json.loads(path.read_text())
    flaw = {"VulnerabilityID": "CVE-2026-1", "PkgName": "a", "InstalledVersion": "1", "Severity": "CRITICAL"}
    report["Results"][0].setdefault("Vulnerabilities", []).append(flaw)
    path.write_text(json.dumps(report))


def with_critical(change: Change) -> Change:
    """The same, and the scan found a critical flaw."""

    def strike(place: Workspace) -> Workspace:
        place = change(place) or place
        critical(place)
        return place

    return strike


def folder_in_checkout(rules: dict[str, str], **data: str) -> Change:
    """A policy folder in the checkout, which the command line names."""

    def strike(place: Workspace) -> Workspace:
        write_policy(place.path("own-policy"), rules, **data)
        return place.committed("own-policy/README", "ours")

    return strike


def in_submodules(place: Workspace) -> Workspace:
    """A policy folder in a submodule of a submodule, which the command line names."""
    inner, outer = (place.folder.parent / name for name in ("inner", "outer"))
    write_policy(inner / "rules", ALWAYS)
    outer.mkdir()
    for below, above in ((inner, outer), (outer, place.folder)):
        git(below, "init", "-q")
        commit_all(below)
        git(above, "init", "-q")
        git(above, *BY_PATH, "submodule", "add", "-q", str(below), below.name)
    git(place.folder, *BY_PATH, "submodule", "update", "-q", "--init", "--recursive")
    return place.committed("README", "ours")


def switched_off_in_submodules(place: Workspace) -> Workspace:
    """The folder there switches a rule off."""
    place.write("outer/inner/rules/enforcement.yaml", OFF)
    for name in ("outer/inner", "outer"):
        commit_all(place.folder / name)
    return place.committed("README", "ours, too")


def commit_all(folder: Path) -> None:
    git(folder, "add", "--all")
    git(folder, "commit", "-q", "-m", "ours")


def gone(place: Workspace, change: Change) -> Workspace:
    """The same without a report of tests."""
    place = change(place) or place
    (place.folder / "reports/junit.xml").unlink()
    return place


def dirty(place: Workspace, change: Change) -> Workspace:
    """The same with a tracked file that was changed since."""
    place = change(place) or place
    place.write("status.py", "changed = True\n")
    return place


def conftest_of_checkout(package: str) -> Change:
    """Policies of conftest from elsewhere, which deny everything but in main, and one of the checkout."""

    def strike(place: Workspace) -> Workspace:
        place.write("../conftest/a.rego", f"{CONFTEST}deny contains `no` if input.source.branch != `main`\n")
        place.write(
            "own/a.rego",
            f"{CONFTEST}deny contains `no` if input.image.size > 1000000000\n".replace("main", package),
        )
        return place.committed(
            "own/b.rego", f"{CONFTEST}exception contains [``] if true\n".replace("main", package)
        )

    return strike


CONFTEST = "package main\nimport rego.v1\n"
WITH_THEIRS = ("--namespace", "main", "--namespace", "theirs")
BY_PATH = ("-c", "protocol.file.allow=always")
ALWAYS = {"polite": rule("polite", 'deny contains {"at": {}, "msg": "no"} if input.image.size > 1000000000')}
OFF = f"rules: {{tests_passed: {{mode: off, until: '{SOON}', reason: x}}}}"


def images(*targets: str) -> Change:
    """A configuration whose images go to these targets, in a job that has a password."""

    def strike(place: Workspace) -> Workspace:
        entries = [{"image": "oci:image", "target": target} for target in targets]
        place = changed(place, configured(images=entries))
        return place.with_variables(PUSHPOLICY_USERNAME="ci", PUSHPOLICY_PASSWORD="hidden")

    return strike


def all_to(allowed: str) -> Run:
    """`push --all`, where the command line allows one target."""
    return lambda place: place.run("push", "--all", "--allow-target", allowed)


def wrote_outside(place: Workspace) -> bool:
    """Whether a target was written that is not the one of the command line."""
    return place.published or (place.folder.parent / "outside").exists()


def targets(name: str, *where: str) -> Attack:
    """The configuration says where the image goes, and the credential with it."""
    return Attack(
        name=name,
        prepare=ONE_IMAGE,
        strike=images(*where),
        run=ALL,
        code=errors.EXIT_USAGE,
        says="is not allowed as the target of image",
        writes=wrote_outside,
    )


def linked_configuration(place: Workspace) -> Workspace:
    """The configuration is a link to a file that no commit holds."""
    (place.folder.parent / "loose.yaml").write_text(json.dumps({"waivers": [FAILED]}))
    (place.folder / "pushpolicy.yaml").symlink_to("../loose.yaml")
    return place.committed("README", "with a link")


def with_attributes(content: str) -> Change:
    """A commit with these attributes, and a file that was changed since."""

    def strike(place: Workspace) -> Workspace:
        place = place.committed(".gitattributes", content)
        place.write("status.py", "changed = True\n")
        return place

    return strike


def piped_workflow(place: Workspace) -> None:
    """Nobody writes to the pipe."""
    (place.folder / WORKFLOW).unlink()
    os.mkfifo(place.folder / WORKFLOW)


WORKFLOW = ".github/workflows/publish.yml"
PATTERNS = "".join(f"?{number}*{number}? text\n" for number in range(55_000))
MACROS = "".join(f"[attr]{a} {f'{b} ' * 900}\n" for a, b in pairwise("abcdefghij"))
ONE_IMAGE, ALL = images("oci:registry:1.0.0"), all_to("oci:registry")
ROWS = [
    Attack(
        name="the configuration names where records go",
        strike=configured(records="oci:mine"),
        code=errors.EXIT_USAGE,
        says="records",
        writes=lambda place: place.published or (place.folder / "mine").exists(),
    ),
    Attack(
        name="has a configuration that nothing reads",
        strike=lambda place: place.committed("pushpolicy.yml", json.dumps({"evidence": {"tests": ["e2e"]}})),
        code=errors.EXIT_USAGE,
        says="pushpolicy.yml: not read",
    ),
    targets("sends the image and the password to another registry", "evil.example/steal:a"),
    targets("writes into a folder outside the checkout", "oci:../outside:1.0.0"),
    targets("leads out of the allowed folder", "oci:registry/../../outside:1.0.0"),
    Attack(
        name="says that tags may move",
        strike=configured(immutable=False),
        code=errors.EXIT_USAGE,
        says="immutable",
    ),
    targets("sends one image of two elsewhere", "oci:registry:1.0.0", "evil.example/steal:a"),
    Attack(
        name="has a link as its configuration, though it may waive",
        strike=failing(linked_configuration),
        run=push("--repo-may", "*=waive"),
        says="pushpolicy.yaml",
    ),
    Attack(
        name="hides a change behind more patterns than anybody compares",
        strike=with_attributes(PATTERNS),
        says="have wildcards beyond *.end",
    ),
    Attack(
        name="hides a change behind macros of macros",
        strike=with_attributes(f"{MACROS}* a\n"),
        says="worktree_clean",
    ),
    Attack(name="waives its failed test", strike=waived(), says="waiver refused"),
    Attack(
        name="waives everything by purl",
        strike=with_critical(configured(waivers=[{**FAILED, "rule": "scan_severity", "id": "CVE-2026-1"}])),
        says="--repo-may scan_severity=waive",
    ),
    Attack(
        name="waives a purl of two stars though it may waive",
        strike=waived(rule="scan_severity", id=None, purl="**"),
        run=push("--repo-may", "*=waive"),
        says="a checkout's waiver names one package",
    ),
    Attack(
        name="waives evidence that is missing though it may waive",
        strike=lambda place: gone(place, configured(waivers=[MISSING])),
        run=push("--repo-may", "*=waive"),
        says="a checkout cannot waive missing evidence",
    ),
    Attack(
        name="waives for ten years though it may waive",
        strike=waived(expires="2036-01-01T00:00:00Z"),
        run=push("--repo-may", "*=waive"),
        says="it lasts longer than the 90 days",
    ),
    Attack(
        name="waives an integrity rule though it may waive all",
        strike=lambda place: dirty(place, configured(waivers=[{**FAILED, "rule": "worktree_clean"}])),
        run=push("--repo-may", "*=waive"),
        says="nobody can waive this rule",
    ),
    Attack(
        name="raises a limit of the pack",
        strike=with_critical(configured(settings={"scan_severity": {"max_critical": -1}})),
        code=errors.EXIT_POLICY,
        says="--repo-may scan_severity=settings",
    ),
    Attack(
        name="allows every branch",
        strike=configured(settings={"branch_allowed": {"branches": ["**"]}}),
        code=errors.EXIT_POLICY,
        says="a repository may not change settings of the rule branch_allowed",
    ),
    Attack(
        name="brings a rule with the name of a shipped one",
        prepare=folder_in_checkout({}),
        strike=failing(
            folder_in_checkout({"tests_passed": rule("tests_passed", ALWAYS["polite"].partition("\n\n")[2])})
        ),
        run=push("--policy", "pack", "--policy", "own-policy"),
        code=errors.EXIT_POLICY,
        says="a rule named tests_passed is in the shipped pack too",
    ),
    Attack(
        name="switches a rule off in a policy folder of its own",
        prepare=folder_in_checkout(ALWAYS),
        strike=failing(folder_in_checkout(ALWAYS, enforcement=OFF)),
        run=push("--policy", "pack", "--policy", "own-policy"),
        code=errors.EXIT_POLICY,
        says="the checkout's own rules alone",
    ),
    Attack(
        name="switches a rule off in a submodule of a submodule",
        prepare=in_submodules,
        strike=failing(switched_off_in_submodules),
        run=push("--policy", "pack", "--policy", "outer/inner/rules"),
        code=errors.EXIT_POLICY,
        says="the checkout's own rules alone",
    ),
    Attack(
        name="observes only, by a policy folder of its own",
        prepare=folder_in_checkout(ALWAYS),
        strike=failing(folder_in_checkout(ALWAYS, enforcement=f"observe: {{until: '{SOON}', reason: x}}")),
        run=push("--policy", "pack", "--policy", "own-policy"),
        code=errors.EXIT_POLICY,
        says="the checkout's own rules alone",
    ),
    Attack(
        name="waives in a policy folder of its own",
        prepare=folder_in_checkout(ALWAYS),
        strike=failing(folder_in_checkout(ALWAYS, waivers=json.dumps({"waivers": [FAILED]}))),
        run=push("--policy", "pack", "--policy", "own-policy"),
        says="waiver refused",
    ),
    Attack(
        name="says who is trusted",
        prepare=folder_in_checkout(ALWAYS),
        strike=folder_in_checkout(ALWAYS, trust="raw: digest"),
        run=push("--policy", "pack", "--policy", "own-policy"),
        code=errors.EXIT_POLICY,
        says="cannot say who is trusted",
    ),
    Attack(
        name="excepts what a policy of conftest from elsewhere denies",
        prepare=conftest_of_checkout("theirs"),
        strike=conftest_of_checkout("main"),
        run=push("--conftest", "../conftest", "--conftest", "own", *WITH_THEIRS),
        code=errors.EXIT_POLICY,
        says="main is in ../conftest too, which is of another origin",
    ),
    Attack(
        name="nests a workflow so deep that its credentials are not read",
        prepare=lambda place: place.committed(WORKFLOW, "on: push"),
        strike=lambda place: place.committed(WORKFLOW, f"on: {'[' * 5000}"),
        says="evidence:pipeline",
    ),
    Attack(
        name="buries a password under more than 2,000 others",
        prepare=lambda place: place.committed(WORKFLOW, "env: {REGISTRY_PASSWORD: hunter2}"),
        strike=lambda place: place.committed(
            WORKFLOW, "env:\n" + "".join(f"  REGISTRY_PASSWORD{n}X: hunter2\n" for n in range(2_100))
        ),
        says="evidence:pipeline",
    ),
    Attack(
        name="has a pipe where the workflow was",
        prepare=lambda place: place.committed(WORKFLOW, "on: push"),
        strike=piped_workflow,
        says="evidence:pipeline",
    ),
]
