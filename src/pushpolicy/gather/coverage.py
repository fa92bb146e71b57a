"""Coverage reports together: what the evidence of kind ``tests`` says of coverage."""

from __future__ import annotations

from pushpolicy.gather.names import Reports
from pushpolicy.model.evidence import Coverage, CoverageReport, Covered
from pushpolicy.reports.facts import CoverageFacts


def evidence(reports: Reports) -> Coverage | None:
    """All coverage reports, added up; None when there are none.

    No format tells which lines of two reports are the same, so each report's lines count by themselves.
    """
    read = list(reports.items(CoverageFacts))
    if not read:
        return None
    lines = sum((facts.lines for _, _, facts in read), Covered())
    return Coverage(
        covered=lines.covered,
        total=lines.total,
        percent=lines.percent(),
        reports=tuple(
            CoverageReport(
                name=name,
                format=raw.format,
                sha256=raw.digest.hex,
                covered=facts.lines.covered,
                total=facts.lines.total,
                percent=facts.lines.percent(),
                branches=facts.branches,
                disagreements=facts.disagreements,
                timestamp=facts.timestamp,
            )
            for name, raw, facts in read
        ),
    )
