"""VEX documents together: the evidence of kind ``vex``, and what they say of findings, written there.

Policy data decides on an all-clear. By document, the latest of the statements about a finding holds, the
strictest where that is not clear; and of documents that contradict one another, the strictest. An all-clear
that another document denies is none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

import msgspec
from msgspec.structs import force_setattr, replace

from pushpolicy.gather import expected
from pushpolicy.gather.binding import Products
from pushpolicy.gather.image import Statements
from pushpolicy.gather.names import Reports
from pushpolicy.gather.vouch import UNSIGNED, Vouch, Witnesses
from pushpolicy.model.evidence import Finding, Scan, ScansEvidence, VexClaim, VexEvidence, VexReport
from pushpolicy.reports.facts import HARMLESS, Statement, VexFacts, VexStatus
from pushpolicy.reports.parsing.purl import Purl

# Some seconds' work. Beyond it nothing is believed, since the part that was left out may say the contrary.
_MAX_COST = 1_000_000
_STRICTEST_FIRST = tuple(VexStatus)


def evidence(
    reports: Reports, others: Statements, scans: ScansEvidence, products: Products, authors: Witnesses
) -> tuple[ScansEvidence, VexEvidence]:
    """The scans with what all documents say of their findings; and the documents.

    Args:
        reports: those of files.
        others: those that are attached to the image.
        scans: of it.
        products: what the image is called.
        authors: whose signatures count.
    """
    read = list(_read(reports, others, authors))
    problems = list(reports.problems["vex"])
    sources = [Source(sha256, document, vouch) for _, _, sha256, vouch, document in read]
    if _cost(scans, sources) > _MAX_COST:
        problems.append("the documents say more about the findings than can be compared; none of it is taken")
    else:
        scans = apply(scans, sources, products)
    claims = Counter(
        claim.sha256 for scan in scans.items for finding in scan.findings for claim in finding.vex or ()
    )
    status, reason = expected.status(problems, [], any_read=bool(read), kind="VEX")
    items = tuple(
        VexReport(
            name=name,
            format=form,
            sha256=sha256,
            statements=len(document.statements),
            by_status=dict(Counter(each.status.value for each in document.statements)),
            findings=claims.get(sha256, 0),
            id=document.id,
            author=document.author,
            at=document.at,
            last_updated=document.last_updated,
            **vouch.fields(),
        )
        for name, form, sha256, vouch, document in read
    )
    return scans, VexEvidence(status=status, reason=reason, items=items)


def _read(
    reports: Reports, others: Statements, authors: Witnesses
) -> Iterator[tuple[str, str, str, Vouch, VexFacts]]:
    """Name, format, SHA-256, who vouches for it, and facts of each."""
    for name, raw, facts in reports.items(VexFacts):
        yield name, raw.format, raw.digest.hex, authors.of_file(raw), facts
    for stated, facts in others.of(VexFacts):
        yield stated.name, "in-toto", stated.sha256, stated.vouch, facts


class Source(msgspec.Struct, frozen=True):
    """A document with the digest of the file it was read from, and its statements by the flaw's names."""

    sha256: str
    document: VexFacts
    vouch: Vouch = UNSIGNED
    by_name: Mapping[str, list[Statement]] = {}

    def __post_init__(self) -> None:
        index: dict[str, list[Statement]] = {}
        for statement in self.document.statements:
            for name in statement.names:
                index.setdefault(name, []).append(statement)
        force_setattr(self, "by_name", index)


def _cost(scans: ScansEvidence, sources: Iterable[Source]) -> int:
    """How many package URLs `apply` would compare at most."""
    weights: Counter[str] = Counter()
    for source in sources:
        for name, statements in source.by_name.items():
            products = (product for each in statements for product in each.products)
            weights[name] += sum(1 + len(each.purls) + len(each.subcomponents) for each in products)
    findings = (finding for scan in scans.items for finding in scan.findings)
    return sum(weights[name] for finding in findings for name in (finding.id, *finding.aliases))


def apply(scans: ScansEvidence, sources: Iterable[Source], products: Products) -> ScansEvidence:
    """The same scans, with the claims about their findings."""
    documents = list(sources)
    if not documents:
        return scans
    items = tuple(replace(scan, findings=_findings(scan, documents, products)) for scan in scans.items)
    return replace(scans, items=items)


def _findings(scan: Scan, sources: list[Source], products: Products) -> tuple[Finding, ...]:
    return tuple(
        msgspec.structs.replace(finding, vex=claims)
        if (claims := _claims(scan, finding, sources, products))
        else finding
        for finding in scan.findings
    )


def _claims(
    scan: Scan, finding: Finding, sources: list[Source], products: Products
) -> tuple[VexClaim, ...] | None:
    found, package = [], Purl.parse(finding.purl)
    for source in sources:
        said = [
            statement
            for name in dict.fromkeys((finding.id, *finding.aliases))
            for statement in source.by_name.get(name, ())
            if any(products.concerns(product, scan, package) for product in statement.products)
        ]
        if said:
            found.append((source, _holding(said)))
    if not found or any(statement.status not in HARMLESS for _, statement in found):
        return None
    # What gives no reason is no valid statement (OpenVEX 0.2.0, "Status Justifications").
    return tuple(
        VexClaim(
            sha256=source.sha256,
            status=statement.status.value,
            reason=statement.reason,
            justification=statement.justification,
            at=statement.at,
            last_updated=statement.last_updated,
            verified_by=source.vouch.by,
        )
        for source, statement in found
        if statement.reason or statement.status is VexStatus.FIXED
    )


def _holding(statements: list[Statement]) -> Statement:
    """The latest, where all have a time; where one has none, or several are the latest, the strictest."""
    times = [datetime.fromisoformat(statement.at) for statement in statements if statement.at]
    if len(times) == len(statements):
        latest = max(times)
        statements = [each for each, time in zip(statements, times, strict=True) if time == latest]
    return min(statements, key=lambda each: _STRICTEST_FIRST.index(each.status))
