"""Clair v4's VulnerabilityReport (claircore, vulnerabilityreport.go), also of clair-action.

One finding for each vulnerability of each package. It names the manifest that was indexed, but neither a
version, a time nor what was left out. Layers are named as they are compressed, and not told. An index report,
which comes before the matching, is no scan.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import parse_qs

import msgspec

from pushpolicy.model.evidence import Finding, Scanner
from pushpolicy.model.text import printable
from pushpolicy.reports.facts import ScanFacts, within
from pushpolicy.reports.format import Facts, FailedRunError, Format, Head, Identity, ReportBytes, ReportError
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.parsing import jsondoc
from pushpolicy.reports.parsing.values import brief, dated, earliest, highest, probability, score
from pushpolicy.reports.scans import of_one_flaw, severity

# What stands where no fixed version is known.
_NO_VERSION = frozenset({"", "0", "0:0"})
_RANGE = ("fixed", "introduced", "lastAffected")
_BREAKS = re.compile(r"[\s()\[\],;]+")


class _Package(msgspec.Struct, gc=False):
    name: str | None = None
    version: str | None = None


class _Alias(msgspec.Struct, gc=False):
    space: str = ""
    name: str = ""


class _Vulnerability(msgspec.Struct, gc=False):
    name: str
    description: str | None = None
    issued: str | None = None
    normalized_severity: str | None = None
    fixed_in_version: str | None = None
    package: _Package | None = None
    aliases: list[_Alias] | None = msgspec.field(name="Aliases", default=None)
    invert: bool | None = msgspec.field(name="Invert", default=None)


class _Report(msgspec.Struct, gc=False):
    manifest_hash: str | None = None
    state: str | None = None
    success: bool | None = None
    err: str | None = None
    packages: dict[str, _Package] | None = None
    vulnerabilities: dict[str, _Vulnerability] | msgspec.UnsetType | None = msgspec.UNSET
    package_vulnerabilities: dict[str, list[str]] | msgspec.UnsetType | None = msgspec.UNSET
    enrichments: dict[str, list[msgspec.Raw]] | None = None


class _Enrichment(msgspec.Struct, rename="camel", gc=False):
    version: str | None = None
    base_score: float | None = None
    epss: float | None = None
    date: str | None = None


def _read(report: ReportBytes, limits: Limits) -> tuple[Facts, ...]:
    document = jsondoc.decode(report, _Report)
    if document.success is False or document.err or document.state not in (None, "IndexFinished"):
        why = document.err or f"its state is {document.state or 'not told'}"
        raise FailedRunError(f"clair did not finish indexing the image: {printable(why)}")
    if document.vulnerabilities is msgspec.UNSET or document.package_vulnerabilities is msgspec.UNSET:
        raise ReportError("it is an index report: it does not say which vulnerabilities there are")
    scan = ScanFacts(
        scanner=Scanner(name="clair"),
        kind="image",
        identity=Identity(digests=(document.manifest_hash,) if document.manifest_hash else ()),
        findings=tuple(_findings(document)),
        looked_for=("vulnerabilities",),
    )
    return within(limits, [scan])


def _findings(report: _Report) -> Iterator[Finding]:
    flaws, packages = report.vulnerabilities or {}, report.packages or {}
    more = _Enrichments(report.enrichments or {})
    named = set()
    for package_id, keys in (report.package_vulnerabilities or {}).items():
        for key in keys:
            if key not in flaws:
                raise ReportError(f"it lacks the vulnerability {printable(key, 60)} that a package has")
            named.add(key)
            yield _finding(flaws[key], packages.get(package_id), key, more)
    # One that no package has still counts, unless it says that packages are free of it.
    for key, flaw in flaws.items():
        if key not in named and not flaw.invert:
            yield _finding(flaw, flaw.package, key, more)


def _finding(flaw: _Vulnerability, package: _Package | None, key: str, more: _Enrichments) -> Finding:
    about = package or flaw.package or _Package()
    name, words = names(flaw.name)
    fixed_in = fixed_version(flaw.fixed_in_version)
    others = [text for a in flaw.aliases or () for text in (a.name, f"{a.space}-{a.name}")]
    return Finding(
        id=name,
        aliases=of_one_flaw(name, (*words, *others)),
        severity=severity.from_word(flaw.normalized_severity),
        kind="vulnerability",
        title=brief(flaw.description or flaw.name),
        cvss=more.cvss(key),
        epss=more.epss(key),
        epss_at=more.epss_at(key),
        kev=more.kev(key),
        package=about.name or None,
        version=about.version or None,
        fixed_in=fixed_in,
        fix_state="fixed" if fixed_in else None,
        published=dated(flaw.issued),
    )


def fixed_version(stated: str | None) -> str | None:
    """The version that fixes a flaw; None where there is none.

    Some updaters write a range as a query, of which only `fixed` is one: `fixed=1.2&introduced=1.0`.
    """
    text = stated or ""
    if any(f"{key}=" in text for key in _RANGE):
        text = parse_qs(text).get("fixed", [""])[0]
    return None if text in _NO_VERSION else text


def names(text: str) -> tuple[str, tuple[str, ...]]:
    """The id, and all words of the text, among which its other names are.

    ``CVE-2022-23219 glibc``, ``pyup.io-42559 (CVE-2021-3572)``, ``RHSA-2019:0109: perl update (Moderate)``.
    """
    words = tuple(word.rstrip(":") for word in _BREAKS.split(text) if word)
    first = words[0] if words else ""
    return (first if "-" in first else text) or "unidentified", words


class _Enrichments:
    """What Clair adds by vulnerability: CVSS, EPSS and the catalogue of known exploited ones.

    Each enrichment is a map from the vulnerability's key to entries, under a media type that names the
    enricher (``message/vnd.clair.map.vulnerability; enricher=clair.epss schema=none``).
    """

    def __init__(self, raw: dict[str, list[msgspec.Raw]]) -> None:
        self._cvss = _enriched(raw, "enricher=clair.cvss ")
        self._epss = _enriched(raw, "enricher=clair.epss ")
        self._kev = _enriched(raw, "enricher=clair.kev ")
        self._has_kev = any("enricher=clair.kev " in name for name in raw)

    def cvss(self, key: str) -> float | None:
        """The highest score by the newest version of CVSS."""
        rated = [(e.version or "", value) for e in self._cvss.get(key, ()) if (value := score(e.base_score))]
        return max(rated, default=("", None))[1]

    def epss(self, key: str) -> float | None:
        """The highest probability."""
        return highest(probability(entry.epss) for entry in self._epss.get(key, ()))

    def epss_at(self, key: str) -> str | None:
        """The earliest day for which one was computed."""
        return earliest(entry.date for entry in self._epss.get(key, ()))

    def kev(self, key: str) -> bool | None:
        """Whether it is in the catalogue; None when the report does not use the catalogue."""
        return bool(self._kev.get(key)) if self._has_kev else None


def _enriched(raw: dict[str, list[msgspec.Raw]], mark: str) -> dict[str, list[_Enrichment]]:
    entries: dict[str, list[_Enrichment]] = {}
    for name, values in raw.items():
        for value in values if mark in name else ():
            listed = jsondoc.decode_value(memoryview(value).tobytes(), dict[str, list[_Enrichment]])
            for key, found in listed.items():
                entries.setdefault(key, []).extend(found)
    return entries


def _recognise(head: Head) -> bool:
    marks = {"package_vulnerabilities", "vulnerabilities", "state"} & set(head.keys)
    return not head.is_array and {"manifest_hash", "packages"} <= set(head.keys) and bool(marks)


FORMAT = Format(
    name="clair",
    kind="scans",
    media_type="application/json",
    suffixes=(".json",),
    file_names=("clair*.json", "*-clair.json", "*_clair.json", "*.clair.json"),
    marks=(b'"manifest_hash"', b'"packages"'),
    recognise=_recognise,
    document=_Report,
    read=_read,
)


class _ScannerVulnerability(msgspec.Struct, rename="lower", gc=False):
    vulnerability: str
    severity: str
    featurename: str | None = None
    featureversion: str | None = None
    description: str | None = None
    fixedby: str | None = None


class _ScannerReport(msgspec.Struct, gc=False):
    vulnerabilities: list[_ScannerVulnerability]
    image: str | None = None
    unapproved: list[str] | None = None


def _read_scanner(report: ReportBytes, limits: Limits) -> tuple[Facts, ...]:
    """clair-scanner's report (arminc/clair-scanner, over Clair v2).

    It names the image as it was typed. `unapproved` lists what neither its allow list nor its threshold lets
    pass; the rest of what it lists was set aside by one of them.
    """
    document = jsondoc.decode(report, _ScannerReport)
    listed = {flaw.vulnerability for flaw in document.vulnerabilities}
    if document.unapproved and not listed:
        raise ReportError(f"it lacks {printable(document.unapproved[0], 60)}, which it does not approve")
    approved = listed - set(document.unapproved or ())
    scan = ScanFacts(
        scanner=Scanner(name="clair-scanner"),
        kind="image",
        identity=Identity(name=document.image or None),
        findings=tuple(_scanner_finding(flaw, approved) for flaw in document.vulnerabilities),
        looked_for=("vulnerabilities",),
    )
    return within(limits, [scan])


def _scanner_finding(flaw: _ScannerVulnerability, approved: set[str]) -> Finding:
    return Finding(
        id=flaw.vulnerability or "unidentified",
        aliases=of_one_flaw(flaw.vulnerability, ()),
        severity=severity.from_word(flaw.severity),
        kind="vulnerability",
        title=brief(flaw.description),
        package=flaw.featurename or None,
        version=flaw.featureversion or None,
        fixed_in=fixed_version(flaw.fixedby),
        fix_state="fixed" if fixed_version(flaw.fixedby) else None,
        suppressed_by="clair-scanner approved" if flaw.vulnerability in approved else None,
    )


def _recognise_scanner(head: Head) -> bool:
    listed = head.keys.get("vulnerabilities", b"")
    marked = {"image", "unapproved"} <= set(head.keys) or b'"featurename"' in listed
    return not head.is_array and listed.startswith(b"[") and marked


SCANNER = Format(
    name="clair-scanner",
    kind="scans",
    media_type="application/json",
    suffixes=(".json",),
    file_names=(),
    marks=(b'"unapproved"', b'"vulnerabilities"'),
    recognise=_recognise_scanner,
    document=_ScannerReport,
    read=_read_scanner,
)
