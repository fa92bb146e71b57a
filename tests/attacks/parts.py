"""Who brings a scan or a test result that another job may bring: by a part, its token, or none.

The policy of the command line lets one workflow bring scans and tests, by its commit. Its trust.yaml names an
issuer by a file of keys, with which the honest part is signed here as its job would have it signed.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pushpolicy import errors
from pushpolicy.gather.parts import LIST, TOKEN
from tests.attacks.table import Attack, Change
from tests.issuer import LocalIssuer, jwk, rsa_key, token
from tests.parts import audience_of, listing, members, with_report, with_token
from tests.policies import write_policy
from tests.workspace import JUNIT, Ran, Workspace

ISSUER = "https://ci.example"
SCANS, PINNED = "example/ci/.github/workflows/scan.yml", "8f14e45fceea167a5a36dedd4bea2543a5c1f6b1"
TRUST = json.dumps({"issuers": {"ci": {"issuer": ISSUER, "system": "github-actions", "jwks": "ci.jwks"}}})
ALLOWED = {"path": SCANS, "at": PINNED, "brings": ["scans", "tests"]}
PART, OTHER = "scan.part", "other.part"
HOUR = 3600
FEWER = JUNIT.replace('tests="2"', 'tests="1"').replace(
    '<testcase classname="test_status" name="test_ping" time="0.02"/>', ""
)


def signed(place: Workspace, audience: str, **changes: Any) -> str:
    """A token of the job that scans, as the issuer signs it."""
    environ = place.environ
    claims = {
        "repository": environ["GITHUB_REPOSITORY"],
        "repository_id": environ["GITHUB_REPOSITORY_ID"],
        "ref": environ["GITHUB_REF"],
        "ref_type": environ["GITHUB_REF_TYPE"],
        "sha": environ["GITHUB_SHA"],
        "event_name": environ["GITHUB_EVENT_NAME"],
        "run_id": environ["GITHUB_RUN_ID"],
        "run_attempt": environ["GITHUB_RUN_ATTEMPT"],
        "job_workflow_ref": f"{SCANS}@refs/heads/main",
        "job_workflow_sha": PINNED,
    }
    return LocalIssuer(url=ISSUER, claims=claims).token(audience, **changes)


def written(place: Workspace, name: str, file: str) -> Path:
    """A part of all reports of the place, without a token."""
    ran = place.run("gather", "--part", name, "-o", file)
    assert ran.code == errors.EXIT_OK, ran.err
    return place.folder / file


def handed_over(place: Workspace) -> Workspace:
    """The job that scans wrote its part, and the one that pushes has no reports of its own."""
    place = place.with_variables(GITHUB_REPOSITORY_ID="4711")
    part = written(place, "scan", PART)
    with_token(part, signed(place, audience_of(part)))
    (place.folder / "reports").rename(place.folder.parent / "reports")
    folder = place.folder.parent / "policy"
    settings = json.dumps({"parts_trusted": {"jobs": [ALLOWED]}})
    write_policy(folder, {}, settings=settings, trust=TRUST)
    (folder / "ci.jwks").write_text(json.dumps({"keys": [jwk(rsa_key())]}))
    return place


def push_parts(place: Workspace) -> Ran:
    """`push` with every part that lies there."""
    policy = str(place.folder.parent / "policy")
    return place.push("--policy", "pack", "--policy", policy, "--part", "*.part")


def of(says: str, name: str, strike: Change, code: int = errors.EXIT_DENIED) -> Attack:
    return Attack(name=name, prepare=handed_over, strike=strike, run=push_parts, says=says, code=code)


def claims(name: str, says: str, **changes: Any) -> Attack:
    """Carries a token of the right issuer and for this part that says something else."""

    def strike(place: Workspace) -> None:
        part = place.folder / PART
        with_token(part, signed(place, audience_of(part), **changes))

    return of(says, name, strike)


def tokened(name: str, says: str, value: str | None) -> Attack:
    return of(says, name, lambda place: with_token(place.folder / PART, value))


def own_report(place: Workspace) -> None:
    """The job that pushes has a report of its own."""
    place.write("reports/junit.xml", FEWER)


def of_another(place: Workspace) -> Path:
    """The part of another job, which has the same reports."""
    reports, kept = place.folder / "reports", place.folder.parent / "reports"
    kept.rename(reports)
    part = written(place, "other", OTHER)
    reports.rename(kept)
    return part


def another(place: Workspace) -> None:
    """Another job wrote a part, of which the token is its own."""
    part = of_another(place)
    workflow = "example/ci/.github/workflows/lint.yml@refs/heads/main"
    with_token(part, signed(place, audience_of(part), job_workflow_ref=workflow))


def by_token_of_scan(place: Workspace) -> None:
    """Another job wrote a part, and took the token out of the one of the job that scans."""
    with_token(of_another(place), members(place.folder / PART)[TOKEN].decode())


def fewer_tests(place: Workspace) -> None:
    """A report in the part was changed, and the list with it."""
    content = members(place.folder / PART)
    listed = json.loads(content[LIST])["files"]
    assert any(each["path"] == "reports/junit.xml" for each in listed)
    with_report(place.folder / PART, FEWER.encode())


def listed(**changes: Any) -> Change:
    return lambda place: listing(place.folder / PART, lambda value: value.update(changes))


def by_another_key(place: Workspace) -> None:
    part, now = place.folder / PART, int(time.time())
    said: Mapping[str, Any] = {"iss": ISSUER, "sub": "x", "iat": now, "exp": now + 60}
    with_token(part, token({**said, "aud": audience_of(part)}, rsa_key("theirs")))


NO_TOKEN = "it carries no identity token of its job"
FOR_ANOTHER = "not for pushpolicy-part:sha256:"
NOW = int(time.time())
PAST = {"iat": NOW - 2 * HOUR, "nbf": NOW - 2 * HOUR, "exp": NOW - HOUR}
ROWS = [
    tokened("takes the token out of a part", NO_TOKEN, None),
    tokened("carries something else in its place", "the token's header", "x.y.z"),
    of("signature does not verify", "signs for itself", by_another_key),
    of(FOR_ANOTHER, "changes a report in a part, and the list with it", fewer_tests),
    of(FOR_ANOTHER, "renames a part", listed(name="unit")),
    of(FOR_ANOTHER, "hides that a job could not read a report", listed(problems={"tests": ["x"]})),
    of("it is of run 2, and this is 1", "has a part say another run", listed(run="2"), errors.EXIT_INPUT),
    of("came with no part", "leaves a report in the checkout of the job that pushes", own_report),
    of("workflows/lint.yml", "brings the scan of a job that may bring none", another),
    of(FOR_ANOTHER, "takes the token of the job that scans", by_token_of_scan),
    claims("carries the token of the job that scans for its own push", FOR_ANOTHER, aud="pushpolicy"),
    claims("carries a token for a cloud", FOR_ANOTHER, aud="sts.amazonaws.com"),
    claims("carries a token for several", FOR_ANOTHER, aud=["pushpolicy", "sts.amazonaws.com"]),
    claims("carries one of an earlier run", "its token is of run.id 2, and this run's is 1", run_id="2"),
    claims("carries one of another attempt", "its token is of run.attempt 2", run_attempt="2"),
    claims("carries one of another repository of that name", "repository_id 4712", repository_id="4712"),
    claims("carries one of another commit", "its token is of commit 22222", sha="2" * 40),
    claims("carries one of a pull request's target", "default branch", event_name="pull_request_target"),
    claims("carries one that says no commit", "does not say commit", sha=None),
    claims("carries one that has ended", "the token expired", **PAST),
    claims("carries one that lives for years", "are believed", exp=NOW + 10**8),
    claims("carries one of another issuer", "is not trusted", iss="https://theirs.example"),
    claims(
        "has another workflow",
        "workflows/x.yml",
        job_workflow_ref="example/x/.github/workflows/x.yml@refs/tags/v1",
    ),
    claims("has the workflow at another commit", "at 22222", job_workflow_sha="2" * 40),
    claims("has the workflow of a branch", "at refs/heads/main", job_workflow_sha=None),
    claims("says no workflow", "no token says what defines its job", job_workflow_ref=None),
]
