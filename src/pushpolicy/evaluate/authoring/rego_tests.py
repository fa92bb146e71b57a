"""The Rego tests of rules by `opa test`, and which lines of the rules they and the examples reach.

Each example is a test, too, which only evaluates its rule, so that its print() is shown and its lines count;
what it expects is compared with the real decision, in `examples`.
"""

from __future__ import annotations

import base64
import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from pushpolicy.engines.interface import Toolchain
from pushpolicy.errors import PolicyError
from pushpolicy.evaluate.data import default_settings
from pushpolicy.evaluate.examples import EVIDENCE, SETTINGS, Example, record
from pushpolicy.evaluate.patches import base
from pushpolicy.evaluate.policyset import PolicySet
from pushpolicy.evaluate.removed import explain
from pushpolicy.evaluate.sources import read_tests
from pushpolicy.model import canonical

_EXAMPLES = "pushpolicy_examples"
# The other passes of `--coverage` only say why a line was not reached, and take as long again.
_COVERAGE = ("--coverage", "--coverage-runs", "")


class RegoTest(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one test.

    Attributes:
        rule: in whose folder it is.
        file: where it is written.
        line: of the file; 0 of an example.
        name: of the test, and of its cases that failed; or of the example.
        status: passed, failed, skipped; an example is evaluated.
        printed: what print() said.
    """

    rule: str
    file: str
    line: int = 0
    name: str
    status: str
    printed: str = ""


class Coverage(msgspec.Struct, frozen=True, kw_only=True):
    """How much of a rule was reached: percent of its lines, and the ranges (first, last) that were not."""

    percent: float
    missed: tuple[tuple[int, int], ...]


class RegoTests(msgspec.Struct, frozen=True, kw_only=True):
    """The tests of a set, and the coverage of its rules by name; none where a test failed.

    Attributes:
        files: those that were read, with whose they are.
    """

    files: Mapping[str, str]
    tests: tuple[RegoTest, ...]
    coverage: Mapping[str, Coverage] | None


def run(
    policy: PolicySet, engine: Toolchain, folders: Mapping[str, Path], examples: Sequence[Example]
) -> RegoTests:
    """Run the tests in the folders of the rules.

    Raises:
        PolicyError: when a test cannot be read or does not compile.
        EngineError: when OPA fails.
    """
    with tempfile.TemporaryDirectory(prefix="pushpolicy-") as temporary, ThreadPoolExecutor(1) as pool:
        capabilities, root = Path(temporary) / "capabilities.json", Path(temporary) / "policy"
        capabilities.write_bytes(policy.capabilities)
        with _named(written := _write(root, policy, folders, examples)):
            lines = pool.submit(engine.test, root, capabilities, *_COVERAGE)
            tests = tuple(_tests(root, written, engine.test(root, capabilities), examples))
            files = {str(known): path.partition("/")[0] for path, known in written.items()}
            if any(test.status == "failed" for test in tests):
                return RegoTests(files=files, tests=tests, coverage=None)
            return RegoTests(files=files, tests=tests, coverage=dict(_coverage(root, policy, lines.result())))


def _write(
    root: Path, policy: PolicySet, folders: Mapping[str, Path], examples: Sequence[Example]
) -> dict[str, Path]:
    """Write what OPA is to test; returns the tests by their path below the root, with where they are."""
    files = {path: content for path, content in policy.files.items() if path.startswith("system/lib/")}
    files |= {f"{name}/{name}.rego": policy.files[f"rules/{name}/{name}.rego"] for name in folders}
    written = dict[str, Path]()
    for name, folder in folders.items():
        for test in read_tests(folder):
            path = f"{name}/{test.path.relative_to(folder).as_posix()}"
            files[path], written[path] = test.content, test.path
    given = [record(policy, one.evidence, {one.rule: one.settings}) for one in examples]
    data = {"settings": default_settings(policy.index), _EXAMPLES: {"base": base(), "records": given}}
    files["data.json"] = canonical.encode(data)
    files[f"{_EXAMPLES}.rego"] = "\n".join(_evaluating(policy, examples)).encode()
    for path, content in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)
    return written


def _evaluating(policy: PolicySet, examples: Iterable[Example]) -> Iterator[str]:
    """A module with one test for each example, which evaluates everything that its rule defines."""
    given = f"data.{_EXAMPLES}.records[number]"
    yield f"package {_EXAMPLES}_test\n\nimport rego.v2\n"
    yield f"_evidence(number) := {EVIDENCE.format(base=f'data.{_EXAMPLES}.base', record=given)}\n"
    yield f"_settings(number) := {SETTINGS.format(record=given)}\n"
    for number, one in enumerate(examples):
        yield f"test_{number} if {{"
        for head in policy.index.rules[one.rule].heads:
            yield f"\tcount(data.pushpolicy.rules.{one.rule}.{head}) >= 0"
            yield f"\t\twith input as _evidence({number}) with data.settings as _settings({number})"
        yield "}\n"


@contextmanager
def _named(written: Mapping[str, Path]) -> Iterator[None]:
    """Have errors name the files as their writer knows them."""
    try:
        yield
    except PolicyError as error:
        problems = list[str]()
        for line in error.message.splitlines():
            path, _, told = line.partition(".rego:")
            row, _, said = told.partition(": ")
            known = written.get(f"{path}.rego")
            problems.append(f"{known}:{row}: {explain(said)}" if known else explain(line))
        raise type(error)("\n".join(problems), error.hint) from error


def _tests(
    root: Path, written: Mapping[str, Path], found: Sequence[Mapping[str, Any]], examples: Sequence[Example]
) -> Iterator[RegoTest]:
    for test in sorted(found, key=lambda each: (each["location"]["file"], each["location"]["row"])):
        path = test["location"]["file"].removeprefix(f"{root}/")
        printed = base64.b64decode(test.get("output", "")).decode("utf-8", "replace")
        if path not in written:
            one = examples[int(test["name"].removeprefix("test_"))]
            yield RegoTest(
                rule=one.rule, file=str(one.file), name=one.name, status="evaluated", printed=printed
            )
            continue
        failed = [name for name, case in test.get("sub_results", {}).items() if case.get("fail")]
        yield RegoTest(
            rule=path.partition("/")[0],
            file=str(written[path]),
            line=test["location"]["row"],
            name=", ".join([test["name"], *map(json.dumps, failed)]),
            status="skipped" if test.get("skip") else "failed" if test.get("fail") else "passed",
            printed=printed,
        )


def _coverage(root: Path, policy: PolicySet, found: Mapping[str, Any]) -> Iterator[tuple[str, Coverage]]:
    for name in policy.index.rules:
        file = found["files"].get(f"{root}/{name}/{name}.rego")
        if file:
            missed = {(part["start"]["row"], part["end"]["row"]) for part in file.get("not_covered", ())}
            yield name, Coverage(percent=file.get("coverage", 0), missed=tuple(_joined(sorted(missed))))


def _joined(ranges: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The same lines in as few ranges as there can be."""
    first, last = 0, -1
    for start, end in ranges:
        if start > last + 1:
            if first:
                yield first, last
            first = start
        last = max(last, end)
    if first:
        yield first, last
