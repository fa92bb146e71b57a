"""CycloneDX as JSON and as XML: one BOM, the same evidence."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pushpolicy.model.evidence import Scanner
from pushpolicy.reports.facts import SbomFacts, ScanFacts, VexFacts
from pushpolicy.reports.format import Head, ReportError
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.sbom import cyclonedx, cyclonedx_xml
from tests.unit.reports.bytes_report import BytesReport, by_kind

DIGEST = f"sha256:{'a' * 64}"
CONFIG = f"sha256:{'b' * 64}"
LAYERS = tuple(f"sha256:{letter * 64}" for letter in "cd")
FLAW: dict[str, Any] = {
    "id": "CVE-2026-0001",
    "references": [{"id": "GHSA-2222-3333-4444"}, {"id": "DSA-1-1"}],
    "ratings": [
        {"score": 4.1, "severity": "medium", "method": "CVSSv3"},
        {"score": 7.5, "severity": "high", "method": "CVSSv31"},
        {"score": 10, "severity": "none", "method": "OWASP"},
    ],
    "description": "It breaks.",
    "affects": [{"ref": "b"}],
}
DOCUMENT: dict[str, Any] = {
    "bomFormat": "CycloneDX",
    "specVersion": "1.6",
    "serialNumber": "urn:uuid:1",
    "metadata": {
        "timestamp": "2026-01-02T03:04:05+01:00",
        "tools": {"components": [{"type": "application", "name": "syft", "version": "1.2"}]},
        "component": {
            "bom-ref": "root",
            "type": "container",
            "name": "app:1",
            "version": DIGEST,
            "properties": [
                {"name": "aquasecurity:trivy:ImageID", "value": CONFIG},
                *({"name": "aquasecurity:trivy:DiffID", "value": layer} for layer in LAYERS),
            ],
        },
    },
    "components": [
        {"type": "library", "bom-ref": "a", "name": "a", "components": [{"bom-ref": "b", "name": "b"}]},
        {"bom-ref": "c", "group": "g", "name": "c", "version": "2", "purl": "pkg:maven/g/c@2"},
    ],
}
XML = f"""<bom xmlns="http://cyclonedx.org/schema/bom/1.6" serialNumber="urn:uuid:1" version="1">
<metadata><timestamp>2026-01-02T03:04:05+01:00</timestamp>
<tools><components><component type="application"><name>syft</name><version>1.2</version>
</component></components></tools>
<component bom-ref="root" type="container"><name>app:1</name><version>{DIGEST}</version>
<properties><property name="aquasecurity:trivy:ImageID">{CONFIG}</property>
<property name="aquasecurity:trivy:DiffID">{LAYERS[0]}</property>
<property name="aquasecurity:trivy:DiffID">{LAYERS[1]}</property></properties></component></metadata>
<components><component bom-ref="a"><name>a</name><licenses><license><name>MIT</name></license></licenses>
<components><component bom-ref="b"><name>b</name></component></components>
<pedigree><ancestors><component bom-ref="old"><name>old</name></component></ancestors></pedigree></component>
<component bom-ref="c"><group>g</group><name>c</name><version>2</version>
<purl>pkg:maven/g/c@2</purl></component>
</components>FLAWS</bom>"""
XML_FLAW = """<vulnerability><id>CVE-2026-0001</id>
<references><reference><id>GHSA-2222-3333-4444</id></reference><reference><id>DSA-1-1</id></reference></references>
<ratings><rating><score>4.1</score><severity>medium</severity><method>CVSSv3</method></rating>
<rating><score>7.5</score><severity>high</severity><method>CVSSv31</method></rating>
<rating><score>10</score><severity>none</severity><method>OWASP</method></rating></ratings>
<description>It breaks.</description>ANALYSIS
<affects><target><ref>b</ref></target></affects></vulnerability>"""
ANALYSIS = """<analysis><state>not_affected</state><justification>code_not_reachable</justification>
<lastUpdated>2026-02-03T04:05:06Z</lastUpdated></analysis>"""
SAID = {"state": "not_affected", "justification": "code_not_reachable", "lastUpdated": "2026-02-03T04:05:06Z"}
JUDGED = FLAW | {"analysis": SAID}


def read(content: str | dict[str, Any], limits: Limits | None = None) -> dict[str, tuple[Any, ...]]:
    form = cyclonedx.FORMAT if isinstance(content, dict) else cyclonedx_xml.FORMAT
    text = json.dumps(content) if isinstance(content, dict) else content
    return by_kind(form.read(BytesReport(text.encode(), piece=7), limits or Limits()))


def with_flaws(*flaws: dict[str, Any]) -> dict[str, Any]:
    return DOCUMENT | {"vulnerabilities": list(flaws)}


def xml_with(flaw: str) -> str:
    return XML.replace("FLAWS", f"<vulnerabilities>{flaw}</vulnerabilities>" if flaw else "")


BOTH = pytest.mark.parametrize("content", [DOCUMENT, xml_with("")], ids=["json", "xml"])
BOTH_FLAWED = pytest.mark.parametrize(
    "content", [with_flaws(FLAW), xml_with(XML_FLAW.replace("ANALYSIS", ""))], ids=["json", "xml"]
)
BOTH_JUDGED = pytest.mark.parametrize(
    "content", [with_flaws(JUDGED), xml_with(XML_FLAW.replace("ANALYSIS", ANALYSIS))], ids=["json", "xml"]
)


@BOTH
def test_the_sbom(content: str | dict[str, Any]) -> None:
    kinds = read(content)
    assert set(kinds) == {"sbom"}
    bom: SbomFacts = kinds["sbom"][0]
    assert (bom.spec_version, bom.components, bom.id) == ("1.6", 3, "urn:uuid:1")
    assert bom.tool == Scanner(name="syft", version="1.2")
    assert bom.at == "2026-01-02T02:04:05Z"
    about = bom.identity
    assert (about.name, about.digests, about.image_id) == ("app:1", (DIGEST,), CONFIG)
    assert about.diff_ids == ()


def test_layers_prove_something_only_where_there_is_one() -> None:
    """Trivy sorts its properties: of several layers, the order is lost."""
    for layers, expected in ((LAYERS, ()), (LAYERS[:1], LAYERS[:1])):
        told = [{"name": "aquasecurity:trivy:DiffID", "value": layer} for layer in layers]
        root = {"type": "container", "name": "app:1", "properties": told}
        bom: SbomFacts = read(DOCUMENT | {"metadata": {"component": root}})["sbom"][0]
        assert bom.identity.diff_ids == expected


def test_a_tool_that_does_not_know_its_version_has_none() -> None:
    tools = {"components": [{"type": "application", "name": "syft", "version": "[not provided]"}]}
    bom: SbomFacts = read(DOCUMENT | {"metadata": {"tools": tools}})["sbom"][0]
    assert bom.tool == Scanner(name="syft")


@BOTH_FLAWED
def test_vulnerabilities_are_a_scan(content: str | dict[str, Any]) -> None:
    kinds = read(content)
    assert set(kinds) == {"sbom", "scans"}
    scan: ScanFacts = kinds["scans"][0]
    assert (scan.kind, scan.scanner.name, scan.identity.image_id) == ("image", "syft", CONFIG)
    (finding,) = scan.findings
    assert (finding.id, finding.aliases) == ("CVE-2026-0001", ("GHSA-2222-3333-4444",))
    assert (finding.severity, finding.cvss, finding.title) == ("high", 7.5, "It breaks.")
    assert (finding.package, finding.version, finding.suppressed_by) == ("b", None, None)


@BOTH_JUDGED
def test_what_it_says_became_of_one_is_vex_and_stays_visible(content: str | dict[str, Any]) -> None:
    kinds = read(content)
    assert kinds["scans"][0].findings[0].suppressed_by == "cyclonedx not_affected: code_not_reachable"
    document: VexFacts = kinds["vex"][0]
    (statement,) = document.statements
    assert (statement.status, statement.reason) == ("not_affected", "code_not_reachable")
    assert (statement.justification, statement.last_updated) == ("code_not_reachable", "2026-02-03T04:05:06Z")
    assert statement.names == ("CVE-2026-0001", "GHSA-2222-3333-4444", "DSA-1-1")
    assert statement.at == statement.last_updated
    assert statement.products[0].subcomponents == ("",), "b has no purl, so nothing is known to be meant"


def test_a_statement_without_a_time_is_as_old_as_its_document() -> None:
    (document,) = read(with_flaws(FLAW | {"analysis": {"state": "in_triage"}}))["vex"]
    (statement,) = document.statements
    assert (statement.at, statement.last_updated) == ("2026-01-02T02:04:05Z", None)
    assert (statement.reason, statement.justification) == ("in_triage", None)


def test_an_empty_list_of_vulnerabilities_is_no_scan() -> None:
    assert set(read(with_flaws())) == {"sbom"}


@pytest.mark.parametrize(
    ("rating", "severity"),
    [
        ({"score": 9.8, "method": "CVSSv31"}, "critical"),
        ({"score": 9.8, "severity": "unknown"}, "critical"),
        ({"severity": "unknown"}, "low"),
        ({"severity": "low", "vector": "CVSS:3.1/AV:N"}, "low"),
        ({"vector": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}, "unknown"),
        ({"score": 98, "method": "other"}, "unknown"),
        ({"severity": "catastrophic"}, "unknown"),
    ],
)
def test_what_rates_a_flaw_beside_a_word(rating: dict[str, Any], severity: str) -> None:
    flaw = {"id": "CVE-2026-1", "ratings": [{"severity": "low"}, rating]}
    (scan,) = read(with_flaws(flaw))["scans"]
    assert [finding.severity for finding in scan.findings] == [severity]


def test_what_cannot_be_told_hides_nothing_worse() -> None:
    flaw = {"id": "CVE-2026-1", "ratings": [{"severity": "critical"}, {"severity": "catastrophic"}]}
    (scan,) = read(with_flaws(flaw))["scans"]
    assert [finding.severity for finding in scan.findings] == ["critical"]


def test_vulnerabilities_without_components_are_no_sbom() -> None:
    assert set(read(with_flaws(JUDGED) | {"components": []})) == {"scans", "vex"}


def test_no_component_stands_for_several() -> None:
    flaw = FLAW | {"affects": [{"ref": "b"}, {"ref": "c"}, {"ref": "elsewhere"}]}
    finding = read(with_flaws(flaw))["scans"][0].findings[0]
    assert (finding.package, finding.purl, finding.location) == (None, None, "3 components: b, g/c ...")


@pytest.mark.parametrize(
    ("target", "products"),
    [
        ({"ref": "c"}, [("pkg:maven/g/c@2",)]),
        ({"ref": "root"}, [()]),
        ({"ref": "urn:cdx:2/1#c"}, [("",)]),
        ({"ref": "c", "versions": [{"range": "vers:maven/<3"}]}, []),
    ],
)
def test_an_all_clear_is_about_a_part_that_is_known(target: dict[str, Any], products: list[Any]) -> None:
    statement = read(with_flaws(JUDGED | {"affects": [target]}))["vex"][0].statements[0]
    assert [product.subcomponents for product in statement.products] == products
    assert all(product.identity.digests == (DIGEST,) for product in statement.products)


def test_the_extension_of_before_version_1_4() -> None:
    flaw = """<v:vulnerabilities xmlns:v="http://cyclonedx.org/schema/ext/vulnerability/1.0">
    <v:vulnerability ref="c"><v:id>CVE-1</v:id><v:ratings><v:rating>
    <v:score><v:base>9.8</v:base><v:impact>5.9</v:impact></v:score><v:severity>Critical</v:severity>
    <v:method>CVSSv3</v:method></v:rating></v:ratings></v:vulnerability></v:vulnerabilities>"""
    within = XML.replace("FLAWS", "").replace("</purl></component>", f"</purl>{flaw}</component>")
    for content in (within, XML.replace("FLAWS", flaw)):
        kinds = read(content.replace("bom/1.6", "bom/1.2"))
        (finding,) = kinds["scans"][0].findings
        assert (finding.id, finding.severity, finding.cvss) == ("CVE-1", "critical", 9.8)
        assert finding.purl == "pkg:maven/g/c@2"
        assert kinds["sbom"][0].components == 3


@pytest.mark.parametrize(
    "change",
    [
        {"specVersion": "1"},
        {"specVersion": "1.8"},
        {"specVersion": None},
        {"bomFormat": "CDX"},
        {"components": {}},
        {"components": [1]},
        {"vulnerabilities": "none"},
        {"metadata": {"component": {"name": "x" * 20_000}}},
    ],
)
def test_what_it_is_not_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ReportError):
        read(DOCUMENT | change)


def test_limits() -> None:
    with pytest.raises(ReportError, match="2 findings are over the limit of 1"):
        read(with_flaws(FLAW, FLAW), Limits(max_findings=1))


@pytest.mark.parametrize(
    "content",
    [
        XML.replace("bom/1.6", "bom/9.9"),
        XML.replace("http://cyclonedx.org/schema/bom/1.6", "x"),
        XML.replace("</bom>", ""),
        "<!DOCTYPE bom [<!ENTITY a 'b'>]>" + XML,
    ],
)
def test_broken_xml_is_refused(content: str) -> None:
    with pytest.raises(ReportError):
        read(content)


def test_recognition() -> None:
    keys = {"bomFormat": b'"CycloneDX"', "specVersion": b'"1.5"'}
    assert cyclonedx.FORMAT.recognise(Head(start=b"{", keys=keys))
    assert not cyclonedx.FORMAT.recognise(Head(start=b"[", keys=keys, is_array=True))
    assert cyclonedx_xml.FORMAT.recognise(Head(start=XML.encode(), root="bom"))
    assert not cyclonedx_xml.FORMAT.recognise(Head(start=b"<bom/>", root="bom"))
