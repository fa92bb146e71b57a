"""VEX documents together: the evidence of kind ``vex``. What they say of a finding stands at the finding."""

from __future__ import annotations

from collections import Counter

from pushpolicy.gather import expected
from pushpolicy.gather.names import Reports
from pushpolicy.gather.products import Products
from pushpolicy.gather.vex_apply import Source, apply, cost
from pushpolicy.model.evidence import ScansEvidence, VexEvidence, VexReport
from pushpolicy.reports.facts import VexFacts

# Some seconds' work. Beyond it nothing is believed, since the part that was left out may say the contrary.
_MAX_COST = 1_000_000


def evidence(reports: Reports, scans: ScansEvidence, products: Products) -> tuple[ScansEvidence, VexEvidence]:
    """The scans with what all documents say of their findings; and the documents."""
    read = list(reports.items(VexFacts))
    problems = list(reports.problems["vex"])
    sources = [Source(raw.digest.hex, document) for _, raw, document in read]
    if cost(scans, sources) > _MAX_COST:
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
            format=raw.format,
            sha256=raw.digest.hex,
            statements=len(document.statements),
            by_status=dict(Counter(each.status.value for each in document.statements)),
            findings=claims.get(raw.digest.hex, 0),
            id=document.id,
            author=document.author,
            at=document.at,
        )
        for name, raw, document in read
    )
    return scans, VexEvidence(status=status, reason=reason, items=items)
