"""What Clair adds to its vulnerabilities: CVSS, EPSS and the catalogue of known exploited ones.

Each enrichment is a map from the vulnerability's key to entries, under a media type that names the enricher
(``message/vnd.clair.map.vulnerability; enricher=clair.epss schema=none``).
"""

from __future__ import annotations

import msgspec

from pushpolicy.reports.parsing import jsondoc
from pushpolicy.reports.parsing.values import probability, score


class _Entry(msgspec.Struct, rename="camel", gc=False):
    version: str | None = None
    base_score: float | None = None
    epss: float | None = None


class Enrichments:
    """The entries of one report, by vulnerability."""

    def __init__(self, raw: dict[str, list[msgspec.Raw]]) -> None:
        self._cvss = _of(raw, "enricher=clair.cvss ")
        self._epss = _of(raw, "enricher=clair.epss ")
        self._kev = _of(raw, "enricher=clair.kev ")
        self._has_kev = any("enricher=clair.kev " in name for name in raw)

    def cvss(self, key: str) -> float | None:
        """The highest score by the newest version of CVSS."""
        rated = [(e.version or "", value) for e in self._cvss.get(key, ()) if (value := score(e.base_score))]
        return max(rated, default=("", None))[1]

    def epss(self, key: str) -> float | None:
        """The highest probability."""
        values = (probability(entry.epss) for entry in self._epss.get(key, ()))
        return max((value for value in values if value is not None), default=None)

    def kev(self, key: str) -> bool | None:
        """Whether it is in the catalogue; None when the report does not use the catalogue."""
        return bool(self._kev.get(key)) if self._has_kev else None


def _of(raw: dict[str, list[msgspec.Raw]], mark: str) -> dict[str, list[_Entry]]:
    entries: dict[str, list[_Entry]] = {}
    for name, parts in raw.items():
        for part in parts if mark in name else ():
            listed = jsondoc.decode_value(memoryview(part).tobytes(), dict[str, list[_Entry]])
            for key, found in listed.items():
                entries.setdefault(key, []).extend(found)
    return entries
