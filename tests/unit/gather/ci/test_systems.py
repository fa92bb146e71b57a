"""Every CI system: its fixtures, and that its table holds nothing that they do not show."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pushpolicy.gather.ci import SYSTEMS, evidence, handed, look
from pushpolicy.model.document import plain
from tests.ci import HERE, Case, cases
from tests.ci import SYSTEMS as WITH_FIXTURES

CASES = {f"{system}: {case.name}": case for system in WITH_FIXTURES for case in cases(system)}
BY_NAME = {system.name: system for system in SYSTEMS}


def at(document: Any, path: str) -> Any:
    for key in path.split("."):
        document = document.get(key) if isinstance(document, dict) else None
    return document


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_evidence_is_what_the_fixture_says(case: Case, tmp_path: Path) -> None:
    found = evidence(case.variables(tmp_path))
    assert found.status == "collected", found.reason
    said = plain(found)
    assert {path: at(said, path) for path in case.expected} == case.expected
    assert found.provider == case.environ.get("PUSHPOLICY_CI", case.system)


@pytest.mark.parametrize("system", SYSTEMS, ids=BY_NAME)
def test_every_source_is_shown_by_a_fixture(system: Any, tmp_path: Path) -> None:
    told = {
        (each.field, each.source.removeprefix(f"{system.payload_name}: "))
        for case in cases(system.name)
        for each in look(case.variables(tmp_path)).told
    }
    declared = {(field, source.name) for field, sources in system.fields.items() for source in sources}
    assert declared - told == set()


@pytest.mark.parametrize("system", SYSTEMS, ids=BY_NAME)
def test_every_event_of_a_table_is_one_of_the_vocabulary(system: Any) -> None:
    schema = json.loads(Path("policies/schema/evidence.v1.json").read_bytes())
    known = schema["properties"]["ci"]["properties"]["event"]["enum"]
    assert {*system.events.values(), system.quiet} <= set(known)


def test_every_system_has_fixtures_and_says_whether_they_were_seen() -> None:
    assert BY_NAME.keys() == set(WITH_FIXTURES)
    for system in WITH_FIXTURES:
        assert json.loads((HERE / f"{system}.json").read_bytes())["seen"] == "not seen live"


@pytest.mark.parametrize("name", BY_NAME)
@pytest.mark.parametrize("other", BY_NAME)
def test_two_systems_at_once_have_failed(name: str, other: str, tmp_path: Path) -> None:
    one, two = (next(cases(each)).variables(tmp_path) for each in (name, other))
    both = {"CI": "woodpecker"} if "woodpecker" in (name, other) else {}
    found = evidence({**two, **one, **both})
    actions = {"github-actions", "gitea-actions", "forgejo-actions"}
    handed = {"tekton", "handed-over"}
    if name == other or {name, other} <= actions or {name, other} <= handed:
        assert found.status == "collected"
    else:
        assert found.status == "failed"
        assert found.contradictions is not None
        assert {side.value for side in found.contradictions[0].sides} == {name, other}


def test_a_runner_in_codebuild_leaves_the_word_to_its_system(tmp_path: Path) -> None:
    there = {"CODEBUILD_BUILD_ID": "runner:7", "CODEBUILD_WEBHOOK_EVENT": "WORKFLOW_JOB_QUEUED"}
    assert evidence({**next(cases("gitlab-ci")).environ, **there}).provider == "gitlab-ci"


@pytest.mark.parametrize("system", SYSTEMS, ids=BY_NAME)
def test_what_is_handed_over_and_not_read_has_failed(system: Any, tmp_path: Path) -> None:
    read = {source.name for sources in system.fields.values() for source in sources}
    variables = next(cases(system.name)).variables(tmp_path)
    for name in {f"{handed.PREFIX}{each}" for each in ("REF", "COMMIT", "RUN_URL", "BRANCH")} - read:
        found = evidence({**variables, name: "refs/heads/main"})
        reason = f"{name} is set, and nothing reads it in a job of {system.name}; leave it out"
        assert (found.status, found.reason) == ("failed", reason)
