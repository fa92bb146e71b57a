"""A waiver tolerates a flaw: its OpenVEX never says that the flaw is mended, or does no harm."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from msgspec.structs import replace

from pushpolicy.model.decision import Violation
from pushpolicy.records.forms import FormError, NothingToTellError, statements
from pushpolicy.reports import openvex
from pushpolicy.reports.facts import VexFacts, VexStatus
from pushpolicy.reports.limits import Limits
from tests.approvals import JUDGED, RECORD, WAIVER, approved, evidence, excused, predicate, scans, waived


def test_a_waiver_is_a_flaw_that_affects_the_image_in_that_package() -> None:
    found = predicate("openvex", excused())
    (statement,) = found["statements"]
    assert statement["vulnerability"] == {"name": "CVE-2026-0001", "aliases": ["GHSA-aaaa-bbbb-cccc"]}
    assert statement["status"] == "affected"
    assert statement["action_statement"] == WAIVER["reason"]
    notes = "waived for scan_severity by security@example.com until 2026-12-31T00:00:00Z, SEC-1"
    assert statement["status_notes"] == notes
    (product,) = statement["products"]
    digest = JUDGED.decision.image.digest
    assert product["@id"] == (
        f"pkg:oci/app@sha256%3A{digest.hex}?repository_url=registry.example.com/team/app"
    )
    assert product["hashes"] == {"sha-256": digest.hex}
    assert [each["@id"] for each in product["subcomponents"]] == ["pkg:deb/debian/libssl3@3.0.15"]
    assert found["@id"].endswith(str(RECORD))


def test_a_vex_of_waivers_sets_nothing_aside_where_it_is_read_again() -> None:
    content = json.dumps(predicate("openvex", excused())).encode()
    (facts,) = openvex.read_value(content, Limits())
    assert isinstance(facts, VexFacts)
    (statement,) = facts.statements
    assert statement.status is VexStatus.AFFECTED
    assert statement.names == ("CVE-2026-0001", "GHSA-aaaa-bbbb-cccc")
    assert statement.products[0].identity.digests[0] == str(JUDGED.decision.image.digest)
    assert statement.products[0].subcomponents == ("pkg:deb/debian/libssl3@3.0.15",)


def test_a_flaw_that_several_scans_list_is_one_statement() -> None:
    value = evidence()
    first, second = scans(value)
    joined = {
        "sources": [first["name"], second["name"]],
        "listed_by": 2,
        "id": "CVE-2026-0001",
        "aliases": [],
        "severity": "low",
        "told": [],
    }
    for scan in (first, second):
        scan["findings"] = [{**first["findings"][0], "joined": joined}]
    at = Violation(rule="r", id="CVE-2026-0001", msg="", at=joined, severity="low", fix="", waiver=WAIVER)
    of = approved(value, waived=(at,))
    assert len(predicate("openvex", of)["statements"]) == 1
    results = predicate("vulns", of)["scanner"]["result"]
    assert [bool(each["annotations"][0].get("waived")) for each in results] == [True, True]


ELSEWHERE: Mapping[str, Mapping[str, Any]] = {
    "of a test": {"id": "unit/it waits"},
    "of another package": {"id": "CVE-2026-0001", "purl": "pkg:deb/debian/other@1"},
    "of another scan": {"id": "CVE-2026-0001", "scan": "code"},
    "of another flaw": {"id": "CVE-2026-9999", "aliases": "GHSA-aaaa-bbbb-cccc"},
    "without a name": {"id": None},
}


@pytest.mark.parametrize("case", ELSEWHERE)
def test_a_waiver_of_something_else_is_no_vex(case: str) -> None:
    violation = replace(waived(evidence()), at=ELSEWHERE[case])
    with pytest.raises(NothingToTellError):
        statements("openvex", approved(waived=(violation,)))


@pytest.mark.parametrize("key", ["reason", "approver", "expires"])
@pytest.mark.parametrize("value", ["", None, 7])
def test_a_waiver_that_nobody_could_have_granted_is_refused(key: str, value: object) -> None:
    with pytest.raises(FormError, match=r"^a waiver does not say why, by whom or until when$"):
        statements("openvex", approved(waived=(waived(evidence(), **{key: value}),)))


def test_no_waiver_is_no_vex_and_no_scans_are_none() -> None:
    value = evidence()
    value["scans"] = {"status": "missing", "reason": "none"}
    for of in (approved(), approved(value)):
        with pytest.raises(NothingToTellError, match=r"^no waiver of a vulnerability was used$"):
            statements("openvex", of)


def test_a_layout_has_a_product_without_an_address() -> None:
    of = excused()
    image = replace(of.decision.image, registry="oci", repository="out/My Images")
    of = replace(of, decision=replace(of.decision, image=image))
    (statement,) = predicate("openvex", of)["statements"]
    assert statement["products"][0]["@id"] == f"pkg:oci/my%20images@sha256%3A{of.decision.image.digest.hex}"
