"""Test Result v0.1 (in-toto/attestation, spec/predicates/test-result.md): what became of the tests.

How the tests were configured is not known, so the reports stand for it: each by its digest, with its counts.
The evidence names no test that passed, and of those that failed the first hundred.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pushpolicy.records.forms.approved import Approved

PREDICATE = "https://in-toto.io/attestation/test-result/v0.1"


def predicates(approved: Approved) -> tuple[dict[str, Any], ...]:
    """The one predicate of a decision.

    Raises:
        FormError: when the tests were not collected.
    """
    tests = approved.collected("tests")
    predicate = {
        "result": _result(tests),
        "configuration": [_descriptor(report) for report in tests["reports"]],
        "failedTests": [failure["name"] for failure in tests["failures"]],
    }
    return (predicate,)


def _result(tests: Mapping[str, Any]) -> str:
    """PASSED is for tests that all ran, and passed at once; what is between is WARNED."""
    totals, reports = tests["totals"], tests["reports"]
    failed = totals["failed"] + totals["errors"] + sum(report.get("undeclared", 0) for report in reports)
    if failed or tests["failures"] or not totals["passed"]:
        return "FAILED"
    disagree = any(report.get("disagreements") for report in reports)
    return "WARNED" if totals["skipped"] or totals["flaky"] or disagree else "PASSED"


def _descriptor(report: Mapping[str, Any]) -> dict[str, Any]:
    """A report as a ResourceDescriptor; what the evidence has of it are its annotations."""
    told = {key: value for key, value in report.items() if key not in ("name", "sha256")}
    return {"name": report["name"], "digest": {"sha256": report["sha256"]}, "annotations": told}
