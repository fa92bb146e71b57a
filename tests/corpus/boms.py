"""Our values for SBOMs and VEX under the manifest's names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from pushpolicy.model.evidence import Scanner
from pushpolicy.reports.facts import SbomFacts, ScanFacts, VexFacts, of_type
from pushpolicy.reports.format import Facts as Read
from pushpolicy.reports.format import Identity
from pushpolicy.reports.parsing.values import utc

Facts = Mapping[str, Any]


def _identity(about: Identity, tool: Scanner | None, at: str | None) -> dict[str, Any]:
    return {
        "scanner": tool.name if tool else None,
        "scanner_version": tool.version if tool else None,
        "target_name": about.name,
        "scan_timestamp": at,
    }


def of_cyclonedx(read: tuple[Read, ...], stated: Facts) -> Facts:
    facts: dict[str, Any] = {
        "components_all": 0,
        "findings_total": 0 if stated["format"] == "xml" else None,
        "by_severity": None,
    }
    for scan in of_type(ScanFacts, read):
        facts |= _of_scan(scan)
    for bom in of_type(SbomFacts, read):
        facts |= _of_bom(bom) | {"components_all": bom.components, "spec_version": bom.spec_version}
    for vex in of_type(VexFacts, read):
        assert len(vex.statements) == sum((stated.get("analysis_states") or {"": 1}).values())
    return facts


def _of_scan(scan: ScanFacts) -> dict[str, Any]:
    tool = None if scan.scanner.name == "cyclonedx" else scan.scanner
    return _identity(scan.identity, tool, scan.at) | {
        "findings_total": len(scan.findings),
        "by_severity": dict(Counter(finding.severity.value for finding in scan.findings)),
        "image_digests": list(scan.identity.digests) or None,
    }


def _of_bom(bom: SbomFacts) -> dict[str, Any]:
    about = {"image_digests": list(bom.identity.digests) or None, "serial_number": bom.id}
    return _identity(bom.identity, bom.tool, bom.at) | about


def of_spdx(read: tuple[Read, ...], stated: Facts) -> Facts:
    """Not compared: image_digests, which the manifest never takes from SPDX packages."""
    (bom,) = of_type(SbomFacts, read)
    tool = "-".join(text for text in (bom.tool.name, bom.tool.version) if text) if bom.tool else None
    facts = {
        "packages": bom.components,
        "spec_version": f"SPDX-{bom.spec_version}",
        "target_name": bom.identity.name,
        "scan_timestamp": bom.at,
        "created": stated["created"] if utc(stated["created"]) == bom.at else bom.at,
    }
    if stated["format"] != "json-ld":  # the manifest looks for no tool there
        facts["scanner"] = tool or ("" if stated["scanner"] == "" else None)  # one without a name is none
    return facts


def of_openvex(read: tuple[Read, ...], stated: Facts) -> Facts:
    (document,) = of_type(VexFacts, read)
    return _of_vex(document, stated)


def _of_vex(document: VexFacts, stated: Facts) -> Facts:
    statements = document.statements
    reasons = Counter(each.reason for each in statements if each.status == "not_affected")
    products = [product for each in statements for product in each.products]
    facts = {
        "id": document.id,
        "author": document.author,
        "timestamp": stated["timestamp"] if utc(stated["timestamp"]) == document.at else document.at,
        "statements": len(statements),
        "by_status": dict(Counter(each.status.value for each in statements)),
        "justifications": {reason: number for reason, number in reasons.items() if reason},
        "not_affected_without_justification": reasons[None],
        "statements_without_products": sum(not each.products for each in statements),
        "distinct_vulnerabilities": len({each.names[0] for each in statements}),
    }
    if products and products[0].purls:
        facts["first_product"] = products[0].purls[0]
    return facts
