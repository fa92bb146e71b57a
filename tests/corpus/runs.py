"""What the corpus states about test and coverage reports, beside what was read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pushpolicy.model.evidence import Totals
from pushpolicy.reports.facts import CoverageFacts, SuiteFacts
from pushpolicy.reports.parsing.values import utc

Facts = Mapping[str, Any]


def of_tests(results: tuple[SuiteFacts, ...], stated: Facts) -> Facts:
    (result,) = results
    totals = result.totals
    return {
        "total": totals.total,
        "passed": totals.passed,
        "failed": totals.failed,
        "errors": totals.errors,
        "skipped": totals.skipped,
        "verdict": _verdict(totals, result.undeclared),
        "declared_disagrees": list(result.disagreements) or None,
        "timestamp_first": result.timestamp
        if utc(stated.get("timestamp_first"))
        else stated.get("timestamp_first"),
    }


def _verdict(totals: Totals, undeclared: int) -> str:
    if totals.failed or totals.errors or undeclared:
        return "fail"
    if not totals.total:
        return "no-tests"
    return "all-skipped" if totals.skipped == totals.total else "pass"


def of_tap(results: tuple[SuiteFacts, ...], stated: Facts) -> Facts:
    """Tests with TODO are skipped for us; the manifest keeps them apart."""
    (result,) = results
    todo = stated["todo_ok"] + stated["todo_not_ok"]
    reasons = " ".join(failure.message for failure in result.failures if failure.kind == "error")
    return {
        **of_tests(results, stated),
        "skipped": result.totals.skipped - todo,
        "plan": None if "no plan" in reasons else stated["plan"],
        "plan_matches": None if "no plan" in reasons else "the plan is" not in reasons,
        "bail_out": stated["bail_out"] if "Bail out!" in reasons else None,
    }


def of_gotest(results: tuple[SuiteFacts, ...], stated: Facts) -> Facts:
    (result,) = results
    totals = result.totals
    hidden = [failure.name for failure in result.failures if failure.kind == "error"]
    return {
        "all_tests": {
            "total": totals.total,
            "passed": totals.passed,
            "failed": totals.failed,
            "skipped": totals.skipped,
            "unfinished": totals.errors,
        },
        "failed_packages_without_failed_test": hidden,
        "verdict": _verdict(totals, result.undeclared),
        "timestamp_first": result.timestamp,
    }


def of_ctrf(results: tuple[SuiteFacts, ...], stated: Facts) -> Facts:
    """Pending and other tests are skipped for us; the manifest keeps them apart."""
    (result,) = results
    return {
        **of_tests(results, stated),
        "skipped": result.totals.skipped - stated["pending"] - stated["other"],
        "flaky": result.totals.flaky,
        "summary_matches_tests": not result.disagreements,
        "start_ms": _as_epoch(result.timestamp, stated["start_ms"]),
    }


def of_coverage(results: tuple[CoverageFacts, ...], stated: Facts) -> Facts:
    (result,) = results
    lines, branches = result.lines, result.branches
    return {
        "lines_total": lines.total,
        "lines_covered": lines.covered,
        "line_rate": round(lines.covered / lines.total, 4) if lines.total else None,
        "branches_total": branches.total if branches else 0,
        "branches_covered": branches.covered if branches else 0,
        "declared_matches_lines": not [each for each in result.disagreements if "branches" not in each],
        "timestamp": _as_epoch(result.timestamp, stated["timestamp"]),
    }


def _as_epoch(timestamp: str | None, stated: Any) -> Any:
    """Our time in the unit and type in which the file states it."""
    if timestamp is None:
        return None
    moment = datetime.fromisoformat(timestamp).timestamp()
    return type(stated)(round(moment * 1000 if int(stated) > 100_000_000_000 else moment))
