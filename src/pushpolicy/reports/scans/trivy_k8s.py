"""``trivy k8s --format json``: the same entries, by resource of a cluster; about no single image."""

from __future__ import annotations

from pushpolicy.model.evidence import Scanner
from pushpolicy.reports.format import Format, Head, ReportBytes
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.parsing import jsondoc
from pushpolicy.reports.scans.run import ScanResult, within
from pushpolicy.reports.scans.trivy_findings import findings
from pushpolicy.reports.scans.trivy_model import Result, TrivyStruct


class _Resource(TrivyStruct):
    results: list[Result] | None = None


class _Report(TrivyStruct):
    resources: list[_Resource]


def _read(report: ReportBytes, limits: Limits) -> tuple[ScanResult, ...]:
    results = [r for resource in jsondoc.decode(report, _Report).resources for r in resource.results or ()]
    found = tuple(finding for result in results for finding in findings(result))
    return within(limits, [ScanResult(scanner=Scanner(name="trivy"), kind="config", findings=found)])


def _recognise(head: Head) -> bool:
    return not head.is_array and {"ClusterName", "Resources"} <= set(head.keys)


FORMAT: Format[tuple[ScanResult, ...]] = Format(
    name="trivy-k8s",
    kind="scans",
    media_type="application/json",
    file_names=(),
    marks=(b'"ClusterName"', b'"Resources"'),
    recognise=_recognise,
    read=_read,
)
