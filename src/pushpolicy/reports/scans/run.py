"""What one scan report says, before it is bound to the image."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from pushpolicy.model.evidence import Finding, Scanner
from pushpolicy.reports.format import ReportError
from pushpolicy.reports.limits import Limits


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """What a report says it scanned.

    Attributes:
        digests: manifest or index digests, ``sha256:...``.
        image_id: the config's digest; with docker's containerd store the manifest's or index's.
        diff_ids: the complete ordered list of layers, uncompressed.
    """

    name: str | None = None
    digests: tuple[str, ...] = ()
    image_id: str | None = None
    diff_ids: tuple[str, ...] = ()


class ScanResult(msgspec.Struct, frozen=True, kw_only=True):
    """One run of one scanner. `kind` is image, code, config or secret; the rest as model.evidence.Scan."""

    scanner: Scanner
    kind: str
    identity: Identity = Identity()
    findings: tuple[Finding, ...] = ()
    commit: str | None = None
    at: str | None = None
    filters: tuple[str, ...] | None = None


def within(limits: Limits, results: Iterable[ScanResult]) -> tuple[ScanResult, ...]:
    """The same results.

    Raises:
        ReportError: when one is over a limit; findings and their names are never cut short.
    """
    taken = tuple(results)
    for result in taken:
        if len(result.findings) > limits.max_findings:
            raise ReportError(
                f"its {len(result.findings)} findings are over the limit of {limits.max_findings}"
            )
        if any(_longest(finding) > limits.max_text for finding in result.findings):
            raise ReportError(f"a finding has a text over the limit of {limits.max_text} characters")
    return taken


def _longest(finding: Finding) -> int:
    texts = (finding.id, finding.package, finding.version, finding.purl, finding.fixed_in, finding.location)
    return max(map(len, filter(None, (*texts, *finding.aliases, finding.suppressed_by))))
