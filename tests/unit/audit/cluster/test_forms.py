"""What is required of a worker's answer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from pushpolicy.audit.cluster import decide, forms
from pushpolicy.audit.cluster.forms import Question, read_answer
from pushpolicy.engines import LocalOpa, find_engine
from pushpolicy.errors import EngineError
from pushpolicy.evaluate import PolicySet, evaluate, load_policy
from pushpolicy.model import canonical
from pushpolicy.model.decision import Decision
from pushpolicy.model.digest import Digest
from tests.jobs import PASSED
from tests.policies import evidence, rule, write_policy

DOCUMENTS = [evidence(), evidence(extra={"team": "shop"})]
DENIES = 'deny contains {"at": {"id": "a"}, "msg": "no"} if input.tests.totals.total > 0'


@pytest.fixture
def policy(tmp_path: Path, opa: Path) -> PolicySet:
    """Two rules, one of which denies."""
    rules = {"passed": rule("passed", PASSED), "denies": rule("denies", DENIES)}
    return load_policy([write_policy(tmp_path, rules)], LocalOpa(opa))


@pytest.fixture
def asked(policy: PolicySet) -> bytes:
    """A question about two documents."""
    documents = tuple(each.content for each in DOCUMENTS)
    return Question(policy.bundle(), policy.identity.source, documents).encode()


def read(content: object, asked: bytes, policy: PolicySet) -> list[forms.Outcome]:
    """As a client reads it."""
    return read_answer(content, Digest.of(asked), policy, DOCUMENTS, find_engine().identity())


def test_a_worker_decides_what_this_machine_decides(policy: PolicySet, asked: bytes, opa: Path) -> None:
    here = [evaluate(policy, each, LocalOpa(opa)) for each in DOCUMENTS]
    there = read(decide(asked), asked, policy)
    assert all(isinstance(each, Decision) for each in there)
    assert [replace(each, engine=here[0].engine) for each in there if isinstance(each, Decision)] == here


def test_a_policy_that_does_not_load_fails_each_of_them(policy: PolicySet) -> None:
    asked = Question(b"not an archive", "x", tuple(each.content for each in DOCUMENTS)).encode()
    outcomes = read(decide(asked), asked, policy)
    assert [type(each).__name__ for each in outcomes] == ["PolicyError", "PolicyError"]


def test_another_version_decides_nothing(
    policy: PolicySet, asked: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as other:
        other.setattr(forms, "__version__", "0.0.9")
        told = decide(asked)
    with pytest.raises(ValueError, match=r"it is of pushpolicy 0\.0\.9, and this is "):
        read(told, asked, policy)


def changed(content: bytes, change: Callable[[dict[str, Any]], Any], line: int = 1) -> bytes:
    """An answer of which one line says something else."""
    lines = content.split(b"\n")
    value = canonical.decode(lines[line])
    change(value.get("decision", value))
    lines[line] = canonical.encode(value)
    return b"\n".join(lines)


def allow(decision: dict[str, Any]) -> None:
    decision.update(verdict="ALLOW", violations=[])
    for each in decision["rules"]:
        each["status"] = "passed"


LIES: dict[str, tuple[Callable[[bytes], object], str]] = {
    "an object": (lambda _: {"allow": True}, "it is not bytes"),
    "text": (lambda content: content.decode(), "it is not bytes"),
    "nothing": (lambda _: b"", "JSON|Expecting"),
    "garbage": (lambda _: b"\x80\x05", "utf-8|JSON"),
    "fewer": (lambda content: content.rpartition(b"\n")[0], "it has 1 decisions on 2 documents"),
    "more": (lambda content: content + content[content.index(b"\n") :], "it has 4 decisions on 2 documents"),
    "another question": (
        lambda content: changed(content, lambda head: head.update(asked=f"sha256:{'0' * 64}"), 0),
        "it is about something else than was asked",
    ),
    "another form": (lambda content: changed(content, lambda head: head.update(also=1), 0), "also"),
    "exchanged": (lambda content: b"\n".join(content.split(b"\n")[i] for i in (0, 2, 1)), "other evidence"),
    "not canonical": (lambda content: content.replace(b'{"decision":', b'{"decision": ', 1), "not canonical"),
    "said twice": (
        lambda content: content.replace(b'{"decision":', b'{"decision":{},"decision":', 1),
        "twice",
    ),
    "another verdict": (
        lambda content: changed(content, lambda decision: decision.update(verdict="ALLOW")),
        "allow is True with 1 violations",
    ),
    "another policy": (
        lambda content: changed(
            content, lambda decision: decision["policy"].update(digest=f"sha256:{'0' * 64}")
        ),
        "other policy",
    ),
    "a rule less": (
        lambda content: changed(content, lambda decision: decision["rules"].pop()),
        "not of those of the index",
    ),
    "a finding that no rule has": (
        lambda content: changed(content, lambda decision: decision["violations"][0].update(rule="other")),
        "unknown rule other",
    ),
    "an engine that is none": (
        lambda content: changed(content, lambda decision: decision["engine"].pop("digest")),
        "an engine is a program with a digest",
    ),
    "another engine": (
        lambda content: changed(content, lambda decision: decision["engine"].update(version="1.99.0")),
        "opa 1.99.0 .* evaluated, and this machine has opa 1.22.2",
    ),
    "an unknown failure": (
        lambda content: b"\n".join([*content.split(b"\n")[:2], b'{"failed":"other","message":"x"}']),
        "failed in an unknown way",
    ),
}


@pytest.mark.parametrize("lie", LIES)
def test_what_cannot_be_true_is_no_answer(lie: str, policy: PolicySet, asked: bytes) -> None:
    content = decide(asked)
    assert read(content, asked, policy)
    tell, said = LIES[lie]
    with pytest.raises(ValueError, match=said):
        read(tell(content), asked, policy)


def test_whether_rules_found_what_it_says_is_the_workers_word(policy: PolicySet, asked: bytes) -> None:
    """What docs/audit.md says that nobody can tell without another evaluation."""
    (lied, _) = read(changed(decide(asked), allow), asked, policy)
    assert isinstance(lied, Decision)
    assert lied.allowed


def test_what_a_worker_says_of_a_failure_acts_on_no_terminal(policy: PolicySet, asked: bytes) -> None:
    failed = canonical.encode({"failed": "engine", "message": "\x1b]0;x\x07", "hint": "\x1b[2J"})
    (_, outcome) = read(b"\n".join([*decide(asked).split(b"\n")[:2], failed]), asked, policy)
    assert isinstance(outcome, EngineError)
    assert (outcome.message + str(outcome.hint)).isprintable()
