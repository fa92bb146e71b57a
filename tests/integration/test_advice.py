"""What a denial says to do: the advice fits the cause, and names nothing that does not exist."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import click
import pytest

from pushpolicy import errors
from pushpolicy.cli.main import cli
from pushpolicy.evaluate import remedies
from pushpolicy.evaluate.metadata import KINDS
from pushpolicy.model import strict_yaml
from pushpolicy.model.index import Index
from pushpolicy.reports.declared import PLACES
from tests.policies import ROOT, rule, write_policy
from tests.workspace import Ran, Workspace, fail_a_test

RULES = Index.read((ROOT / "policies/index/data.json").read_bytes()).rules
# The rules that need the CI system's word.
OF_CI = {name for name, entry in RULES.items() if "ci" in entry.requires}
OTHER = "sha256:" + "ab" * 32


def in_days(days: int) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")


def without(*names: str) -> Callable[[Workspace], Ran]:
    """A push after these files, and those beside them that are not named like a kept one, are gone."""

    def push(place: Workspace) -> Ran:
        for name in names:
            for path in place.folder.glob(name):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        return place.push()

    return push


def written(name: str, content: str) -> Callable[[Workspace], Ran]:
    def push(place: Workspace) -> Ran:
        place.write(name, content)
        return place.push()

    return push


def asked(condition: str) -> Callable[[Workspace], Ran]:
    """A push that a further rule judges, which denies under this condition."""

    def push(place: Workspace) -> Ran:
        text = rule("r", f'deny contains {{"at": {{"id": "x"}}, "msg": "no"}} if {condition}')
        return place.push(
            "--policy", "pack", "--policy", write_policy(place.folder.parent / "org", {"r": text})
        )

    return push


def with_variables(**variables: str) -> Callable[[Workspace], Ran]:
    return lambda place: place.with_variables(**variables).push()


def on_a_laptop(place: Workspace) -> Ran:
    ours = {name: value for name, value in place.environ.items() if not name.startswith(("GITHUB_", "CI"))}
    return replace(place, environ=ours).push()


def scanned_another(place: Workspace) -> Ran:
    """The scan says of all that names an image that it is another one."""
    path = place.folder / "reports/trivy-sample.json"
    path.write_text(re.sub(r"sha256:[0-9a-f]{64}", OTHER, path.read_text()))
    return place.push()


def failed_test(place: Workspace) -> Ran:
    fail_a_test(place)
    return place.push()


class Case(NamedTuple):
    """A cause of a denial, the rules that deny, and what must be advised, or not."""

    act: Callable[[Workspace], Ran]
    rules: set[str]
    says: tuple[str, ...]
    never: tuple[str, ...] = ()
    waiver: dict[str, str] | None = None


NO_ADVICE_OF_THE_RULE = ("Make the named tests pass", "Upgrade the package", "Merge the change")
CASES = {
    "no test report": Case(
        without("reports/junit.xml"),
        {"tests_passed"},
        ("reports/, test-results/", "--evidence tests=PATH", "`pushpolicy run tests -- CMD`"),
        NO_ADVICE_OF_THE_RULE,
        {"rule": "tests_passed", "evidence": "evidence:tests"},
    ),
    "no scan report": Case(
        without("reports/*.json", "reports/*.sarif"),
        {"scan_bound", "scan_fresh", "scan_severity", "secrets_found", "system_supported"},
        (
            "--evidence scans=PATH",
            "`pushpolicy run scans -- CMD`",
            "no waiver helps: nobody can waive scan_bound",
        ),
        NO_ADVICE_OF_THE_RULE,
    ),
    "a broken test report": Case(
        written("reports/junit.xml", "<testsuite><testcase"),
        {"tests_passed"},
        (
            "reports/junit.xml: it is not well-formed XML",
            "Have the step that writes the named file run again",
        ),
        (*NO_ADVICE_OF_THE_RULE, "--evidence tests=PATH"),
        {"rule": "tests_passed", "evidence": "evidence:tests"},
    ),
    "an expected report": Case(
        written("pushpolicy.yaml", "evidence: {tests: [integration]}"),
        {"tests_passed"},
        ("the expected integration is not there", "(tests.NAME=PATH where a name is expected)"),
        NO_ADVICE_OF_THE_RULE,
    ),
    "expected coverage": Case(
        written("pushpolicy.yaml", "evidence: {coverage: [unit]}"),
        {"tests_passed"},
        (
            "the expected unit is not there (coverage)",
            "Hand over a coverage report",
            "--evidence coverage=PATH",
        ),
        (*NO_ADVICE_OF_THE_RULE, "--evidence tests=PATH"),
    ),
    "no repository": Case(
        without(".git"),
        {"commit_matches", "pipeline_credentials", "reports_of_this_run", "worktree_clean"},
        ("there is no git repository here", "Push from a git checkout", "no waiver helps"),
        ("a waiver could be asked for", "Commit the changes"),
    ),
    "a laptop": Case(
        on_a_laptop,
        OF_CI,
        (
            "of no known CI system",
            "on a laptop nothing vouches",
            "--policy DIR in place of the shipped pack",
        ),
        ("a waiver could be asked for", *NO_ADVICE_OF_THE_RULE, "follows the merge"),
    ),
    "a CI job that hides its event": Case(
        with_variables(GITHUB_EVENT_NAME="pull_request"),
        OF_CI,
        ("GITHUB_EVENT_PATH is not set", "all variables of the CI job and its event file"),
        ("laptop",),
    ),
    "another branch": Case(
        with_variables(GITHUB_REF="refs/heads/feature", GITHUB_REF_NAME="feature"),
        {"branch_allowed"},
        ("the run is of branch feature", 'allowed are ["main", "master"]', "--repo-may branch_allowed=waive"),
        ("laptop",),
        {"rule": "branch_allowed", "id": "branch/feature"},
    ),
    "a scan of another image": Case(
        scanned_another,
        {"scan_bound"},
        (
            f"it names image ID {OTHER}",
            "linux/amd64 (manifest sha256:",
            ", image ID sha256:",
            "no waiver helps",
        ),
        ("a waiver could be asked for",),
    ),
    "a failed test": Case(
        failed_test,
        {"tests_passed"},
        ("Make the named tests pass", "--repo-may tests_passed=waive", "(--policy pack --policy DIR)"),
        (),
        {"rule": "tests_passed", "id": "junit/failed"},
    ),
    "no extra": Case(
        asked("input.extra.cost.total > 3"),
        {"r"},
        ("--evidence extra.cost=FILE",),
        ("Fix it.", "--repo-may r=waive"),
        {"rule": "r", "evidence": "evidence:extra.cost"},
    ),
    "no field of an extra": Case(
        lambda place: _with_extra(place, {"sum": 1}),
        {"r"},
        ("Write it into the file of --evidence extra.cost=FILE",),
        ("Fix it.",),
        {"rule": "r", "evidence": "evidence:extra.cost.total"},
    ),
    "no coverage": Case(
        asked("input.tests.coverage.percent < 80"),
        {"r"},
        ("--evidence coverage=PATH", '"evidence:tests.coverage.percent"'),
        ("Fix it.",),
        {"rule": "r", "evidence": "evidence:tests.coverage"},
    ),
    "no clock": Case(
        asked("input.clock.skew_seconds > 80"),
        {"r"},
        ("a folder (oci:DIR) has no clock",),
        ("Fix it.",),
        {"rule": "r", "evidence": "evidence:clock"},
    ),
    "no SBOM": Case(
        asked("count(input.sbom.items) > 80"),
        {"r"},
        ("--evidence sbom=PATH", "`docker buildx build --sbom=true`"),
        ("pushpolicy run sbom", "Fix it."),
        {"rule": "r", "evidence": "evidence:sbom"},
    ),
}


def _with_extra(place: Workspace, value: object) -> Ran:
    place.write("cost.json", json.dumps(value))
    text = rule("r", 'deny contains {"at": {"id": "x"}, "msg": "no"} if input.extra.cost.total > 3')
    folder = write_policy(place.folder.parent / "org", {"r": text})
    return place.push("--policy", "pack", "--policy", folder, "--evidence", "extra.cost=cost.json")


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_advice_fits_the_cause(workspace: Workspace, case: Case) -> None:
    ran = case.act(workspace)
    assert ran.code == errors.EXIT_DENIED, ran.err
    violated = re.search(r"^violated: +(.+)$", ran.out, re.MULTILINE)
    assert violated
    assert {name.partition(" ")[0] for name in violated[1].split(", ")} == case.rules
    for text in case.says:
        assert text in ran.out
    for text in case.never:
        assert text not in ran.out
    if case.waiver:
        assert {key: offered(ran)[0][key] for key in case.waiver} == case.waiver


def offered(ran: Ran) -> list[dict[str, Any]]:
    """The waivers that a denial offers, as whoever grants them would read them."""
    lines = [line[4:] for line in ran.out.splitlines() if line.startswith("  - {rule: ")]
    return [strict_yaml.read(line.replace("...", "x").encode()) for line in lines]


@pytest.mark.parametrize(
    "name", ["no test report", "a failed test", "no coverage", "no extra", "another branch"]
)
def test_the_waivers_that_are_offered_admit_the_push(workspace: Workspace, name: str) -> None:
    ran = CASES[name].act(workspace)
    given = [{**waiver, "expires": in_days(30)} for waiver in offered(ran)]
    assert given
    folder = write_policy(workspace.folder.parent / "org", {}, waivers=json.dumps({"waivers": given}))
    policies = ["--policy", "pack", "--policy", folder]
    variables = (
        {"GITHUB_REF": "refs/heads/feature", "GITHUB_REF_NAME": "feature"} if name == "another branch" else {}
    )
    assert workspace.with_variables(**variables).push(*policies).code == errors.EXIT_OK


HOSTILE = 'a"\\#\u202e\x7f\n::error::##[error]é😀' + "x" * 300


def test_an_offered_waiver_is_the_whole_id_and_harmless(workspace: Workspace) -> None:
    text = rule(
        "r", f'deny contains {{"at": {{"id": {json.dumps(HOSTILE)}}}, "msg": "no"}} if input.image.size > 0'
    )
    ran = workspace.push("--policy", write_policy(workspace.folder.parent / "org", {"r": text}))
    assert offered(ran)[0]["id"] == HOSTILE
    assert "##[" not in next(line for line in ran.out.splitlines() if line.startswith("  - {rule: r"))
    assert all(line.isprintable() for line in ran.out.splitlines())


def texts() -> Iterator[str]:
    """Every piece of advice there is: of the program, and of the shipped rules."""
    for kind in KINDS:
        for status in ("missing", "failed"):
            yield remedies.remedy(kind, RULES["tests_passed"], {kind: {"status": status}})
    yield from remedies._FIELDS.values()
    yield from (rule.fix for rule in RULES.values())
    for source in (
        "cli/render/push.py",
        "evaluate/authority.py",
        "gather/checkout/__init__.py",
        "gather/find.py",
    ):
        yield (ROOT / "src/pushpolicy" / source).read_text()


def commands_of(group: click.Group) -> dict[str, click.Command]:
    """The commands by name; they are imported as they are asked for."""
    context = click.Context(group)
    found = {name: group.get_command(context, name) for name in group.list_commands(context)}
    return {name: command for name, command in found.items() if command}


def options_of(command: click.Command) -> set[str]:
    own = {name for param in command.params for name in (*param.opts, *param.secondary_opts)}
    inner = commands_of(command).values() if isinstance(command, click.Group) else ()
    return own.union(*map(options_of, inner))


# Options of git and docker.
FOREIGN = {"--cached", "--exit-code", "--refetch", "--no-filter", "--label", "--sbom", "--provenance"}


def test_no_advice_names_an_option_that_does_not_exist() -> None:
    named = {name for text in texts() for name in re.findall(r"(?<![\w-])--[a-z][a-z-]+", text)}
    assert len(named) > 5
    assert named - FOREIGN <= options_of(cli)


def test_no_advice_names_a_command_that_does_not_exist() -> None:
    named = {name for text in texts() for name in re.findall(r"`pushpolicy ([a-z]+)", text)}
    assert named >= {"doctor", "run"}
    assert named <= commands_of(cli).keys()


def test_captures_are_advised_of_kinds_that_can_be_captured() -> None:
    kinds = next(param for param in commands_of(cli)["run"].params if param.name == "kind").type
    assert isinstance(kinds, click.Choice)
    named = {kind for text in texts() for kind in re.findall(r"pushpolicy run ([a-z]+)", text)}
    assert named == set(kinds.choices)


def test_places_and_documents_that_are_named_are_there() -> None:
    named = {place for text in texts() for place in re.findall(r"([a-z-]+)/(?=,| and)", text)}
    assert named >= {"reports", "test-results"}
    assert named <= PLACES
    for document in {name for text in texts() for name in re.findall(r"docs/[a-z]+\.md", text)}:
        assert (ROOT / document).is_file()


def test_every_kind_has_advice_of_its_own() -> None:
    assert remedies._MISSING.keys() == KINDS
    general = remedies._OTHER
    assert all(remedies.remedy(kind, RULES["tests_passed"], {}) != general for kind in KINDS)
    assert remedies.remedy("of another version", RULES["tests_passed"], {}) == general


def test_every_field_that_can_be_absent_has_advice() -> None:
    schema = json.loads((ROOT / "policies/schema/evidence.v1.json").read_bytes())
    assert schema["properties"].keys() - {"schema", "evaluated_at", "extra"} <= remedies._FIELDS.keys()


WAIVERS = """\
max_days: 30
waivers:
  - {{rule: tests_passed, id: junit/failde, reason: a typing error, approver: y, expires: "{soon}"}}
  - {{rule: tests_passed, id: junit/failed, reason: too long, approver: y, expires: "{late}"}}
  - {{rule: tests_passed, id: junit/failed, reason: over, approver: y, expires: "{past}"}}
  - {{rule: tests_passed, id: junit/failed, reason: x, approver: y, expires: "{soon}", repository: a/b}}
  - {{rule: scan_bound, id: x, reason: refused, approver: y, expires: "{soon}"}}
"""
ENFORCEMENT = """\
rules:
  tests_passed: {{mode: warn, until: "{past}", reason: over}}
  tag_policy: {{mode: warn, until: "{late}", reason: too long}}
"""


def not_honoured(place: Workspace) -> list[str]:
    times = {"soon": in_days(20), "late": in_days(400), "past": in_days(-3)}
    folder = place.folder.parent / "org"
    write_policy(folder, {}, waivers=WAIVERS.format(**times), enforcement=ENFORCEMENT.format(**times))
    return ["--policy", "pack", "--policy", str(folder)]


def test_a_waiver_or_rollout_that_does_not_count_says_why(workspace: Workspace) -> None:
    fail_a_test(workspace)
    ran = workspace.push(*not_honoured(workspace))
    assert ran.code == errors.EXIT_DENIED
    for state, why in (
        (
            "unused: tests_passed junit/failde",
            "found nothing that junit/failde names; what it found is junit/failed",
        ),
        ("too long: tests_passed junit/failed", "longer than the 30 days that the policy allows"),
        ("expired: tests_passed junit/failed", "it ended on"),
        ("elsewhere: tests_passed junit/failed", "it is for a/b"),
        ("refused: scan_bound x", "nobody can waive this rule"),
    ):
        assert re.search(rf"^waiver {re.escape(state)} .*{re.escape(why)}", ran.out, re.MULTILINE)
    assert "warn ended, and softens nothing any more: tests_passed until " in ran.out
    assert re.search(
        r"^warn not honoured, it would end too late: tag_policy until .+ max_days", ran.out, re.M
    )


def test_a_waiver_of_what_is_absent_is_told_how_it_is_named(workspace: Workspace) -> None:
    (workspace.folder / "reports/junit.xml").unlink()
    for key, code in (("id", errors.EXIT_DENIED), ("evidence", errors.EXIT_OK)):
        named = f"rule: tests_passed, {key}: 'evidence:tests'"
        waiver = f"{{{named}, reason: r, approver: a, expires: '{in_days(9)}'}}"
        folder = write_policy(workspace.folder.parent / "org", {}, waivers=f"waivers: [{waiver}]")
        ran = workspace.push("--policy", "pack:tests_passed", "--policy", folder)
        assert ran.code == code, ran.out + ran.err
        told = "tests_passed lacks: write evidence: evidence:tests, in the place of id" in ran.out
        assert told == (key == "id")


def test_a_machine_without_git_is_told_so(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pushpolicy.gather.checkout.program.PLACES", ())
    ran = workspace.push()
    assert ran.code == errors.EXIT_DENIED
    assert "no evidence of kind source: no git program is installed" in ran.out
    assert "with git installed, or named by --git PATH" in ran.out


def test_observed_is_said_only_where_something_would_have_been_denied(workspace: Workspace) -> None:
    observing = f'observe: {{until: "{in_days(9)}", reason: x}}'
    folder = write_policy(workspace.folder.parent / "org", {}, enforcement=observing)
    policies = ["--policy", "pack", "--policy", folder]
    assert "observed only" not in workspace.push(*policies).out
    fail_a_test(workspace)
    assert "observed only: the rules below would have denied" in workspace.push(*policies).out.splitlines()[0]


def test_policy_check_names_what_a_push_will_not_honour(workspace: Workspace) -> None:
    ran = workspace.run("policy", "check", *not_honoured(workspace))
    assert ran.code == errors.EXIT_OK, ran.err
    for note in (
        "the waiver of tests_passed junit/failed is not honoured: it lasts longer than the 30 days",
        "the waiver of tests_passed junit/failed is not honoured: it ended on",
        "the waiver of scan_bound x is not honoured: nobody can waive this rule",
        "the rollout of tests_passed (mode warn) softens nothing: it ended on",
        "the rollout of tag_policy (mode warn) softens nothing: it may end on",
    ):
        assert note in ran.out
    assert "junit/failde" not in ran.out
    waiver = {"rule": "tests_passed", "id": "x", "reason": "x", "approver": "y", "expires": in_days(20)}
    place = workspace.committed("pushpolicy.yaml", json.dumps({"waivers": [waiver]}))
    assert "--repo-may tests_passed=waive admits it" in place.run("policy", "check").out
    notes = place.run("policy", "check", "--repo-may", "*=waive", "--format", "json").json["notes"]
    assert notes == []


def test_advice_does_not_make_a_replay_differ(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another version of pushpolicy may give other advice about the same absence."""
    folder = write_policy(
        workspace.folder.parent / "org", {}, enforcement=f'observe: {{until: "{in_days(9)}", reason: x}}'
    )
    Path(workspace.folder / "reports/junit.xml").unlink()
    assert workspace.push("--policy", "pack", "--policy", folder).code == errors.EXIT_OK
    monkeypatch.setattr("pushpolicy.evaluate.answer.remedy", lambda *_: "Something else.")
    assert workspace.run("audit", "replay", "oci:registry:1.0.0").code == errors.EXIT_OK
