"""The Snyk CLI's JSON: one project or an array of them, an image with the applications in it, IaC files.

Every entry counts as it is listed, one for each path to a package, licences included. It names neither a
time nor a version, and an image only as it was typed. A project that could not be tested fails the report.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any, cast

from pushpolicy.model.evidence import Scanner
from pushpolicy.model.text import printable
from pushpolicy.reports.format import FailedRunError, Format, Head, ReportBytes, ReportError
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.parsing import jsondoc
from pushpolicy.reports.scans.run import Identity, ScanResult, within
from pushpolicy.reports.scans.snyk_findings import findings, listed
from pushpolicy.reports.scans.snyk_model import Application, Project

# Keys that no other report has together.
_KEYS = frozenset(
    {"ok", "org", "dependencyCount", "packageManager", "projectName", "licensesPolicy", "issuesData"}
)
_IDS = (b'"SNYK-', b'"snyk:lic:', b'"npm:')


def _read(report: ReportBytes, limits: Limits) -> tuple[ScanResult, ...]:
    document: Project | list[Project] = jsondoc.decode(report, cast("Any", Project | list[Project]))
    projects = document if isinstance(document, list) else [document]
    for project in projects:
        for each in (project, *(project.applications or ())):
            _check(each)
    # One scan for each image; the projects of a checkout are one.
    ordered = sorted(projects, key=_subject)
    return within(limits, [_scan(kind, list(group)) for (kind, _), group in groupby(ordered, key=_subject)])


def _check(project: Application) -> None:
    if project.error:
        why = project.error if isinstance(project.error, str) else "it does not say why"
        raise FailedRunError(
            f"snyk could not test {printable(project.path or 'a project')}: {printable(why)}"
        )
    if project.vulnerabilities is None and project.infrastructure_as_code_issues is None:
        raise ReportError("a project lists neither vulnerabilities nor issues")
    if project.ok is False and not _lists_any(project):
        raise FailedRunError("snyk says that a project is not ok and lists no finding of it")


def _lists_any(project: Application) -> bool:
    """An image is not ok for its applications either."""
    return any(listed(project)) or (isinstance(project, Project) and any(findings(project)))


def _subject(project: Project) -> tuple[str, str]:
    if project.docker is not None or (project.project_name or "").startswith("docker-image|"):
        return "image", project.path or ""
    return ("config" if project.infrastructure_as_code_issues is not None else "code"), ""


def _scan(kind: str, projects: list[Project]) -> ScanResult:
    path = projects[0].path
    thresholds = sorted({p.severity_threshold for p in projects if p.severity_threshold})
    return ScanResult(
        scanner=Scanner(name="snyk"),
        kind=kind,
        identity=Identity(name=path or None, digests=tuple(_digest(path or ""))),
        findings=tuple(finding for project in projects for finding in findings(project)),
        filters=tuple(f"severity-threshold {value}" for value in thresholds) or None,
    )


def _digest(path: str) -> Iterator[str]:
    _, separator, digest = path.rpartition("@")
    if separator and digest.startswith("sha256:"):
        yield digest


def _recognise(head: Head) -> bool:
    keys = set(head.keys)
    if head.keys.get("ok") == b"false" and {"error", "path"} <= keys:
        return True
    listed = head.keys.get("vulnerabilities", b"")
    return listed.startswith(b"[") and (len(_KEYS & keys) > 1 or any(mark in listed for mark in _IDS))


FORMAT: Format[tuple[ScanResult, ...]] = Format(
    name="snyk",
    kind="scans",
    media_type="application/json",
    file_names=("snyk*.json", "*-snyk.json", "*_snyk.json", "*.snyk.json"),
    marks=(b'"vulnerabilities"', b'"SNYK-'),
    recognise=_recognise,
    read=_read,
)
