"""VEX documents together: the evidence of kind ``vex``. What they say of a finding stands at the finding."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from pushpolicy.gather import expected
from pushpolicy.gather.names import ReadReport, Reports, numbered
from pushpolicy.gather.products import Products
from pushpolicy.gather.vex_apply import Source, apply, cost
from pushpolicy.model.evidence import ScansEvidence, VexEvidence, VexReport
from pushpolicy.reports.facts import VexFacts

# Some seconds' work. Beyond it nothing is believed, since the part that was left out may say the contrary.
_MAX_COST = 1_000_000


def evidence(reports: Reports, scans: ScansEvidence, products: Products) -> tuple[ScansEvidence, VexEvidence]:
    """The scans with what all documents say of their findings; and the documents."""
    read = reports.of(VexFacts)
    sources = [Source(report.raw.digest.hex, document) for report in read for document in report.facts]
    if cost(scans, sources) > _MAX_COST:
        problem = "the documents say more about the findings than can be compared; none of it is taken"
        return scans, _evidence(reports, scans, [problem])
    after = apply(scans, sources, products)
    return after, _evidence(reports, after, [])


def _evidence(reports: Reports, scans: ScansEvidence, problems: list[str]) -> VexEvidence:
    read = reports.of(VexFacts)
    claims = Counter(
        claim.sha256 for scan in scans.items for finding in scan.findings for claim in finding.vex or ()
    )
    status, reason = expected.status(
        [*reports.problems["vex"], *problems], [], any_read=bool(read), kind="VEX"
    )
    items = (item for report in read for item in _items(report, claims))
    return VexEvidence(status=status, reason=reason, items=tuple(items))


def _items(report: ReadReport[VexFacts], claims: Mapping[str, int]) -> Iterator[VexReport]:
    for name, document in numbered(report.raw.name, report.facts):
        yield VexReport(
            name=name,
            format=report.raw.format,
            sha256=report.raw.digest.hex,
            statements=len(document.statements),
            by_status=dict(Counter(each.status.value for each in document.statements)),
            findings=claims.get(report.raw.digest.hex, 0),
            id=document.id,
            author=document.author,
            at=document.at,
        )
