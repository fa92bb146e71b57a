"""Past decisions, decided again with the real engine."""

from __future__ import annotations

import copy
import json
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from pushpolicy.audit.replay import Differs, NotReplayable, Reproduced, replay
from pushpolicy.audit.shelf import Shelf
from pushpolicy.audit.standing import standing
from pushpolicy.audit.trial import Trial
from pushpolicy.audit.walk import Opened
from pushpolicy.audit.what_if import Direction, WhatIf
from pushpolicy.engines import LocalOpa
from pushpolicy.errors import RecordError
from pushpolicy.evaluate import PolicySet, load_policy
from pushpolicy.evaluate.batches import Question, decisions
from pushpolicy.evaluate.program import laid_out
from pushpolicy.evaluate.recorded import check_recorded, is_answer
from pushpolicy.model.decision import Decision
from pushpolicy.model.digest import Digest
from pushpolicy.model.document import Document
from pushpolicy.model.reference import Reference, Repository, Target
from pushpolicy.pipeline import admit, check
from pushpolicy.records.read import Record
from pushpolicy.registry.layout.repository import LayoutRepository
from tests.deletions import leaves
from tests.jobs import GOOD, RULES, STRICT_RULES, Job
from tests.policies import rule

HTTP_SEND = {
    "name": "http.send",
    "decl": {
        "type": "function",
        "args": [{"type": "object", "dynamic": {"key": {"type": "string"}, "value": {"type": "any"}}}],
        "result": {"type": "object", "dynamic": {"key": {"type": "any"}, "value": {"type": "any"}}},
    },
}


@pytest.fixture
def job(tmp_path: Path, opa: Path) -> Job:
    """A job with the pinned OPA."""
    return Job(folder=tmp_path, engine=LocalOpa(opa))


@pytest.fixture
def target(tmp_path: Path) -> Target:
    """A repository in a folder."""
    return Target.parse(f"oci:{tmp_path / 'published'}:1.0")


@pytest.fixture
def record(job: Job, target: Target) -> Record:
    """The record of a push."""
    request = job.request(GOOD, target)
    admit(request)
    return job.record(request)


def test_a_push_is_reproduced(job: Job, record: Record) -> None:
    replayed = replay(record, job.engine)
    assert isinstance(replayed, Reproduced)
    assert replayed.summary == record.summary
    assert not replayed.other_engine


def test_a_decision_that_would_be_another_differs(job: Job, record: Record) -> None:
    changed = replace(record.summary, decision=replace(record.decision, observed=True))
    replayed = replay(replace(record, summary=changed), job.engine)
    assert isinstance(replayed, Differs)
    assert replayed.difference.fields == ("observed",)


def test_a_record_with_another_policy_is_not_valid(job: Job, record: Record) -> None:
    other = job.policy(STRICT_RULES)
    with pytest.raises(RecordError, match="does not hold the policy that decided: other digest, rules"):
        replay(replace(record, policy=other.bundle()), job.engine)


def test_what_cannot_be_decided_again_says_why(job: Job, record: Record) -> None:
    broken = replay(replace(record, policy=b"not an archive"), job.engine)
    assert isinstance(broken, NotReplayable)
    assert "not a tar.gz" in broken.reason
    without_engine = replay(record, LocalOpa(Path("/bin/false")))
    assert isinstance(without_engine, NotReplayable)


def test_a_recorded_policy_gets_no_builtin_that_is_not_allowed_today(job: Job, record: Record) -> None:
    call = 'http.send({"method": "get", "url": "http://127.0.0.1:9"})'
    text = rule("passed", 'deny contains {"at": {"id": "x"}, "msg": "m"} if { input.image.size > 0; true }')
    files = dict(job.policy({"passed": text}).files)
    files["rules/passed/passed.rego"] = text.replace("; true", f"; {call}").encode()
    capabilities = json.loads(files["capabilities.json"])
    capabilities.pop("allow_net")
    capabilities["builtins"].append(HTTP_SEND)
    files["capabilities.json"] = json.dumps(capabilities).encode()
    forged = PolicySet.of(files, record.decision.policy.source)
    summary = replace(record.summary, decision=replace(record.decision, policy=forged.identity))
    replayed = replay(replace(record, summary=summary, policy=forged.bundle()), job.engine)
    assert isinstance(replayed, NotReplayable)
    assert "http.send is removed" in replayed.reason


def test_another_engine_is_named(job: Job, record: Record) -> None:
    older = replace(record.decision.engine, version="1.22.0", digest=Digest.of(b"another build"))
    changed = replace(record.summary, decision=replace(record.decision, engine=older))
    replayed = replay(replace(record, summary=changed), job.engine)
    assert isinstance(replayed, Reproduced)
    assert replayed.other_engine
    assert replayed.summary.decision.engine.version == "1.22.0"


def _tried(record: Record, policy: PolicySet, job: Job) -> WhatIf:
    held, found = check_recorded(record), WhatIf()
    place = Reference(repository=Repository(registry="r", path="p"))
    opened = Opened(
        shelf=Shelf.of(LayoutRepository(Repository.parse("oci:none"))),
        record=record,
        held=held,
        standing=standing(record, held, place),
    )
    for push in Trial(job.engine, policy).effects([opened]):
        found.add(push)
    return found


def test_what_if_names_rules_and_pushes(job: Job, record: Record) -> None:
    found = _tried(record, job.policy(RULES | STRICT_RULES), job)
    assert found.direction is Direction.STRICTER
    (push,) = found.pushes
    assert push.record == record.summary.digest
    assert push.verdict_changes
    assert push.stricter == {"few"}
    assert found.rules.keys() == {"few"}
    assert (found.rules["few"].stricter, found.rules["few"].looser) == (1, 0)
    assert [each.denied for each in found.repositories.values()] == [1]


def test_what_if_tells_looser_from_unchanged(job: Job, record: Record, target: Target) -> None:
    one = job.policy(RULES)
    assert _tried(record, one, job).direction is Direction.UNCHANGED
    strict = job.policy(STRICT_RULES)
    denied = check(job.request(GOOD, target, policy=strict))
    past = replace(
        record,
        evidence=denied.evidence,
        policy=strict.bundle(),
        summary=replace(record.summary, decision=denied.decision),
    )
    found = _tried(past, one, job)
    assert found.direction is Direction.LOOSER
    assert found.whole.allowed == 1
    assert found.rules.keys() == {"few"}


def test_an_answer_is_taken_for_the_recorded_one_only_where_it_is_that_to_the_byte(
    job: Job, target: Target
) -> None:
    for policy in (job.policy(RULES), job.policy(STRICT_RULES), load_policy(["pack"], job.engine)):
        outcome = check(job.request(GOOD, target, policy=policy))
        with laid_out(policy) as program, job.engine.start(program) as session:
            session.send(outcome.evidence.content)
            answer = session.answer()
        assert is_answer(answer, outcome.decision, policy)
        paths = list(leaves(answer))
        assert len(paths) > 5
        for *way, last in paths:
            for changed in (1, True, "other", None):
                other = copy.deepcopy(answer)
                place: Any = reduce(getitem, way, other)
                if json.dumps(place[last]) != json.dumps(changed):
                    place[last] = changed
                    assert not is_answer(other, outcome.decision, policy), (way, last)


def test_a_known_decision_is_none_about_other_evidence(job: Job, target: Target) -> None:
    """As raw reports give it: the same answer of OPA is read with what it is about."""
    policy = job.policy(RULES)
    known = check(job.request(GOOD, target, policy=policy))
    image = {**known.evidence.value["image"], "size": 7}
    other = Document.of({**known.evidence.value, "image": image})
    documents = (known.evidence, other)
    questions = (Question(each, policy, each, known.decision) for each in documents)
    for found in decisions(questions, job.engine):
        assert isinstance(found.outcome, Decision)
        assert found.outcome.evidence == found.about.digest
