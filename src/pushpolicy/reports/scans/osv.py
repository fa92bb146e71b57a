"""OSV-Scanner's JSON report (google/osv-scanner, pkg/models/results.go), of a checkout or an image.

A record is listed once for each package; records of one group are one flaw. It names an image by its
layers alone, and neither version nor time; it does not list what its configuration left out. Licences it
lists by ``--licenses`` only.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from msgspec.structs import replace

from pushpolicy.model.evidence import Finding, Licence, Scanner, Severity
from pushpolicy.model.text import printable
from pushpolicy.reports.facts import ScanFacts, within
from pushpolicy.reports.format import Facts, Format, Head, Identity, ReportBytes, ReportError
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.parsing import jsondoc
from pushpolicy.reports.parsing.values import brief, dated, number, score
from pushpolicy.reports.sbom.components import terms
from pushpolicy.reports.scans import aliases, severity


# Packages as OSV-Scanner writes them, and the OSV records in them (OSV schema 1.x).
class _Event(msgspec.Struct, gc=False):
    """A point of a version range."""

    fixed: str | None = None


class _Range(msgspec.Struct, gc=False):
    """Versions, or commits where the type is GIT."""

    type: str | None = None
    events: list[_Event] | None = None


class _AffectedPackage(msgspec.Struct, gc=False):
    """A package that a record is about; its purl has no version."""

    name: str | None = None
    ecosystem: str | None = None
    purl: str | None = None


class _Affected(msgspec.Struct, gc=False):
    """A package, and the versions of it, that a record is about."""

    package: _AffectedPackage | None = None
    ranges: list[_Range] | None = None


class _DatabaseSpecific(msgspec.Struct, gc=False):
    """What a database adds; only GitHub's and those made of it have a word for severity."""

    severity: object = None


class _Record(msgspec.Struct, gc=False):
    """One advisory of one database."""

    id: str
    aliases: list[str] | None = None
    summary: str | None = None
    details: str | None = None
    affected: list[_Affected] | None = None
    published: str | None = None
    database_specific: _DatabaseSpecific | None = None


class _Analysis(msgspec.Struct, gc=False):
    """Whether the scanner found the flawed code to be called, and the distribution the flaw to matter."""

    called: bool = True
    unimportant: bool = False


class _Group(msgspec.Struct, gc=False):
    """Records of one flaw; `max_severity` is a CVSS score as text, or empty."""

    ids: list[str]
    aliases: list[str] | None = None
    max_severity: str | None = None
    experimental_analysis: dict[str, _Analysis] | None = None


class _Origin(msgspec.Struct, gc=False):
    """The layer that a package came with, by its place in the list of them."""

    index: int | None = None


class _Package(msgspec.Struct, gc=False):
    """A package that was found."""

    name: str | None = None
    version: str | None = None
    ecosystem: str | None = None
    commit: str | None = None
    origin: _Origin | None = msgspec.field(name="image_origin_details", default=None)


class _Packages(msgspec.Struct, gc=False):
    """A package, its records and their groups; its licences with ``--licenses`` only."""

    package: _Package
    vulnerabilities: list[_Record] | None = None
    licenses: list[str] | None = None
    groups: list[_Group] | None = None


class _Source(msgspec.Struct, gc=False):
    path: str | None = None


class _Result(msgspec.Struct, gc=False):
    packages: list[_Packages]
    source: _Source | None = None


class _Layer(msgspec.Struct, gc=False):
    diff_id: str | None = None
    is_empty: bool | None = None


class _Image(msgspec.Struct, gc=False):
    layer_metadata: list[_Layer] | None = None


class _Report(msgspec.Struct, gc=False):
    results: list[_Result] | None
    image_metadata: _Image | None = None


class _Flaw(msgspec.Struct, frozen=True):
    """What holds for all records of a group.

    Attributes:
        name: one by which they are joined.
        word: the worst that a record of it is called.
    """

    group: _Group
    name: str
    word: Severity


def _read(report: ReportBytes, limits: Limits) -> tuple[Facts, ...]:
    document = jsondoc.decode(report, _Report)
    jsondoc.check_case(jsondoc.objects(report, "results"), _Result)
    jsondoc.check_case(jsondoc.objects(report, "results", "packages"), _Packages)
    jsondoc.check_case(jsondoc.objects(report, "results", "packages", "groups"), _Group)
    image = document.image_metadata or _Image()
    # Instructions that made no layer are listed too.
    layers = [layer.diff_id or "" for layer in image.layer_metadata or () if not layer.is_empty]
    scan = ScanFacts(
        scanner=Scanner(name="osv-scanner"),
        kind="image" if document.image_metadata else "code",
        identity=Identity(diff_ids=tuple(layers) if all(layers) else ()),
        findings=tuple(_findings(document.results or [], image.layer_metadata or [])),
        licences=tuple(_licences(document.results or [])) or None,
        looked_for=("vulnerabilities",),
    )
    return within(limits, [scan])


def _findings(results: list[_Result], layers: list[_Layer]) -> Iterator[Finding]:
    for result in results:
        path = result.source.path if result.source else None
        for package in result.packages:
            layer = _layer(package.package, layers)
            for finding in _of_package(package, path or None):
                yield replace(finding, layer=layer) if layer else finding


def _layer(package: _Package, layers: list[_Layer]) -> str | None:
    index = package.origin.index if package.origin else None
    found = layers[index].diff_id if index is not None and 0 <= index < len(layers) else None
    return found or None


def _licences(results: list[_Result]) -> Iterator[Licence]:
    for result in results:
        for entry in result.packages:
            licences, expression = terms(entry.licenses or ())
            if licences is not None:
                yield Licence(
                    severity=Severity.UNKNOWN,
                    licences=licences,
                    expression=expression,
                    package=entry.package.name or None,
                    version=entry.package.version or None,
                    path=(result.source.path or None) if result.source else None,
                )


def _of_package(entry: _Packages, path: str | None) -> Iterator[Finding]:
    """The records of a package; what call analysis or the distribution set aside is marked."""
    records = entry.vulnerabilities or []
    words = {record.id: _word(record) for record in records}
    for group in entry.groups or ():
        if words.keys().isdisjoint(group.ids):
            raise ReportError(f"it lacks every record of a flaw: {printable(', '.join(group.ids), 60)}")
    flaws: dict[str, _Flaw] = {}
    for group in entry.groups or ():
        names = aliases("", (*group.ids, *(group.aliases or ())))
        word = severity.worst([words.get(each, Severity.UNKNOWN) for each in group.ids] or [Severity.UNKNOWN])
        flaw = _Flaw(group, min(names, default=""), word)
        flaws |= dict.fromkeys(group.ids, flaw)
    for record in records:
        flaw = flaws.get(record.id, _Flaw(_Group(ids=[]), "", Severity.UNKNOWN))
        yield _finding(record, flaw, entry.package, path)


def _finding(record: _Record, flaw: _Flaw, package: _Package, path: str | None) -> Finding:
    about = [each for each in record.affected or () if _concerns(each, package)]
    fixed_in = _fixed_in(about or record.affected or [])
    rating = score(number(flaw.group.max_severity))
    word = _word(record)
    if word is Severity.UNKNOWN:
        word = flaw.word
    if rating is not None:
        word = severity.worst((word, severity.from_score(rating)))
    return Finding(
        id=record.id or "unidentified",
        aliases=aliases(record.id, (*(record.aliases or ()), flaw.name)),
        # The record's own word, else the worst of its group, or the group's score where that is worse: by the
        # score the tool itself counts.
        severity=word,
        kind="vulnerability",
        title=brief(record.summary or record.details),
        cvss=rating,
        package=package.name or None,
        version=package.version or package.commit or None,
        purl=next((_purl(a.package.purl, package) for a in about if a.package and a.package.purl), None),
        fixed_in=fixed_in,
        fix_state="fixed" if fixed_in else None,
        location=path,
        suppressed_by=_suppression(record, flaw.group),
        published=dated(record.published),
        paths=(path,) if path else None,
    )


def _word(record: _Record) -> Severity:
    stated = record.database_specific.severity if record.database_specific else None
    return severity.from_word(stated if isinstance(stated, str) else None)


def _concerns(affected: _Affected, package: _Package) -> bool:
    about = affected.package
    if about is None or about.name != package.name:
        return False
    # `Debian:10` is a release of the ecosystem `Debian`.
    mine, theirs = package.ecosystem or "", about.ecosystem or ""
    return mine == theirs or mine.partition(":")[0] == theirs or theirs.partition(":")[0] == mine


def _fixed_in(affected: list[_Affected]) -> str | None:
    """Every version that a range names, in the record's order; commits only for what has no versions."""
    ranges = [span for each in affected for span in each.ranges or ()]
    of_versions = [span for span in ranges if span.type != "GIT"]
    return ", ".join(_fixes(of_versions) or _fixes(ranges)) or None


def _fixes(ranges: list[_Range]) -> list[str]:
    fixes = (event.fixed for span in ranges for event in span.events or () if event.fixed)
    return list(dict.fromkeys(fixes))


def _purl(without_version: str, package: _Package) -> str:
    base, mark, rest = without_version.partition("?")
    return f"{base}@{package.version}{mark}{rest}" if package.version and "@" not in base else without_version


def _suppression(record: _Record, group: _Group) -> str | None:
    analysis = (group.experimental_analysis or {}).get(record.id, _Analysis())
    if analysis.unimportant:
        return "osv-scanner unimportant"
    return None if analysis.called else "osv-scanner uncalled"


def _recognise(head: Head) -> bool:
    results = head.keys.get("results", b"")
    marked = {"experimental_config", "image_metadata"} & set(head.keys)
    listed = b'"source"' in results and set(head.keys) <= {"results", "license_summary"}
    return not head.is_array and results.startswith((b"[", b"null")) and bool(marked or listed)


FORMAT = Format(
    name="osv-scanner",
    kind="scans",
    media_type="application/json",
    suffixes=(".json",),
    file_names=("osv*.json", "*-osv.json", "*_osv.json", "*.osv.json"),
    marks=(b'"results"', b'"packages"', b'"ecosystem"'),
    recognise=_recognise,
    document=_Report,
    read=_read,
)
