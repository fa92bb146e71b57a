"""GitLab's security reports: container, dependency and SAST scanning, secret detection, and their kin.

The image is named by each finding, so a report without findings names none. It says neither how old the
database was nor what was left out.
"""

from __future__ import annotations

from pushpolicy.model.evidence import Scanner
from pushpolicy.model.text import printable
from pushpolicy.reports.format import FailedRunError, Format, Head, ReportBytes
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.parsing import jsondoc
from pushpolicy.reports.parsing.values import utc
from pushpolicy.reports.scans.gitlab_findings import finding
from pushpolicy.reports.scans.gitlab_model import Named, Report, ScanBlock
from pushpolicy.reports.scans.run import Identity, ScanResult, within

_KINDS = {
    "container_scanning": "image",
    "cluster_image_scanning": "image",
    "secret_detection": "secret",
}


def _read(report: ReportBytes, limits: Limits) -> tuple[ScanResult, ...]:
    document = jsondoc.decode(report, Report)
    about = document.scan or ScanBlock()
    _check(about)
    scan_type = _type(document)
    kind = _KINDS.get(scan_type, "code")
    scan = ScanResult(
        scanner=_scanner(document),
        kind=kind,
        identity=_identity(document) if kind == "image" else Identity(),
        findings=tuple(finding(flaw, scan_type) for flaw in document.vulnerabilities),
        at=_time(about.end_time or about.start_time),
    )
    return within(limits, [scan])


def _check(scan: ScanBlock) -> None:
    if scan.status not in (None, "success"):
        raise FailedRunError(f"its scan was no success: {printable(scan.status or '', 40)}")
    fatal = next((message for message in scan.messages or () if message.level == "fatal"), None)
    if fatal:
        raise FailedRunError(f"its scan ended with: {printable(fatal.value or 'a fatal error')}")


def _type(report: Report) -> str:
    """The type of scan; without one, as before version 3, what the findings are of."""
    if report.scan and report.scan.type:
        return report.scan.type
    stated = next((flaw.category for flaw in report.vulnerabilities if flaw.category), None)
    if stated is None and any(flaw.location and flaw.location.image for flaw in report.vulnerabilities):
        return "container_scanning"
    return stated or "sast"


def _scanner(report: Report) -> Scanner:
    block = report.scan or ScanBlock()
    by_findings = (flaw.scanner for flaw in report.vulnerabilities if flaw.scanner)
    tool = block.scanner or block.analyzer or next(by_findings, None) or Named()
    return Scanner(name=tool.name or tool.id or "unnamed", version=tool.version or None)


def _identity(report: Report) -> Identity:
    """The image that the findings name; none, when they name several."""
    images = {f.location.image for f in report.vulnerabilities if f.location and f.location.image}
    if len(images) != 1:
        return Identity()
    (name,) = images
    digest = name.rpartition("@")[2]
    return Identity(name=name, digests=(digest,) if digest.startswith("sha256:") else ())


def _time(stated: str | None) -> str | None:
    return utc(stated) or utc(f"{stated}Z")


def _recognise(head: Head) -> bool:
    listed, version = head.keys.get("vulnerabilities", b""), head.keys.get("version", b"")
    # CycloneDX lists vulnerabilities too, with a number for its version.
    known = "scan" in head.keys or "remediations" in head.keys or b'"identifiers"' in listed
    return not head.is_array and listed.startswith(b"[") and version.startswith(b'"') and known


FORMAT: Format[tuple[ScanResult, ...]] = Format(
    name="gitlab",
    kind="scans",
    media_type="application/json",
    file_names=("gl-*-report.json", "gl-*-scanning*.json", "gl-secret-*.json"),
    marks=(b'"vulnerabilities"', b'"identifiers"', b'"location"'),
    recognise=_recognise,
    read=_read,
)
