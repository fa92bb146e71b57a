"""What evidence lists, also that of older versions, which left more out, and with times that are none."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from pushpolicy.audit.impact.listed import Package, flaws, looked_at, packages
from pushpolicy.model.document import Document

AT = "2026-11-02T10:00:00Z"


def _evidence(**scan: Any) -> Document:
    """Of what the schema requires, and no more."""
    finding = {"id": "CVE-1", "severity": "low", "kind": "vulnerability"}
    scans = {"status": "collected", "items": [{"name": "scan", "findings": [finding], **scan}]}
    return Document.of({"evaluated_at": AT, "scans": scans})


def test_what_the_schema_does_not_require_may_be_absent() -> None:
    (flaw,) = flaws(_evidence())
    assert flaw.names == {"cve-1"}
    assert list(packages(_evidence())) == []
    assert looked_at(_evidence()) == datetime.fromisoformat(AT)
    assert list(flaws(Document.of({"evaluated_at": AT, "scans": {"status": "missing"}}))) == []


@pytest.mark.parametrize("at", ["2026-99-99T99:99:99Z", "2026-11-02T23:59:60Z", "0000-01-01T00:00:00Z"])
def test_a_time_that_is_none_is_not_believed(at: str) -> None:
    assert looked_at(_evidence(at=at)) == datetime.fromisoformat(AT)


def test_what_was_looked_for() -> None:
    at = "2026-11-01T10:00:00.123456789Z"
    assert looked_at(_evidence(at=at, looked_for=["secrets"])) is None
    assert looked_at(_evidence(at=at, looked_for=["secrets", "vulnerabilities"])) == datetime(
        2026, 11, 1, 10, 0, 0, 123456, tzinfo=UTC
    )


@pytest.mark.parametrize(
    ("glob", "fits"),
    [
        ("pkg:deb/debian/openssl", True),
        ("pkg:deb/debian/openssl@1.1", True),
        ("pkg:deb/debian/openssl@1.1?arch=amd64", True),
        ("pkg:deb/*/openssl@1.*", True),
        ("pkg:deb/**", True),
        ("pkg:deb/debian/openssl@1.2", False),
        ("pkg:deb/debian/open", False),
        ("openssl", False),
    ],
)
def test_a_glob_over_packages(glob: str, *, fits: bool) -> None:
    assert Package("openssl", "1.1", "pkg:deb/debian/openssl@1.1?arch=amd64").fits(glob) is fits
    assert not Package("openssl", "1.1", None).fits(glob)
