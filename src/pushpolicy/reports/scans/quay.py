"""Quay's answer to ``/api/v1/repository/REPOSITORY/manifest/DIGEST/security?vulnerabilities=true``.

Clair's findings in the shape of Clair v1, which clair-action writes too. `Layer.Name` is the digest of the
manifest. Not seen live: built after data/secscan_model of Quay.
"""

from __future__ import annotations

import msgspec

from pushpolicy.model.evidence import Finding, Scanner
from pushpolicy.model.text import printable
from pushpolicy.reports.facts import ScanFacts, within
from pushpolicy.reports.format import Facts, FailedRunError, Format, Head, Identity, ReportBytes, ReportError
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.parsing import jsondoc
from pushpolicy.reports.parsing.values import brief, number, score
from pushpolicy.reports.scans import of_one_flaw, severity
from pushpolicy.reports.scans.clair import fixed_version, names

# ScanLookupStatus of Quay.
_STATUSES = frozenset({"scanned", "queued", "failed", "unsupported", "manifest_layer_too_large"})


class _Struct(msgspec.Struct, rename="pascal", gc=False):
    pass


class _Cvss(_Struct):
    score: float | str | None = None


class _Nvd(_Struct):
    cvss_v3: _Cvss | None = msgspec.field(name="CVSSv3", default=None)


class _Metadata(_Struct):
    nvd: _Nvd | None = msgspec.field(name="NVD", default=None)


class _Vulnerability(_Struct):
    name: str
    severity: str | None = None
    description: str | None = None
    fixed_by: str | None = None
    metadata: _Metadata | None = None


class _Feature(_Struct):
    name: str | None = None
    version: str | None = None
    vulnerabilities: list[_Vulnerability] | None = None


class _Layer(_Struct):
    features: list[_Feature] | None
    name: str | None = None


class _Data(_Struct):
    layer: _Layer


class _Report(msgspec.Struct, gc=False):
    status: str
    data: _Data | None = None


def _read(report: ReportBytes, limits: Limits) -> tuple[Facts, ...]:
    document = jsondoc.decode(report, _Report)
    jsondoc.check_case(jsondoc.objects(report, "data", "Layer"), _Layer)
    jsondoc.check_case(jsondoc.objects(report, "data", "Layer", "Features"), _Feature)
    if document.status != "scanned":
        raise FailedRunError(
            f"quay has not scanned the image: its status is {printable(document.status, 40)}"
        )
    if document.data is None:
        raise ReportError("it lists no layer; ask with vulnerabilities=true")
    layer = document.data.layer
    digest = layer.name if layer.name and layer.name.startswith("sha256:") else None
    scan = ScanFacts(
        scanner=Scanner(name="clair"),
        kind="image",
        identity=Identity(digests=(digest,) if digest else ()),
        findings=tuple(_finding(flaw, f) for f in layer.features or () for flaw in f.vulnerabilities or ()),
        looked_for=("vulnerabilities",),
    )
    return within(limits, [scan])


def _finding(flaw: _Vulnerability, feature: _Feature) -> Finding:
    name, words = names(flaw.name)
    rated = flaw.metadata.nvd.cvss_v3 if flaw.metadata and flaw.metadata.nvd else None
    fixed_in = fixed_version(flaw.fixed_by)
    return Finding(
        id=name,
        aliases=of_one_flaw(name, words),
        severity=severity.from_word(flaw.severity),
        kind="vulnerability",
        title=brief(flaw.description),
        cvss=score(number(rated.score)) if rated else None,
        package=feature.name or None,
        version=feature.version or None,
        fixed_in=fixed_in,
        fix_state="fixed" if fixed_in else None,
    )


def _recognise(head: Head) -> bool:
    data, status = (
        head.keys.get("data", b""),
        head.keys.get("status", b"").strip(b'"').decode("ascii", "replace"),
    )
    known = b'"Layer"' in data or (data == b"null" and status in _STATUSES)
    return not head.is_array and set(head.keys) == {"status", "data"} and known


FORMAT = Format(
    name="quay",
    kind="scans",
    media_type="application/json",
    suffixes=(".json",),
    file_names=("quay*.json",),
    marks=(b'"Layer"', b'"Features"', b'"IndexedByVersion"'),
    recognise=_recognise,
    document=_Report,
    read=_read,
)
