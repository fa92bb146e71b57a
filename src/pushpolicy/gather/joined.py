"""The same flaw, listed by several scans: each of its findings tells what all of them say together.

Scans are held against one another only where they are about one thing: image scans that are bound to one
platform, and scans of the code of one commit. Findings are of one flaw where a name of it and the package
agree. Nothing is taken away: each scan keeps its findings as they are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence

import msgspec
from msgspec.structs import replace

from pushpolicy.model.evidence import Finding, ImageEvidence, Joined, Scan, Severity, Told
from pushpolicy.reports.parsing.purl import Purl
from pushpolicy.reports.parsing.values import highest
from pushpolicy.reports.scans import Names
from pushpolicy.reports.scans.severity import worst

_SHOWN = 10  # of what many scans say: each of many findings repeats it
# Packages of distributions, whose namespace each scanner spells its own way (redhat, rhel).
_DISTRIBUTIONS = frozenset({"deb", "rpm", "apk"})
_Package = tuple[str, ...]
_Place = tuple[int, int]  # of a finding: its scan's, and its own within that


class _Listed(msgspec.Struct, frozen=True):
    """A finding, and where it stands."""

    place: _Place
    finding: Finding
    purl: Purl | None

    @property
    def names(self) -> frozenset[str]:
        return frozenset((self.finding.id, *self.finding.aliases))


def join(scans: Sequence[Scan], image: ImageEvidence) -> tuple[Scan, ...]:
    """The same scans; findings of one flaw say what all of them say. The order of scans changes nothing."""
    told: dict[_Place, Joined] = {}
    for numbers in _of_one_thing(scans, image):
        for group in _groups([each for number in numbers for each in _listed(number, scans[number])]):
            sources = sorted({scans[each.place[0]].name for each in group})
            if len(sources) > 1:
                told |= _joined(sources, group)
    changed = {number for number, _ in told}
    return tuple(_with(told, at, scan) if at in changed else scan for at, scan in enumerate(scans))


def _of_one_thing(scans: Sequence[Scan], image: ImageEvidence) -> Iterator[list[int]]:
    """The scans, by their places, that are about the same platform, or the code of the same commit."""
    manifests = Counter(platform.platform for platform in image.platforms)
    groups: dict[Hashable, list[int]] = {}
    for number, scan in enumerate(scans):
        if scan.kind == "image" and scan.bound and manifests[scan.platform or ""] == 1:
            groups.setdefault(("image", scan.platform), []).append(number)
        elif scan.kind == "code" and scan.of_commit != "other":
            groups.setdefault(("code", scan.of_commit), []).append(number)
    return (numbers for numbers in groups.values() if len(numbers) > 1)


def _listed(number: int, scan: Scan) -> Iterator[_Listed]:
    """The flaws of a scan whose package is told."""
    for place, finding in enumerate(scan.findings):
        purl = Purl.parse(finding.purl)
        if finding.kind == "vulnerability" and (purl or (finding.package and finding.version)):
            yield _Listed((number, place), finding, purl)


def _groups(found: Sequence[_Listed]) -> Iterable[list[_Listed]]:
    """Those that are about one flaw of one package."""
    packages = _packages(found)
    flaws: Names[tuple[_Package, str]] = Names()
    for each, package in zip(found, packages, strict=True):
        for alias in each.finding.aliases:
            flaws.join((package, each.finding.id), (package, alias))
    groups: dict[Hashable, list[_Listed]] = {}
    for each, package in zip(found, packages, strict=True):
        groups.setdefault(flaws.first((package, each.finding.id)), []).append(each)
    return groups.values()


def _packages(found: Sequence[_Listed]) -> list[_Package]:
    """A key for the package of each: of its purl, and where it has none, of those of that name and version.

    Several of one name and version then count as one: were the finding joined to none of them, one more
    report could part it from another.
    """
    same: Names[_Package] = Names()
    by_text: dict[_Package, set[_Package]] = {}
    keys: list[_Package | None] = []
    for each in found:
        purl, text = each.purl, _text(each.finding)
        key = (purl.type, purl.name, purl.version or each.finding.version or "") if purl else None
        if key:
            by_text.setdefault(text, set()).add(key)
            if key[0] in _DISTRIBUTIONS and all(text):
                same.join(key, ("named", key[0], *text))
        keys.append(key)
    for text in {_text(each.finding) for each in found if not each.purl} & by_text.keys():
        first, *others = by_text[text]
        for other in others:
            same.join(first, other)
    known = {text: next(iter(packages)) for text, packages in by_text.items()}
    return [
        same.first(key or known.get(_text(each.finding), ("unnamed", *_text(each.finding))))
        for each, key in zip(found, keys, strict=True)
    ]


def _text(finding: Finding) -> _Package:
    return (finding.package or "", finding.version or "")


def _joined(sources: Sequence[str], group: Sequence[_Listed]) -> dict[_Place, Joined]:
    """What all say, under a name that each of them gives: a waiver of it is one of each of them.

    Where aliases only form a chain, whose ends share no name, each finding keeps its own names.
    """
    findings = [each.finding for each in group]
    fixes = sorted({fix for f in findings if f.fixed_in for fix in f.fixed_in.split(", ")})
    known = [f.kev for f in findings if f.kev is not None]
    together = Joined(
        sources=tuple(sources[:_SHOWN]),
        listed_by=len(sources),
        id="",
        aliases=(),
        severity=worst(f.severity for f in findings),
        told=_told(findings),
        package=min((f.package for f in findings if f.package), default=None),
        version=min((f.version for f in findings if f.version), default=None),
        purl=_common(group),
        fixed_in=", ".join(fixes[:_SHOWN]) or None,
        cvss=highest(f.cvss for f in findings),
        epss=highest(f.epss for f in findings),
        kev=any(known) if known else None,
    )
    common = frozenset.intersection(*(each.names for each in group))
    by_names = {names: _named(together, names) for names in {common or each.names for each in group}}
    return {each.place: by_names[common or each.names] for each in group}


def _named(together: Joined, names: frozenset[str]) -> Joined:
    ordered = sorted(names, key=lambda name: (not name.startswith("CVE-"), name))
    return replace(together, id=ordered[0], aliases=tuple(ordered[1:]))


def _told(findings: Sequence[Finding]) -> tuple[Told, ...]:
    """What each says, worst first."""
    told = {
        Told(
            severity=f.severity,
            fix_state="fixed" if f.fixed_in else f.fix_state or "unknown",
            suppressed_by=f.suppressed_by,
            vex=f.vex,
        )
        for f in findings
    }
    if len(told) > _SHOWN:  # then nothing sets it aside
        told = {Told(severity=each.severity, fix_state="fixed") for each in told}
    order = list(Severity)
    return tuple(sorted(told, key=lambda each: (order.index(each.severity), repr(each))))


def _common(group: Sequence[_Listed]) -> str | None:
    """The package URL that covers all of them, so that a waiver of it is one of each of them."""
    texts = {each.finding.purl for each in group}
    if len(texts) == 1:
        return texts.pop()
    packages = {each.purl and (each.purl.type, each.purl.name, each.purl.version) for each in group}
    if len(packages) > 1 or None in packages:
        return None
    parts = [purl.partition("#")[0].partition("?") for purl in texts if purl]
    query = "&".join(sorted(frozenset.intersection(*(frozenset(query.split("&")) for _, _, query in parts))))
    return min(base for base, _, _ in parts) + (f"?{query}" if query else "")


def _with(told: Mapping[_Place, Joined], number: int, scan: Scan) -> Scan:
    found = (replace(each, joined=told.get((number, place))) for place, each in enumerate(scan.findings))
    return replace(scan, findings=tuple(found))
