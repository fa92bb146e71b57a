"""SPDX in its four forms."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pushpolicy.model.evidence import Scanner
from pushpolicy.reports.facts import SbomFacts
from pushpolicy.reports.format import Format, Head, ReportError
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.sbom import spdx, spdx3
from tests.unit.reports.bytes_report import BytesReport, only

HEX = "a" * 64
DIGEST = f"sha256:{HEX}"
ROOT: dict[str, Any] = {
    "SPDXID": "SPDXRef-root",
    "name": "app",
    "primaryPackagePurpose": "CONTAINER",
    "checksums": [{"algorithm": "SHA256", "checksumValue": HEX}],
}
DOCUMENT: dict[str, Any] = {
    "spdxVersion": "SPDX-2.3",
    "SPDXID": "SPDXRef-DOCUMENT",
    "name": "app:1",
    "documentNamespace": "https://example/1",
    "creationInfo": {"created": "2026-01-02T03:04:05Z", "creators": ["Organization: O", "Tool: syft-1.2.3"]},
    "packages": [ROOT, {"SPDXID": "SPDXRef-b", "name": "b", "checksums": [{"algorithm": "SHA1"}]}],
    "relationships": [
        {
            "spdxElementId": "SPDXRef-DOCUMENT",
            "relatedSpdxElement": "SPDXRef-root",
            "relationshipType": "DESCRIBES",
        }
    ],
}
TAGS = f"""# made by hand
SPDXVersion: SPDX-2.3
SPDXID: SPDXRef-DOCUMENT
DocumentName: app:1
DocumentNamespace: https://example/1
Creator: Organization: O
Creator: Tool: syft-1.2.3
Created: 2026-01-02T03:04:05Z
DocumentComment: <text>one
PackageName: not a package</text>
Relationship: SPDXRef-DOCUMENT DESCRIBES SPDXRef-root

PackageName: app
SPDXID: SPDXRef-root
PrimaryPackagePurpose: CONTAINER
PackageChecksum: SHA256: {HEX}

PackageName: b
SPDXID: SPDXRef-b

FileName: ./c
SPDXID: SPDXRef-root
"""
GRAPH: list[dict[str, Any]] = [
    {"type": "CreationInfo", "@id": "_:1", "created": "2026-01-02T03:04:05Z", "specVersion": "3.0.1"},
    {"type": "Tool", "spdxId": "tool", "name": "syft-1.2.3"},
    {"type": "SpdxDocument", "spdxId": "https://example/1", "name": "app:1", "rootElement": ["sbom"]},
    {"type": "software_Sbom", "spdxId": "sbom", "rootElement": ["root"]},
    {
        "type": "software_Package",
        "spdxId": "root",
        "software_primaryPurpose": "container",
        "verifiedUsing": [{"type": "Hash", "algorithm": "sha256", "hashValue": HEX}],
    },
    {"type": "software_Package", "spdxId": "b", "name": "b"},
    {"type": "software_File", "spdxId": "c"},
]
THREE: dict[str, Any] = {"@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld", "@graph": GRAPH}


def read(form: Format, content: str | dict[str, Any]) -> SbomFacts:
    text = json.dumps(content) if isinstance(content, dict) else content
    return only(SbomFacts, form.read(BytesReport(text.encode(), piece=5), Limits()))


@pytest.mark.parametrize(
    ("form", "content", "version"),
    [
        (spdx.FORMAT, DOCUMENT, "2.3"),
        (spdx.YAML, json.dumps(DOCUMENT), "2.3"),
        (spdx.TAG_VALUE, TAGS, "2.3"),
        (spdx.TAG_VALUE, TAGS.replace("\n", "\r\n"), "2.3"),
        (spdx3.FORMAT, THREE, "3.0.1"),
    ],
)
def test_one_document_in_each_form(form: Format, content: str | dict[str, Any], version: str) -> None:
    bom = read(form, content)
    assert (bom.spec_version, bom.components, bom.id) == (version, 2, "https://example/1")
    assert bom.tool == Scanner(name="syft", version="1.2.3")
    assert bom.at == "2026-01-02T03:04:05Z"
    assert (bom.identity.name, bom.identity.digests) == ("app:1", (DIGEST,))


@pytest.mark.parametrize(
    ("change", "digests"),
    [
        ({"relationships": []}, (DIGEST,)),  # the only container
        ({"relationships": [], "documentDescribes": ["SPDXRef-root"]}, (DIGEST,)),
        ({"documentDescribes": ["SPDXRef-b"]}, ()),  # two things are described
        ({"relationships": [], "documentDescribes": ["SPDXRef-b"]}, ()),  # no image is
        (
            {
                "packages": [
                    ROOT
                    | {
                        "primaryPackagePurpose": None,
                        "checksums": None,
                        "externalRefs": [
                            {"referenceType": "purl", "referenceLocator": f"pkg:oci/a@sha256%3A{HEX}"}
                        ],
                    }
                ]
            },
            (DIGEST,),
        ),
    ],
)
def test_what_it_is_about(change: dict[str, Any], digests: tuple[str, ...]) -> None:
    assert read(spdx.FORMAT, DOCUMENT | change).identity.digests == digests


@pytest.mark.parametrize("form", [spdx.FORMAT, spdx.YAML])
@pytest.mark.parametrize("old", [False, True])
def test_what_trivy_tells_of_the_image(form: Format, old: bool) -> None:
    told = [
        "DiffID: sha256:1",
        "ImageID: sha256:2",
        f"RepoDigest: app@{DIGEST}",
        "RepoDigest: ",
        "SchemaVersion: 2",
    ]
    annotations = [
        {"annotator": "Tool: trivy-0.74.0", "annotationType": "OTHER", "comment": text} for text in told
    ]
    said = {"attributionTexts": told} if old else {"annotations": [*annotations, {}]}
    root = {name: value for name, value in ROOT.items() if name != "checksums"}
    other = {"SPDXID": "SPDXRef-b", "name": "b", "attributionTexts": ["ImageID: sha256:3"]}
    bom = read(form, json.dumps(DOCUMENT | {"packages": [other, root | said]}))
    assert (bom.identity.digests, bom.identity.image_id, bom.identity.diff_ids) == ((DIGEST,), "sha256:2", ())


@pytest.mark.parametrize(
    ("creator", "tool"),
    [
        ("Tool: ko 0.12.0", Scanner(name="ko 0.12.0")),
        ("Tool: Microsoft.SBOMTool-2.2.0", Scanner(name="Microsoft.SBOMTool", version="2.2.0")),
        ("Tool: syft-[not provided]", Scanner(name="syft")),  # built from its Go module
        ("Tool: trivy-dev", Scanner(name="trivy", version="dev")),
        ("Tool: cyclonedx-gomod", Scanner(name="cyclonedx-gomod")),
        ("Tool: ", None),
        ("Person: A-1", None),
    ],
)
def test_the_tool(creator: str, tool: Scanner | None) -> None:
    assert spdx.tool([creator]) == tool


@pytest.mark.parametrize(
    ("form", "content"),
    [
        (spdx.FORMAT, DOCUMENT | {"spdxVersion": "SPDX-1.2"}),
        (spdx.FORMAT, DOCUMENT | {"packages": {}}),
        (spdx.FORMAT, DOCUMENT | {"name": "x" * 20_000}),
        (spdx.YAML, "spdxVersion: SPDX-2.3\na: &x [*x]"),
        (spdx.YAML, "spdxVersion: SPDX-2.3\npackages: 1"),
        (spdx.TAG_VALUE, TAGS.replace("SPDX-2.3", "SPDX-2.1")),
        (spdx.TAG_VALUE, TAGS + "PackageComment: <text>cut"),
        (spdx3.FORMAT, THREE | {"@graph": [{"type": "Person"}]}),
        (spdx3.FORMAT, THREE | {"@graph": {}}),
    ],
)
def test_what_it_is_not_is_refused(form: Format, content: str | dict[str, Any]) -> None:
    with pytest.raises(ReportError):
        read(form, content)


def test_recognition() -> None:
    forms = (spdx.FORMAT, spdx3.FORMAT, spdx.TAG_VALUE, spdx.YAML)
    heads = (
        Head(start=b"{", keys={"spdxVersion": b'"SPDX-2.3"'}),
        Head(start=b"{", keys={"@context": b'"https://spdx.org/rdf/3.0.1/x"', "@graph": b"["}),
        Head(start=TAGS.encode()),
        Head(start=b"---\nname: x\nspdxVersion: SPDX-2.3\n"),
    )
    for form in forms:
        assert [form.recognise(head) for head in heads] == [form is other for other in forms]
