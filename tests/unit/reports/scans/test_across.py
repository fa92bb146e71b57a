"""All scans together: two scanners' word on one flaw, and a document that keeps to the schema."""

from __future__ import annotations

import json
from pathlib import Path

from tests.unit.gather.samples import make_image, make_request, trivy, write
from tests.unit.gather.test_gather import gathered


def test_one_flaw_of_two_scanners_is_one(tmp_path: Path) -> None:
    image = make_image()
    assert image.top.config
    listed = [{"VulnerabilityID": "CVE-2026-1234", "PkgName": "x", "Severity": "MEDIUM"}]
    flaw = {
        "id": "GHSA-2222-3333-4444",
        "severity": "High",
        "epss": [{"epss": 0.5}],
        "knownExploited": [{"cve": "CVE-2026-1234"}],
    }
    grype = {
        "matches": [
            {
                "vulnerability": flaw,
                "artifact": {"name": "x"},
                "relatedVulnerabilities": [{"id": "CVE-2026-1234"}],
            }
        ],
        "source": {"type": "image", "target": {"imageID": str(image.top.config.digest)}},
        "descriptor": {"name": "grype", "configuration": {"only-fixed": True}},
    }
    files = {
        "grype.json": json.dumps(grype),
        "trivy.json": trivy(image, Results=[{"Vulnerabilities": listed}]),
    }
    scans = gathered(make_request(write(tmp_path, files), image=image)).evidence.scans
    assert [(scan.format, scan.bound_by, scan.filters) for scan in scans.items] == [
        ("grype", "config", ("only-fixed",)),
        ("trivy", "config", None),
    ]
    assert scans.counts is not None
    assert (sum(scans.counts.listed.values()), sum(scans.counts.by_severity.values())) == (2, 1)
    assert scans.counts.by_severity["high"] == 1
