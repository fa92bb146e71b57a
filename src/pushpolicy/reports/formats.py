"""The one table of all report formats, in the order in which a file is tried."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

from pushpolicy.reports import capture as capture
from pushpolicy.reports.coverage import clover, cobertura, coveragepy, goprofile, jacoco, lcov
from pushpolicy.reports.format import Format, Head
from pushpolicy.reports.provenance import attestation
from pushpolicy.reports.sbom import cyclonedx, cyclonedx_xml, spdx, spdx3, spdx_tag
from pushpolicy.reports.scans import (
    clair,
    gitlab,
    grype,
    klar,
    osv,
    quay,
    sarif,
    snyk,
    trivy,
)
from pushpolicy.reports.suites import ctrf, gotest, junit, nunit, tap, trx, xunit
from pushpolicy.reports.vex import openvex

FORMATS: tuple[Format[Any], ...] = (
    capture.FORMAT,
    junit.FORMAT,
    nunit.FORMAT,
    xunit.FORMAT,
    trx.FORMAT,
    ctrf.FORMAT,
    gotest.FORMAT,
    tap.FORMAT,
    cobertura.FORMAT,
    clover.FORMAT,
    jacoco.FORMAT,
    coveragepy.FORMAT,
    lcov.FORMAT,
    goprofile.FORMAT,
    trivy.FORMAT,
    trivy.K8S,
    trivy.LEGACY,
    trivy.OPERATOR,
    grype.FORMAT,
    snyk.FORMAT,
    clair.FORMAT,
    clair.SCANNER,
    klar.FORMAT,
    quay.FORMAT,
    osv.FORMAT,
    gitlab.FORMAT,
    gitlab.CODEQUALITY,
    sarif.FORMAT,
    cyclonedx.FORMAT,
    cyclonedx_xml.FORMAT,
    spdx.FORMAT,
    spdx3.FORMAT,
    spdx_tag.FORMAT,
    spdx.YAML,
    openvex.FORMAT,
    attestation.FORMAT,
)

# Folders of the workspace that are searched with all that is in them.
PLACES = frozenset(
    {
        "reports",
        "report",
        "coverage",
        "test-reports",
        "test-results",
        "test_results",
        "testresults",
        "TestResults",
        "scan-reports",
        "scan-results",
        "security-reports",
    }
)
# Where build tools put the reports of each module, however deep a module lies; searched likewise.
MODULE_PLACES = (
    ("build", "test-results"),
    ("build", "reports"),
    ("target", "surefire-reports"),
    ("target", "failsafe-reports"),
    ("target", "nextest"),
    ("site", "jacoco"),
)
# In a place, files of these ends are looked at, compressed ones too; in the workspace itself, those whose
# name promises a format.
SUFFIXES = (
    *(".xml", ".json", ".jsonl", ".sarif", ".trx", ".tap", ".out", ".info", ".lcov"),
    *(".spdx", ".spdx.yaml", ".spdx.yml"),
)


def by_content(head: Head) -> Format[Any] | None:
    """The format of a well-formed file; None for one that is no report."""
    return next((item for item in FORMATS if item.recognise(head)), None)


def by_signs(file_name: str, start: bytes) -> Format[Any] | None:
    """The format that a broken file was meant to have, by its name or by what is left of it."""
    for item in FORMATS:
        if all(mark in start for mark in item.marks):
            return item
    return next((item for item in FORMATS if promises(item, file_name)), None)


def promises(item: Format[Any], file_name: str) -> bool:
    """Whether a file of this name is expected to have the format."""
    return any(fnmatchcase(file_name, pattern) for pattern in item.file_names)
