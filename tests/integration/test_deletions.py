"""The law of deletion on report files (design section 10), through the real gather and the real OPA.

What a rule denies it still denies when a leaf of the report, or the whole report, is deleted.
By default on a sample of the deletions, which is the same each time; PUSHPOLICY_DELETIONS=all does them all.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import pytest

from pushpolicy.engines import LocalOpa, find_engine
from pushpolicy.evaluate import PACK, PolicySet, load_policy
from pushpolicy.evaluate.examples import Example
from pushpolicy.gather import Expected, ExpectedReport
from tests.deletions import Deletion, deletions
from tests.fuzz.target import Target
from tests.integration.test_rules import decide
from tests.report_files import ReportFile, corpus, samples

ALL = os.environ.get("PUSHPOLICY_DELETIONS") == "all"
PER_FILE = 12
MAX_SIZE = 64 * 1024 if ALL else 12 * 1024
ANY = ExpectedReport(name="*")
# Of these a format keeps no other trace: without them the report is a whole one that says something else.
WITHOUT_TRACE = {
    "junit": r"/skipped\[\d+\]$",  # the case passed; that the declared totals differ is a warning
    "tap": r"'Bail out!",  # the run went on to the end of its plan
    "sarif": r"\.level$",  # the level is warning (SARIF 2.1.0, section 3.27.10)
}
NO_SETTINGS = Example(file=Path(), rule="tests_passed", name="as shipped", expect="violated", evidence={})


@dataclass(frozen=True, kw_only=True)
class Case:
    """A report from which something was deleted, the rules that denied it before, and the evidence since."""

    file: str
    what: str
    rules: frozenset[str]
    evidence: Mapping[str, Any] = field(repr=False)


@pytest.fixture(scope="module")
def engine(opa: Path) -> LocalOpa:
    return find_engine(str(opa))


@pytest.fixture(scope="module")
def policy(engine: LocalOpa) -> PolicySet:
    return load_policy([PACK], engine)


def test_what_is_denied_is_denied_without_any_part_of_it(
    tmp_path: Path, policy: PolicySet, engine: LocalOpa
) -> None:
    target = Target(tmp_path, expected=Expected(tests=(ANY,), scans=(ANY,)))
    files = [*samples(), *corpus(MAX_SIZE)]
    whole = [dict(target.check(file).document().value) for file in files]
    before = decide(policy, engine, [(NO_SETTINGS, evidence) for evidence in whole])
    denied = [
        (file, evidence, rules)
        for file, evidence, answer in zip(files, whole, before, strict=True)
        if (rules := _denying(answer))
    ]
    cases = [case for file, evidence, rules in denied for case in _cases(target, file, evidence, rules)]
    answers = decide(policy, engine, [(NO_SETTINGS, case.evidence) for case in cases])
    lost = [
        f"{case.file} without {case.what}: {', '.join(sorted(case.rules - _violated(answer)))}"
        for case, answer in zip(cases, answers, strict=True)
        if not case.rules <= _violated(answer) and not _without_trace(case)
    ]
    print(f"{len(denied)} reports are denied; {len(cases)} deletions that change the evidence")
    assert len(denied) >= 20
    assert {rule for _, _, rules in denied for rule in rules} >= {
        "tests_passed",
        "scan_severity",
        "scan_bound",
    }
    assert not lost, "\n".join(lost)


def _without_trace(case: Case) -> bool:
    pattern = WITHOUT_TRACE.get(case.file.partition("-")[0])
    return pattern is not None and re.search(pattern, case.what) is not None


def _denying(answer: Mapping[str, Any]) -> frozenset[str]:
    """The rules that deny the report itself, not the absence of others."""
    found = answer["violations"]
    return frozenset(each["rule"] for each in found if not each["id"].startswith(("evidence:", "scans/none")))


def _violated(answer: Mapping[str, Any]) -> set[str]:
    return {result["name"] for result in answer["rules"] if result["status"] == "violated"}


def _cases(
    target: Target, file: ReportFile, whole: Mapping[str, Any], rules: frozenset[str]
) -> Iterator[Case]:
    """One for each deletion after which the evidence says something else."""
    known = {_said(whole)}
    for deletion in _chosen(file):
        evidence = dict(target.check(ReportFile(file.name, deletion.left)).document().value)
        if _said(evidence) not in known:
            known.add(_said(evidence))
            yield Case(file=file.name, what=deletion.what, rules=rules, evidence=evidence)
    yield Case(
        file=file.name, what="the file", rules=rules, evidence=dict(target.check(None).document().value)
    )


def _chosen(file: ReportFile) -> list[Deletion]:
    found = list(deletions(file.content))
    return found if ALL else Random(file.name).sample(found, min(PER_FILE, len(found)))


def _said(evidence: Mapping[str, Any]) -> str:
    """What evidence says apart from the bytes that it was read from."""
    text = json.dumps(evidence, sort_keys=True)
    for report in evidence["reports"]:
        text = text.replace(report["sha256"], "").replace(f'"size": {report["size"]}', "")
    return text
