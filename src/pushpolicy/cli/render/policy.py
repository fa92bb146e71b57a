"""What is reported of policies: to whoever writes them, and to programs."""

from __future__ import annotations

from collections.abc import Iterator

import click

from pushpolicy.cli.formats import Kind, Report
from pushpolicy.cli.render.decision import count
from pushpolicy.evaluate.authoring.rego_tests import Coverage, RegoTest
from pushpolicy.evaluate.authoring.testing import Tested
from pushpolicy.model.document import Document, plain
from pushpolicy.model.text import printable

_FAULT = 500


def tested(result: Tested) -> Report:
    """What `policy test` found."""
    return Report(Kind.POLICY, lambda: _tested_lines(result), lambda: _tested_document(result))


def _tested_lines(result: Tested) -> Iterator[str]:
    name, rego = printable(result.policy.source), result.rego
    if result.faults:
        yield f"{click.style(f'FAIL {name}', fg='red', bold=True)}: {count(len(result.faults), 'problem')}"
        yield from (f"  - {printable(str(fault), _FAULT)}" for fault in result.faults)
    else:
        rules = count(len(result.policy.index.rules), "rule")
        yield f"{click.style(f'PASS {name}', fg='green', bold=True)}: {rules}"
    own = [test for test in rego.tests if test.status != "evaluated"]
    skipped = sum(test.status == "skipped" for test in own)
    yield f"  {count(len(own), 'Rego test')}{f', {skipped} of them skipped' if skipped else ''}"
    yield (
        f"  {count(result.examples, 'example')} decided, and {count(result.deletions, 'time')} once more"
        " without a leaf of the evidence"
    )
    if rego.coverage is None:
        yield "  what they reach is not measured where a test fails"
    for rule, coverage in sorted((rego.coverage or {}).items()):
        yield f"  {rule:<20} {coverage.percent:5.1f} % reached{_missed(coverage)}"
    for test in rego.tests:
        yield from _printed(test)


def _missed(coverage: Coverage) -> str:
    ranges = [f"{first}-{last}" if last > first else f"{first}" for first, last in coverage.missed]
    return f"; not lines {', '.join(ranges)}" if ranges else ""


def _printed(test: RegoTest) -> Iterator[str]:
    if test.printed:
        place = f"{test.file}:{test.line}" if test.line else test.file
        yield f"  printed by {printable(place)}: {printable(test.name)}"
        yield from (f"    {printable(line, _FAULT)}" for line in test.printed.splitlines())


def _tested_document(result: Tested) -> Document:
    """``pushpolicy.policy.test/v1``."""
    return Document.of(
        plain(
            {
                "schema": "pushpolicy.policy.test/v1",
                "policy": result.policy.identity,
                "passed": not result.faults,
                "problems": result.faults,
                "examples": result.examples,
                "deletions": result.deletions,
                "tests": result.rego.tests,
                "coverage": result.rego.coverage,
            }
        )
    )
