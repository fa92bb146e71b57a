"""Scan reports together: the evidence of kind ``scans``, each bound to the image or openly not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import count as numbers

from pushpolicy.gather import expected
from pushpolicy.gather.binding import bind, not_covered
from pushpolicy.gather.found import ReadReport, Reports
from pushpolicy.gather.request import ExpectedReport
from pushpolicy.model.evidence import ImageEvidence, Scan, ScannedImage, ScansEvidence
from pushpolicy.model.text import printable
from pushpolicy.reports.scans.counts import count
from pushpolicy.reports.scans.run import ScanResult


def evidence(reports: Reports, wanted: Iterable[ExpectedReport], image: ImageEvidence) -> ScansEvidence:
    """All scans. A report that tells of no run at all is no scan, and fails."""
    read = reports.of("scans")
    empty = [printable(reports.shown(report.raw.path)) for report in read if not report.content]
    problems = [*reports.problems["scans"], *(f"{path}: it tells of no run of a scanner" for path in empty)]
    items = tuple(scan for report in read for scan in _scans(report, image))
    missing = expected.absent_scans(wanted, items)
    status, reason = expected.status(problems, missing, any_read=bool(read), kind="scan")
    return ScansEvidence(
        status=status,
        reason=reason,
        counts=count(finding for scan in items for finding in scan.findings) if items else None,
        items=items,
        not_covered=not_covered(items, image),
    )


def _scans(report: ReadReport, image: ImageEvidence) -> Iterator[Scan]:
    results: tuple[ScanResult, ...] = report.content
    for number, result in zip(numbers(1), results, strict=False):
        name = report.raw.name if number == 1 else f"{report.raw.name}.{number}"
        yield _scan(name, report, result, image)


def _scan(name: str, report: ReadReport, result: ScanResult, image: ImageEvidence) -> Scan:
    # Code and configuration have no image; only what looked into one can be bound to one.
    binding = bind(result.identity, image) if result.kind == "image" else None
    return Scan(
        name=name,
        format=report.raw.format,
        scanner=result.scanner,
        kind=result.kind,
        bound=binding is not None,
        bound_by=binding.by if binding else None,
        platform=binding.platform if binding else None,
        image=_image(result),
        commit=result.commit,
        at=result.at,
        filters=result.filters,
        counts=count(result.findings),
        sha256=report.raw.digest.hex,
        findings=result.findings,
    )


def _image(result: ScanResult) -> ScannedImage | None:
    about = result.identity
    if result.kind != "image" or not (about.name or about.digests or about.image_id):
        return None
    digest = about.digests[0] if about.digests else None
    return ScannedImage(name=about.name, digest=digest, image_id=about.image_id)
