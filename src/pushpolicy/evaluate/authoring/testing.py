"""`pushpolicy policy test`: Rego tests, examples through the real decision, and the law of deletion."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

from pushpolicy.engines.interface import Toolchain
from pushpolicy.evaluate.authoring.deletions import Deletions, delete_leaves, is_said
from pushpolicy.evaluate.authoring.rego_tests import RegoTests, run
from pushpolicy.evaluate.check import rule_folders
from pushpolicy.evaluate.examples import Example, ExamplesError, disagreements, read
from pushpolicy.evaluate.faults import Fault
from pushpolicy.evaluate.policyset import PolicySet
from pushpolicy.evaluate.sources import EXAMPLES


class Tested(msgspec.Struct, frozen=True, kw_only=True):
    """What the tests of a set showed.

    Attributes:
        examples: how many were decided.
        deletions: how many leaves were deleted from them, each for one more decision.
        faults: everything because of which the set fails.
    """

    policy: PolicySet
    rego: RegoTests
    examples: int
    deletions: int
    faults: tuple[Fault, ...]


def run_tests(policy: PolicySet, engine: Toolchain, sources: Sequence[str], threshold: float = 0) -> Tested:
    """Test the rules of a set in the folders that they came from.

    Args:
        policy: the set, as it was loaded.
        engine: evaluates.
        sources: what it was loaded from.
        threshold: how many percent of its lines the tests and examples of each rule must reach.

    Raises:
        PolicyError: when a test cannot be read or does not compile.
        EngineError: when OPA fails.
    """
    folders = dict(rule_folders(policy, sources))
    examples, faults = list[Example](), list[Fault]()
    for name, folder in folders.items():
        try:
            examples += read(folder, name)
        except ExamplesError as error:
            faults.append(Fault.parse(str(error)))
    with ThreadPoolExecutor(1) as pool:
        tests = pool.submit(run, policy, engine, folders, examples)
        wrong = [Fault.parse(text) for text in disagreements(policy, engine, examples)]
        deleted = Deletions(count=0, allowed=()) if wrong else delete_leaves(policy, engine, examples)
        rego = tests.result()
    return Tested(
        policy=policy,
        rego=rego,
        examples=len(examples),
        deletions=deleted.count,
        faults=(
            *faults,
            *_failed(rego),
            *_without_tests(rego),
            *wrong,
            *_unshown(policy, folders, examples),
            *_lost(policy, deleted),
            *_unreached(rego, folders, threshold),
        ),
    )


def _failed(rego: RegoTests) -> Iterator[Fault]:
    for test in rego.tests:
        if test.status == "failed":
            yield Fault(message=f"{test.name} failed", file=test.file, line=test.line, rule=test.rule)


def _without_tests(rego: RegoTests) -> Iterator[Fault]:
    """A file of tests with none would pass for tested."""
    with_tests = {test.file for test in rego.tests}
    for file, rule in rego.files.items():
        if file not in with_tests:
            yield Fault(
                message="there is no test in it",
                file=file,
                rule=rule,
                fix="let the names of tests begin with test_",
            )


def _unshown(policy: PolicySet, folders: Mapping[str, Path], examples: Sequence[Example]) -> Iterator[Fault]:
    shown = {one.rule for one in examples if one.expect == "violated"}
    for name, folder in folders.items():
        if "deny" in policy.index.rules[name].heads and name not in shown:
            yield Fault(
                message=f"no example shows what {name} denies",
                file=str(folder / EXAMPLES),
                rule=name,
                fix="add one that expects violated",
            )


def _lost(policy: PolicySet, deleted: Deletions) -> Iterator[Fault]:
    for one, place in deleted.allowed:
        if not is_said(policy, one, place):
            yield Fault(
                message=f"{one.name}: allowed once {'.'.join(map(str, place))} is deleted from the evidence",
                file=str(one.file),
                rule=one.rule,
                fix="let its absence deny (`not ...`), or list it in METADATA as custom.optional",
            )


def _unreached(rego: RegoTests, folders: Mapping[str, Path], threshold: float) -> Iterator[Fault]:
    for name, coverage in (rego.coverage or {}).items():
        if not coverage.percent >= threshold:  # nor is it, where the threshold is no number
            yield Fault(
                message=f"tests and examples reach {coverage.percent:.4g} % of {name}, not {threshold:g} %",
                file=str(folders[name] / f"{name}.rego"),
                line=coverage.missed[0][0],
                rule=name,
                fix="add an example that needs these lines",
            )
