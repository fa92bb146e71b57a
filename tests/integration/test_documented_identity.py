"""docs/identity.md: only the publish job of its pipelines has an identity, and its policy decides by that."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import pytest

from pushpolicy.cli.main import cli as program
from pushpolicy.identity.exchange import prepare
from pushpolicy.model.reference import Target
from pushpolicy.signing.trust import read_trust
from tests.certificates import make_certificates
from tests.ci import Case, cases
from tests.integration.test_documented_pipelines import Page, environment, expanded
from tests.issuer import LocalIssuer, local_issuer
from tests.policies import ROOT, write_policy
from tests.programs import tool
from tests.unit.gather.samples import COMMIT
from tests.workspace import IMAGE, TARGET, Workspace

_FILE = re.compile(r"`(?P<path>[^`\n]+)`:\n\n```yaml\n(?P<text>.*?)```", re.DOTALL)
TEXT = (ROOT / "docs/identity.md").read_text(encoding="utf-8")
FILES = {found["path"]: found["text"] for found in _FILE.finditer(TEXT)}
GITHUB, GOOGLE, GITLAB = (
    ".github/workflows/publish.yml",
    ".github/workflows/publish-to-google.yml",
    ".gitlab-ci.yml",
)
TRUST, SETTINGS = FILES["/etc/pushpolicy/trust.yaml"], FILES["/etc/pushpolicy/settings.yaml"]
(OF_GITLAB,) = re.findall(r"settings\.yaml` for GitLab:\n\n```yaml\n(.*?)```", TEXT, re.DOTALL)
PIPELINES = {path: Page("identity", path, "yaml", FILES[path], TEXT) for path in (GITHUB, GOOGLE, GITLAB)}
ACTIONS = {"actions/checkout", "actions/download-artifact"}
TARGETS = {
    GITHUB: ("github", "ghcr.io/team/app"),
    GOOGLE: ("google", "europe-docker.pkg.dev/project/team/app"),
    GITLAB: ("gitlab", "registry.gitlab.com/team/app"),
}


def jobs(path: str) -> dict[str, Any]:
    document = PIPELINES[path].document
    found = document.get("jobs") or {name: job for name, job in document.items() if isinstance(job, dict)}
    assert sorted(found) == ["build", "publish"]
    return dict(found)


@pytest.mark.parametrize("path", PIPELINES)
def test_only_the_publish_job_has_an_identity_and_it_runs_no_project_code(path: str) -> None:
    build, publish = jobs(path)["build"], jobs(path)["publish"]
    assert "id-token" not in str(build)
    assert "id_tokens" not in str(build)
    assert publish.get("permissions", {}).get("id-token") == "write" or "id_tokens" in publish
    steps = publish.get("steps") or [{"run": line} for line in publish["script"]]
    assert {step["uses"].partition("@")[0] for step in steps if "uses" in step} <= ACTIONS
    assert [step["run"].split()[:2] for step in steps if "run" in step] == [["pushpolicy", "push"]]
    assert "secrets." not in PIPELINES[path].text


@pytest.mark.parametrize("path", [GITHUB, GOOGLE])
def test_actionlint_finds_nothing(path: str, tmp_path: Path) -> None:
    (tmp_path / "workflow.yml").write_text(FILES[path])
    arguments = [str(tool("actionlint")), "-shellcheck=", "-pyflakes=", str(tmp_path / "workflow.yml")]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("", 0)


@pytest.mark.parametrize("path", PIPELINES)
def test_its_command_and_its_login_are_known(path: str) -> None:
    ((_, command, *arguments),) = PIPELINES[path].commands()
    with click.Context(program) as context:
        found = program.get_command(context, command)
        assert found
        found.make_context(command, list(arguments), parent=context)
    login, repository = TARGETS[path]
    assert arguments[:6] == ["--policy", "pack", "--policy", "/etc/pushpolicy", "--login", login]
    known = {
        "GITHUB_REPOSITORY": "team/app",
        "GITHUB_SHA": COMMIT,
        "CI_REGISTRY_IMAGE": "registry.gitlab.com/team/app",
        "CI_COMMIT_SHA": COMMIT,
    }
    target = Target.parse(expanded(arguments[-1], known))
    assert str(target.repository) == repository
    trust = read_trust("trust.yaml", TRUST.encode())
    if login == "google":
        promise = prepare(login, trust.exchanges[login], target.repository).promise
        assert promise.actions == ("pull", "push")
    if login != "gitlab":
        assert f"{target.repository.registry}/**" in trust.verified_for


@pytest.fixture
def issuer(tmp_path: Path) -> Iterator[LocalIssuer]:
    with local_issuer(make_certificates(tmp_path)) as running:
        yield running


CLAIMS = {
    "github-actions": {
        "repository": "GITHUB_REPOSITORY",
        "repository_id": "GITHUB_REPOSITORY_ID",
        "ref": "GITHUB_REF",
        "sha": "GITHUB_SHA",
        "event_name": "GITHUB_EVENT_NAME",
        "run_id": "GITHUB_RUN_ID",
        "ref_protected": "GITHUB_REF_PROTECTED",
    },
    "gitlab-ci": {
        "project_path": "CI_PROJECT_PATH",
        "project_id": "CI_PROJECT_ID",
        "ref": "CI_COMMIT_REF_NAME",
        "sha": "CI_COMMIT_SHA",
        "pipeline_source": "CI_PIPELINE_SOURCE",
        "pipeline_id": "CI_PIPELINE_ID",
        "job_id": "CI_JOB_ID",
        "ref_protected": "CI_COMMIT_REF_PROTECTED",
    },
}


FILE_OF = {"github-actions": GITHUB, "gitlab-ci": GITLAB}


@pytest.mark.parametrize("system", CLAIMS)
def test_its_policy_takes_the_jobs_own_token_and_nothing_else(
    system: str, workspace: Workspace, issuer: LocalIssuer, tmp_path: Path
) -> None:
    """A folder stands in for the registry, so `--login` is left out; the tests of logins have one."""
    place, commit = workspace, workspace.environ["GITHUB_SHA"]
    kept = {name: value for name, value in place.environ.items() if not name.startswith(("GITHUB_", "CI"))}
    settings, trust = (SETTINGS, TRUST) if system == "github-actions" else (OF_GITLAB, "")
    vendor = {
        "github-actions": "https://token.actions.githubusercontent.com",
        "gitlab-ci": "https://gitlab.com",
    }
    assert vendor[system] in settings
    write_policy(
        tmp_path / "policy",
        {},
        settings=settings.replace(vendor[system], issuer.url),
        trust=trust.replace('"ghcr.io/**"', "'oci:registry'")
        + f"issuers: {{local: {{issuer: '{issuer.url}', system: {system}}}}}\n",
    )

    def check(case: Case, changes: Mapping[str, str] = {}, *, token: bool = True) -> str:
        job = environment(PIPELINES[FILE_OF[system]], case, commit, tmp_path) | dict(changes)
        issuer.claims.clear()
        issuer.claims.update({claim: job[variable] for claim, variable in CLAIMS[system].items()})
        given = issuer.environ()
        if system == "gitlab-ci":
            issuer.claims["ref_path"] = f"refs/heads/{job['CI_COMMIT_REF_NAME']}"
            given = {"PUSHPOLICY_ID_TOKEN": issuer.token()}
        ran = replace(place, environ={**kept, **job, **(given if token else {})}).run(
            *("check", IMAGE, TARGET, "--policy", "pack", "--policy", str(tmp_path / "policy")),
            *("--ca-file", str(tmp_path / "ca.pem")),
        )
        return ran.out + ran.err

    push, proposal = (
        case for case in cases(system) if case.name in ("push", "pull request", "merge request")
    )
    assert check(push).startswith("ALLOW "), check(push)
    assert check(proposal).startswith("DENY ")
    assert "it has no identity token" in check(push, token=False)
    number = CLAIMS[system].get("repository_id") or CLAIMS[system]["project_id"]
    assert "the job is of the repository 1 at " in check(push, {number: "1"})
