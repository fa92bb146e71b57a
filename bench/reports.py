"""Reports of a chosen size, as verbose as tools write them: most of the bytes are text that nobody counts."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

_DIGEST = f"sha256:{'0123456789abcdef' * 4}"
_RULES = 500
_SEVERITIES = ("LOW", "MEDIUM", "HIGH", "CRITICAL", "UNKNOWN")
_TEXT = (
    "A flaw was found in the handling of malformed input. An attacker who can supply a crafted file may cause"
    ' the application to read beyond the end of a buffer, which leads to a crash or to the "disclosure" of'
    " memory.\n"
)
_LINKS = tuple(
    f"https://{place}.example.com/advisories/"
    for place in ("access", "bugs", "lists", "security", "nvd", "git", "errata", "people", "www", "support")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A kind of report: what it starts with, its items by number, and what it ends with."""

    file_name: str
    start: Callable[[], str]
    item: Callable[[int], str]
    end: str
    separator: str = ",\n"

    def write(self, folder: Path, *, size: int | None = None, items: int | None = None) -> Path:
        """Write one of at least so many bytes, or of exactly so many items."""
        path = folder / f"{items or size}-{self.file_name}"
        with path.open("w", encoding="utf-8") as file:
            written = file.write(self.start()) + file.write(self.item(0))
            for number in count(1):
                if number == items or (size is not None and written >= size):
                    break
                written += file.write(self.separator) + file.write(self.item(number))
            file.write(self.end)
        return path


def _trivy() -> str:
    head = {
        "SchemaVersion": 2,
        "CreatedAt": "2026-11-24T10:00:00Z",
        "ArtifactName": "shop/app:1",
        "ArtifactType": "container_image",
        "Metadata": {"ImageID": _DIGEST, "DiffIDs": [_DIGEST], "RepoDigests": [f"shop/app@{_DIGEST}"]},
    }
    target = '"Target": "app (debian 13)", "Class": "os-pkgs", "Vulnerabilities": ['
    return f'{json.dumps(head)[:-1]}, "Results": [{{{target}'


def _vulnerability(number: int) -> str:
    name, package = _cve(number), f"libsample{number % 400}"
    entry = {
        "VulnerabilityID": name,
        "VendorIDs": [f"DSA-{number % 6000}-1"],
        "PkgID": f"{package}@1.2.3-4",
        "PkgName": package,
        "PkgIdentifier": {"PURL": f"pkg:deb/debian/{package}@1.2.3-4?arch=amd64", "UID": f"{number:016x}"},
        "InstalledVersion": "1.2.3-4",
        "FixedVersion": "1.2.3-5",
        "Status": "fixed",
        "Layer": {"Digest": _DIGEST, "DiffID": _DIGEST},
        "SeveritySource": "debian",
        "PrimaryURL": f"https://avd.example.com/nvd/{name.lower()}",
        "DataSource": {
            "ID": "debian",
            "Name": "Debian Security Tracker",
            "URL": "https://tracker.example.org",
        },
        "Title": f"{package}: out-of-bounds read in the parser of headers",
        "Description": _TEXT * 2,
        "Severity": _SEVERITIES[number % len(_SEVERITIES)],
        "CweIDs": ["CWE-125"],
        "VendorSeverity": {"debian": 1, "nvd": 3, "redhat": 2},
        "CVSS": {
            "nvd": {"V3Vector": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", "V3Score": 9.8},
            "redhat": {"V3Vector": "CVSS:3.1/AV:L/AC:L/PR:N/UI:R/S:U/C:L/I:N/A:H", "V3Score": 6.1},
        },
        "References": [f"{link}{name}" for link in _LINKS],
        "PublishedDate": "2026-01-02T03:04:05.678Z",
        "LastModifiedDate": "2026-03-04T05:06:07.89Z",
    }
    return json.dumps(entry, indent=2)


def _sarif() -> str:
    tool = {"driver": {"name": "scanner", "version": "1.0.0", "rules": [_rule(n) for n in range(_RULES)]}}
    return f'{{"version": "2.1.0", "runs": [{{"tool": {json.dumps(tool)}, "results": ['


def _rule(number: int) -> dict[str, Any]:
    return {
        "id": f"rule-{number}",
        "shortDescription": {"text": f"Rule {number} of the sample tool"},
        "fullDescription": {"text": _TEXT},
        "help": {"text": _TEXT, "markdown": _TEXT * 3},
        "defaultConfiguration": {"level": "warning"},
        "properties": {"security-severity": f"{number % 100 / 10}", "tags": ["security"]},
    }


def _result(number: int) -> str:
    region = {"startLine": number % 900 + 1, "startColumn": 5, "endColumn": 80, "snippet": {"text": _TEXT}}
    place = {
        "physicalLocation": {
            "artifactLocation": {"uri": f"src/part{number % 300}/module.py", "uriBaseId": "%SRCROOT%"},
            "region": region,
            "contextRegion": {"startLine": 1, "endLine": 9, "snippet": {"text": _TEXT * 2}},
        }
    }
    step = {"location": place | {"message": {"text": "flows to here"}}}
    entry = {
        "ruleId": f"rule-{number % _RULES}",
        "ruleIndex": number % _RULES,
        "level": "warning",
        "message": {"text": _TEXT},
        "locations": [place],
        "partialFingerprints": {"primaryLocationLineHash": f"{number:040x}"},
        "codeFlows": [{"threadFlows": [{"locations": [step]}]}],
    }
    return json.dumps(entry)


def _junit() -> str:
    return '<?xml version="1.0" encoding="utf-8"?><testsuites><testsuite name="pytest" errors="0">'


def _case(number: int) -> str:
    named = (
        f'classname="tests.part{number % 50}.test_module" name="test_case[{number}]" time="0.00{number % 10}"'
    )
    if number % 100 == 1:
        return f'<testcase {named}><skipped message="not here" type="pytest.skip"/></testcase>'
    if number % 10 == 0:
        return f"<testcase {named}><system-out>{_TEXT * 4}</system-out></testcase>"
    return f"<testcase {named} />"


def _cyclonedx() -> str:
    root = {"type": "container", "name": "app", "version": _DIGEST}
    about = {"timestamp": "2026-11-24T10:00:00Z", "component": root}
    head = {"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, "metadata": about}
    return f'{json.dumps(head)[:-1]}, "components": ['


def _component(number: int) -> str:
    name = f"sample-{number}"
    purl = f"pkg:npm/{name}@1.2.{number}"
    noted = [
        {"name": f"syft:{key}", "value": f"{_DIGEST} {number}"} for key in ("layer", "path", "found", "cpe23")
    ]
    entry = {
        "bom-ref": f"{purl}?package-id={number:016x}",
        "type": "library",
        "author": "Sample Author <author@example.com>",
        "name": name,
        "version": f"1.2.{number}",
        "description": _TEXT,
        "licenses": [{"license": {"id": "MIT"}}],
        "cpe": f"cpe:2.3:a:{name}:{name}:1.2.{number}:*:*:*:*:*:*:*",
        "purl": purl,
        "externalReferences": [{"type": "vcs", "url": f"git://git.example.com/{name}.git"}],
        "properties": noted,
    }
    return json.dumps(entry, indent=2)


def _cve(number: int) -> str:
    return f"CVE-{2000 + number % 26}-{10_000 + number // 2}"


TRIVY = Report(file_name="trivy.json", start=_trivy, item=_vulnerability, end="]}]}")
"""A scan as Trivy writes it: an item is a finding."""
SARIF = Report(file_name="scan.sarif", start=_sarif, item=_result, end="]}]}")
"""A log of one tool, whose rules have many results each: an item is a result."""
JUNIT = Report(
    file_name="junit.xml", start=_junit, item=_case, end="</testsuite></testsuites>", separator="\n"
)
"""A report as pytest writes it, with some output kept: an item is a case."""
CYCLONEDX = Report(file_name="bom.json", start=_cyclonedx, item=_component, end="]}")
"""An SBOM as Syft writes it: an item is a component."""
