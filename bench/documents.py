"""Evidence documents of a chosen size, complete and valid against the schema."""

from __future__ import annotations

from typing import Any

from pushpolicy.model.document import Document

_SHA = "0123456789abcdef" * 4
_DIGEST = f"sha256:{_SHA}"
_COMMIT = "0123456789abcdef0123456789abcdef01234567"
_AT = "2026-11-24T12:00:00Z"
_SEVERITIES = ("low", "medium", "negligible")


def evidence(findings: int, severity: str | None = None) -> Document:
    """An image with one scan of so many findings.

    The shipped pack allows it; where a severity is given, all have that, each in a package of its own.
    """
    listed = [_finding(number) for number in range(findings)]
    if severity is not None:
        for number, each in enumerate(listed):
            each |= {"severity": severity, "purl": f"pkg:deb/debian/libsample{number}@1.2.3-4?arch=amd64"}
    counts = {
        severity: sum(item["severity"] == severity for item in listed)
        for severity in ("critical", "high", "medium", "low", "negligible", "unknown")
    }
    totals = {"total": 12, "passed": 12, "failed": 0, "errors": 0, "skipped": 0, "flaky": 0}
    return Document.of(
        {
            "schema": "pushpolicy.evidence/v1",
            "evaluated_at": _AT,
            "target": {
                "registry": "registry.example.com",
                "repository": "shop/app",
                "tags": ["1.4.2"],
                "previous_digests": {},
                "new_tags": ["1.4.2"],
                "insecure": False,
            },
            "image": {
                "digest": _DIGEST,
                "media_type": "application/vnd.oci.image.manifest.v1+json",
                "size": 31_000_000,
                "source": "oci:image",
                "annotations": {},
                "platforms": [
                    {
                        "platform": "linux/amd64",
                        "digest": _DIGEST,
                        "config_digest": _DIGEST,
                        "diff_ids": [_DIGEST],
                        "labels": {"org.opencontainers.image.revision": _COMMIT},
                        "env": ["PATH"],
                        "entrypoint": ["/app"],
                    }
                ],
                "attestations": [],
                "bound_to_commit": "label",
            },
            "source": {
                "status": "collected",
                "commit": _COMMIT,
                "branch": "main",
                "dirty": False,
                "changes": [],
                "not_comparable": [],
                "not_checked_out": [],
                "counts": {"not_comparable": 0, "not_checked_out": 0},
            },
            "ci": {
                "status": "collected",
                "provider": "github-actions",
                "event": "push",
                "event_raw": "push",
                "ref": "refs/heads/main",
                "ref_type": "branch",
                "branch": "main",
                "default_branch": "main",
                "commit": _COMMIT,
                "repository": "shop/app",
                "trust": {"branch": "asserted"},
            },
            "tests": {
                "status": "collected",
                "totals": totals,
                "reports": [
                    {
                        "name": "unit",
                        "format": "junit",
                        "totals": totals,
                        "sha256": _SHA,
                        "undeclared": 0,
                        "disagreements": [],
                    }
                ],
                "failures": [],
            },
            "scans": {
                "status": "collected",
                "not_covered": [],
                "items": [
                    {
                        "name": "image",
                        "format": "trivy",
                        "scanner": {"name": "trivy", "version": "0.74.0"},
                        "kind": "image",
                        "looked_for": ["vulnerabilities"],
                        "of_commit": "unsaid",
                        "end_of_life": False,
                        "bound": True,
                        "bound_by": "config",
                        "platform": "linux/amd64",
                        "image": {"image_id": _DIGEST},
                        "at": _AT,
                        "counts": {"listed": counts, "by_severity": counts},
                        "sha256": _SHA,
                        "findings": listed,
                    }
                ],
            },
            "credentials": {
                "status": "collected",
                "source": "platform-token",
                "ephemeral": True,
                "literal_in": [],
            },
            "pipeline": {"status": "collected", "files": [], "findings": [], "risks": []},
            "reports": [],
            "extra": {},
        }
    )


def _finding(number: int) -> dict[str, Any]:
    return {
        "id": f"CVE-2026-{10_000 + number}",
        "severity": _SEVERITIES[number % len(_SEVERITIES)],
        "kind": "vulnerability",
        "title": f"Sample finding {number} in a library of the operating system",
        "cvss": 4.3,
        "package": f"libsample{number % 400}",
        "version": "1.2.3-4",
        "purl": f"pkg:deb/debian/libsample{number % 400}@1.2.3-4?arch=amd64",
        "fixed_in": "1.2.3-5",
    }
