"""From a project of Snyk's to findings: flaws, terms of licences, and misconfigurations."""

from __future__ import annotations

from collections.abc import Iterator

from pushpolicy.model.evidence import Finding
from pushpolicy.reports.parsing.values import brief, probability, score
from pushpolicy.reports.scans import severity
from pushpolicy.reports.scans.ids import of_one_flaw
from pushpolicy.reports.scans.snyk_model import (
    Application,
    Filtered,
    IacIssue,
    Identifiers,
    Project,
    Vulnerability,
)


def findings(project: Project) -> Iterator[Finding]:
    """All that a project and the applications in it list."""
    for each in (project, *(project.applications or ())):
        yield from listed(each)


def listed(project: Application) -> Iterator[Finding]:
    """What one project lists, and what a policy file set aside."""
    file = project.display_target_file or project.target_file
    for flaw in project.vulnerabilities or ():
        yield _flaw(flaw, file)
    for issue in project.infrastructure_as_code_issues or ():
        yield _issue(issue, file)
    aside = project.filtered or Filtered()
    for how, flaws in (("ignore", aside.ignore), ("patch", aside.patch)):
        for flaw in flaws or ():
            yield _flaw(flaw, file, f"snyk {how}")


def _flaw(flaw: Vulnerability, file: str | None, suppressed_by: str | None = None) -> Finding:
    names = flaw.identifiers or Identifiers()
    fixed_in = flaw.nearest_fixed_in_version or ", ".join(flaw.fixed_in or ()) or None
    # Before 2020 `severity` ended at high.
    words = [severity.from_word(word) for word in (flaw.severity, flaw.severity_with_critical)]
    return Finding(
        id=flaw.id or "unidentified",
        aliases=of_one_flaw(flaw.id, (*(names.CVE or ()), *(names.GHSA or ()))),
        severity=severity.worst(words),
        kind="license" if flaw.type == "license" else "vulnerability",
        title=brief(flaw.title),
        cvss=score(flaw.cvss_score),
        epss=_epss(flaw),
        package=(flaw.name if isinstance(flaw.name, str) else None) or flaw.package_name or None,
        version=(flaw.version if isinstance(flaw.version, str) else None) or flaw.package_version or None,
        fixed_in=fixed_in,
        fix_state="fixed" if fixed_in else _without_fix(flaw),
        location=file or None,
        suppressed_by=suppressed_by,
    )


def _without_fix(flaw: Vulnerability) -> str | None:
    """Only an empty list says that no version is free of the flaw; an upgrade may yet do without it."""
    stated = flaw.fixed_in is not None and not (flaw.is_upgradable or flaw.is_patchable)
    return "not-fixed" if stated else None


def _epss(flaw: Vulnerability) -> float | None:
    stated = flaw.epss_details.probability if flaw.epss_details else None
    try:
        return probability(float(stated)) if stated is not None else None
    except ValueError:
        return None


def _issue(issue: IacIssue, file: str | None) -> Finding:
    line = issue.line_number if issue.line_number and issue.line_number > 0 else None  # -1: not known
    return Finding(
        id=issue.id or "unidentified",
        severity=severity.from_word(issue.severity),
        kind="misconfiguration",
        title=brief(issue.title),
        location=(f"{file}:{line}" if file and line else file) or None,
        suppressed_by="snyk ignore" if issue.is_ignored else None,
    )
