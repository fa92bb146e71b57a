"""What SBOMs list: one table for all forms, and the licences that their statements name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pushpolicy.model.evidence import Component
from pushpolicy.reports.facts import SbomFacts, of_type
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.recognise import read
from pushpolicy.reports.sbom import cyclonedx
from pushpolicy.reports.sbom.components import terms
from tests.report_files import SAMPLES

OCI = f"pkg:oci/app@sha256%3A{'a' * 64}"
LISTED = {
    "cyclonedx.json": (
        Component(name="x", version="1", purl="pkg:npm/x@1", type="library", licences=("MIT", "Some terms")),
        Component(
            name="y",
            type="library",
            licences=("MIT", "GPL-2.0-only"),
            expression="(MIT OR GPL-2.0-only WITH Classpath-exception-2.0)",
        ),
    ),
    "spdx-tag-value.spdx": (
        Component(
            name="app",
            version="1",
            purl=OCI,
            licences=("MIT", "Own terms", "Zlib"),
            expression="((MIT AND LicenseRef-own)) AND Zlib",
        ),
    ),
    "spdx-3.json": (
        Component(
            name="app",
            version="1",
            purl=OCI,
            type="container",
            licences=("MIT", "BSD-3-Clause", "Apache-2.0"),
            expression="(MIT AND BSD-3-Clause) AND Apache-2.0",
        ),
    ),
    "spdx-yaml.spdx.yaml": (Component(name="app", version="1"),),
}


def sbom(path: Path, limits: Limits | None = None) -> SbomFacts:
    (bom,) = of_type(SbomFacts, read(path, limits or Limits()).facts)
    return bom


@pytest.mark.parametrize("name", LISTED)
def test_the_components_of_a_sample(name: str) -> None:
    bom = sbom(SAMPLES / name)
    assert sorted(bom.listed, key=lambda each: each.name) == list(LISTED[name])
    assert bom.not_listed is None


@pytest.mark.parametrize(
    ("stated", "licences", "expression"),
    [
        ([], None, None),
        ([None, ""], None, None),
        (["NOASSERTION"], None, None),
        (["NONE"], (), None),
        (["NOASSERTION", "NONE"], (), None),
        (["NONE", "MIT"], ("MIT",), None),
        (["MIT", "MIT"], ("MIT",), None),
        (["Apache License, Version 2.0"], ("Apache License, Version 2.0",), None),
        (["MPL 2.0 or EPL 1.0"], ("MPL 2.0 or EPL 1.0",), None),
        (["(MIT)"], ("(MIT)",), None),
        (["GPLv2+ and BSD"], ("GPLv2+", "BSD"), "GPLv2+ and BSD"),
        (["A AND (B OR C)", "C OR D"], ("A", "B", "C", "D"), "(A AND (B OR C)) AND (C OR D)"),
        (["A WITH E AND B"], ("A", "B"), "A WITH E AND B"),
        (["A) OR (B", "G"], ("A) OR (B", "G"), None),
        (["G", "A OR B"], ("G", "A", "B"), "(A OR B) AND G"),
        (["A OR B", "G OR H"], ("A", "B", "G", "H"), "(A OR B) AND (G OR H)"),
        (["A OR B", "A OR B", "A", "B"], ("A", "B"), "A OR B"),
        (["A OR B", "Some Text"], ("A", "B", "Some Text"), "(A OR B) AND Some Text"),
        (["A OR"], ("A OR",), None),
        (["x" * 1000 + " OR y"], ("x" * 1000, "y"), "x" * 1000 + " OR y"),
    ],
)
def test_the_licences_of_statements(
    stated: list[str | None], licences: tuple[str, ...] | None, expression: str | None
) -> None:
    assert terms(stated) == (licences, expression)


def bom(*components: Any) -> bytes:
    return json.dumps({"bomFormat": "CycloneDX", "specVersion": "1.6", "components": components}).encode()


def test_a_part_of_the_components_never_passes_for_all() -> None:
    content = bom(*({"name": str(number)} for number in range(3)), {"type": "file", "name": "f"})
    for most, listed in ((3, 3), (2, 0)):
        (facts,) = cyclonedx.read_value(content, Limits(max_components=most))
        assert isinstance(facts, SbomFacts)
        assert (facts.components, len(facts.listed)) == (4, listed)
        assert (facts.not_listed is None) is bool(listed)


@pytest.mark.parametrize("field", ["name", "version", "purl", "type"])
def test_no_text_is_cut(field: str) -> None:
    (facts,) = cyclonedx.read_value(bom({"name": "a", field: "x" * 11}), Limits(max_text=10))
    assert isinstance(facts, SbomFacts)
    assert facts.listed == ()
    assert "over the limit of 10 characters" in str(facts.not_listed)


@pytest.mark.parametrize(
    "licenses",
    [
        ["MIT"],
        [{"license": "MIT"}],
        [{"license": {"id": "MIT"}}],
        [{"license": {"name": "MIT"}}],
        [{"expression": "MIT"}],
        [None, {}, {"license": {}}, {"license": {"id": "MIT", "name": "The MIT licence"}}],
    ],
)
def test_each_way_to_name_a_licence(licenses: list[Any]) -> None:
    stated: list[dict[str, Any]] = [{"licenses": licenses}, {"evidence": {"licenses": licenses}}]
    for each in stated:
        (facts,) = cyclonedx.read_value(bom({"name": "a"} | each), Limits())
        assert isinstance(facts, SbomFacts)
        assert [component.licences for component in facts.listed] == [("MIT",)]


SPDX3 = {"@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld"}
PACKAGE = {"type": "software_Package", "spdxId": "p", "name": "p"}


@pytest.mark.parametrize(
    ("elements", "licences"),
    [
        ([], None),
        ([{"to": ["https://spdx.org/licenses/MIT"]}], ("MIT",)),
        ([{"to": "https://spdx.org/licenses/MIT"}], ("MIT",)),
        ([{"to": ["expandedlicensing_NoAssertionLicense"]}], None),
        ([{"to": ["https://spdx.org/rdf/3.0.1/terms/ExpandedLicensing/NoneLicense"]}], ()),
        ([{"to": ["set"]}, {"spdxId": "set", "expandedlicensing_member": ["x/A", "x/B"]}], ("A", "B")),
        ([{"to": ["own"]}, {"spdxId": "own", "name": "Own terms"}], ("Own terms",)),
        ([{"to": [{"type": "nested"}]}], None),
    ],
)
def test_the_licences_of_spdx_3(
    tmp_path: Path, elements: list[dict[str, Any]], licences: tuple[str, ...] | None
) -> None:
    relation = {"type": "Relationship", "from": "p", "relationshipType": "hasConcludedLicense"}
    graph = [PACKAGE, *(relation | each if "to" in each else each for each in elements)]
    (tmp_path / "a.json").write_text(json.dumps(SPDX3 | {"@graph": graph}))
    assert [each.licences for each in sbom(tmp_path / "a.json").listed] == [licences]


def test_the_purl_of_spdx_3_may_be_an_identifier(tmp_path: Path) -> None:
    said = {"externalIdentifierType": "purl", "identifier": "pkg:npm/p@1"}
    for graph in (
        [PACKAGE | {"externalIdentifier": [said]}],
        [PACKAGE | {"externalIdentifier": ["e"]}, {"spdxId": "e", **said}],
    ):
        (tmp_path / "a.json").write_text(json.dumps(SPDX3 | {"@graph": graph}))
        assert [each.purl for each in sbom(tmp_path / "a.json").listed] == ["pkg:npm/p@1"]


@pytest.mark.parametrize("licenses", ["MIT", [7], {"license": {"id": "MIT"}}, [{"license": {"id": 7}}]])
def test_licences_of_another_shape_are_not_left_out(licenses: Any) -> None:
    """What they say is not known: then nothing is told of any component, and the SBOM is still read."""
    (facts,) = cyclonedx.read_value(bom({"name": "a", "licenses": licenses}, {"name": "b"}), Limits())
    assert isinstance(facts, SbomFacts)
    assert (facts.components, facts.listed) == (2, ())
    assert str(facts.not_listed).startswith("a component cannot be told: it does not read as JSON")


def test_licences_of_nested_components_in_xml_are_their_own(tmp_path: Path) -> None:
    def component(name: str, licence: str, inside: str = "") -> str:
        licences = f"<licenses><license><id>{licence}</id></license></licenses>"
        return f"<component><name>{name}</name>{licences}{inside}</component>"

    nested = component("a", "MIT", f"<components>{component('b', 'Zlib')}</components>")
    tool = component("t", "no")
    space = "http://cyclonedx.org/schema/bom/1.5"
    (tmp_path / "bom.xml").write_text(
        f'<bom xmlns="{space}"><metadata><tools><components>{tool}</components></tools>{tool}</metadata>'
        f"<components>{nested}</components><formulation>{tool}</formulation></bom>"
    )
    told = {each.name: each.licences for each in sbom(tmp_path / "bom.xml").listed}
    assert told == {"a": ("MIT",), "b": ("Zlib",)}
