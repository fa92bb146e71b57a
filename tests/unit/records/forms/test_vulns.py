"""A list of vulnerabilities has every one that the scanners list, and none passes for whole that is not."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping

import pytest

from pushpolicy.records.forms import FormError, statements
from tests.approvals import WAIVER, Value, approved, check, evidence, predicate, scans, told, waived


def test_what_is_waived_or_suppressed_does_not_vanish() -> None:
    value = evidence()
    scans(value)[1]["findings"][0]["suppressed_by"] = ".trivyignore"
    of = approved(value, waived=(waived(value),))
    first, second = predicate("vulns", of)["scanner"]["result"]
    assert first["id"] == "CVE-2026-0001"
    assert first["severity"] == [
        {"method": "severity", "score": "low"},
        {"method": "cvss_score", "score": "3.1"},
    ]
    (noted,) = first["annotations"]
    assert noted["waived"] == [{key: WAIVER[key] for key in ("rule", "reason", "approver", "expires")}]
    assert (noted["purl"], noted["platform"]) == ("pkg:deb/debian/libssl3@3.0.15", "linux/amd64")
    assert second["annotations"][0]["suppressed_by"] == ".trivyignore"
    assert "waived" not in second["annotations"][0]


def test_each_scanner_has_a_statement_of_its_own() -> None:
    value = evidence()
    for scan in copy.deepcopy(scans(value)):
        more = {"scanner": {"name": "a scanner"}, "name": f"second@{scan['platform']}", "findings": []}
        value["scans"]["items"].append({**scan, **more})
    first, second = (each["predicate"]["scanner"] for each in told("vulns", approved(value)))
    assert first == {"uri": "pkg:generic/a%20scanner", "result": []}
    assert (second["uri"], second["version"]) == ("pkg:generic/trivy", "0.69.1")
    assert len(second["result"]) == 2


def test_the_times_are_the_earliest_and_the_latest_and_left_out_where_one_is_not_told() -> None:
    value = evidence()
    first, second = scans(value)
    first |= {
        "at": "2026-03-02T09:50:00Z",
        "scanner": {**first["scanner"], "db_built": "2026-03-02T00:00:00Z"},
    }
    second["at"] = "2026-03-02T09:50:00.5Z"
    found = predicate("vulns", approved(value))
    assert found["metadata"] == {"scanStartedOn": first["at"], "scanFinishedOn": second["at"]}
    assert found["scanner"]["db"] == {"lastUpdate": "2026-03-01T00:00:00Z"}
    del first["at"], second["scanner"]["db_built"]
    found = predicate("vulns", approved(value))
    assert "metadata" not in found
    assert "db" not in found["scanner"]
    check("vulns", found)


def test_findings_that_are_no_flaws_are_not_listed() -> None:
    value = evidence()
    scans(value)[0]["findings"][0]["kind"] = "secret"
    assert [each["id"] for each in predicate("vulns", approved(value))["scanner"]["result"]] == [
        "CVE-2026-1120"
    ]


@pytest.mark.parametrize("why", [{"packages": 3}, {"empty_by": "sbom"}], ids=str)
def test_a_scanner_that_says_nothing_of_its_purpose_looked_for_flaws_in_packages(why: Value) -> None:
    value = evidence()
    for scan in scans(value):
        scan.update(looked_for=["unsaid"], findings=[], **why)
    assert predicate("vulns", approved(value))["scanner"]["result"] == []


def test_two_manifests_that_share_a_name_have_a_scan_each() -> None:
    value = evidence()
    for each in (*value["image"]["platforms"], *scans(value)):
        each["platform"] = "windows/amd64"
    assert len(predicate("vulns", approved(value))["scanner"]["result"]) == 2


LESS: Mapping[str, tuple[Callable[[Value], object], str]] = {
    "one that left something out": (
        lambda value: scans(value)[0].update(filters=["only-fixed"]),
        r"the scan image@linux/amd64 left findings out \(only-fixed\)",
    ),
    "one of a platform alone": (
        lambda value: scans(value)[1].update(bound=False),
        r"trivy did not look at linux/arm64 \(sha256:\w+\)$",
    ),
    "one of two that share a name": (
        lambda value: (
            [
                each.update(platform="windows/amd64")
                for each in (*value["image"]["platforms"], scans(value)[0], scans(value)[1])
            ]
            and scans(value)[1].update(image=scans(value)[0]["image"])
        ),
        r"trivy did not look at windows/amd64 \(sha256:\w+\)$",
    ),
    "none that is bound": (
        lambda value: [scan.update(bound=False) for scan in scans(value)],
        "no scan for vulnerabilities is bound",
    ),
    "none that looked for flaws": (
        lambda value: [scan.update(looked_for=["secrets"], findings=[]) for scan in scans(value)],
        "no scan for vulnerabilities is bound",
    ),
    "one of before that was told": (
        lambda value: [(scan.pop("looked_for"), scan.update(findings=[])) for scan in scans(value)],
        "no scan for vulnerabilities is bound",
    ),
    "one that does not say what it looked for": (
        lambda value: [scan.update(looked_for=["unsaid"], findings=[]) for scan in scans(value)],
        "no scan for vulnerabilities is bound",
    ),
}


@pytest.mark.parametrize("case", LESS)
def test_a_list_that_tells_less_than_it_seems_to_is_refused(case: str) -> None:
    change, why = LESS[case]
    value = evidence()
    change(value)
    with pytest.raises(FormError, match=why):
        statements("vulns", approved(value))
