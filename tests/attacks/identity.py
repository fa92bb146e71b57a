"""Who has a token that is not the job's, or not what it seems: of another repository, run or event, or half.

The policy of the command line wants a verified job, of one repository by its id and one workflow by its tag.
"""

from __future__ import annotations

import json
from typing import Any

from tests.attacks.table import Attack, Change
from tests.certificates import make_certificates
from tests.issuer import local_issuer
from tests.policies import write_policy
from tests.workspace import Ran, Workspace

WORKFLOW = "example/ci/.github/workflows/publish.yml"
WANTS = """
identity_verified:
  repositories: [{{issuer: "{issuer}", id: "4711"}}]
  workflows: [{{path: {workflow}, at: refs/tags/v1}}]
branch_allowed: {{assurance: verified}}
event_allowed: {{assurance: verified}}
fork_denied: {{assurance: verified}}
"""


def claiming(**changes: Any) -> Change:
    """The job's token says so, and the rest as the variables do."""

    def change(place: Workspace) -> None:
        says = place.environ
        claims = {
            "repository": says["GITHUB_REPOSITORY"],
            "repository_id": "4711",
            "ref": says["GITHUB_REF"],
            "ref_type": "branch",
            "sha": says["GITHUB_SHA"],
            "event_name": says["GITHUB_EVENT_NAME"],
            "run_id": says["GITHUB_RUN_ID"],
            "job_workflow_ref": f"{WORKFLOW}@refs/tags/v1",
            "sub": "repo:example/status-page:ref:refs/heads/main",
        }
        (place.folder.parent / "claims.json").write_text(json.dumps(claims | changes))

    return change


def push_verified(place: Workspace) -> Ran:
    """`push` of a job that can ask an issuer for its token."""
    pki = place.folder.parent / "pki"
    pki.mkdir()
    certificates = make_certificates(pki)
    with local_issuer(certificates) as issuer:
        issuer.claims.update(json.loads((place.folder.parent / "claims.json").read_text()))
        wants = WANTS.format(issuer=issuer.url, workflow=WORKFLOW)
        policy = write_policy(place.folder.parent / "policy", {}, settings=wants)
        trust = place.folder.parent / "trust.yaml"
        trust.write_text(f"issuers: {{own: {{issuer: '{issuer.url}', system: github-actions}}}}\n")
        place = place.with_variables(**{**issuer.environ(), **place.environ})
        options = ("--policy", "pack", "--policy", policy, "--trust", str(trust))
        return place.push(*options, "--ca-file", str(certificates.authority))


def attack(name: str, says: str, strike: Change) -> Attack:
    """One, beside the same run with the job's own token."""
    return Attack(name=name, prepare=claiming(), strike=strike, run=push_verified, says=says)


def variables(**changed: str) -> Change:
    """An earlier step sets variables."""
    return lambda place: place.with_variables(**changed)


ROWS = (
    attack("a repository registered again", "repository 4712", claiming(repository_id="4712")),
    attack("a token of another repository", "repository: ", claiming(repository="example/other")),
    attack("a token of another branch", "ref: ", claiming(ref="refs/heads/feature")),
    attack("a token of another commit", "commit: ", claiming(sha="2" * 40)),
    attack("a token of another run", "run.id: ", claiming(run_id="77")),
    attack("a token of a pull request", "event_raw: ", claiming(event_name="pull_request")),
    attack("a token without a commit", "does not say commit", claiming(sha=None)),
    attack("a token without an event", "does not say event", claiming(event_name=None)),
    attack("a token that lives for ten years", "at most 21600 s", claiming(exp=2_100_000_000)),
    attack("a token for somebody else, too", "alone", claiming(aud=["pushpolicy", "sts.example"])),
    attack(
        "a workflow of a branch",
        f"defined by {WORKFLOW}",
        claiming(job_workflow_ref=f"{WORKFLOW}@refs/heads/v1"),
    ),
    attack("a workflow of its own", "defined by x/y.yml", claiming(job_workflow_ref="x/y.yml@refs/tags/v1")),
    attack(
        "an address of another to ask",
        "not an address that may be asked",
        variables(ACTIONS_ID_TOKEN_REQUEST_URL="https://127.0.0.1:1/token"),
    ),
    attack("no secret to ask with", "identity_verified", variables(ACTIONS_ID_TOKEN_REQUEST_TOKEN="x")),
    attack(
        "a token in a variable",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN is not",
        variables(ACTIONS_ID_TOKEN_REQUEST_TOKEN="", PUSHPOLICY_ID_TOKEN="x.y.z"),
    ),
)
