"""Names of vulnerabilities: which are names of one flaw, which name an advisory over many."""

from __future__ import annotations

import re
from collections.abc import Iterable

# Advisories of distributions (DSA, RHSA, USN ...) are left out: one covers many flaws.
_FLAW = re.compile(
    r"CVE-\d{4}-\d{4,19}|GHSA(?:-[23456789cfghjmpqrvwx]{4}){3}|GO-\d{4}-\d{4,9}|PYSEC-\d{4}-\d{1,9}|RUSTSEC-\d{4}-\d{4,9}"
)
_KNOWN_ID = re.compile(
    r"(?:CVE-\d{4}-\d{4,19}|GHSA(?:-[0-9a-z]{4}){3}|GO-\d{4}-\d{4,9}|PYSEC-\d{4}-\d+|RUSTSEC-\d{4}-\d+"
    r"|SNYK-[A-Z0-9]+-|GMS-\d{4}-|ALAS|DSA-\d|DLA-\d|RHSA-|ELSA-|USN-\d|TEMP-\d{7})"
)


def is_vulnerability(name: str) -> bool:
    """Whether a rule's or finding's id is that of a known vulnerability."""
    return _KNOWN_ID.match(name) is not None


def aliases(name: str, others: Iterable[str]) -> tuple[str, ...]:
    """The other names of one flaw, sorted; also the one that leads an id such as Grype's CVE-...-package."""
    found = [other for other in others if _FLAW.fullmatch(other)]
    if (leading := _FLAW.match(name)) and leading[0] != name:
        found.append(leading[0])
    return tuple(sorted({*found} - {name})) if found else ()


def of_one_flaw(name: str, others: Iterable[str]) -> tuple[str, ...]:
    """The aliases; none where more than one CVE is among the names: that is an advisory over many flaws.

    Joining those would count them as one, and a waiver of one of them would cover the rest.
    """
    found = aliases(name, others)
    several = sum(each.startswith("CVE-") for each in {name, *found}) > 1
    return () if several else found
