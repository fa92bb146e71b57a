"""Trivy's JSON report, SchemaVersion 2: vulnerabilities, misconfigurations and secrets.

It tells the image's config digest, repository digests and layers, but neither which severities or
findings were filtered out nor the age of its database. Findings that an ignore file or VEX set aside
are there only with ``--show-suppressed``.
"""

from __future__ import annotations

import msgspec

from pushpolicy.model.evidence import Scanner
from pushpolicy.reports.format import Format, Head, ReportBytes, ReportError
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.parsing import jsondoc
from pushpolicy.reports.parsing.values import utc
from pushpolicy.reports.scans.run import Identity, ScanResult, within
from pushpolicy.reports.scans.trivy_findings import findings
from pushpolicy.reports.scans.trivy_model import Result, TrivyStruct


class _Metadata(TrivyStruct):
    image_id: str | None = msgspec.field(name="ImageID", default=None)
    diff_ids: list[str] | None = msgspec.field(name="DiffIDs", default=None)
    repo_digests: list[str] | None = None
    commit: str | None = None


class _Trivy(TrivyStruct):
    version: str | None = None


class _Report(TrivyStruct):
    schema_version: int
    artifact_name: str | None = None
    artifact_type: str | None = None
    created_at: str | None = None
    trivy: _Trivy | None = None
    metadata: _Metadata | None = None
    results: list[Result] | None = None


def _read(report: ReportBytes, limits: Limits) -> tuple[ScanResult, ...]:
    document = jsondoc.decode(report, _Report)
    if document.schema_version != 2:
        raise ReportError(f"its SchemaVersion is {document.schema_version}, not 2")
    results, metadata = document.results or [], document.metadata or _Metadata()
    found = tuple(finding for result in results for finding in findings(result))
    scan = ScanResult(
        scanner=Scanner(name="trivy", version=document.trivy.version if document.trivy else None),
        kind=_kind(document, results),
        identity=Identity(
            name=document.artifact_name or None,
            digests=tuple(name.rpartition("@")[2] for name in metadata.repo_digests or ()),
            image_id=metadata.image_id or None,
            diff_ids=tuple(metadata.diff_ids or ()),
        ),
        findings=found,
        commit=metadata.commit or None,
        at=utc(document.created_at),
    )
    return within(limits, [scan])


def _kind(document: _Report, results: list[Result]) -> str:
    if document.artifact_type == "container_image" or (document.metadata and document.metadata.image_id):
        return "image"
    classes = {result.klass for result in results}
    if classes and classes <= {"config"}:
        return "config"
    return "secret" if classes == {"secret"} else "code"


def _recognise(head: Head) -> bool:
    wanted = {"ArtifactName", "ArtifactType", "Results", "Metadata"}
    return not head.is_array and "SchemaVersion" in head.keys and bool(wanted & set(head.keys))


FORMAT: Format[tuple[ScanResult, ...]] = Format(
    name="trivy",
    kind="scans",
    media_type="application/json",
    file_names=("trivy*.json", "*-trivy.json", "*_trivy.json", "*.trivy.json"),
    marks=(b'"SchemaVersion"', b'"Artifact'),
    recognise=_recognise,
    read=_read,
)
