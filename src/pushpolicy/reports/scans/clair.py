"""Clair v4's VulnerabilityReport (claircore, vulnerabilityreport.go), also of clair-action.

One finding for each vulnerability of each package. It names the manifest that was indexed, but neither a
version, a time nor what was left out. An index report, which comes before the matching, is no scan.
"""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qs

import msgspec

from pushpolicy.model.evidence import Finding, Scanner
from pushpolicy.model.text import printable
from pushpolicy.reports.format import FailedRunError, Format, Head, ReportBytes, ReportError
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.parsing import jsondoc
from pushpolicy.reports.parsing.values import brief
from pushpolicy.reports.scans import severity
from pushpolicy.reports.scans.clair_enrichments import Enrichments
from pushpolicy.reports.scans.clair_names import names
from pushpolicy.reports.scans.ids import of_one_flaw
from pushpolicy.reports.scans.run import Identity, ScanResult, within

_FINISHED = "IndexFinished"
# What stands where no fixed version is known.
_NO_VERSION = frozenset({"", "0", "0:0"})


class _Package(msgspec.Struct, gc=False):
    name: str | None = None
    version: str | None = None


class _Alias(msgspec.Struct, gc=False):
    space: str = ""
    name: str = ""


class _Vulnerability(msgspec.Struct, gc=False):
    name: str
    description: str | None = None
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


def _read(report: ReportBytes, limits: Limits) -> tuple[ScanResult, ...]:
    document = jsondoc.decode(report, _Report)
    if document.success is False or document.state not in (None, _FINISHED):
        why = document.err or f"its state is {document.state or 'not told'}"
        raise FailedRunError(f"clair did not finish indexing the image: {printable(why)}")
    if document.vulnerabilities is msgspec.UNSET or document.package_vulnerabilities is msgspec.UNSET:
        raise ReportError("it is an index report: it does not say which vulnerabilities there are")
    scan = ScanResult(
        scanner=Scanner(name="clair"),
        kind="image",
        identity=Identity(digests=(document.manifest_hash,) if document.manifest_hash else ()),
        findings=tuple(_findings(document)),
    )
    return within(limits, [scan])


def _findings(report: _Report) -> Iterator[Finding]:
    flaws, packages = report.vulnerabilities or {}, report.packages or {}
    more = Enrichments(report.enrichments or {})
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


def _finding(flaw: _Vulnerability, package: _Package | None, key: str, more: Enrichments) -> Finding:
    about = package or flaw.package or _Package()
    name, words = names(flaw.name)
    fixed_in = _fixed_in(flaw.fixed_in_version or "")
    others = [text for a in flaw.aliases or () for text in (a.name, f"{a.space}-{a.name}")]
    return Finding(
        id=name,
        aliases=of_one_flaw(name, (*words, *others)),
        severity=severity.from_word(flaw.normalized_severity),
        kind="vulnerability",
        title=brief(flaw.description or flaw.name),
        cvss=more.cvss(key),
        epss=more.epss(key),
        kev=more.kev(key),
        package=about.name or None,
        version=about.version or None,
        fixed_in=fixed_in,
        fix_state="fixed" if fixed_in else None,
    )


def _fixed_in(stated: str) -> str | None:
    """Some updaters write several values as a query: `fixed=1.2&introduced=1.0`."""
    fixed = parse_qs(stated).get("fixed", [stated])[0] if "=" in stated else stated
    return None if fixed in _NO_VERSION else fixed


def _recognise(head: Head) -> bool:
    marks = {"package_vulnerabilities", "vulnerabilities", "state"} & set(head.keys)
    return not head.is_array and {"manifest_hash", "packages"} <= set(head.keys) and bool(marks)


FORMAT: Format[tuple[ScanResult, ...]] = Format(
    name="clair",
    kind="scans",
    media_type="application/json",
    file_names=("clair*.json", "*-clair.json", "*_clair.json", "*.clair.json"),
    marks=(b'"manifest_hash"', b'"packages"'),
    recognise=_recognise,
    read=_read,
)
