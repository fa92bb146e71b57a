"""Counting and joining: one flaw by two names in three packages is one flaw."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushpolicy.model.evidence import Finding, Severity
from pushpolicy.reports.scans import count
from pushpolicy.reports.scans.severity import from_score, from_word


def finding(name: str, severity: str = "high", **fields: Any) -> Finding:
    return Finding(**({"id": name, "severity": Severity(severity), "kind": "vulnerability"} | fields))


def flaws(*findings: Finding) -> dict[str, int]:
    return {key: number for key, number in count(findings).by_severity.items() if number}


def test_every_entry_is_listed_and_every_flaw_counted_once() -> None:
    entries = [finding("CVE-1", package="a"), finding("CVE-1", package="b"), finding("CVE-2")]
    assert count(entries).listed["high"] == 3
    assert flaws(*entries) == {"high": 2}


def test_a_flaw_has_the_worst_severity_that_an_entry_gives() -> None:
    assert flaws(finding("CVE-1", "low"), finding("CVE-1", "critical"), finding("CVE-1", "unknown")) == {
        "critical": 1
    }


def test_aliases_join_whatever_order_they_come_in() -> None:
    chain = [finding("C", aliases=("B",)), finding("A"), finding("B", aliases=("A",)), finding("D")]
    assert flaws(*chain) == {"high": 2}


def test_suppressed_findings_count() -> None:
    assert flaws(finding("CVE-1", suppressed_by="vex")) == {"high": 1}


def test_two_places_of_one_rule_are_two_flaws() -> None:
    assert flaws(*(finding("S1", kind="code", location=f"a.py:{n}") for n in (1, 2))) == {"high": 2}


NAMES = st.sampled_from("ABCDEFG")
FINDINGS = st.lists(
    st.builds(
        lambda name, severity, other: finding(name, severity, aliases=(other,)),
        NAMES,
        st.sampled_from([severity.value for severity in Severity]),
        NAMES,
    ),
    max_size=12,
)


@given(FINDINGS)
def test_the_order_does_not_matter(entries: list[Finding]) -> None:
    assert count(entries) == count(list(reversed(entries)))


@given(FINDINGS)
def test_flaws_are_never_more_than_entries_nor_none_where_there_are_some(entries: list[Finding]) -> None:
    counts = count(entries)
    assert sum(counts.listed.values()) == len(entries)
    assert bool(entries) <= sum(counts.by_severity.values()) <= len(entries)


@pytest.mark.parametrize(
    ("word", "severity"),
    [
        ("CRITICAL", "critical"),
        ("Moderate", "medium"),
        ("Negligible", "negligible"),
        ("", "unknown"),
        (None, "unknown"),
    ],
)
def test_words(word: str | None, severity: str) -> None:
    assert from_word(word) == severity


@pytest.mark.parametrize("score", [-1.0, 10.1, float("nan"), float("inf")])
def test_scores_off_the_scale_are_unknown(score: float) -> None:
    assert from_score(score) is Severity.UNKNOWN
