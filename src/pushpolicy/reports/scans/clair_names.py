"""Names of vulnerabilities as Clair's updaters write them, with more in the same text.

``CVE-2022-23219 glibc``, ``pyup.io-42559 (CVE-2021-3572)``, ``RHSA-2019:0109: perl update (Moderate)``.
"""

from __future__ import annotations

import re

_BREAKS = re.compile(r"[\s()\[\],;]+")


def names(text: str) -> tuple[str, tuple[str, ...]]:
    """The id, and all words of the text, among which its other names are."""
    words = tuple(word.rstrip(":") for word in _BREAKS.split(text) if word)
    first = words[0] if words else ""
    return (first if "-" in first else text) or "unidentified", words
