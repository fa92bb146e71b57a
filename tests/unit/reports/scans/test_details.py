"""What reports say of a finding beyond what it is: dates, EPSS and KEV, layers and paths, licences, tags."""

from __future__ import annotations

from typing import Any

import pytest

from pushpolicy.model.evidence import Finding, Licence, Severity
from pushpolicy.reports.format import Format, ReportError
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.parsing.values import dated
from pushpolicy.reports.sbom import cyclonedx, cyclonedx_xml
from pushpolicy.reports.scans import clair, grype, osv, sarif, snyk, trivy
from tests.unit.reports.scans.reading import read_one

LAYER, OTHER = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"
FLAW: dict[str, Any] = {
    "VulnerabilityID": "CVE-2026-1234",
    "PkgName": "a",
    "PkgPath": "app/a.jar",
    "Layer": {"Digest": OTHER, "DiffID": LAYER},
    "PublishedDate": "2026-01-02T03:04:05.6Z",
}
TRIVY = {"SchemaVersion": 2, "ArtifactName": "a", "Results": [{"Target": "Java", "Vulnerabilities": [FLAW]}]}
OPERATOR_FLAW = {"vulnerabilityID": "CVE-2026-1234", "publishedDate": "2026-01-02T03:04:05.6Z"}
GRYPE: dict[str, Any] = {
    "matches": [
        {
            "vulnerability": {
                "id": "CVE-2026-1234",
                "epss": [
                    {"epss": 0.2, "date": "2026-02-01"},
                    {"epss": 0.5, "date": "2026-02-03"},
                    {"epss": 7, "date": "2026-02-04"},
                ],
                "knownExploited": [
                    {"dateAdded": "2026-03-02", "dueDate": "2026-03-22"},
                    {"dateAdded": "2026-03-01", "dueDate": "2026-03-23"},
                ],
                "fix": {
                    "versions": ["2", "3"],
                    "state": "fixed",
                    "available": [
                        {"version": "3", "date": "2026-04-02"},
                        {"version": "2", "date": "2026-04-01"},
                    ],
                },
            },
            "artifact": {
                "name": "a",
                "locations": [
                    {"path": "", "layerID": OTHER},
                    {"path": "/a", "layerID": LAYER},
                    {"path": "/b"},
                ],
            },
        }
    ],
    "descriptor": {
        "name": "grype",
        "db": {"providers": {"kev": {"captured": "2026-03-04T05:06:07Z"}, "epss": {}, "nvd": {"input": "x"}}},
    },
}
SNYK = {
    "vulnerabilities": [{"id": "SNYK-A-1", "publicationTime": "2026-01-02T03:04:05.6Z"}],
    "dependencyCount": 1,
    "packageManager": "apk",
}
OSV: dict[str, Any] = {
    "results": [
        {
            "source": {"path": "lib/apk/db/installed"},
            "packages": [
                {
                    "package": {"name": "a", "version": "1", "image_origin_details": {"index": 1}},
                    "vulnerabilities": [{"id": "CVE-2026-1234", "published": "2026-01-02T03:04:05.6Z"}],
                    "licenses": ["MIT", "GPL-2.0-only OR Zlib"],
                }
            ],
        }
    ],
    "image_metadata": {"layer_metadata": [{"diff_id": OTHER}, {"diff_id": LAYER}]},
}
CLAIR: dict[str, Any] = {
    "manifest_hash": OTHER,
    "packages": {"1": {"name": "a"}},
    "vulnerabilities": {"7": {"name": "CVE-2026-1234", "issued": "2026-01-02T03:04:05.6Z"}},
    "package_vulnerabilities": {"1": ["7"]},
    "enrichments": {
        "message/vnd.clair.map.vulnerability; enricher=clair.epss schema=none": [
            {"7": [{"epss": 0.5, "date": "2026-02-03"}]}
        ]
    },
}
CYCLONEDX: dict[str, Any] = {
    "bomFormat": "CycloneDX",
    "specVersion": "1.5",
    "vulnerabilities": [{"id": "CVE-2026-1234", "published": "2026-01-02T03:04:05.6Z"}],
}
CYCLONEDX_XML = """<bom xmlns="http://cyclonedx.org/schema/bom/1.5"><vulnerabilities><vulnerability>
<id>CVE-2026-1234</id><published>2026-01-02T03:04:05.6Z</published></vulnerability></vulnerabilities></bom>"""
PUBLISHED = {"published": "2026-01-02T03:04:05.600000Z"}
EPSS = {"epss": 0.5, "epss_at": "2026-02-03T00:00:00Z"}


@pytest.mark.parametrize(
    ("form", "content", "told"),
    [
        (trivy.FORMAT, TRIVY, PUBLISHED | {"layer": LAYER, "paths": ("app/a.jar",)}),
        (
            trivy.OPERATOR,
            {"report": {"scanner": {"name": "Trivy"}, "vulnerabilities": [OPERATOR_FLAW]}},
            PUBLISHED,
        ),
        (
            grype.FORMAT,
            GRYPE,
            EPSS
            | {
                "kev": True,
                "kev_added": "2026-03-01T00:00:00Z",
                "kev_due": "2026-03-22T00:00:00Z",
                "fixed_at": "2026-04-01T00:00:00Z",
                "layer": LAYER,
                "paths": ("/a", "/b"),
                "location": "/a",
            },
        ),
        (snyk.FORMAT, SNYK, PUBLISHED),
        (osv.FORMAT, OSV, PUBLISHED | {"layer": LAYER, "paths": ("lib/apk/db/installed",)}),
        (clair.FORMAT, CLAIR, PUBLISHED | EPSS),
        (cyclonedx.FORMAT, CYCLONEDX, PUBLISHED),
        (cyclonedx_xml.FORMAT, CYCLONEDX_XML, PUBLISHED),
    ],
    ids=["trivy", "operator", "grype", "snyk", "osv", "clair", "cyclonedx", "cyclonedx-xml"],
)
def test_what_a_finding_says_of_itself(form: Format, content: Any, told: dict[str, Any]) -> None:
    (finding,) = read_one(form, content).findings
    assert {name: getattr(finding, name) for name in told} == told


@pytest.mark.parametrize(
    ("form", "content"),
    [
        (trivy.FORMAT, TRIVY | {"Results": [{"Vulnerabilities": [{"VulnerabilityID": "CVE-2026-1234"}]}]}),
        (grype.FORMAT, {"matches": [{"vulnerability": {"id": "CVE-2026-1234"}, "artifact": {}}]}),
        (snyk.FORMAT, {"vulnerabilities": [{"id": "SNYK-A-1"}]}),
        (clair.FORMAT, CLAIR | {"vulnerabilities": {"7": {"name": "a", "issued": "0001-01-01T00:00:00Z"}}}),
    ],
    ids=["trivy", "grype", "snyk", "clair"],
)
def test_what_is_not_said_is_not_known(form: Format, content: Any) -> None:
    scan = read_one(form, content)
    names = ("published", "fixed_at", "kev_added", "kev_due", "layer", "paths")
    (finding,) = scan.findings
    assert [getattr(finding, name) for name in names] == [None] * len(names)
    assert scan.licences is None


def test_when_the_sources_of_a_database_were_read() -> None:
    assert read_one(grype.FORMAT, GRYPE).scanner.sources == {"kev": "2026-03-04T05:06:07Z"}


@pytest.mark.parametrize(
    ("stated", "meant"),
    [
        ("2026-02-03", "2026-02-03T00:00:00Z"),
        ("2026-02-03T04:05:06+01:00", "2026-02-03T03:05:06Z"),
        ("2026-02-30", None),
        ("2026-02-03T04:05:06", None),
        ("0001-01-01T00:00:00Z", None),
        ("0001-01-01", None),
        ("tomorrow", None),
        ("2" * 1000, None),
        ("", None),
        (None, None),
    ],
)
def test_days_and_times(stated: str | None, meant: str | None) -> None:
    assert dated(stated) == meant


TERMS = {
    "Severity": "HIGH",
    "Category": "restricted",
    "PkgName": "a",
    "FilePath": "",
    "Name": "GPL-2.0 AND MIT",
}
ASIDE = {"Type": "license", "Status": "ignored", "Source": ".trivyignore", "Finding": TERMS}


def test_the_licences_that_trivy_lists_are_no_findings() -> None:
    results = [
        {"Target": "OS Packages", "Class": "license", "Licenses": [TERMS]},
        {"Target": "Loose Files", "Class": "license-file", "ExperimentalModifiedFindings": [ASIDE]},
    ]
    scan = read_one(trivy.FORMAT, TRIVY | {"Results": results})
    listed = Licence(
        severity=Severity.HIGH,
        licences=("GPL-2.0", "MIT"),
        expression="GPL-2.0 AND MIT",
        package="a",
        category="restricted",
    )
    assert scan.licences is not None
    assert scan.licences[0] == listed
    assert [each.suppressed_by for each in scan.licences] == [None, ".trivyignore ignored"]
    assert (scan.findings, scan.looked_for) == ((), ("licences",))


def test_trivy_looked_for_licences_and_found_none() -> None:
    scan = read_one(trivy.FORMAT, TRIVY | {"Results": [{"Target": "OS Packages", "Class": "license"}]})
    assert scan.licences == ()


def test_the_licences_of_snyk_are_findings_too() -> None:
    issue = {
        "id": "snyk:lic:npm:a:GPL-3.0",
        "type": "license",
        "severity": "high",
        "license": "GPL-3.0",
        "packageName": "a",
        "version": "1",
    }
    project = SNYK | {"displayTargetFile": "package-lock.json"}
    listed = project | {"vulnerabilities": [issue], "filtered": {"ignore": [issue | {"license": None}]}}
    scan = read_one(snyk.FORMAT, listed)
    assert [finding.kind for finding in scan.findings] == ["license"] * 2
    assert scan.licences is not None
    assert [(each.licences, each.suppressed_by) for each in scan.licences] == [
        (("GPL-3.0",), None),
        ((issue["id"],), "snyk ignore"),
    ]
    first = scan.licences[0]
    assert (first.package, first.version, first.severity, first.path) == (
        "a",
        "1",
        "high",
        "package-lock.json",
    )


def test_the_licences_of_osv_scanner() -> None:
    assert read_one(osv.FORMAT, OSV).licences == (
        Licence(
            severity=Severity.UNKNOWN,
            licences=("MIT", "GPL-2.0-only", "Zlib"),
            expression="(GPL-2.0-only OR Zlib) AND MIT",
            package="a",
            version="1",
            path="lib/apk/db/installed",
        ),
    )


@pytest.mark.parametrize("index", [-1, 2, None])
def test_a_layer_that_is_not_listed_is_none(index: int | None) -> None:
    package = OSV["results"][0]["packages"][0]
    other = package | {"package": {"name": "a", "image_origin_details": {"index": index}}}
    (finding,) = read_one(osv.FORMAT, OSV | {"results": [{"packages": [other]}]}).findings
    assert (finding.layer, finding.paths) == (None, None)


def test_licences_are_never_left_out() -> None:
    results = [{"Class": "license", "Licenses": [TERMS, TERMS]}]
    with pytest.raises(ReportError, match="2 licences are over the limit of 1"):
        read_one(trivy.FORMAT, TRIVY | {"Results": results}, Limits(max_findings=1))
    with pytest.raises(ReportError, match="over the limit of 9 characters"):
        read_one(trivy.FORMAT, TRIVY | {"Results": results}, Limits(max_text=9))


@pytest.mark.parametrize("field", ["layer", "paths"])
def test_no_layer_or_path_is_cut(field: str) -> None:
    long = FLAW | ({"Layer": {"DiffID": "x" * 99}} if field == "layer" else {"PkgPath": "x" * 99})
    with pytest.raises(ReportError, match="over the limit of 98 characters"):
        read_one(trivy.FORMAT, TRIVY | {"Results": [{"Vulnerabilities": [long]}]}, Limits(max_text=98))


TAGS = ["r/app:1", "r/app:latest"]


@pytest.mark.parametrize(
    ("form", "content"),
    [
        (trivy.FORMAT, TRIVY | {"Metadata": {"RepoTags": TAGS}}),
        (grype.FORMAT, {"matches": [], "source": {"type": "image", "target": {"tags": TAGS}}}),
        (
            sarif.FORMAT,
            {
                "version": "2.1.0",
                "runs": [
                    {
                        "tool": {"driver": {"name": "Trivy"}},
                        "results": [],
                        "properties": {"repoTags": TAGS, "imageName": "app"},
                    }
                ],
            },
        ),
    ],
    ids=["trivy", "grype", "sarif"],
)
def test_all_tags_that_a_report_names(form: Format, content: Any) -> None:
    assert read_one(form, content).identity.tags == tuple(TAGS)


def test_a_finding_of_before_is_read_without_them() -> None:
    assert Finding(id="a", severity=Severity.LOW, kind="vulnerability").published is None
