"""GitHub Actions: events, refs, pull requests, and what an untrusted trigger is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pushpolicy.gather.ci import evidence
from pushpolicy.model.evidence import CiEvidence
from tests.unit.gather.samples import COMMIT

PUSH = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_EVENT_NAME": "push",
    "GITHUB_REPOSITORY": "o/r",
    "GITHUB_REF": "refs/heads/main",
    "GITHUB_SHA": COMMIT,
    "GITHUB_REF_PROTECTED": "true",
    "GITHUB_ACTOR": "someone",
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_RUN_ID": "7",
    "GITHUB_RUN_ATTEMPT": "2",
    "GITHUB_JOB": "publish",
}


def event_file(folder: Path, content: Any) -> dict[str, str]:
    path = folder / "event.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return {"GITHUB_EVENT_PATH": str(path)}


def pull_request(head: str | None, base: str = "o/r") -> dict[str, Any]:
    repo = {"full_name": head} if head else None
    sides = {"head": {"ref": "feature", "repo": repo}, "base": {"ref": "main", "repo": {"full_name": base}}}
    return {"pull_request": {"number": 5} | sides}


def test_outside_of_ci_it_is_missing() -> None:
    found = evidence({"PATH": "/bin"})
    assert (found.status, bool(found.reason)) == ("missing", True)


def test_a_push() -> None:
    found = evidence(PUSH)
    assert (found.status, found.provider, found.event, found.branch) == (
        "collected",
        "github-actions",
        "push",
        "main",
    )
    assert (found.commit, found.ref_protected, found.actor, found.job) == (COMMIT, True, "someone", "publish")
    assert found.run is not None
    assert (found.run.url, found.run.attempt) == ("https://github.com/o/r/actions/runs/7", 2)
    assert found.tag is None


def test_every_field_that_is_known_is_asserted() -> None:
    found = evidence(PUSH)
    assert found.trust is not None
    assert set(found.trust.values()) == {"asserted"}
    assert {"commit", "event", "branch"} <= set(found.trust)
    assert "tag" not in found.trust


@pytest.mark.parametrize(
    ("name", "ref", "event", "untrusted"),
    [
        ("push", "refs/tags/v1", "tag", False),
        ("release", "refs/tags/v1", "tag", False),
        ("schedule", "refs/heads/main", "schedule", False),
        ("workflow_dispatch", "refs/heads/main", "manual", False),
        ("merge_group", "refs/heads/gh-readonly-queue/main/pr-1", "merge_queue", False),
        ("repository_dispatch", "refs/heads/main", "other", False),
        ("create", "refs/tags/v1", "other", False),
        ("workflow_run", "refs/heads/main", "other", True),
        ("issue_comment", "refs/heads/main", "other", True),
        ("issues", "refs/heads/main", "other", True),
        ("discussion_comment", "refs/heads/main", "other", True),
        ("something_new", "refs/heads/main", "other", False),
    ],
)
def test_events(name: str, ref: str, event: str, untrusted: bool) -> None:
    found = evidence(PUSH | {"GITHUB_EVENT_NAME": name, "GITHUB_REF": ref})
    assert (found.event, found.event_raw) == (event, name)
    assert found.untrusted_trigger == (name if untrusted else None)


@pytest.mark.parametrize("name", ["pull_request", "pull_request_target"])
@pytest.mark.parametrize(("head", "fork"), [("o/r", False), ("stranger/r", True), (None, True)])
def test_pull_requests(tmp_path: Path, name: str, head: str | None, fork: bool) -> None:
    environ = PUSH | {"GITHUB_EVENT_NAME": name, "GITHUB_REF": "refs/pull/5/merge"}
    found = evidence(environ | event_file(tmp_path, pull_request(head)))
    assert found.pull_request is not None
    assert (found.event, found.branch) == ("pull_request", None)
    assert (found.pull_request.from_fork, found.pull_request.number) == (fork, 5)
    assert (found.pull_request.head, found.pull_request.base) == ("feature", "main")
    assert found.untrusted_trigger == (name if name.endswith("target") else None)


@pytest.mark.parametrize(
    "content", [None, "", "{", "[]", "{}", '{"pull_request": 5}', '{"pull_request": {}}', "NaN"]
)
def test_a_pull_request_of_unknown_origin_has_failed(tmp_path: Path, content: str | None) -> None:
    file = {} if content is None else event_file(tmp_path, content)
    found = evidence(PUSH | {"GITHUB_EVENT_NAME": "pull_request"} | file)
    assert (found.status, "the event file" in str(found.reason)) == ("failed", True)


def test_the_default_branch_comes_from_the_event_file(tmp_path: Path) -> None:
    found = evidence(PUSH | event_file(tmp_path, {"repository": {"default_branch": "trunk"}}))
    assert found.default_branch == "trunk"
    assert evidence(PUSH | event_file(tmp_path, "{")).default_branch is None


@pytest.mark.parametrize(
    "fields", [{"GITHUB_EVENT_NAME": ""}, {"GITHUB_SHA": "main"}, {"GITHUB_SHA": "abc123"}]
)
def test_what_contradicts_itself_has_failed(fields: dict[str, str]) -> None:
    assert evidence(PUSH | fields).status == "failed"


def test_values_that_are_not_utf8_are_carried_through() -> None:
    found: CiEvidence = evidence(PUSH | {"GITHUB_ACTOR": "a\udcff"})
    assert found.actor == "a\\udcff"


@pytest.mark.parametrize(
    ("fields", "content", "says"),
    [
        (
            {},
            {"ref": "refs/heads/x"},
            "ref: GITHUB_REF says refs/heads/main, event file: ref says refs/heads/x",
        ),
        ({}, {"after": "2" * 40}, f"commit: GITHUB_SHA says {COMMIT}, event file: after says {'2' * 40}"),
        ({}, {"repository": {"full_name": "a/b"}}, "event file: repository.full_name says a/b"),
        (
            {},
            pull_request("o/r"),
            "event: GITHUB_EVENT_NAME says push, event file: pull_request says pull_request",
        ),
        ({}, {"workflow_run": {}}, "event file: workflow_run says workflow_run"),
        ({"GITHUB_REF_TYPE": "tag"}, {}, "ref_type: GITHUB_REF_TYPE says tag, GITHUB_REF says branch main"),
        ({"GITHUB_REF_TYPE": "branch", "GITHUB_REF_NAME": "x"}, {}, "GITHUB_REF_NAME says x"),
        (
            {"GITHUB_EVENT_NAME": "release"},
            {"release": {"tag_name": "v1"}},
            "ref: GITHUB_REF says branch main, event file: release.tag_name says tag v1",
        ),
        (
            {"GITHUB_EVENT_NAME": "merge_group"},
            {"merge_group": {"head_sha": "2" * 40}},
            "event file: merge_group.head_sha",
        ),
        ({}, '{"ref": "refs/heads/x", "ref": "refs/heads/main"}', "occurs twice"),
        ({}, '{"repository": {"full_name": "a/b", "full_name": "o/r"}}', "occurs twice"),
    ],
)
def test_what_two_sources_say_differently_has_failed(
    tmp_path: Path, fields: dict[str, str], content: Any, says: str
) -> None:
    found = evidence(PUSH | fields | event_file(tmp_path, content))
    assert found.status == "failed"
    assert says in str(found.reason)
    if found.contradictions:
        assert all(len(each.sides) == 2 for each in found.contradictions)


@pytest.mark.parametrize("name", ["GITHUB_REF", "GITHUB_REPOSITORY"])
@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("refs/heads/ma\u200bin", "a character that does not show, U+200B"),
        ("refs/heads/\u202emain", "a character that does not show, U+202E"),
        ("refs/heads/m\u0430in", "mixes letters that look alike (Cyrillic And Latin): refs"),
        ("refs/heads/\uff4dain", "holds characters that are written like others"),
        ("refs/heads/main\u00a0", "a character that does not show, U+00A0"),
    ],
)
def test_a_name_that_looks_like_another_has_failed(name: str, said: str, why: str) -> None:
    found = evidence(PUSH | {name: said})
    assert (found.status, str(found.reason).isascii()) == ("failed", True)
    assert why.partition(":")[0] in str(found.reason)


def test_names_of_other_languages_are_names() -> None:
    for name in ("größe", "ветка", "fix-ветка", "分支"):
        assert evidence(PUSH | {"GITHUB_REF": f"refs/heads/{name}"}).branch == name


def test_a_release_is_of_its_tag_where_no_ref_is_said(tmp_path: Path) -> None:
    environ = PUSH | {"GITHUB_EVENT_NAME": "release", "GITHUB_REF": ""}
    found = evidence(environ | event_file(tmp_path, {"release": {"tag_name": "v1.2.0"}}))
    assert (found.event, found.tag, found.ref_type, found.ref) == ("tag", "v1.2.0", "tag", "refs/tags/v1.2.0")


def test_a_workflow_run_tells_of_the_run_before(tmp_path: Path) -> None:
    run = {"head_branch": "main", "conclusion": "failure", "head_repository": {"full_name": "stranger/r"}}
    environ = PUSH | {"GITHUB_EVENT_NAME": "workflow_run"}
    found = evidence(environ | event_file(tmp_path, {"workflow_run": run}))
    assert found.upstream is not None
    said = (found.upstream.branch, found.upstream.conclusion, found.upstream.repository)
    assert (found.event, *said) == ("other", "main", "failure", "stranger/r")


def test_a_branch_that_was_deleted_is_no_push(tmp_path: Path) -> None:
    found = evidence(PUSH | event_file(tmp_path, {"deleted": True, "after": "0" * 40}))
    assert found.event == "other"


def test_the_checkout_is_what_the_run_is_for(tmp_path: Path) -> None:
    found = evidence(PUSH, "2" * 40)
    says = f"commit: GITHUB_SHA says {COMMIT}, git HEAD says {'2' * 40}"
    assert (found.status, found.reason) == ("failed", says)
    assert evidence(PUSH, COMMIT).status == "collected"


def test_the_checkout_of_a_pull_request_may_be_what_it_would_merge(tmp_path: Path) -> None:
    content = pull_request("o/r")
    content["pull_request"]["head"]["sha"] = "2" * 40
    environ = PUSH | {"GITHUB_EVENT_NAME": "pull_request"} | event_file(tmp_path, content)
    found = evidence(environ, "2" * 40)
    assert found.pull_request is not None
    assert (found.commit, found.pull_request.head_commit) == (COMMIT, "2" * 40)
    assert evidence(environ, "3" * 40).status == "failed"


@pytest.mark.parametrize("content", [[], "[1]", "null", "3"])
def test_an_event_file_that_holds_no_object_is_said_to(tmp_path: Path, content: Any) -> None:
    found = evidence(PUSH | {"GITHUB_EVENT_NAME": "pull_request"} | event_file(tmp_path, content))
    assert (found.status, found.reason) == ("failed", "the event file holds no object")
