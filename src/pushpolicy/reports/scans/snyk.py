"""The Snyk CLI's JSON: one project or an array of them, an image with the applications in it, IaC files.

Every entry counts as it is listed, one for each path to a package, licences included, which are listed by
themselves too. It names neither a
time nor a version, and an image only as it was typed. A project that could not be tested fails the report.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any, cast

import msgspec

from pushpolicy.model.evidence import Finding, Licence, Scanner
from pushpolicy.model.text import printable
from pushpolicy.reports.facts import ScanFacts, within
from pushpolicy.reports.format import Facts, FailedRunError, Format, Head, Identity, ReportBytes, ReportError
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.parsing import jsondoc
from pushpolicy.reports.parsing.values import at_line, brief, dated, number, probability, score
from pushpolicy.reports.sbom.components import terms
from pushpolicy.reports.scans import of_one_flaw, severity

# Keys that no other report has together.
_KEYS = frozenset(
    {"ok", "org", "dependencyCount", "packageManager", "projectName", "licensesPolicy", "issuesData"}
)
_IDS = (b'"SNYK-', b'"snyk:lic:', b'"npm:')


# The parts of what `snyk test`, `snyk container test` and `snyk iac test` write that are read.
class _SnykStruct(msgspec.Struct, rename="camel", gc=False):
    """Snyk writes its keys in camel case."""


class _Identifiers(_SnykStruct):
    """The other names of a flaw, by who gave them."""

    CVE: list[str] | None = msgspec.field(name="CVE", default=None)
    GHSA: list[str] | None = msgspec.field(name="GHSA", default=None)


class _Epss(_SnykStruct):
    """FIRST's estimate, as text."""

    probability: str | float | None = None


class _Vulnerability(_SnykStruct):
    """A flaw on one path to one package, or a term of a licence; `name` is a list with --group-issues."""

    id: str
    type: str | None = None
    title: str | None = None
    severity: str | None = None
    severity_with_critical: str | None = None
    cvss_score: float | None = None
    epss_details: _Epss | None = None
    identifiers: _Identifiers | None = None
    name: str | list[str] | None = None
    package_name: str | None = None
    version: str | list[str] | None = None
    package_version: str | None = None
    fixed_in: list[str] | None = None
    nearest_fixed_in_version: str | None = None
    is_upgradable: bool | None = None
    is_patchable: bool | None = None
    license: str | None = None
    publication_time: str | None = None


class _IacIssue(_SnykStruct):
    """A misconfiguration."""

    id: str
    title: str | None = None
    severity: str | None = None
    line_number: int | None = None
    is_ignored: bool | None = None


class _Filtered(_SnykStruct):
    """What the policy file set aside."""

    ignore: list[_Vulnerability] | None = None
    patch: list[_Vulnerability] | None = None


class _Application(_SnykStruct):
    """One project that was tested."""

    ok: bool | None = None
    error: object = None
    path: str | None = None
    docker: dict[str, msgspec.Raw] | None = None
    project_name: str | None = None
    target_file: str | None = None
    display_target_file: str | None = None
    severity_threshold: str | None = None
    unique_count: int | None = None
    vulnerabilities: list[_Vulnerability] | None = None
    infrastructure_as_code_issues: list[_IacIssue] | None = None
    filtered: _Filtered | None = None


class _Project(_Application):
    """The same, with the applications that were found within an image."""

    applications: list[_Application] | None = None


def _read(report: ReportBytes, limits: Limits) -> tuple[Facts, ...]:
    document: _Project | list[_Project] = jsondoc.decode(report, cast("Any", _Project | list[_Project]))
    projects = document if isinstance(document, list) else [document]
    for project in projects:
        for each in (project, *(project.applications or ())):
            _check(each)
    # One scan for each image; the projects of a checkout are one.
    ordered = sorted(projects, key=_subject)
    return within(limits, [_scan(kind, list(group)) for (kind, _), group in groupby(ordered, key=_subject)])


def _check(project: _Application) -> None:
    if project.error:
        why = project.error if isinstance(project.error, str) else "it does not say why"
        raise FailedRunError(
            f"snyk could not test {printable(project.path or 'a project')}: {printable(why)}"
        )
    if project.vulnerabilities is None and project.infrastructure_as_code_issues is None:
        raise ReportError("a project lists neither vulnerabilities nor issues")
    if project.unique_count and not any(_listed(project)):
        raise ReportError(f"a project counts {project.unique_count} flaws and lists none of them")
    # An image is also not ok where only one of its applications has a finding.
    applications = (project.applications or ()) if isinstance(project, _Project) else ()
    if project.ok is False and not any(any(_listed(each)) for each in (project, *applications)):
        raise FailedRunError("snyk says that a project is not ok and lists no finding of it")


def _subject(project: _Project) -> tuple[str, str]:
    if project.docker is not None or (project.project_name or "").startswith("docker-image|"):
        return "image", project.path or ""
    return ("config" if project.infrastructure_as_code_issues is not None else "code"), ""


def _scan(kind: str, projects: list[_Project]) -> ScanFacts:
    path = projects[0].path or ""
    _, separator, digest = path.rpartition("@")
    licences = tuple(licence for project in projects for licence in _licences(project))
    thresholds = sorted({p.severity_threshold for p in projects if p.severity_threshold})
    return ScanFacts(
        scanner=Scanner(name="snyk"),
        kind=kind,
        identity=Identity(
            name=path or None, digests=(digest,) if separator and digest.startswith("sha256:") else ()
        ),
        findings=tuple(finding for project in projects for finding in _findings(project)),
        licences=licences or None,
        looked_for=("misconfiguration" if kind == "config" else "vulnerabilities",),
        filters=tuple(f"severity-threshold {value}" for value in thresholds) or None,
    )


def _findings(project: _Project) -> Iterator[Finding]:
    """All that a project and the applications in it list."""
    for each in (project, *(project.applications or ())):
        yield from _listed(each)


def _listed(project: _Application) -> Iterator[Finding]:
    """What one project lists, and what a policy file set aside."""
    file = project.display_target_file or project.target_file
    for flaw in project.vulnerabilities or ():
        yield _flaw(flaw, file)
    for issue in project.infrastructure_as_code_issues or ():
        yield _issue(issue, file)
    aside = project.filtered or _Filtered()
    for how, flaws in (("ignore", aside.ignore), ("patch", aside.patch)):
        for flaw in flaws or ():
            yield _flaw(flaw, file, f"snyk {how}")


def _flaw(flaw: _Vulnerability, file: str | None, suppressed_by: str | None = None) -> Finding:
    names = flaw.identifiers or _Identifiers()
    fixed_in = flaw.nearest_fixed_in_version or ", ".join(flaw.fixed_in or ()) or None
    # Only an empty list says that no version fixes the flaw, unless an upgrade or a patch avoids it.
    unfixed = flaw.fixed_in is not None and not (flaw.is_upgradable or flaw.is_patchable)
    # Before 2020 `severity` ended at high.
    words = [severity.from_word(word) for word in (flaw.severity, flaw.severity_with_critical)]
    return Finding(
        id=flaw.id or "unidentified",
        aliases=of_one_flaw(flaw.id, (*(names.CVE or ()), *(names.GHSA or ()))),
        severity=severity.worst(words),
        kind="license" if flaw.type == "license" else "vulnerability",
        title=brief(flaw.title),
        cvss=score(flaw.cvss_score),
        epss=probability(number(flaw.epss_details.probability)) if flaw.epss_details else None,
        package=(flaw.name if isinstance(flaw.name, str) else None) or flaw.package_name or None,
        version=(flaw.version if isinstance(flaw.version, str) else None) or flaw.package_version or None,
        fixed_in=fixed_in,
        fix_state="fixed" if fixed_in else "not-fixed" if unfixed else None,
        location=file or None,
        suppressed_by=suppressed_by,
        published=dated(flaw.publication_time),
    )


def _licences(project: _Project) -> Iterator[Licence]:
    """The licences among all that a project and the applications in it list, which count as findings too."""
    for each in (project, *(project.applications or ())):
        aside, path = each.filtered or _Filtered(), each.display_target_file or each.target_file
        lists = ((each.vulnerabilities, None), (aside.ignore, "snyk ignore"), (aside.patch, "snyk patch"))
        for entries, by in lists:
            for entry in entries or ():
                if entry.type == "license":
                    yield _licence(entry, path, by)


def _licence(entry: _Vulnerability, path: str | None, by: str | None) -> Licence:
    finding = _flaw(entry, path, by)
    licences, expression = terms([entry.license])
    return Licence(
        severity=finding.severity,
        licences=licences or (entry.title or entry.id,),
        expression=expression,
        package=finding.package,
        version=finding.version,
        path=path or None,
        suppressed_by=by,
    )


def _issue(issue: _IacIssue, file: str | None) -> Finding:
    line = issue.line_number if issue.line_number and issue.line_number > 0 else None  # -1: not known
    return Finding(
        id=issue.id or "unidentified",
        severity=severity.from_word(issue.severity),
        kind="misconfiguration",
        title=brief(issue.title),
        location=at_line(file, line),
        suppressed_by="snyk ignore" if issue.is_ignored else None,
    )


def _recognise(head: Head) -> bool:
    keys = set(head.keys)
    if head.keys.get("ok") == b"false" and {"error", "path"} <= keys:
        return True
    listed = head.keys.get("vulnerabilities", b"")
    if {"bomFormat", "specVersion"} & keys:  # a CycloneDX document may hold Snyk's ids
        return False
    return listed.startswith(b"[") and (len(_KEYS & keys) > 1 or any(mark in listed for mark in _IDS))


FORMAT = Format(
    name="snyk",
    kind="scans",
    media_type="application/json",
    suffixes=(".json",),
    file_names=("snyk*.json", "*-snyk.json", "*_snyk.json", "*.snyk.json"),
    marks=(b'"vulnerabilities"', b'"SNYK-'),
    recognise=_recognise,
    read=_read,
)
