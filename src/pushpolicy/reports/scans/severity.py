"""The one severity scale, and what the scanners' words and numbers mean on it."""

from __future__ import annotations

import math
from collections.abc import Iterable

from pushpolicy.model.evidence import Severity

_WORDS = {
    "defcon1": Severity.CRITICAL,  # above critical in Clair 2
    "critical": Severity.CRITICAL,
    "high": Severity.HIGH,
    "important": Severity.HIGH,
    "medium": Severity.MEDIUM,
    "moderate": Severity.MEDIUM,
    "low": Severity.LOW,
    "minor": Severity.LOW,
    "negligible": Severity.NEGLIGIBLE,
    "info": Severity.NEGLIGIBLE,
    "informational": Severity.NEGLIGIBLE,
    "none": Severity.NEGLIGIBLE,
}
# CVSS v3.1 section 5, and GitHub's bands for SARIF's security-severity; 9.0 itself is critical.
_BANDS = ((9.0, Severity.CRITICAL), (7.0, Severity.HIGH), (4.0, Severity.MEDIUM))
_LEVELS = {
    "error": Severity.HIGH,
    "warning": Severity.MEDIUM,
    "note": Severity.LOW,
    "none": Severity.NEGLIGIBLE,
}
_WORST_FIRST = tuple(Severity)


def from_word(word: str | None) -> Severity:
    """The severity a scanner's word stands for; unknown when it stands for none."""
    return _WORDS.get((word or "").strip().lower(), Severity.UNKNOWN)


def from_score(score: float) -> Severity:
    """The severity of a score from 0 to 10; unknown outside that."""
    if math.isnan(score) or not 0 <= score <= 10:
        return Severity.UNKNOWN
    if score == 0:
        return Severity.NEGLIGIBLE
    return next((severity for least, severity in _BANDS if score >= least), Severity.LOW)


def from_level(level: str) -> Severity:
    """The severity of a SARIF level (design section 5); unknown for a word that is no level."""
    return _LEVELS.get(level, Severity.UNKNOWN)


def worst(severities: Iterable[Severity]) -> Severity:
    """The worst of these; what is unknown counts only where nothing else is known."""
    return min(severities, key=_WORST_FIRST.index)
