"""The APIs that tell how the jobs before ended: what is asked, what is made of it, and hostile answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from pushpolicy.errors import UsageError
from pushpolicy.gather.ci import evidence
from pushpolicy.gather.ci.jobs import Asking
from pushpolicy.gather.secrets.search import secret_values
from pushpolicy.http.settings import Settings
from pushpolicy.model.evidence import CiEvidence
from tests.certificates import make_certificates
from tests.ci.apis import COMMIT, TOKEN, FakeApi, github, github_job, gitlab, gitlab_job
from tests.fake_registry import Answered, Asked, fake_registry

QUICK = Settings(attempts=2, first_pause=0.01, connect_timeout=2, read_timeout=1, total_timeout=3)
GITHUB = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_EVENT_NAME": "push",
    "GITHUB_REPOSITORY": "o/r",
    "GITHUB_REF": "refs/heads/main",
    "GITHUB_SHA": COMMIT,
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_API_URL": "https://api.github.com",
    "GITHUB_RUN_ID": "1",
    "GITHUB_RUN_ATTEMPT": "1",
    "GITHUB_JOB": "publish",
    "RUNNER_NAME": "runner of Publish",
    "PUSHPOLICY_JOBS_TOKEN": TOKEN,
}
GITLAB = {
    "GITLAB_CI": "true",
    "CI_PIPELINE_SOURCE": "push",
    "CI_PROJECT_PATH": "team/app",
    "CI_PROJECT_ID": "1",
    "CI_COMMIT_BRANCH": "main",
    "CI_COMMIT_SHA": COMMIT,
    "CI_PIPELINE_ID": "7",
    "CI_JOB_ID": "70",
    "CI_JOB_NAME": "publish",
    "CI_SERVER_URL": "https://gitlab.com",
    "CI_API_V4_URL": "https://gitlab.com/api/v4",
    "PUSHPOLICY_JOBS_TOKEN": TOKEN,
}
OWN = github_job("Publish", None)
OWN_AT_GITLAB = gitlab_job("publish", "running", id=70)
Answer = Callable[[Asked], Answered]


@pytest.fixture(autouse=True)
def _authorities(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the system: with a variable's, nothing is better than asserted."""
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)


def asked(answer: Answer, environ: Mapping[str, str], path: str = "") -> CiEvidence:
    """The evidence of a job that asks this server."""
    with fake_registry(answer) as server:
        return evidence(environ, None, Asking(address=f"http://{server.host}{path}", settings=QUICK))


def at_github(*jobs: dict[str, Any], **variables: str) -> CiEvidence:
    return asked(github((*jobs, OWN)), GITHUB | variables)


def at_gitlab(*jobs: dict[str, Any], bridges: tuple[dict[str, Any], ...] = ()) -> CiEvidence:
    return asked(gitlab((*jobs, OWN_AT_GITLAB), bridges), GITLAB, "/api/v4")


@pytest.mark.parametrize(
    ("job", "result"),
    [
        (github_job("x"), "success"),
        *(
            (github_job("x", word), "failure")
            for word in ("failure", "timed_out", "action_required", "stale")
        ),
        (github_job("x", "startup_failure"), "failure"),
        (github_job("x", "cancelled"), "cancelled"),
        (github_job("x", "skipped"), "skipped"),
        (github_job("x", "neutral"), "skipped"),
        (github_job("x", "a word that is new"), "failure"),
        (github_job("x", "success", status="a state that is new"), "failure"),
        (github_job("x", None, status="completed"), "failure"),
        *((github_job("x", None, status=word), "skipped") for word in ("queued", "in_progress", "waiting")),
        (github_job("x", "success", status="in_progress"), "skipped"),
        *((github_job("x", None, status=word), "skipped") for word in ("pending", "requested")),
    ],
)
def test_the_words_of_github(job: dict[str, Any], result: str) -> None:
    assert at_github(job).jobs == {"x": result}


@pytest.mark.parametrize(
    ("status", "result"),
    [
        ("success", "success"),
        ("failed", "failure"),
        ("canceled", "cancelled"),
        ("canceling", "cancelled"),
        *((word, "skipped") for word in ("skipped", "manual", "created", "pending", "running", "scheduled")),
        *((word, "skipped") for word in ("preparing", "waiting_for_resource", "waiting_for_callback")),
        ("a word that is new", "failure"),
    ],
)
def test_the_words_of_gitlab(status: str, result: str) -> None:
    assert at_gitlab(gitlab_job("x", status)).jobs == {"x": result}


@pytest.mark.parametrize(
    ("own", "below", "result"),
    [
        ("success", {"status": "success"}, "success"),
        ("success", {"status": "failed"}, "failure"),
        ("success", {"status": "running"}, "skipped"),
        ("success", None, "skipped"),
        ("failed", {"status": "success"}, "failure"),
    ],
)
def test_a_pipeline_that_a_job_starts_counts_too(own: str, below: Any, result: str) -> None:
    found = at_gitlab(gitlab_job("build"), bridges=(gitlab_job("child", own, downstream_pipeline=below),))
    assert found.jobs == {"build": "success", "child": result}


def test_the_worst_of_several_jobs_of_one_name_counts() -> None:
    found = at_github(github_job("x", "failure", id=1), github_job("x", id=2))
    assert (found.jobs, found.jobs_told) == ({"x": "failure"}, 1)


def test_the_own_job_is_left_out_and_no_other_that_is_at_work() -> None:
    assert at_github(github_job("later", None)).jobs == {"later": "skipped"}
    assert at_gitlab(gitlab_job("publish", "running", id=71)).jobs == {"publish": "skipped"}


@pytest.mark.parametrize("number", [0, 29, 30, 31, 95])
def test_all_pages_are_read(number: int) -> None:
    names = [f"job {index}" for index in range(number)]
    assert at_github(*map(github_job, names)).jobs == dict.fromkeys(names, "success")
    assert at_gitlab(*map(gitlab_job, names)).jobs == dict.fromkeys(names, "success")


def changed(**fields: Any) -> tuple[dict[str, Any], ...]:
    return github_job("x"), OWN | fields


def fake(api: FakeApi, **fields: Any) -> FakeApi:
    for name, value in fields.items():
        setattr(api, name, value)
    return api


def redirected(_: Asked) -> Answered:
    return Answered(status=302, headers={"Location": "https://elsewhere.example/jobs"})


def saying(body: bytes) -> Answer:
    return lambda _: Answered(body=body)


def endless(asked: Asked) -> Answered:
    number = int(asked.path.rpartition("page=")[2])
    page = [github_job(f"{number} {index}", id=number * 1000 + index) for index in range(30)]
    return Answered(body=json.dumps({"total_count": 999, "jobs": page}).encode())


def growing(asked: Asked) -> Answered:
    number = int(asked.path.rpartition("page=")[2])
    page = [gitlab_job(f"{number} {index}", id=number * 1000 + index) for index in range(50)]
    return Answered(body=json.dumps(page).encode())


def repeating(_: Asked) -> Answered:
    return Answered(body=json.dumps({"total_count": 90, "jobs": [github_job("x")] * 1}).encode())


LISTED = json.dumps({"total_count": 2, "jobs": [github_job("x"), OWN]})
REFUSED = "the token needs the permission `actions: read`"
HOSTILE: dict[str, tuple[Answer, str]] = {
    "another run's jobs": (github(changed(run_id=2)), "run.id: this job says 1, the API says 2"),
    "another commit's": (github(changed(head_sha="2" * 40)), f"commit: this job says {COMMIT}"),
    "another branch's": (github(changed(head_branch="x")), "ref: this job says main, the API says x"),
    "this job is not at work": (github(changed(status="completed")), "0 jobs are at work on this runner"),
    "this job is on another runner": (github(changed(runner_name="x")), "0 jobs are at work"),
    "this job twice": (github((OWN, OWN | {"id": 5})), "2 jobs are at work on this runner"),
    "no jobs": (github(()), "0 jobs are at work"),
    "fewer than it tells": (fake(github((OWN,)), counts=2), "tells of 2 jobs and lists 1"),
    "more than it tells": (fake(github(changed()), counts=1), "tells of 1 jobs and lists 2"),
    "over a thousand": (fake(github((OWN,)), counts=1001), "over 1000 jobs"),
    "one page for ever": (repeating, "lists a job twice"),
    "pages without end": (endless, "over 1000 jobs"),
    "a redirect": (redirected, "redirects to https://elsewhere.example/jobs, which is not followed"),
    "401": (fake(github(()), status=401), f"answered 401 Unauthorized; {REFUSED}"),
    "403": (fake(github(()), status=403), f"answered 403 Forbidden; {REFUSED}"),
    "404": (fake(github(()), status=404), f"answered 404 Not Found; {REFUSED}"),
    "410": (fake(github(()), status=410), "answered 410 Gone"),
    "502": (fake(github(()), status=502), "answered 502 Bad Gateway"),
    "a page of text": (saying(b"<html>"), "the answer is not strict JSON"),
    "a duplicate key": (saying(LISTED.replace('"id"', '"id": 1, "id"', 1).encode()), "not strict JSON"),
    "NaN": (saying(b'{"total_count": NaN, "jobs": []}'), "not strict JSON"),
    "another shape": (saying(b"[]"), "the answer is none of its API"),
    "a text for a number": (saying(b'{"total_count": "2", "jobs": []}'), "the answer is none of its API"),
    "a job without a status": (saying(b'{"total_count": 1, "jobs": [{"id": 1}]}'), "none of its API"),
    "over the limit": (saying(b'"' + b"x" * 2**20 + b'"'), "the answer is over the limit"),
    "a name with what does not show": (github((github_job("bu\u200bild"), OWN)), "U+200B"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_an_answer_that_does_not_hold_has_failed(name: str) -> None:
    answer, says = HOSTILE[name]
    found = asked(answer, GITHUB)
    assert (found.status, found.jobs) == ("failed", None)
    assert says in str(found.reason)
    assert TOKEN not in str(found)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (gitlab((OWN_AT_GITLAB | {"status": "success"},)), "no job at work that is this one"),
        (gitlab((gitlab_job("publish", "running"),)), "no job at work that is this one"),
        (growing, "over 1000 jobs"),
        (gitlab((OWN_AT_GITLAB, gitlab_job("x"), gitlab_job("x"))), "lists a job twice"),
        (
            gitlab((OWN_AT_GITLAB | {"pipeline": {"id": 7, "ref": "main", "sha": "2" * 40}},)),
            f"commit: this job says {COMMIT}, the API says {'2' * 40}",
        ),
        (
            gitlab((OWN_AT_GITLAB,), [gitlab_job("x", pipeline={"id": 8, "ref": "main", "sha": COMMIT})]),
            "run.id: this job says 7, the API says 8",
        ),
        (
            gitlab((OWN_AT_GITLAB | {"pipeline": {"id": 7, "ref": "x", "sha": COMMIT}},)),
            "ref: this job says main, the API says x",
        ),
        (
            fake(gitlab(()), status=403),
            "the token needs the scope `read_api` (CI_JOB_TOKEN may not list jobs)",
        ),
        (fake(gitlab(()), lists={"jobs": [OWN_AT_GITLAB]}), "bridges: the server answered 404"),
    ],
)
def test_an_answer_of_gitlab_that_does_not_hold_has_failed(answer: Answer, says: str) -> None:
    found = asked(answer, GITLAB, "/api/v4")
    assert (found.status, found.jobs) == ("failed", None)
    assert says in str(found.reason)


def test_a_run_of_no_branch_names_none() -> None:
    assert asked(github(changed(head_branch=None)), GITHUB).jobs == {"x": "success"}


def test_a_run_of_a_tag_is_of_its_name() -> None:
    tag = GITHUB | {"GITHUB_REF": "refs/tags/v1"}
    assert asked(github(changed(head_branch="v1")), tag).jobs == {"x": "success"}
    assert asked(github(changed()), tag).status == "failed"


def test_a_run_of_a_pull_request_is_of_the_commit_that_is_proposed(tmp_path: Path) -> None:
    event = tmp_path / "event.json"
    sides = {"head": {"ref": "x", "sha": "2" * 40}, "base": {"ref": "main"}}
    event.write_text(json.dumps({"pull_request": {"number": 5, **sides}}))
    environ = GITHUB | {"GITHUB_EVENT_NAME": "pull_request", "GITHUB_REF": "refs/pull/5/merge"}
    environ["GITHUB_EVENT_PATH"] = str(event)
    assert asked(github(changed(head_sha="2" * 40, head_branch="x")), environ).jobs == {"x": "success"}
    assert asked(github(changed()), environ).status == "failed"


def test_a_server_that_is_silent_ends() -> None:
    with fake_registry(lambda _: Answered(body=b"{}", length=100), takes=None) as server:
        found = evidence(GITHUB, None, Asking(address=f"http://{server.host}", settings=QUICK))
    assert (found.status, found.jobs) == ("failed", None)


@pytest.mark.parametrize(
    "variables",
    [
        {"GITHUB_RUN_ID": "1/../../2"},
        {"GITHUB_RUN_ID": ""},
        {"GITHUB_RUN_ATTEMPT": ""},
        {"GITHUB_REPOSITORY": "o/r/../x"},
        {"GITHUB_REPOSITORY": "o/r?x"},
    ],
)
def test_no_variable_leads_to_another_path(variables: dict[str, str]) -> None:
    found = at_github(**variables)
    assert found.status == "failed"
    assert "do not name repository, run and attempt" in str(found.reason)


@pytest.mark.parametrize("name", ["CI_PIPELINE_ID", "CI_PROJECT_ID", "CI_JOB_ID"])
@pytest.mark.parametrize("value", ["7/../8", "7?x", ""])
def test_no_variable_of_gitlab_leads_to_another_path(name: str, value: str) -> None:
    with fake_registry(gitlab((OWN_AT_GITLAB,))) as server:
        asking = Asking(address=f"http://{server.host}/api/v4", settings=QUICK)
        found = evidence({**GITLAB, name: value}, None, asking)
    assert (found.status, server.asked) == ("failed", [])
    assert "do not name project, run and job" in str(found.reason)


@pytest.mark.parametrize("by_variable", [False, True])
def test_over_tls_from_an_address_of_the_command_line_it_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by_variable: bool
) -> None:
    certificates = make_certificates(tmp_path)
    if by_variable:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificates.authority))
    settings = Settings(ca_file=certificates.authority)
    with fake_registry(github((github_job("build"), OWN)), certificates) as server:
        address = f"https://{server.host}"
        found = evidence(GITHUB, None, Asking(address=address, settings=settings))
    assert found.trust is not None
    assert (found.jobs, found.jobs_from) == ({"build": "success"}, address)
    assert found.trust["jobs"] == found.trust["jobs_told"] == ("asserted" if by_variable else "reported")
    assert found.trust["branch"] == "asserted"


def test_in_clear_it_is_asserted() -> None:
    found = at_github(github_job("build"))
    assert found.trust is not None
    assert (found.status, found.trust["jobs"]) == ("collected", "asserted")


def test_a_server_that_variables_name_is_asserted(tmp_path: Path) -> None:
    certificates = make_certificates(tmp_path)
    with fake_registry(github((github_job("build"), OWN)), certificates) as server:
        address = f"https://{server.host}"
        environ = GITHUB | {"GITHUB_SERVER_URL": address, "GITHUB_API_URL": address}
        settings = Settings(ca_file=certificates.authority)
        found = evidence(environ, None, Asking(settings=settings))
    assert found.trust is not None
    assert (found.jobs, found.trust["jobs"]) == ({"build": "success"}, "asserted")


@pytest.mark.parametrize(
    ("environ", "says"),
    [
        (GITHUB | {"GITHUB_API_URL": "https://evil.example"}, "no token is sent there"),
        (GITHUB | {"GITHUB_API_URL": "https://github.com.evil.example"}, "no token is sent there"),
        (GITHUB | {"GITHUB_API_URL": "https://github.com@evil.example"}, "no token is sent there"),
        (GITHUB | {"GITHUB_API_URL": "http://api.github.com"}, "no token is sent there"),
        (GITHUB | {"GITHUB_API_URL": "https://api.github.com:8443"}, "no token is sent there"),
        (GITHUB | {"GITHUB_API_URL": ""}, "GITHUB_API_URL is not set"),
        (GITLAB | {"CI_API_V4_URL": "https://evil.example/api/v4"}, "no token is sent there"),
        (
            GITLAB | {"CI_API_V4_URL": "https://evil.example/", "CI_SERVER_URL": "https://evil.example"},
            "an earlier job can set CI_API_V4_URL",
        ),
        (GITHUB | {"PUSHPOLICY_JOBS_TOKEN": ""}, "PUSHPOLICY_JOBS_TOKEN or GITHUB_TOKEN is not set"),
        (GITLAB | {"PUSHPOLICY_JOBS_TOKEN": "", "CI_JOB_TOKEN": "x"}, "PUSHPOLICY_JOBS_TOKEN is not set"),
        (GITHUB | {"PUSHPOLICY_JOBS_TOKEN": "a\r\nHost: b"}, "holds what no token holds"),
        (GITHUB | {"PUSHPOLICY_JOBS": "{}"}, "PUSHPOLICY_JOBS is set too"),
        ({"JENKINS_URL": "https://j.example/", "BUILD_ID": "7"}, "the API of Jenkins is not known"),
    ],
)
def test_nothing_is_asked_where_it_must_not_be(environ: dict[str, str], says: str) -> None:
    set_ones = {name: value for name, value in environ.items() if value}
    with pytest.raises(UsageError, match=says) as caught:
        evidence(set_ones, None, Asking())
    assert caught.value.hint
    assert TOKEN not in str(caught.value) + str(caught.value.hint)


def test_the_job_s_own_token_is_for_its_own_server_only() -> None:
    environ = GITHUB | {"GITHUB_TOKEN": TOKEN, "PUSHPOLICY_JOBS_TOKEN": ""}
    with fake_registry(github((OWN,))) as server:
        address = f"http://{server.host}"
        with pytest.raises(UsageError, match="PUSHPOLICY_JOBS_TOKEN is not set"):
            evidence(environ, None, Asking(address=address, settings=QUICK))
        assert server.asked == []
        own = environ | {"GITHUB_SERVER_URL": address}
        assert evidence(own, None, Asking(address=address, settings=QUICK)).jobs == {}


def test_what_is_asked_of_github_and_of_gitlab() -> None:
    with fake_registry(github((OWN,), attempt=2)) as server:
        asking = Asking(address=f"http://{server.host}", settings=QUICK)
        assert evidence(GITHUB | {"GITHUB_RUN_ATTEMPT": "2"}, None, asking).jobs == {}
    (one,) = server.asked
    assert (one.method, one.headers["X-GitHub-Api-Version"]) == ("GET", "2022-11-28")
    with fake_registry(gitlab((OWN_AT_GITLAB,))) as server:
        asking = Asking(address=f"http://{server.host}/api/v4/", settings=QUICK)
        assert evidence(GITLAB, None, asking).jobs == {}
    assert all("include_retried=false" in each.path for each in server.asked)


def test_the_token_is_a_secret_of_the_run() -> None:
    assert secret_values({"PUSHPOLICY_JOBS_TOKEN": TOKEN}) == {TOKEN: "the variable PUSHPOLICY_JOBS_TOKEN"}
