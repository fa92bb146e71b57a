"""The parts of the JSON of `snyk test`, `snyk container test` and `snyk iac test` that are read."""

from __future__ import annotations

import msgspec


class SnykStruct(msgspec.Struct, rename="camel", gc=False):
    """Snyk writes its keys in camel case."""


class Identifiers(SnykStruct):
    """The other names of a flaw, by who gave them."""

    CVE: list[str] | None = msgspec.field(name="CVE", default=None)
    GHSA: list[str] | None = msgspec.field(name="GHSA", default=None)


class Epss(SnykStruct):
    """FIRST's estimate, as text."""

    probability: str | float | None = None


class Vulnerability(SnykStruct):
    """A flaw on one path to one package, or a term of a licence; `name` is a list with --group-issues."""

    id: str
    type: str | None = None
    title: str | None = None
    severity: str | None = None
    severity_with_critical: str | None = None
    cvss_score: float | None = None
    epss_details: Epss | None = None
    identifiers: Identifiers | None = None
    name: str | list[str] | None = None
    package_name: str | None = None
    version: str | list[str] | None = None
    package_version: str | None = None
    fixed_in: list[str] | None = None
    nearest_fixed_in_version: str | None = None
    is_upgradable: bool | None = None
    is_patchable: bool | None = None


class IacIssue(SnykStruct):
    """A misconfiguration."""

    id: str
    title: str | None = None
    severity: str | None = None
    line_number: int | None = None
    is_ignored: bool | None = None


class Filtered(SnykStruct):
    """What the policy file set aside."""

    ignore: list[Vulnerability] | None = None
    patch: list[Vulnerability] | None = None


class Application(SnykStruct):
    """One project that was tested."""

    ok: bool | None = None
    error: object = None
    path: str | None = None
    docker: dict[str, msgspec.Raw] | None = None
    project_name: str | None = None
    target_file: str | None = None
    display_target_file: str | None = None
    severity_threshold: str | None = None
    vulnerabilities: list[Vulnerability] | None = None
    infrastructure_as_code_issues: list[IacIssue] | None = None
    filtered: Filtered | None = None


class Project(Application):
    """The same, with the applications that were found within an image."""

    applications: list[Application] | None = None
