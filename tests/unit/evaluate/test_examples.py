from __future__ import annotations

import os
from pathlib import Path

import pytest

from pushpolicy.evaluate.examples import ExamplesError, read, unshown

FIXED = "scans.items[].findings[].fixed_in"
LABEL = 'image.platforms[].labels["org.opencontainers.image.revision"]'
NO_LABEL = 'image: {platforms: {"1": {labels: {org.opencontainers.image.revision: null}}}}'


@pytest.mark.parametrize(
    ("path", "evidence", "shown"),
    [
        ("ci.actor", "{ci: {actor: null}}", True),
        ("ci.actor", "{}", False),
        ("ci.actor", "{ci: {status: missing, reason: none, actor: null}}", False),
        (FIXED, "{}", True),
        (FIXED, '{scans: {items: {"0": {findings: {"0": {fixed_in: "3"}}}}}}', False),
        (LABEL, f"{{{NO_LABEL}}}", True),
        (LABEL, "{}", False),
        ("scans.items", "{scans: {items: []}}", True),
        ("scans.items", "{}", False),
        ("ci.jobs[KEY]", "{ci: {jobs: {build: success}}}", True),
        ("extra.review.state", "{extra: {review: {by: dana}}}", True),
        ("extra.review.state", "{extra: {review: {state: open}}}", False),
    ],
)
def test_an_example_is_without_an_optional_path_once_its_kind_is_there(
    tmp_path: Path, path: str, evidence: str, shown: bool
) -> None:
    (tmp_path / "examples.yaml").write_text(f"- name: one\n  expect: passed\n  evidence: {evidence}\n")
    problems = list(unshown(tmp_path, read(tmp_path, "r"), (path,)))
    assert (problems == []) is shown
    assert all(path in problem and "examples.yaml" in problem for problem in problems)


def test_without_examples_nothing_is_shown_and_nothing_need_be(tmp_path: Path) -> None:
    assert list(unshown(tmp_path, read(tmp_path, "r"), ())) == []
    [problem] = unshown(tmp_path, read(tmp_path, "r"), ("ci.actor",))
    assert "no example is without ci.actor" in problem


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a: 1", "not a list of examples"),
        ("[1]", "not a list of examples"),
        ("- {expect: passed, evidence: [}", "not a list of examples"),
        ("7", "not a list of examples"),
        ("- {expect: passed}", "has no name"),
        ("- {name: one}", "one: expect is one of"),
        ("- {name: one, expect: allowed}", "one: expect is one of"),
        ("- {name: one, expect: passed, evidense: {}}", "one: unknown key 'evidense'"),
        ("- {name: one, expect: passed, evidence: []}", "one: evidence is malformed"),
    ],
)
def test_what_is_no_list_of_examples_is_said(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "examples.yaml").write_text(text)
    with pytest.raises(ExamplesError, match=why):
        read(tmp_path, "r")


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "examples.yaml")
    with pytest.raises(ExamplesError, match="it is not a regular file"):
        read(tmp_path, "r")
