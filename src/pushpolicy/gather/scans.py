"""Scan reports together: the evidence of kind ``scans``, each bound to the image or openly not."""

from __future__ import annotations

import re
from collections.abc import Iterable

from pushpolicy.gather import expected
from pushpolicy.gather.binding import bind, contradiction, not_covered, scanned_image
from pushpolicy.gather.names import Reports
from pushpolicy.gather.request import ExpectedReport, RawReport
from pushpolicy.model.evidence import (
    ImageEvidence,
    Licence,
    Scan,
    ScanContent,
    ScanLicence,
    ScansEvidence,
    content,
)
from pushpolicy.model.text import printable
from pushpolicy.reports.facts import ScanFacts
from pushpolicy.reports.scans import count

_COMMIT = re.compile(r"[0-9a-fA-F]{7,64}")


def evidence(
    reports: Reports, due: Iterable[ExpectedReport], image: ImageEvidence, commit: str | None
) -> ScansEvidence:
    """All scans, `commit` being checked out. A report that tells of no run at all is no scan, and fails."""
    read = reports.of("scans")
    empty = [printable(reports.shown(report.raw.path)) for report in read if not report.facts]
    problems = [*reports.problems["scans"], *(f"{path}: it tells of no run of a scanner" for path in empty)]
    items = tuple(_scan(name, raw, facts, image, commit) for name, raw, facts in reports.items(ScanFacts))
    missing = expected.absent_scans(due, items)
    status, reason = expected.status(problems, missing, any_read=bool(read), kind="scan")
    return ScansEvidence(
        status=status,
        reason=reason,
        counts=count(finding for scan in items for finding in scan.findings) if items else None,
        items=items,
        licences=_licences(reports),
        not_covered=not_covered(items, image),
    )


def _licences(reports: Reports) -> tuple[ScanLicence, ...] | None:
    """What the scans list that looked for licences; None where none did."""
    looked = [
        (name, each.licences) for name, _, each in reports.items(ScanFacts) if each.licences is not None
    ]
    found = (ScanLicence(scan=name, **content(each, Licence)) for name, listed in looked for each in listed)
    return tuple(found) if looked else None


def _scan(name: str, raw: RawReport, facts: ScanFacts, image: ImageEvidence, commit: str | None) -> Scan:
    # Code and configuration have no image; only what looked into one can be bound to one.
    is_image = facts.kind == "image"
    binding = bind(facts.identity, image) if is_image else None
    return Scan(
        name=name,
        format=raw.format,
        sha256=raw.digest.hex,
        counts=count(facts.findings),
        bound=binding is not None,
        bound_by=binding.by if binding else None,
        contradiction=contradiction(facts.identity, image) if is_image else None,
        of_commit=_of_commit(facts.commit, commit),
        platform=binding.platform if binding else None,
        image=scanned_image(facts.identity) if is_image else None,
        **content(facts, ScanContent),
    )


def _of_commit(named: str | None, commit: str | None) -> str:
    """Tools name a commit whole or by its first digits; another name, as that of a branch, says nothing."""
    if named is None or commit is None or not _COMMIT.fullmatch(named):
        return "unsaid"
    return "same" if commit.startswith(named.lower()) else "other"
