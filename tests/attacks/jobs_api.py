"""Who makes the CI system's API tell of jobs that succeeded: another run's list, half of one, another server.

The policy of the command line wants the API to tell, and names a job. Tokens are made up.
"""

from __future__ import annotations

import json
from typing import Any

from pushpolicy import errors
from tests.attacks.ci_system import NO_CI
from tests.attacks.table import Attack, Change
from tests.certificates import make_certificates
from tests.ci.apis import TOKEN, FakeApi, github, github_job
from tests.fake_registry import fake_registry
from tests.policies import write_policy
from tests.workspace import Ran, Workspace

WANTS = """
jobs_succeeded: {required: [build, test], reported: true}
"""
RUNNER = "runner of Publish"


def listing(*jobs: dict[str, Any], counts: int | None = None, at_work: bool = True, **own: Any) -> Change:
    """The API lists these jobs, and the one that pushes."""

    def change(place: Workspace) -> None:
        said = [*jobs, github_job("Publish", None if at_work else "success", runner_name=RUNNER, **own)]
        (place.folder.parent / "jobs.json").write_text(json.dumps({"jobs": said, "counts": counts}))

    return change


def push_asking(place: Workspace) -> Ran:
    """`push` that asks an API which lists what was prepared."""
    kept = json.loads((place.folder.parent / "jobs.json").read_text())
    commit = place.environ["GITHUB_SHA"]
    jobs = [{**job, "head_sha": job["head_sha"].replace("1" * 40, commit)} for job in kept["jobs"]]
    api: FakeApi = github(jobs, "example/status-page")
    api.counts = kept["counts"]
    policy = write_policy(place.folder.parent / "policy", {}, settings=WANTS)
    pki = place.folder.parent / "pki"
    pki.mkdir()
    certificates = make_certificates(pki)
    with fake_registry(api, certificates) as server:
        given = {"RUNNER_NAME": RUNNER, "PUSHPOLICY_JOBS_TOKEN": TOKEN}
        place = place.with_variables(**{**given, **place.environ})
        asking = ("--jobs", f"https://{server.host}", "--ca-file", str(certificates.authority))
        return place.push("--policy", "pack", "--policy", policy, *asking)


GOOD = listing(github_job("build"), github_job("test"))


def lists(name: str, says: str, *jobs: dict[str, Any], **changed: Any) -> Attack:
    """The API lists others."""
    return Attack(name=name, prepare=GOOD, strike=listing(*jobs, **changed), run=push_asking, says=says)


def sets(name: str, says: str, code: int = errors.EXIT_DENIED, **variables: str) -> Attack:
    """An earlier step sets variables."""
    return Attack(
        name=name,
        prepare=GOOD,
        strike=lambda place: place.with_variables(**variables),
        run=push_asking,
        code=code,
        says=says,
    )


def names_authorities(place: Workspace) -> Workspace:
    """An earlier step says whom to trust."""
    (folder := place.folder.parent / "theirs").mkdir()
    return place.with_variables(SSL_CERT_FILE=str(make_certificates(folder).authority))


BUILD, TEST = github_job("build"), github_job("test")
ROWS = [
    lists("pushes after a job failed", "test failed", BUILD, github_job("test", "failure")),
    lists("pushes after a job was skipped", "test did not run", BUILD, github_job("test", "skipped")),
    lists("calls the result of a job neutral", "test did not run", BUILD, github_job("test", "neutral")),
    lists("pushes while a job is at work", "test did not run", BUILD, github_job("test", None)),
    lists("pushes without a job", "test is not told of", BUILD),
    lists(
        "lists a job that failed beside its second try",
        "test failed",
        BUILD,
        TEST,
        github_job("test", "failure", id=5),
    ),
    lists("leaves a job out of the list", f"{NO_CI}--jobs: the API tells of 4 jobs", BUILD, TEST, counts=4),
    lists("lists the jobs of another run", f"{NO_CI}run.id", BUILD, TEST, run_id=2),
    lists("lists the jobs of another commit", f"{NO_CI}commit", BUILD, TEST, head_sha="2" * 40),
    lists("lists the jobs of another branch", f"{NO_CI}ref", BUILD, TEST, head_branch="x"),
    lists("lists a run that has ended", "0 jobs are at work on this runner", BUILD, TEST, at_work=False),
    sets("names another run", "answered 404 Not Found", GITHUB_RUN_ID="2"),
    sets("names another attempt", "answered 404 Not Found", GITHUB_RUN_ATTEMPT="2"),
    sets(
        "hands results over beside the API",
        "PUSHPOLICY_JOBS is set too",
        errors.EXIT_USAGE,
        PUSHPOLICY_JOBS="{}",
    ),
    sets("takes the token away", "is not set", errors.EXIT_USAGE, PUSHPOLICY_JOBS_TOKEN=""),
    Attack(
        name="names the authorities that the API is verified by",
        prepare=GOOD,
        strike=names_authorities,
        run=push_asking,
        says="the CI system's own API did not tell of the jobs",
    ),
]
