"""Which names are of one flaw; the order in which findings come says nothing."""

from __future__ import annotations

from itertools import permutations

from pushpolicy.audit.impact.names import Names, OneFlaw

FINDINGS = ({"cve-1", "ghsa-1"}, {"ghsa-1", "pysec-1"}, {"cve-1", "dsa-9"}, {"cve-2", "dsa-9"}, {"cve-3"})


def _of(*asked: str) -> OneFlaw:
    """The same, whatever comes first."""
    found = set[OneFlaw]()
    for findings in permutations(FINDINGS):
        names = Names()
        for each in findings:
            names.take(frozenset(each))
        found.add(names.of(asked))
    (only,) = found
    return only


def test_a_name_leads_to_all_others() -> None:
    for name in ("CVE-1", "ghsa-1", "Pysec-1"):
        assert _of(name).names == {"cve-1", "ghsa-1", "pysec-1"}


def test_an_advisory_of_several_joins_none() -> None:
    flaw = _of("cve-2")
    assert flaw == OneFlaw(frozenset({"cve-2"}), frozenset({"dsa-9"}))
    assert flaw.is_among(frozenset({"dsa-9"}))
    assert flaw.is_among(frozenset({"dsa-9", "cve-2"}))
    assert not flaw.is_among(frozenset({"dsa-9", "cve-1"}))


def test_who_asks_for_an_advisory_asks_for_all_that_it_is_of() -> None:
    assert _of("dsa-9").names == {"dsa-9", "cve-1", "cve-2", "ghsa-1", "pysec-1"}


def test_a_name_that_nothing_has() -> None:
    assert _of("cve-4") == OneFlaw(frozenset({"cve-4"}), frozenset())
