"""CTRF, the Common Test Report Format (ctrf.io), with or without the `reportFormat` of version 1.

The tests decide, not the summary. Pending tests did not run and `other` says nothing either way: both are
skipped. A status outside the specification is an error.
"""

from __future__ import annotations

import re

import msgspec

from pushpolicy.model.evidence import Scanner
from pushpolicy.reports.facts import SuiteFacts
from pushpolicy.reports.format import Facts, Format, Head, ReportBytes
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.parsing import jsondoc
from pushpolicy.reports.parsing.values import MAX_INTEGER, epoch, seconds, version
from pushpolicy.reports.suites import Outcome, Tally, differ

_OUTCOMES: dict[str, Outcome] = {
    "passed": "passed",
    "failed": "failed",
    "skipped": "skipped",
    "pending": "skipped",
    "other": "skipped",
}
_KEYS = frozenset(
    {
        "results",
        "reportFormat",
        "specVersion",
        "reportId",
        "timestamp",
        "generatedBy",
        "extra",
        "insights",
        "baseline",
        "$schema",
    }
)
_RESULTS = re.compile(rb'\{\s*"(tool|summary|tests|environment|extra)"')


class _Test(msgspec.Struct, gc=False):
    status: str
    name: str = ""
    message: str | None = None
    flaky: bool | None = None
    retries: int | None = None
    suite: list[str] | str | None = None


class _Summary(msgspec.Struct, gc=False):
    tests: int | None = None
    passed: int | None = None
    failed: int | None = None
    skipped: int | None = None
    pending: int | None = None
    other: int | None = None
    start: float | None = None
    stop: float | None = None


class _Tool(msgspec.Struct, gc=False):
    name: str | None = None
    version: str | None = None


class _Results(msgspec.Struct):
    summary: _Summary
    tests: list[_Test]
    tool: _Tool | None = None


class _Report(msgspec.Struct):
    results: _Results


def _read(report: ReportBytes, limits: Limits) -> tuple[Facts, ...]:
    results = jsondoc.decode(report, _Report).results
    tally = Tally(limits)
    for test in results.tests:
        outcome = _OUTCOMES.get(test.status.lower(), "errors")
        tally.add(outcome, flaky=bool(test.flaky))
        suite = test.suite if isinstance(test.suite, str) else " > ".join(test.suite or ())
        tally.suite(suite)
        tally.call(suite, test.name)
        if outcome in ("failed", "errors"):
            kind = "failure" if outcome == "failed" else "error"
            tally.fail(test.name, kind, test.message or test.status)
    totals, summary, tool = tally.totals(), results.summary, results.tool or _Tool()
    retries = [max(test.retries, 0) for test in results.tests if test.retries is not None]
    counted = {"tests": totals.total, "passed": totals.passed, "failed": totals.failed + totals.errors}
    declared = {"tests": summary.tests, "passed": summary.passed, "failed": summary.failed}
    did_not_run = (summary.skipped or 0) + (summary.pending or 0) + (summary.other or 0)
    facts = SuiteFacts(
        totals=totals,
        failures=tuple(tally.failures),
        undeclared=max((summary.failed or 0) - totals.failed - totals.errors, 0),
        disagreements=differ(
            declared | {"skipped, pending and other": did_not_run},
            counted | {"skipped, pending and other": totals.skipped},
        ),
        tool=Scanner(name=tool.name, version=version(tool.version)) if tool.name else None,
        suites=tally.suites(),
        retries=min(sum(retries), MAX_INTEGER) if retries else None,
        duplicates=tally.duplicates(),
        timestamp=epoch(summary.start),
        duration=_duration(summary),
    )
    return (facts,)


def _duration(summary: _Summary) -> float | None:
    """In seconds. The specification says milliseconds; a small start time tells that it is seconds."""
    if summary.start is None or summary.stop is None:
        return None
    unit = 1000 if summary.start > 100_000_000_000 else 1
    return seconds(str((summary.stop - summary.start) / unit))


def _recognise(head: Head) -> bool:
    if head.is_array:
        return False
    if head.keys.get("reportFormat") == b'"CTRF"':
        return True
    return set(head.keys) <= _KEYS and _RESULTS.match(head.keys.get("results", b"")) is not None


FORMAT = Format(
    name="ctrf",
    kind="tests",
    media_type="application/json",
    suffixes=(".json",),
    file_names=("ctrf*.json", "*-ctrf.json", "*.ctrf.json"),
    marks=(b'"reportFormat"', b'"CTRF"'),
    recognise=_recognise,
    read=_read,
)
