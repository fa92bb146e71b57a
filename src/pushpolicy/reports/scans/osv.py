"""OSV-Scanner's JSON report (google/osv-scanner, pkg/models/results.go), of a checkout or an image.

A record is listed once for each package; records of one group are one flaw. It names an image by its
layers alone, and neither version nor time; what its configuration left out is gone without a trace.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from pushpolicy.model.evidence import Finding, Scanner
from pushpolicy.reports.format import Format, Head, ReportBytes
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.parsing import jsondoc
from pushpolicy.reports.scans.osv_findings import findings
from pushpolicy.reports.scans.osv_model import Packages
from pushpolicy.reports.scans.run import Identity, ScanResult, within


class _Source(msgspec.Struct, gc=False):
    path: str | None = None


class _Result(msgspec.Struct, gc=False):
    packages: list[Packages]
    source: _Source | None = None


class _Layer(msgspec.Struct, gc=False):
    diff_id: str | None = None
    is_empty: bool | None = None


class _Image(msgspec.Struct, gc=False):
    layer_metadata: list[_Layer] | None = None


class _Report(msgspec.Struct, gc=False):
    results: list[_Result] | None
    image_metadata: _Image | None = None


def _read(report: ReportBytes, limits: Limits) -> tuple[ScanResult, ...]:
    document = jsondoc.decode(report, _Report)
    scan = ScanResult(
        scanner=Scanner(name="osv-scanner"),
        kind="image" if document.image_metadata else "code",
        identity=Identity(diff_ids=_layers(document.image_metadata or _Image())),
        findings=tuple(_findings(document.results or [])),
    )
    return within(limits, [scan])


def _layers(image: _Image) -> tuple[str, ...]:
    """The layers with content, in order; instructions that made none are listed too."""
    full = [layer.diff_id or "" for layer in image.layer_metadata or () if not layer.is_empty]
    return tuple(full) if all(full) else ()


def _findings(results: list[_Result]) -> Iterator[Finding]:
    for result in results:
        path = result.source.path if result.source else None
        for package in result.packages:
            yield from findings(package, path or None)


def _recognise(head: Head) -> bool:
    results = head.keys.get("results", b"")
    marked = {"experimental_config", "image_metadata"} & set(head.keys)
    listed = b'"source"' in results and set(head.keys) <= {"results", "license_summary"}
    return not head.is_array and results.startswith((b"[", b"null")) and bool(marked or listed)


FORMAT: Format[tuple[ScanResult, ...]] = Format(
    name="osv-scanner",
    kind="scans",
    media_type="application/json",
    file_names=("osv*.json", "*-osv.json", "*_osv.json", "*.osv.json"),
    marks=(b'"results"', b'"packages"', b'"ecosystem"'),
    recognise=_recognise,
    read=_read,
)
