"""Trivy Operator's VulnerabilityReport, a Kubernetes resource (aquasecurity.github.io/v1alpha1)."""

from __future__ import annotations

import msgspec

from pushpolicy.model.evidence import Finding, Scanner
from pushpolicy.reports.format import Format, Head, ReportBytes
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.parsing import jsondoc
from pushpolicy.reports.parsing.values import brief, score, utc
from pushpolicy.reports.scans import severity
from pushpolicy.reports.scans.ids import aliases
from pushpolicy.reports.scans.run import Identity, ScanResult, within


class _Struct(msgspec.Struct, rename="camel", gc=False):
    pass


class _Vulnerability(_Struct):
    id: str = msgspec.field(name="vulnerabilityID")
    severity: str | None = None
    title: str | None = None
    resource: str | None = None
    installed_version: str | None = None
    fixed_version: str | None = None
    score: float | None = None
    target: str | None = None
    package_purl: str | None = msgspec.field(name="packagePURL", default=None)


class _Artifact(_Struct):
    repository: str | None = None
    tag: str | None = None
    digest: str | None = None


class _Registry(_Struct):
    server: str | None = None


class _Scanner(_Struct):
    name: str
    version: str | None = None


class _Content(_Struct):
    scanner: _Scanner
    vulnerabilities: list[_Vulnerability]
    artifact: _Artifact | None = None
    registry: _Registry | None = None
    update_timestamp: str | None = None


class _Report(_Struct):
    report: _Content


def _read(report: ReportBytes, limits: Limits) -> tuple[ScanResult, ...]:
    content = jsondoc.decode(report, _Report).report
    scan = ScanResult(
        scanner=Scanner(name=content.scanner.name, version=content.scanner.version or None),
        kind="image",
        identity=_identity(content.artifact or _Artifact(), content.registry or _Registry()),
        findings=tuple(_finding(entry) for entry in content.vulnerabilities),
        at=utc(content.update_timestamp),
    )
    return within(limits, [scan])


def _identity(artifact: _Artifact, registry: _Registry) -> Identity:
    name = "/".join(part for part in (registry.server, artifact.repository) if part)
    return Identity(
        name=(f"{name}:{artifact.tag}" if artifact.tag else name) or None,
        digests=(artifact.digest,) if artifact.digest else (),
    )


def _finding(entry: _Vulnerability) -> Finding:
    return Finding(
        id=entry.id or "unidentified",
        aliases=aliases(entry.id, ()),
        severity=severity.from_word(entry.severity),
        kind="vulnerability",
        title=brief(entry.title),
        cvss=score(entry.score),
        package=entry.resource or None,
        version=entry.installed_version or None,
        purl=entry.package_purl or None,
        fixed_in=entry.fixed_version or None,
        fix_state="fixed" if entry.fixed_version else None,
        location=entry.target or None,
    )


def _recognise(head: Head) -> bool:
    kind, version = head.keys.get("kind", b""), head.keys.get("apiVersion", b"")
    return kind == b'"VulnerabilityReport"' and version.startswith(b'"aquasecurity.github.io/')


FORMAT: Format[tuple[ScanResult, ...]] = Format(
    name="trivy-operator",
    kind="scans",
    media_type="application/json",
    file_names=(),
    marks=(b"aquasecurity.github.io", b'"VulnerabilityReport"'),
    recognise=_recognise,
    read=_read,
)
