"""The parts of Trivy's reports that are read: what one target's entry holds, in every shape of report."""

from __future__ import annotations

import msgspec


class TrivyStruct(msgspec.Struct, rename="pascal", gc=False):
    """Trivy writes its keys in Pascal case; what it leaves out or writes as null is None."""


class Identifier(msgspec.Struct, gc=False):
    """How else a package is named."""

    PURL: str | None = None


class Cvss(TrivyStruct):
    """The scores one source gives."""

    v2_score: float | None = msgspec.field(name="V2Score", default=None)
    v3_score: float | None = msgspec.field(name="V3Score", default=None)
    v40_score: float | None = msgspec.field(name="V40Score", default=None)


class Vulnerability(TrivyStruct):
    """A known flaw in a package."""

    id: str | None = msgspec.field(name="VulnerabilityID", default=None)
    vendor_ids: list[str] | None = msgspec.field(name="VendorIDs", default=None)
    pkg_name: str | None = None
    pkg_path: str | None = None
    pkg_identifier: Identifier | None = None
    installed_version: str | None = None
    fixed_version: str | None = None
    status: str | None = None
    severity: str | None = None
    title: str | None = None
    cvss: dict[str, Cvss] | None = msgspec.field(name="CVSS", default=None)


class Cause(TrivyStruct):
    """Where a misconfiguration is."""

    start_line: int | None = None


class Misconfiguration(TrivyStruct):
    """A check of a configuration file, passed or failed."""

    id: str | None = msgspec.field(name="ID", default=None)
    title: str | None = None
    severity: str | None = None
    status: str | None = None
    cause_metadata: Cause | None = None


class Secret(TrivyStruct):
    """A secret in a file; its value is masked, and not read."""

    rule_id: str | None = msgspec.field(name="RuleID", default=None)
    title: str | None = None
    severity: str | None = None
    start_line: int | None = None


class Modified(TrivyStruct):
    """A finding that an ignore file or VEX set aside."""

    type: str | None = None
    status: str | None = None
    source: str | None = None
    finding: msgspec.Raw = msgspec.Raw(b"{}")


class Result(TrivyStruct):
    """One target within a report: a package list or a file."""

    target: str | None = None
    klass: str | None = msgspec.field(name="Class", default=None)
    packages: list[msgspec.Raw] | None = None
    vulnerabilities: list[Vulnerability] | None = None
    misconfigurations: list[Misconfiguration] | None = None
    secrets: list[Secret] | None = None
    experimental_modified_findings: list[Modified] | None = None
