from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import pytest

from pushpolicy.engines.interface import Engine, Program
from pushpolicy.errors import EngineError
from pushpolicy.evaluate.examples import ExamplesError, decide, read, unshown
from tests.judged import policy
from tests.policies import example

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
        (
            "- {name: one, expect: passed, evidense: {}}",
            r"one: unknown key 'evidense' \(is evidence meant\?\)",
        ),
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


class Silent:
    """An OPA for which the decision on the last document is undefined, so that the list is one too short."""

    @contextmanager
    def start(self, program: Program) -> Iterator[Silent]:
        yield self

    def send(self, document: bytes) -> None:
        self._count = len(json.loads(document)["records"])

    def answer(self) -> list[dict[str, str]]:
        return [{"verdict": "ALLOW"}] * (self._count - 1)


def test_no_decision_is_not_left_out() -> None:
    with pytest.raises(EngineError, match="OPA gave no decision on one of the documents"):
        decide(policy(), cast("Engine", Silent()), [(example(), {}), (example(), {})])
