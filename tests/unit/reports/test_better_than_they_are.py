"""Reports that could be read as better than they are: each law was broken once by a real or made-up file."""

from __future__ import annotations

import codecs
import json
from pathlib import Path
from typing import Any

import pytest

from pushpolicy.gather.binding import bind, contradiction
from pushpolicy.model.evidence import Covered, Finding
from pushpolicy.reports.declared import BrokenReportError, NotAReport
from pushpolicy.reports.facts import CoverageFacts, ProvenanceFacts, ScanFacts, SuiteFacts
from pushpolicy.reports.format import Facts, Identity, ReportError
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.recognise import read
from tests.unit.gather.samples import JUNIT, make_image_evidence, make_platform


def facts(folder: Path, name: str, content: str | bytes | Any) -> tuple[Facts, ...]:
    text = content if isinstance(content, str | bytes) else json.dumps(content)
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return read(folder / name, Limits()).facts


def findings(folder: Path, name: str, content: Any) -> tuple[Finding, ...]:
    (scan,) = facts(folder, name, content)
    assert isinstance(scan, ScanFacts)
    return scan.findings


MATCH = {
    "vulnerability": {
        "id": "CVE-2026-1234",
        "severity": "High",
        "fix": {"state": "wont-fix", "versions": ["1.2"]},
    },
    "artifact": {"name": "a", "version": "1"},
}


def test_a_flaw_that_nobody_will_fix_is_not_fixed_by_a_version_beside_it(tmp_path: Path) -> None:
    (finding,) = findings(
        tmp_path, "g.json", {"matches": [MATCH], "source": {}, "descriptor": {"name": "grype"}}
    )
    assert (finding.fix_state, finding.fixed_in) == ("wont-fix", "1.2")


@pytest.mark.parametrize("matches", [[], [{"Cycle": {"ReleaseCycle": "3.10"}, "artifact": {"name": "a"}}]])
def test_xeols_report_is_no_scan_of_grype(tmp_path: Path, matches: list[Any]) -> None:
    with pytest.raises(NotAReport):
        facts(
            tmp_path,
            "x.json",
            {"matches": matches, "source": {}, "descriptor": {"name": "xeol", "version": "1"}},
        )


def test_a_cyclonedx_document_with_ids_of_snyk_is_cyclonedx(tmp_path: Path) -> None:
    flaw = {"id": "SNYK-JS-LODASH-1", "ratings": [{"severity": "high"}]}
    document = {"bomFormat": "CycloneDX", "specVersion": "1.5", "vulnerabilities": [flaw]}
    found = facts(tmp_path, "b.json", document)
    assert [each.id for scan in found if isinstance(scan, ScanFacts) for each in scan.findings] == [
        flaw["id"]
    ]


@pytest.mark.parametrize(
    "content",
    [
        "<TestRun><FailedTests/><SuccessfulTests/><Statistics><Tests>0</Tests></Statistics></TestRun>",
        '<TestRun elapsed="1"><Statistics><FailuresTotal>1</FailuresTotal></Statistics></TestRun>',
    ],
)
def test_the_testrun_of_another_tool_is_no_trx(tmp_path: Path, content: str) -> None:
    with pytest.raises(NotAReport):
        facts(tmp_path, "cppunit.xml", content)


@pytest.mark.parametrize(
    ("stated", "fixed"),
    [
        ("introduced=0&lastAffected=4.17.20", None),
        ("lastAffected=4.17.20", None),
        ("fixed=1.2.3&introduced=0", "1.2.3"),
        ("1.2.3", "1.2.3"),
        ("0:0", None),
    ],
)
def test_only_what_is_fixed_in_a_range_is_a_fix(tmp_path: Path, stated: str, fixed: str | None) -> None:
    flaw = {"Name": "CVE-2026-1234", "Severity": "High", "FixedBy": stated}
    feature = {"Name": "a", "Version": "1", "Vulnerabilities": [flaw]}
    quay = {"status": "scanned", "data": {"Layer": {"Name": "x", "Features": [feature]}}}
    (finding,) = findings(tmp_path, "q.json", quay)
    assert finding.fixed_in == fixed


def osv(*records: dict[str, Any], score: str) -> dict[str, Any]:
    ids = [record["id"] for record in records]
    group = {"ids": ids, "aliases": ids, "max_severity": score}
    package = {"package": {"name": "a", "version": "1", "ecosystem": "Go"}, "vulnerabilities": list(records)}
    return {"results": [{"source": {"path": "go.mod"}, "packages": [package | {"groups": [group]}]}]}


@pytest.mark.parametrize(("score", "severity"), [("9.8", "critical"), ("", "high")])
def test_a_record_without_a_rating_has_that_of_its_group(tmp_path: Path, score: str, severity: str) -> None:
    rated = {"id": "GHSA-2222-3333-4444", "database_specific": {"severity": "HIGH"}}
    records = ({"id": "GO-2026-0001"},) if score else ({"id": "GO-2026-0001"}, rated)
    found = findings(tmp_path, "osv.json", osv(*records, score=score))
    assert {finding.severity for finding in found} == {severity}


def coverage(folder: Path, content: str) -> CoverageFacts:
    (found,) = facts(folder, "c.xml", content)
    assert isinstance(found, CoverageFacts)
    return found


def test_the_lines_of_tests_are_not_counted_as_covered(tmp_path: Path) -> None:
    line = '<line num="{}" type="stmt" count="{}"/>'
    code = f'<project><file name="a">{line.format(1, 0)}</file></project>'
    metrics = '<metrics statements="1" coveredstatements="1"/>'
    tests = f'<testproject><file name="t">{line.format(1, 1)}{metrics}</file></testproject>'
    assert coverage(tmp_path, f'<coverage clover="4">{code}{tests}</coverage>').lines == Covered(total=1)


@pytest.mark.parametrize("declared", ['branches-valid="9"', 'branches-valid="2" branches-covered="2"'])
def test_branch_totals_that_differ_are_noted(tmp_path: Path, declared: str) -> None:
    line = '<line number="1" hits="1" branch="true" condition-coverage="50% (1/2)"/>'
    content = (
        f'<coverage line-rate="1" {declared}><class filename="a"><lines>{line}</lines></class></coverage>'
    )
    assert any("branches" in each for each in coverage(tmp_path, content).disagreements)


JACOCO = '<!DOCTYPE report PUBLIC "-//JACOCO//DTD Report 1.1//EN" "report.dtd" [{}]><report name="a"/>'


def test_an_empty_internal_subset_declares_nothing(tmp_path: Path) -> None:
    assert coverage(tmp_path, JACOCO.format("")).lines == Covered()


@pytest.mark.parametrize(
    "declaration",
    ["<!ENTITY a 'b'>", "<!ENTITY % a 'b'>", "<!ATTLIST report name CDATA 'x'>", "<!ELEMENT report ANY>"],
)
def test_an_internal_subset_that_declares_something_is_refused(tmp_path: Path, declaration: str) -> None:
    with pytest.raises((BrokenReportError, NotAReport), match="document type"):
        coverage(tmp_path, JACOCO.format(declaration))


ENCODED = {
    "a new line before the declaration": b'\n <?xml version="1.0"?>' + JUNIT.encode(),
    "utf8 as the name": b'<?xml version="1.0" encoding="utf8"?>' + JUNIT.encode(),
    "a mark that contradicts the declaration": codecs.BOM_UTF8
    + b'<?xml version="1.0" encoding="iso-8859-1"?>'
    + JUNIT.encode(),
    "UTF-16 that calls itself UTF-8": codecs.BOM_UTF16_LE
    + ('<?xml version="1.0" encoding="utf-8"?>' + JUNIT).encode("utf-16-le"),
    "UTF-16 with a new line first": codecs.BOM_UTF16_BE + ("\n" + JUNIT).encode("utf-16-be"),
}


@pytest.mark.parametrize("content", ENCODED.values(), ids=ENCODED)
def test_xml_whose_content_is_beyond_doubt_is_read(tmp_path: Path, content: bytes) -> None:
    (suite,) = facts(tmp_path, "junit.xml", content)
    assert isinstance(suite, SuiteFacts)
    assert suite.totals.passed == 2


def test_a_malformed_document_names_line_and_column_of_the_file(tmp_path: Path) -> None:
    with pytest.raises(BrokenReportError, match="line 4, column 2"):
        facts(tmp_path, "junit.xml", "\n\n<testsuite>\n</x>")


def test_white_space_without_end_costs_no_time(tmp_path: Path) -> None:
    with pytest.raises((BrokenReportError, NotAReport)):
        facts(tmp_path, "junit.xml", b" " * 20_000_000)


def test_tap_may_begin_with_a_skipped_test(tmp_path: Path) -> None:
    (suite,) = facts(tmp_path, "a.tap", "skip 1 no network\nok 2\nnot ok 3\n1..3\n")
    assert isinstance(suite, SuiteFacts)
    assert (suite.totals.skipped, suite.totals.passed, suite.totals.failed, suite.undeclared) == (1, 1, 1, 0)


@pytest.mark.parametrize("key", ["buildInvocationId", "buildInvocationID"])
def test_the_invocation_of_slsa_is_read_in_both_spellings(tmp_path: Path, key: str) -> None:
    statement = {
        "_type": "https://in-toto.io/Statement/v0.1",
        "predicateType": "https://slsa.dev/provenance/v0.2",
        "subject": [{"name": "a", "digest": {"sha256": "0" * 64}}],
        "predicate": {"builder": {"id": "b"}, "buildType": "t", "metadata": {key: "run/7"}},
    }
    (build,) = facts(tmp_path, "p.intoto.json", statement)
    assert isinstance(build, ProvenanceFacts)
    assert build.invocation == "run/7"


AMD64 = make_platform("linux/amd64", "amd64")
IMAGE = make_image_evidence(AMD64)


def test_a_report_that_contradicts_itself_about_its_image_is_bound_to_nothing() -> None:
    other = f"sha256:{'0' * 64}"
    for identity in (
        Identity(digests=(str(AMD64.digest),), image_id=other),
        Identity(digests=(str(AMD64.digest),), diff_ids=(other, other)),
        Identity(image_id=str(AMD64.config_digest), diff_ids=(other, other)),
    ):
        assert bind(identity, IMAGE) is None
        assert "another image" in str(contradiction(identity, IMAGE))


def test_an_image_that_was_labelled_since_is_told_by_its_layers() -> None:
    layers = tuple(map(str, AMD64.diff_ids))
    identity = Identity(image_id=f"sha256:{'0' * 64}", diff_ids=layers)
    found = bind(identity, IMAGE)
    assert found is not None
    assert (found.by, contradiction(identity, IMAGE)) == ("diff_ids", None)


def test_an_image_id_among_the_digests_binds() -> None:
    found = bind(Identity(digests=(str(AMD64.config_digest),)), IMAGE)
    assert found is not None
    assert (found.platform, found.by) == ("linux/amd64", "config")
    assert contradiction(Identity(digests=(str(AMD64.config_digest),)), IMAGE) is None


def test_a_number_of_failures_that_is_none_fails_the_report(tmp_path: Path) -> None:
    with pytest.raises((BrokenReportError, ReportError), match="no number"):
        facts(tmp_path, "junit.xml", '<testsuite failures="one"><testcase/></testsuite>')


FLAW = {"id": "CVE-2026-1"}
CASED: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "grype": ({"matches": [], "source": {}, "descriptor": {}}, ("matches",)),
    "trivy": ({"SchemaVersion": 2, "Results": [{"Later": 1, "Secrets": []}]}, ("Results", "Secrets")),
    "trivy-k8s": (
        {"ClusterName": "a", "Resources": [{"Results": [{"Vulnerabilities": []}]}]},
        ("Resources", "Results", "Vulnerabilities"),
    ),
    "osv-scanner": (
        {"results": [{"source": {}, "packages": [{"package": {}, "vulnerabilities": [FLAW], "groups": []}]}]},
        ("results", "packages", "vulnerabilities"),
    ),
    "quay": (
        {"status": "scanned", "data": {"Layer": {"Features": [{"Vulnerabilities": []}]}}},
        ("data", "Layer", "Features", "Vulnerabilities"),
    ),
    "clair": (
        {"manifest_hash": "", "packages": {}, "vulnerabilities": {}, "package_vulnerabilities": {}},
        ("package_vulnerabilities",),
    ),
    "klar": ({"LayerCount": 1, "Vulnerabilities": {}}, ("Vulnerabilities",)),
    "cyclonedx": (
        {"bomFormat": "CycloneDX", "specVersion": "1.6", "vulnerabilities": []},
        ("vulnerabilities",),
    ),
    "spdx": ({"spdxVersion": "SPDX-2.3", "SPDXID": "SPDXRef-DOCUMENT", "packages": []}, ("packages",)),
}


@pytest.mark.parametrize("form", CASED)
@pytest.mark.parametrize("again", [False, True])
def test_no_key_in_other_case_is_passed_over(tmp_path: Path, form: str, again: bool) -> None:
    document, path = CASED[form]
    file = tmp_path / "report.json"
    file.write_text(json.dumps(document))
    assert read(file, Limits()).format.name == form
    document = json.loads(file.read_text())
    place: Any = document
    for key in path[:-1]:
        place = place[key][0] if isinstance(place[key], list) else place[key]
    place[path[-1].swapcase()] = place[path[-1]] if again else place.pop(path[-1])
    file.write_text(json.dumps(document))
    with pytest.raises(BrokenReportError, match="to programs that ignore case") as caught:
        read(file, Limits())
    assert caught.value.meant.name == form
