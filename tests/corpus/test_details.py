"""What rules read of real reports beyond their counts, counted once more from the files as they are."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from pushpolicy.reports.declared import BrokenReportError, NotAReport
from pushpolicy.reports.facts import SbomFacts, ScanFacts, SuiteFacts, VexFacts, of_type
from pushpolicy.reports.format import ReadFile
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.recognise import read
from tests.corpus.test_corpus import CORPUS, entries

Details = Mapping[str, Any]


def _texts(path: Path) -> str:
    content = path.read_bytes()
    return content.decode("utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")


def _nested(components: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for each in components:
        yield each
        yield from _nested(each.get("components") or [])


def cyclonedx_json(path: Path) -> Details:
    listed = list(_nested(json.loads(_texts(path)).get("components") or []))
    choices = [choice for each in listed for choice in each.get("licenses") or []]
    return {
        "names": Counter("/".join(filter(None, (each.get("group"), each["name"]))) for each in listed),
        "purls": Counter(each["purl"] for each in listed if each.get("purl")),
        "versions": sum(bool(each.get("version")) for each in listed),
        "types": Counter(each.get("type") for each in listed),
        "with licence": sum(bool(each.get("licenses")) for each in listed),
        "ids": {choice["license"]["id"] for choice in choices if "id" in choice.get("license", {})},
    }


def cyclonedx_xml(path: Path) -> Details:
    root = ElementTree.fromstring(path.read_bytes())
    at = root.tag.removesuffix("bom")
    listed = [each for inside in root.findall(f"{at}components") for each in inside.iter(f"{at}component")]
    ids = [each for one in listed for each in one.findall(f"{at}licenses/{at}license/{at}id")]
    named = [[one.findtext(f"{at}{name}") for name in ("group", "name")] for one in listed]
    return {
        "names": Counter("/".join(filter(None, names)) for names in named),
        "purls": Counter(text for one in listed if (text := one.findtext(f"{at}purl"))),
        "versions": sum(bool(one.findtext(f"{at}version")) for one in listed),
        "types": Counter(one.get("type") for one in listed),
        "with licence": sum(one.find(f"{at}licenses/*") is not None for one in listed),
        "ids": {(each.text or "").strip() for each in ids},
    }


def spdx_json(path: Path) -> Details:
    packages = json.loads(_texts(path)).get("packages") or []
    refs = [ref for each in packages for ref in each.get("externalRefs") or []]
    fields = ("licenseConcluded", "licenseDeclared")
    said = [[each.get(field, "NOASSERTION") for field in fields] for each in packages]
    return {
        "names": Counter(each.get("name") or "" for each in packages),
        "purls": Counter(ref["referenceLocator"] for ref in refs if ref["referenceType"] == "purl"),
        "versions": sum(bool(each.get("versionInfo")) for each in packages),
        "with licence": sum(set(each) != {"NOASSERTION"} for each in said),
        "ids": {text for each in said for text in each if " " not in text} - {"NOASSERTION", "NONE"},
    }


def _trivy(results: list[dict[str, Any]], metadata: dict[str, Any]) -> Details:
    flaws = [flaw for result in results for flaw in result.get("Vulnerabilities") or []]
    licences = [licence for result in results for licence in result.get("Licenses") or []]
    return {
        "published": sum(bool(flaw.get("PublishedDate")) for flaw in flaws),
        "layers": Counter(flaw["Layer"]["DiffID"] for flaw in flaws if flaw.get("Layer", {}).get("DiffID")),
        "paths": Counter(flaw["PkgPath"] for flaw in flaws if flaw.get("PkgPath")),
        "licences": Counter(licence["Name"] for licence in licences),
        "tags": metadata.get("RepoTags") or [],
    }


def trivy(path: Path) -> Details:
    document = json.loads(_texts(path))
    return _trivy(document.get("Results") or [], document.get("Metadata") or {})


def trivy_legacy(path: Path) -> Details:
    return _trivy(json.loads(_texts(path)), {})


def grype(path: Path) -> Details:
    document = json.loads(_texts(path))
    matches = [*document["matches"], *(document.get("ignoredMatches") or [])]
    places = [match["artifact"].get("locations") or [] for match in matches]
    target = (document.get("source") or {}).get("target") or {}
    providers = ((document.get("descriptor") or {}).get("db") or {}).get("providers") or {}
    return {
        "epss": sum(bool(match["vulnerability"].get("epss")) for match in matches),
        "known exploited": sum(bool(match["vulnerability"].get("knownExploited")) for match in matches),
        "fix dates": sum(
            bool((match["vulnerability"].get("fix") or {}).get("available")) for match in matches
        ),
        "layers": sum(any(place.get("layerID") for place in each) for each in places),
        "paths": Counter(place["path"] for each in places for place in each),
        "tags": (target.get("tags") or []) if isinstance(target, dict) else [],
        "sources": set(providers),
    }


def snyk(path: Path) -> Details:
    document = json.loads(_texts(path))
    projects = document if isinstance(document, list) else [document]
    projects += [each for project in projects for each in project.get("applications") or []]
    flaws = [flaw for project in projects for flaw in project.get("vulnerabilities") or []]
    return {
        "published": sum(bool(flaw.get("publicationTime")) for flaw in flaws),
        "licences": Counter(flaw["license"] for flaw in flaws if flaw.get("type") == "license"),
    }


def osv(path: Path) -> Details:
    results = json.loads(_texts(path)).get("results") or []
    packages = [package for result in results for package in result["packages"]]
    return {
        "published": sum(
            bool(flaw.get("published")) for each in packages for flaw in each.get("vulnerabilities") or []
        ),
        "packages with licences": sum(bool(each.get("licenses")) for each in packages),
    }


def clair(path: Path) -> Details:
    document = json.loads(_texts(path))
    flaws = document.get("vulnerabilities") or {}
    named = [flaws[key] for keys in document["package_vulnerabilities"].values() for key in keys]
    return {"published": sum((flaw.get("issued") or "0")[0] != "0" for flaw in named)}


def junit(path: Path) -> Details:
    root = ElementTree.fromstring(path.read_bytes())
    holders = [each for each in root.iter() if each.tag in ("testsuite", "testsuites")]
    cases = [(suite.get("name", ""), case) for suite in holders for case in suite.findall("testcase")]
    names = Counter((suite, case.get("classname"), case.get("name")) for suite, case in cases)
    again = [each for _, case in cases for each in case if each.tag.startswith(("rerun", "flaky"))]
    suites = {suite.get("name", "") for suite in holders if suite.find("testcase") is not None}
    return {
        "suites": suites - {""},
        "retries": len(again),
        "duplicates": sum(number - 1 for number in names.values()),
        "tools": Counter(name for name in ("jest tests", "vitest tests") if root.get("name") == name),
    }


def ran(file: ReadFile) -> Details:
    """Ours of tests."""
    reports = of_type(SuiteFacts, file.facts)
    tools = [each.tool.name for each in reports if each.tool]
    return {
        "suites": {name for each in reports for name in each.suites or ()},
        "retries": sum(each.retries or 0 for each in reports),
        "duplicates": sum(each.duplicates or 0 for each in reports),
        "tools": Counter(f"{name} tests" for name in tools if name in ("jest", "vitest")),
    }


def openvex(path: Path) -> Details:
    document = json.loads(_texts(path))
    statements = document["statements"]
    return {
        "justifications": Counter(each["justification"] for each in statements if each.get("justification")),
        "updated": sum(bool(each.get("last_updated")) for each in (document, *statements)),
    }


def claimed(file: ReadFile) -> Details:
    """Ours of VEX."""
    documents = of_type(VexFacts, file.facts)
    statements = [statement for each in documents for statement in each.statements]
    updated = [each.last_updated for each in documents] + [each.last_updated for each in statements]
    return {
        "justifications": Counter(each.justification for each in statements if each.justification),
        "updated": sum(at is not None for at in updated),
    }


def found(file: ReadFile) -> Details:
    """Ours of scans, under the same names."""
    scans = of_type(ScanFacts, file.facts)
    findings = [finding for scan in scans for finding in scan.findings]
    licences = [licence for scan in scans for licence in scan.licences or ()]
    layers = [finding.layer for finding in findings if finding.layer]
    return {
        "published": sum(finding.published is not None for finding in findings),
        "layers": Counter(layers)
        if file.format.kind == "scans" and "trivy" in file.format.name
        else len(layers),
        "paths": Counter(
            path for each in findings if each.kind == "vulnerability" for path in each.paths or ()
        ),
        "licences": Counter(each.expression or each.licences[0] for each in licences),
        "packages with licences": len(licences),
        "tags": [tag for scan in scans for tag in scan.identity.tags],
        "epss": sum(finding.epss_at is not None for finding in findings),
        "known exploited": sum(finding.kev_added is not None for finding in findings),
        "fix dates": sum(finding.fixed_at is not None for finding in findings),
        "sources": {name for scan in scans for name in scan.scanner.sources or ()},
    }


def listed(file: ReadFile) -> Details:
    """Ours of SBOMs."""
    components = [each for bom in of_type(SbomFacts, file.facts) for each in bom.listed]
    return {
        "names": Counter(each.name for each in components),
        "purls": Counter(each.purl for each in components if each.purl),
        "versions": sum(each.version is not None for each in components),
        "types": Counter(each.type for each in components),
        "with licence": sum(each.licences is not None for each in components),
        "ids": {name for each in components for name in each.licences or ()},
    }


COUNTERS: Mapping[str, Mapping[str, Callable[[Path], Details]]] = {
    "cyclonedx": {"cyclonedx": cyclonedx_json, "cyclonedx-xml": cyclonedx_xml},
    "spdx": {"spdx": spdx_json},
    "junit": {"junit": junit},
    "openvex": {"openvex": openvex},
    "trivy": {"trivy": trivy, "trivy-legacy": trivy_legacy},
    "grype": {"grype": grype},
    "snyk": {"snyk": snyk},
    "osv": {"osv-scanner": osv},
    "clair": {"clair": clair},
}
"""By kind of the corpus and format: the counter of the files."""
OURS = {"cyclonedx": listed, "spdx": listed, "junit": ran, "openvex": claimed}
# Of these there must be at least so many in all files of a kind together, or the test shows nothing.
LEAST = {
    "cyclonedx": {"purls": 1000, "with licence": 600},
    "spdx": {"purls": 10, "with licence": 20},
    "openvex": {"justifications": 12, "updated": 1},
    "junit": {"suites": 700, "retries": 5, "duplicates": 200, "tools": 3},
    "trivy": {"published": 150, "layers": 9, "paths": 7, "licences": 7, "tags": 10},
    "grype": {"epss": 16, "layers": 395, "paths": 150, "tags": 5, "sources": 17},
    "snyk": {"published": 149},
    "osv": {"published": 80},
    "clair": {},
}


@pytest.mark.parametrize("kind", COUNTERS)
def test_each_detail_is_that_of_the_file(kind: str) -> None:
    together: Counter[str] = Counter()
    for entry in entries(kind):
        try:
            file = read(CORPUS / entry["file"], Limits())
        except (NotAReport, BrokenReportError):
            continue
        if count := COUNTERS[kind].get(file.format.name):
            wanted, ours = count(CORPUS / entry["file"]), OURS.get(kind, found)(file)
            for name, value in wanted.items():
                assert _agree(name, ours[name], value), f"{entry['file']}: {name}"
                together[name] += value if isinstance(value, int) else len(value)
    assert together >= Counter(LEAST[kind])


def _agree(name: str, ours: Any, wanted: Any) -> bool:
    """Of a set at least all that is wanted, which need not be all that a file says."""
    return bool(ours >= wanted if isinstance(wanted, set) else ours == wanted)
