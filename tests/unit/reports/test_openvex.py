"""OpenVEX in both of its shapes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pushpolicy.reports import openvex
from pushpolicy.reports.facts import Statement, VexFacts
from pushpolicy.reports.format import Head, Identity, ReportError
from pushpolicy.reports.limits import Limits
from tests.unit.reports.bytes_report import BytesReport, only

DIGEST = f"sha256:{'a' * 64}"
STATEMENT: dict[str, Any] = {
    "vulnerability": {"@id": "https://nvd/CVE-1", "name": "CVE-1", "aliases": ["GHSA-1"]},
    "products": [
        {
            "@id": f"pkg:oci/app@{DIGEST.replace(':', '%3A')}",
            "identifiers": {"purl": "pkg:oci/app", "cpe23": "cpe:2.3:a"},
            "subcomponents": [{"@id": "pkg:apk/alpine/busybox"}],
        }
    ],
    "status": "not_affected",
    "justification": "component_not_present",
}
DOCUMENT: dict[str, Any] = {
    "@context": "https://openvex.dev/ns/v0.2.0",
    "@id": "https://example/vex",
    "author": "us",
    "timestamp": "2026-01-02T03:04:05.123456789-06:00",
    "statements": [STATEMENT],
}


def read(document: dict[str, Any], limits: Limits | None = None) -> VexFacts:
    report = BytesReport(json.dumps(document).encode())
    return only(VexFacts, openvex.FORMAT.read(report, limits or Limits()))


def statement(**changes: Any) -> Statement:
    (found,) = read(DOCUMENT | {"statements": [STATEMENT | changes]}).statements
    return found


def test_a_document() -> None:
    document = read(DOCUMENT)
    assert (document.id, document.author) == ("https://example/vex", "us")
    assert document.at == "2026-01-02T09:04:05.123456Z"
    (found,) = document.statements
    assert (found.names, found.status) == (("CVE-1", "GHSA-1"), "not_affected")
    assert (found.reason, found.at) == ("component_not_present", document.at)
    (product,) = found.products
    assert product.identity.digests == (DIGEST,)
    assert product.purls == (f"pkg:oci/app@{DIGEST.replace(':', '%3A')}", "pkg:oci/app")
    assert product.subcomponents == ("pkg:apk/alpine/busybox",)


def test_the_shape_of_version_0_0_1() -> None:
    found = statement(vulnerability="CVE-1", products=["nginx", f"r/a@{DIGEST}"], subcomponents=["pkg:a/b"])
    assert found.names == ("CVE-1",)
    assert [product.identity.digests for product in found.products] == [(), (DIGEST,)]
    assert [product.subcomponents for product in found.products] == [("pkg:a/b",)] * 2


def test_a_part_without_a_purl_does_not_make_the_whole_product_meant() -> None:
    found = statement(products=[{"@id": "pkg:oci/a", "subcomponents": [{"@id": "busybox"}]}])
    assert found.products[0].subcomponents == ("",)


def test_hashes_name_an_image() -> None:
    found = statement(products=[{"@id": "app", "hashes": {"sha-256": "a" * 64, "md5": "b"}}])
    assert found.products[0].identity.digests == (DIGEST,)


def test_a_time_of_its_own_goes_before_the_documents() -> None:
    assert statement(timestamp="2025-01-01T00:00:00Z").at == "2025-01-01T00:00:00Z"
    assert statement(timestamp="yesterday").at is None


def test_the_subject_of_an_attestation_is_the_product_where_none_is_named() -> None:
    content = json.dumps(DOCUMENT | {"statements": [{"vulnerability": "CVE-1", "status": "fixed"}]}).encode()
    assert only(VexFacts, openvex.read_value(content, Limits())).statements[0].products == ()
    attested = openvex.read_value(content, Limits(), Identity(digests=(DIGEST,)))
    (product,) = only(VexFacts, attested).statements[0].products
    assert product.identity.digests == (DIGEST,)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"@context": ""}, "its @context is ''"),
        ({"@context": "https://spdx.org/x"}, "its @context is"),
        ({"statements": {}}, "does not read"),
        (
            {"statements": [STATEMENT | {"status": "harmless"}]},
            "statement 0 has the unknown status 'harmless'",
        ),
        ({"statements": [STATEMENT | {"status": None}]}, "does not read"),
        ({"author": "x" * 20_000}, "over the limit"),
    ],
)
def test_what_it_is_not_is_refused(change: dict[str, Any], why: str) -> None:
    with pytest.raises(ReportError, match=why):
        read(DOCUMENT | change)


def test_limits() -> None:
    with pytest.raises(ReportError, match="2 statements are over the limit of 1"):
        read(DOCUMENT | {"statements": [STATEMENT] * 2}, Limits(max_findings=1))


@pytest.mark.parametrize(
    ("keys", "recognised"),
    [
        ({"@context": b'"https://openvex.dev/ns/v0.2.0"', "statements": b"["}, True),
        ({"@context": b'""', "statements": b"[", "author": b'"x"'}, True),
        ({"@context": b'"https://schema.org"', "statements": b"["}, False),
        ({"statements": b"[", "author": b'"x"'}, False),
    ],
)
def test_recognition(keys: dict[str, bytes], recognised: bool) -> None:
    assert openvex.FORMAT.recognise(Head(start=b"{", keys=keys)) is recognised


def test_when_it_was_changed_and_which_word_justifies_it() -> None:
    """Only the words of the specification are one: others are a reason all the same."""
    told = read(DOCUMENT | {"last_updated": "2026-02-03T04:05:06Z"})
    assert told.last_updated == "2026-02-03T04:05:06Z"
    said = statement(last_updated="2026-02-04T04:05:06+01:00")
    assert (said.justification, said.last_updated) == ("component_not_present", "2026-02-04T03:05:06Z")
    said = statement(justification="because", last_updated="lately")
    assert (said.reason, said.justification, said.last_updated) == ("because", None, None)
    assert statement(justification=None, impact_statement="not used").justification is None
