"""Every event of the corpus is read: the facts of its manifest that say something of a run are reproduced."""

from __future__ import annotations

from typing import Any

import pytest

from pushpolicy.gather.ci import github, look
from pushpolicy.gather.ci.event_file import Payload
from pushpolicy.gather.ci.readings import CiError
from pushpolicy.model.document import plain
from tests.corpus.test_corpus import CORPUS, entries

# A fact, and the path in the payload that it stands at; those of pull requests and runs are told twice.
PLACES = {
    "action": "action",
    "repository": "repository.full_name",
    "private": "repository.private",
    "default_branch": "repository.default_branch",
    "sender": "sender.login",
    "before": "before",
    "after": "after",
    "deleted": "deleted",
    "created": "created",
    "forced": "forced",
    "pull_request_number": "pull_request.number",
    "merge_commit_sha": "pull_request.merge_commit_sha",
    "merged": "pull_request.merged",
    "draft": "pull_request.draft",
    "head_repository": "pull_request.head.repo.full_name",
    "base_repository": "pull_request.base.repo.full_name",
    "head_repo_fork_flag": "pull_request.head.repo.fork",
}


def environ(facts: dict[str, Any], path: str) -> dict[str, str]:
    """What GitHub would set beside this file."""
    said = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_EVENT_NAME": facts["event"],
        "GITHUB_REPOSITORY": facts["repository"],
        "GITHUB_REF": facts["ref"] if str(facts["ref"]).startswith("refs/") else "",
        "GITHUB_SHA": facts["commit"] if facts["commit_is_40_hex"] else "",
        "GITHUB_EVENT_PATH": path,
    }
    return {name: value for name, value in said.items() if value}


@pytest.mark.parametrize("index", range(20))
def test_the_event_is_what_the_manifest_says(index: int) -> None:
    entry = entries("github-event")[index]
    facts, path = entry["facts"], CORPUS / entry["file"]
    variables = environ(facts, str(path))
    if not facts["valid"]:
        with pytest.raises(CiError):
            Payload.read("GITHUB_EVENT_PATH", variables)
        assert look(variables).evidence.status == "failed"
        return
    payload = Payload.read("GITHUB_EVENT_PATH", variables)
    assert {fact: payload.at(place) for fact, place in PLACES.items()} == {
        fact: facts[fact] for fact in PLACES
    }
    found = look(variables).evidence
    if "commit" in facts and facts["commit_is_40_hex"] is False:
        # Written by hand: what stands for a commit is none.
        assert (found.status, "not a full hash" in str(found.reason)) == ("failed", True)
        return
    assert found.status == "collected", found.reason
    said = plain(found)
    assert (said["event_raw"], said["repository"]) == (facts["event"], facts["repository"])
    assert said.get("default_branch") == facts["default_branch"]
    if facts["event"] == "push" and not facts["deleted"]:
        kind = facts["ref_type"]
        assert (said["ref_type"], said["event"]) == (kind, "tag" if kind == "tag" else "push")
        assert (said["ref"], said["commit"]) == (facts["ref"], facts["commit"])
    if facts["event"] == "push" and facts["deleted"]:
        assert said["event"] == "other"
    if facts["event"] == "pull_request":
        assert said["pull_request"]["from_fork"] is facts["from_fork"]
        assert said["pull_request"]["number"] == facts["pull_request_number"]
        assert (said["pull_request"]["head"], said["pull_request"]["base"]) == (
            facts["head_branch"],
            facts["base_branch"],
        )
        assert said["pull_request"]["head_commit"] == facts["commit"]
    if facts["event"] == "merge_group":
        assert (said["event"], said["ref"], said["commit"]) == ("merge_queue", facts["ref"], facts["commit"])


def test_events_of_the_corpus_are_of_the_table() -> None:
    known = {entry["facts"]["event"] for entry in entries("github-event")}
    assert {"push", "pull_request", "merge_group", "workflow_dispatch"} <= known & github.SYSTEM.events.keys()
