"""Many decisions by one process of OPA: what one of them does ends that one alone."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from pushpolicy.engines import Limits, LocalOpa
from pushpolicy.engines.interface import Program
from pushpolicy.engines.local import LocalSession
from pushpolicy.errors import EngineError
from pushpolicy.evaluate import PolicySet, evaluate
from pushpolicy.evaluate.batches import Question, decisions
from pushpolicy.model.decision import Decision
from pushpolicy.model.document import Document
from pushpolicy.model.reference import Target
from pushpolicy.pipeline import check
from tests.jobs import GOOD, Job
from tests.policies import rule

# As long as anybody waits, for the image of this size; and an error that cannot be caught, for this one.
ENDLESS, FAILING = 7, 8
SLOW = rule(
    "slow",
    f"""deny contains {{"at": {{"id": "x"}}, "msg": "m"}} if {{
    input.image.size == {ENDLESS}
    count([1 | some i in numbers.range(1, 99999); some j in numbers.range(1, 99999); i == j]) == 1
}}

deny contains {{"at": {{"id": "y"}}, "msg": "m"}} if {{
    input.image.size == {FAILING}
    regex.match("(", input.image.digest)
}}""",
)


class Counting(LocalOpa):
    """OPA, and how often it was started."""

    started = 0

    def start(self, program: Program) -> LocalSession:
        """Count it."""
        self.started += 1
        return super().start(program)


@pytest.fixture
def policy(tmp_path: Path, opa: Path) -> PolicySet:
    """A policy whose decision depends on the size of the image."""
    return Job(folder=tmp_path, engine=LocalOpa(opa)).policy({"slow": SLOW})


@pytest.fixture
def document(tmp_path: Path, opa: Path, policy: PolicySet) -> Document:
    """Valid evidence."""
    job = Job(folder=tmp_path, engine=LocalOpa(opa))
    return check(job.request(GOOD, Target.parse(f"oci:{tmp_path}/published:1.0"), policy=policy)).evidence


def sized(document: Document, size: int) -> Document:
    """The same about an image of another size."""
    value: dict[str, Any] = dict(document.value)
    return Document.of({**value, "image": {**value["image"], "size": size}})


def test_what_takes_too_long_or_fails_ends_alone_and_soon(
    opa: Path, policy: PolicySet, document: Document
) -> None:
    sizes = [*range(100, 190), ENDLESS, *range(200, 230), FAILING, *range(300, 340)]
    engine = Counting(opa, limits=Limits(seconds=5, grace=0, called="max-record-seconds"))
    started = time.monotonic()
    questions = (Question(size, policy, sized(document, size)) for size in sizes)
    found = {each.about: each.outcome for each in decisions(questions, engine)}
    assert found.keys() == set(sizes)
    late, failed = found.pop(ENDLESS), found.pop(FAILING)
    assert isinstance(late, EngineError)
    assert late.message == "OPA was stopped: no answer within 5 s (max-record-seconds)"
    assert isinstance(failed, EngineError)
    assert "regex.match" in failed.message
    for size, outcome in found.items():
        assert isinstance(outcome, Decision), outcome
        assert outcome.evidence == sized(document, size).digest
    # All of it, parts of it and parts of those: each time five seconds for the one that has no end.
    assert engine.started < 45
    assert time.monotonic() - started < 90


def test_a_decision_of_many_is_the_one_that_is_made_alone(
    opa: Path, policy: PolicySet, document: Document
) -> None:
    engine = LocalOpa(opa)
    evidence = [sized(document, size) for size in range(20, 30)]
    found = {each.about: each.outcome for each in decisions(_asked(policy, evidence), engine)}
    assert found == {number: evaluate(policy, each, engine) for number, each in enumerate(evidence)}


def test_nothing_is_started_when_all_the_time_there_is_was_spent(
    opa: Path, policy: PolicySet, document: Document
) -> None:
    engine = LocalOpa(opa, limits=Limits(until=time.monotonic()))
    started = time.monotonic()
    found = list(decisions(_asked(policy, [sized(document, ENDLESS)] * 9), engine))
    assert [str(each.outcome) for each in found] == ["OPA was stopped: all the time there is was spent"] * 9
    assert time.monotonic() - started < 20


def _asked(policy: PolicySet, evidence: list[Document]) -> list[Question[int]]:
    return [Question(number, policy, each) for number, each in enumerate(evidence)]
