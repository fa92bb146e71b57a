"""Policies of conftest in a record: evaluated again, and believed no further than they are there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from msgspec.structs import replace

from pushpolicy.audit.replay import NotReplayable, Replay, Reproduced, replay
from pushpolicy.engines import LocalOpa
from pushpolicy.errors import PolicyError, RecordError
from pushpolicy.evaluate import PolicySet, load_policy
from pushpolicy.evaluate.bundle import pack, unpack
from pushpolicy.evaluate.conftest import Conftest, recorded_rules
from pushpolicy.model.reference import Target
from pushpolicy.pipeline import admit
from pushpolicy.records.read import Record
from tests.jobs import GOOD, RULES, Job
from tests.policies import write_policy

RULE = "rules/conftest_main/conftest_main.rego"
MODULE = "conftest/v0/local/main/1-a.rego"
TEXT = """package main
import data.words
exception[names] { names := ["late"] }
deny_never[msg] { input.tests.reports[_].name == words.unheard; msg := "no" }
deny_late[msg] { input.target; msg := "excepted" }
warn[{"msg": "careful", "of": 1}] { input.target }
"""


@pytest.fixture
def job(tmp_path: Path, opa: Path) -> Job:
    return Job(folder=tmp_path, engine=LocalOpa(opa))


@pytest.fixture
def record(job: Job, tmp_path: Path) -> Record:
    """The record of a push that policies of conftest allowed, with a warning."""
    (tmp_path / "policy").mkdir()
    (tmp_path / "policy/a.rego").write_text(TEXT)
    (tmp_path / "data.json").write_text('{"words": {"unheard": "x"}}')
    given = Conftest(
        folders=(str(tmp_path / "policy"),),
        namespaces=("main",),
        data=(str(tmp_path / "data.json"),),
        rego="v0",
    )
    rules = write_policy(tmp_path / "rules", RULES)
    policy = load_policy([rules], job.engine, conftest=given)
    request = job.request(GOOD, Target.parse(f"oci:{tmp_path / 'published'}:1.0"), policy=policy)
    admit(request)
    return job.record(request)


def replayed(record: Record, engine: LocalOpa, change: Callable[[dict[str, bytes]], object]) -> Replay:
    """A record whose policy was changed, and whose decision names it as it is now."""
    files = unpack(record.policy)
    change(files)
    forged = PolicySet.of(files, record.decision.policy.source)
    summary = replace(record.summary, decision=replace(record.decision, policy=forged.identity))
    return replay(replace(record, summary=summary, policy=pack(files)), engine)


def test_it_is_reproduced_from_the_record_alone(job: Job, record: Record) -> None:
    assert isinstance(replay(record, job.engine), Reproduced)
    [warning] = record.decision.warnings
    assert (warning.rule, warning.msg, warning.at["details"]) == ("conftest_main", "careful", {"of": 1})
    assert unpack(record.policy)[MODULE] == TEXT.encode()


def test_what_is_recorded_makes_the_same_rule_again(job: Job, record: Record) -> None:
    policy = PolicySet.from_bundle(record.policy)
    [rule] = recorded_rules(policy.files, job.engine).values()
    assert rule.module == policy.files[RULE]
    entry = policy.index.rules["conftest_main"]
    assert replace(rule.entry, title=entry.title) == entry
    assert entry.requires == ("tests",)


def put(path: str, old: bytes, new: bytes) -> Callable[[dict[str, bytes]], object]:
    def change(files: dict[str, bytes]) -> None:
        assert old in files[path]
        files[path] = files[path].replace(old, new)

    return change


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (put(RULE, b"not _excepted", b"false; not _excepted"), "a rule needs one METADATA block"),
        (put(MODULE, b"deny_never[", b"denied_never["), "a rule needs one METADATA block"),
        (put(MODULE, b"input.target;", b"input.sbom;"), "the index in the record is not that of its rules"),
        (put(MODULE, b"package main", b"package pushpolicy.main"), "a rule needs one METADATA block"),
        (put("index/data.json", b'"requires":["tests"]', b'"requires":[]'), "is not that of its rules"),
        (lambda files: files.pop(MODULE), "a rule needs one METADATA block"),
    ],
    ids=["the rule", "a name", "what it reads", "the package", "the index", "without the module"],
)
def test_a_rule_that_is_not_made_of_what_is_recorded_is_not_evaluated(
    job: Job, record: Record, change: Callable[[dict[str, bytes]], object], says: str
) -> None:
    found = replayed(record, job.engine, change)
    assert isinstance(found, NotReplayable)
    assert says in found.reason


def test_a_policy_that_denies_now_is_another_decision(job: Job, record: Record) -> None:
    found = replayed(record, job.engine, put(MODULE, b'["late"]', b'["none"]'))
    assert type(found).__name__ == "Differs"


@pytest.mark.parametrize(
    "path",
    [
        "conftest/v1/local/pushpolicy/1-a.rego",
        "conftest/v1/local/system/1-a.rego",
        "conftest/v2/local/main/1-a.rego",
        "conftest/v1/pack/main/1-a.rego",
        "conftest/v1/local/main/../1-a.rego",
        "conftest/v1/local/main/data.json",
    ],
)
def test_a_bundle_holds_them_where_they_belong(record: Record, path: str) -> None:
    files: Mapping[str, bytes] = unpack(record.policy) | {path: b"package main\n"}
    with pytest.raises(PolicyError, match="is not part of a policy set"):
        unpack(pack(files))


@pytest.mark.parametrize("data", [b"[1]", b"{", b'{"pushpolicy": {"waivers": {}}}', b'{"": 1}'])
def test_data_of_a_record_reach_no_further(job: Job, record: Record, data: bytes) -> None:
    try:
        found = replayed(record, job.engine, lambda files: files.update({"conftest/data.json": data}))
    except RecordError:
        return
    assert isinstance(found, NotReplayable)
