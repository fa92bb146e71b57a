"""SARIF: levels, severities, rules, suppressions, and runs that failed."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from pushpolicy.model.evidence import Finding
from pushpolicy.reports.facts import ScanFacts, of_type
from pushpolicy.reports.format import FailedRunError, ReportError
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.scans.sarif import FORMAT
from tests.unit.reports.bytes_report import BytesReport


def read(content: Any) -> tuple[ScanFacts, ...]:
    text = content if isinstance(content, bytes) else json.dumps(content).encode()
    return of_type(ScanFacts, FORMAT.read(BytesReport(text), Limits()))


def run(*results: dict[str, Any], rules: Any = (), name: str = "linter", **fields: Any) -> dict[str, Any]:
    return {"tool": {"driver": {"name": name, "rules": list(rules)}}, "results": list(results)} | fields


def log(*runs: dict[str, Any], version: str = "2.1.0") -> dict[str, Any]:
    return {"version": version, "runs": list(runs)}


def one(result: dict[str, Any], **fields: Any) -> Finding:
    ((finding,),) = (scan.findings for scan in read(log(run(result, **fields))))
    return finding


@pytest.mark.parametrize(
    ("result", "rule", "severity"),
    [
        ({"level": "error"}, {}, "high"),
        ({"level": "warning"}, {}, "medium"),
        ({"level": "note"}, {}, "low"),
        ({"level": "none"}, {}, "negligible"),
        ({"level": "catastrophic"}, {}, "unknown"),
        ({}, {}, "medium"),
        ({}, {"defaultConfiguration": {"level": "error"}}, "high"),
        ({"level": "note"}, {"defaultConfiguration": {"level": "error"}}, "low"),
        ({"level": "note"}, {"properties": {"security-severity": "9.0"}}, "critical"),
        ({}, {"properties": {"security-severity": "8.9"}}, "high"),
        ({}, {"properties": {"security-severity": 4}}, "medium"),
        ({}, {"properties": {"security-severity": "0.1"}}, "low"),
        # Trivy writes the score by CVSS 3 of one source: zero where that has another version's alone.
        ({"level": "error"}, {"properties": {"security-severity": "0.0"}}, "high"),
        ({"level": "error"}, {"properties": {"security-severity": "0.0", "tags": ["CRITICAL"]}}, "critical"),
        ({"level": "note"}, {"properties": {"security-severity": "0.0", "tags": ["UNKNOWN"]}}, "unknown"),
        ({"level": "error"}, {"properties": {"security-severity": "5.5", "tags": ["HIGH"]}}, "high"),
        ({"level": "none"}, {"properties": {"security-severity": "0.0"}}, "negligible"),
        ({"level": "error"}, {"properties": {"security-severity": "none"}}, "high"),
        ({"level": "error"}, {"properties": {"security-severity": "5.5"}}, "medium"),
        ({"properties": {"security-severity": "9.8"}}, {}, "critical"),
        ({"properties": {"security-severity": "1"}}, {"properties": {"security-severity": "7"}}, "high"),
        ({}, {"properties": {"security-severity": "5.0", "cvssV3_severity": "CRITICAL"}}, "critical"),
        ({}, {"properties": {"security-severity": "HIGH"}}, "high"),
        ({}, {"properties": {"security-severity": "11"}}, "unknown"),
        ({}, {"properties": {"security-severity": True}}, "unknown"),
        ({"kind": "open"}, {}, "unknown"),
        ({"kind": "review", "level": "none"}, {}, "unknown"),
        ({"kind": "PASS", "level": "none"}, {}, "unknown"),
        ({"kind": "review", "level": "error"}, {}, "high"),
        ({"kind": "pass", "level": "error"}, {}, "high"),
        ({}, {"properties": {"security-severity": "5.0", "cvssV3_severity": "UNSPECIFIED"}}, "unknown"),
        ({}, {"properties": {"security-severity": "9.8", "cvssV3_severity": "CRITICAL"}}, "critical"),
        ({}, {"properties": {"security-severity": "nan"}}, "unknown"),
        ({}, {"properties": {"security-severity": "1e999"}}, "unknown"),
    ],
)
def test_severity(result: dict[str, Any], rule: dict[str, Any], severity: str) -> None:
    assert one({"ruleId": "R"} | result, rules=[{"id": "R"} | rule]).severity == severity


@pytest.mark.parametrize(
    "reference",
    [
        {"ruleId": "R", "ruleIndex": 1},
        {"ruleIndex": 1},
        {"ruleId": "R"},
        {"ruleId": "R/sub"},
        {"ruleId": "R", "ruleIndex": 0},
        {"ruleId": "R", "ruleIndex": 99},
        {"rule": {"index": 1}},
        {"rule": {"id": "R"}},
        {"rule": {"guid": "G"}},
    ],
)
def test_a_rule_is_found_by_index_id_or_guid(reference: dict[str, Any]) -> None:
    rules = [{"id": "other"}, {"id": "R", "guid": "G", "defaultConfiguration": {"level": "error"}}]
    assert one(reference, rules=rules).severity == "high"


def test_a_rule_of_an_extension_is_found() -> None:
    extension = {"name": "pack", "rules": [{"id": "X", "defaultConfiguration": {"level": "error"}}]}
    tool = {"driver": {"name": "t"}, "extensions": [extension]}
    assert one({"rule": {"index": 0, "toolComponent": {"index": 0}}}, tool=tool).severity == "high"
    assert one({"rule": {"index": 0, "toolComponent": {"index": 7}}}, tool=tool).severity == "unknown"


def test_an_invocation_may_override_the_level() -> None:
    override = {"descriptor": {"id": "R"}, "configuration": {"level": "error"}}
    invocation = {"executionSuccessful": True, "ruleConfigurationOverrides": [override]}
    result = {"ruleId": "R", "provenance": {"invocationIndex": 0}}
    assert one(result, rules=[{"id": "R"}], invocations=[invocation]).severity == "high"


@pytest.mark.parametrize(
    ("suppressions", "by"),
    [
        ([], None),
        ([{"kind": "inSource"}], "sarif inSource"),
        ([{"kind": "external", "state": "accepted"}], "sarif external"),
        ([{"kind": "external", "status": "rejected"}], None),
        ([{"kind": "inSource"}, {"kind": "external", "state": "underReview"}], None),
    ],
)
def test_suppressions(suppressions: list[dict[str, str]], by: str | None) -> None:
    assert one({"ruleId": "R", "suppressions": suppressions}).suppressed_by == by


@pytest.mark.parametrize("fields", [{"kind": "pass"}, {"kind": "notApplicable"}, {"baselineState": "absent"}])
def test_what_is_no_failure_is_no_finding(fields: dict[str, str]) -> None:
    assert read(log(run({"ruleId": "R"} | fields)))[0].findings == ()


def test_vulnerabilities_are_known_by_their_id_and_grype_s_by_its_start() -> None:
    finding = one({"ruleId": "CVE-2026-1234-openssl"})
    assert (finding.kind, finding.aliases) == ("vulnerability", ("CVE-2026-1234",))


def test_docker_scout_says_what_is_fixed() -> None:
    properties = {"fixed_version": "not fixed", "purls": ["pkg:deb/x@1"], "security-severity": "7.5"}
    finding = one(
        {"ruleId": "CVE-2026-1"}, rules=[{"id": "CVE-2026-1", "properties": properties}], name="docker scout"
    )
    assert (finding.fixed_in, finding.fix_state, finding.purl) == (None, "not-fixed", "pkg:deb/x@1")


def test_a_place_has_file_and_line() -> None:
    location = {"physicalLocation": {"artifactLocation": {"uri": "a.py"}, "region": {"startLine": 7}}}
    assert one({"ruleId": "R", "locations": [location]}).location == "a.py:7"


def test_trivy_s_run_names_the_image() -> None:
    properties = {"imageName": "app", "imageID": "sha256:c", "repoDigests": ["app@sha256:m"]}
    (scan,) = read(log(run(name="Trivy", properties=properties)))
    assert (scan.kind, scan.identity.image_id, scan.identity.digests) == ("image", "sha256:c", ("sha256:m",))


def test_kind_commit_and_time() -> None:
    (scan,) = read(
        log(
            run(
                name="trufflehog",
                invocations=[{"executionSuccessful": True, "endTimeUtc": "2026-01-01T00:00:00Z"}],
                versionControlProvenance=[{"repositoryUri": "https://x", "revisionId": "abc"}],
            )
        )
    )
    assert (scan.kind, scan.commit, scan.at) == ("secret", "abc", "2026-01-01T00:00:00Z")


@pytest.mark.parametrize(
    "fields",
    [
        {"results": None},
        {"invocations": [{"executionSuccessful": False}]},
        {"invocations": [{"executionSuccessful": True}, {"executionSuccessful": False}]},
    ],
)
def test_a_run_that_failed_is_no_clean_scan(fields: dict[str, Any]) -> None:
    with pytest.raises(FailedRunError):
        read(log(run(**fields)))


def test_an_absent_list_of_results_is_no_clean_scan() -> None:
    with pytest.raises(FailedRunError):
        read(log({"tool": {"driver": {"name": "t"}}}))


@pytest.mark.parametrize(
    ("component", "severity"),
    [
        ({"guid": "e"}, "critical"),
        ({"name": "pack"}, "critical"),
        ({"name": "t"}, "low"),
        ({"guid": "x"}, "unknown"),
    ],
)
def test_a_component_is_found_by_whatever_names_it(component: dict[str, str], severity: str) -> None:
    worst = {"id": "X", "properties": {"security-severity": "9.8"}}
    tool = {
        "driver": {"name": "t", "rules": [{"id": "M", "defaultConfiguration": {"level": "note"}}]},
        "extensions": [{"name": "pack", "guid": "e", "rules": [worst]}],
    }
    assert one({"rule": {"index": 0, "toolComponent": component}}, tool=tool).severity == severity


def test_a_rule_that_cannot_be_told_may_be_the_worst() -> None:
    worst, mild = ({"id": "X", "properties": {"security-severity": each}} for each in ("9.8", "1.0"))
    assert one({"ruleIndex": 7}).severity == "unknown"
    assert one({"ruleId": "X"}, rules=[worst, mild]).severity == "unknown"
    assert one({"ruleId": "X", "ruleIndex": 0}, rules=[worst, mild]).severity == "critical"
    assert one({"ruleId": "X"}, rules=[worst, worst]).severity == "critical"
    assert one({"ruleId": "Y"}).severity == "medium"
    assert one({"rule": {"guid": "Y"}}).severity == "unknown"


def test_the_rules_of_version_1_may_say_the_worst() -> None:
    first = {"tool": {"name": "t"}, "rules": {"Y": {"defaultLevel": "error"}}, "results": [{"ruleId": "Y"}]}
    ((finding,),) = (scan.findings for scan in read(log(first, version="1.0.0")))
    assert finding.severity == "unknown"


def test_the_level_of_a_known_vulnerability_counts_beside_its_score() -> None:
    rule = {"id": "CVE-2026-1234", "properties": {"security-severity": "5.5"}}
    assert one({"ruleId": rule["id"], "level": "error"}, rules=[rule]).severity == "high"
    assert one({"ruleId": rule["id"], "level": "note"}, rules=[rule]).severity == "medium"


@pytest.mark.parametrize("notes", ["toolExecutionNotifications", "toolConfigurationNotifications"])
def test_an_error_of_the_tool_itself_leaves_no_clean_scan_of_an_image(notes: str) -> None:
    def noted(level: str, name: str) -> dict[str, Any]:
        note = {"level": level, "message": {"text": "no database"}}
        return log(run(name=name, invocations=[{"executionSuccessful": True, notes: [note]}]))

    with pytest.raises(FailedRunError, match="no database"):
        read(noted("error", "grype"))
    assert [scan.filters for scan in read(noted("warning", "grype"))] == [None]
    assert [scan.filters for scan in read(noted("error", "linter"))] == [
        ("an error of its own, no database",)
    ]


def test_errors_of_one_scan_are_told_once_and_not_without_end() -> None:
    def noted(*errors: int) -> dict[str, Any]:
        notes = [{"level": "error", "message": {"text": f"error {each}"}} for each in errors]
        return run(invocations=[{"executionSuccessful": True, "toolExecutionNotifications": notes}])

    (scan,) = read(log(noted(1, 2, 1), noted(2), run()))
    assert scan.filters == ("an error of its own, error 1", "an error of its own, error 2")
    (scan,) = read(log(noted(*range(99))))
    assert scan.filters is not None
    assert (len(scan.filters), scan.filters[-1]) == (6, "94 more errors of its own")


def test_it_takes_no_longer_for_what_is_named_a_thousand_times() -> None:
    many = range(20_000)
    override = {"descriptor": {"id": "X"}, "configuration": {"level": "note"}}
    named = {"toolComponent": {"name": "absent"}, "index": 0}
    result = {"ruleId": "a/" * 100, "rule": named, "provenance": {"invocationIndex": 0}}
    tool = {"driver": {"name": "t"}, "extensions": [{"name": "e"} for _ in many]}
    invocation = {"executionSuccessful": True, "ruleConfigurationOverrides": [override for _ in many]}
    began = time.process_time()
    read(log(run(*(result for _ in many), tool=tool, invocations=[invocation])))
    assert time.process_time() - began < 10


@pytest.mark.parametrize(
    "content",
    [
        log(run()) | {"inlineExternalProperties": [{"results": [{"ruleId": "X"}]}]},
        log(run(externalPropertyFileReferences={"results": [{"location": {"uri": "more.json"}}]})),
    ],
)
def test_what_is_stored_elsewhere_does_not_get_lost(content: Any) -> None:
    with pytest.raises(ReportError, match="stored outside of its runs"):
        read(content)


def test_a_scan_of_several_runs_is_as_old_as_the_oldest() -> None:
    def at(*times: str | None) -> dict[str, Any]:
        return run(invocations=[{"executionSuccessful": True, "endTimeUtc": time} for time in times])

    new, old = "2026-11-30T00:00:00Z", "2020-11-30T00:00:00Z"
    assert [scan.at for scan in read(log(at(new), at(old)))] == [old]
    assert [scan.at for scan in read(log(at(new, old)))] == [old]
    assert [scan.at for scan in read(log(at(new), at(None)))] == [None]


def test_runs_of_two_commits_are_two_scans() -> None:
    runs = [run(versionControlProvenance=[{"revisionId": each * 40}]) for each in "ab"]
    assert [scan.commit for scan in read(log(*runs))] == ["a" * 40, "b" * 40]


def test_runs_of_one_tool_are_one_scan_and_others_stay_apart() -> None:
    scans = read(log(run({"ruleId": "A"}), run({"ruleId": "B"}), run({"ruleId": "C"}, name="other")))
    assert [(scan.scanner.name, [f.id for f in scan.findings]) for scan in scans] == [
        ("linter", ["A", "B"]),
        ("other", ["C"]),
    ]


@pytest.mark.parametrize(
    "content",
    [
        log(version="3.0"),
        log({"results": []}),
        log({"tool": {"driver": {}}, "results": []}),
        {"version": "2.1.0", "runs": 5},
        {"version": "2.1.0"},
        b'{"version": "2.1.0", "runs": [],}',
        b"\xff\xfe{",
    ],
)
def test_malformed_logs_are_refused(content: Any) -> None:
    with pytest.raises(ReportError):
        read(content)


def test_null_is_what_is_absent_and_property_bags_hold_anything() -> None:
    result = dict.fromkeys(
        ("ruleId", "ruleIndex", "rule", "kind", "level", "message", "locations", "suppressions")
    )
    properties = {"tags": "security", "purls": "pkg:deb/x@1", "fixed_version": 3, "security-severity": {}}
    rules = [{"id": None, "properties": properties}]
    (scan,) = read(log(run(result, rules=rules, properties={"imageID": 5, "repoDigests": {"a": 1}})))
    assert [(finding.id, finding.severity) for finding in scan.findings] == [("unidentified", "medium")]
    assert one({"ruleIndex": 0}, rules=[{"id": "R", "properties": properties}]).purl == "pkg:deb/x@1"


@pytest.mark.parametrize("kind", ["pass", "notApplicable", "informational"])
@pytest.mark.parametrize("level", [{}, {"level": "none"}])
def test_what_sarif_calls_no_failure_does_not_count(kind: str, level: dict[str, str]) -> None:
    (scan,) = read(log(run({"ruleId": "R", "kind": kind} | level)))
    assert scan.findings == ()


@pytest.mark.parametrize(
    "invocation",
    [
        {"exitCode": 2},
        {"exitSignalName": "SIGSEGV"},
        {"exitSignalName": "SIGKILL", "executionSuccessful": True},
        {"processStartFailureMessage": "no such file", "executionSuccessful": True},
        {"executionSuccessful": False, "exitCode": 0},
    ],
)
def test_a_run_that_ended_badly_has_failed_unless_it_says_otherwise(invocation: dict[str, Any]) -> None:
    with pytest.raises(FailedRunError):
        read(log(run(invocations=[invocation])))


def test_an_exit_code_for_findings_is_no_failure_where_the_tool_says_so() -> None:
    (scan,) = read(log(run(invocations=[{"exitCode": 1, "executionSuccessful": True}])))
    assert scan.findings == ()


@pytest.mark.parametrize(
    ("message", "told"),
    [
        (
            "Package: openssl\nInstalled Version: 1.1\nSeverity: HIGH\nFixed Version: 1.2\nLink: x",
            ("openssl", "1.1", "1.2"),
        ),
        ("Package: openssl\nInstalled Version: 1.1\nFixed Version: \nLink: x", ("openssl", "1.1", None)),
        (
            "A high vulnerability in apk package: libssl3, version 3.0 was found in image app at: /lib",
            ("libssl3", "3.0", None),
        ),
        (
            "The path a.jar reports mail at version 1.8.4  which would result in a vulnerable (java) package",
            ("mail", "1.8.4", None),
        ),
        ("something else", (None, None, None)),
    ],
)
def test_package_and_versions_are_read_of_the_message(message: str, told: tuple[str | None, ...]) -> None:
    finding = one({"ruleId": "CVE-2026-1234", "message": {"text": message}})
    assert (finding.package, finding.version, finding.fixed_in) == told
    advisory = one({"ruleId": "ALSA-2026:1234", "message": {"text": message}})
    assert (advisory.kind == "vulnerability") is any(told)


def test_the_packages_of_a_rule_about_several_are_named() -> None:
    rule = {"id": "CVE-2026-1234", "properties": {"purls": ["pkg:deb/a@1", "pkg:deb/b@2"]}}
    finding = one({"ruleId": "CVE-2026-1234"}, rules=[rule])
    assert (finding.package, finding.purl) == ("a, b", None)


@pytest.mark.parametrize(
    ("place", "kind"), [({}, "code"), ({"logicalLocations": [{"name": "/lib/a"}]}, "image")]
)
def test_a_directory_that_grype_scanned_is_code(place: dict[str, Any], kind: str) -> None:
    location = {"physicalLocation": {"artifactLocation": {"uri": "lib/a"}}} | place
    (scan,) = read(log(run({"ruleId": "CVE-2026-1234", "locations": [location]}, name="grype")))
    assert scan.kind == kind


@pytest.mark.parametrize(
    ("name", "results", "looked_for"),
    [
        ("grype", [], ("vulnerabilities",)),
        ("docker scout", [], ("vulnerabilities",)),
        ("Trivy", [], ("unsaid",)),
        ("Trivy", [{"ruleId": "CVE-2026-1234"}], ("vulnerabilities",)),
        ("linter", [{"ruleId": "no-eval"}], ("unsaid",)),
        ("trufflehog", [{"ruleId": "aws-key"}], ("secrets",)),
    ],
)
def test_what_was_looked_for_is_what_shows_or_what_the_tool_can_only_do(
    name: str, results: list[dict[str, Any]], looked_for: tuple[str, ...]
) -> None:
    (scan,) = read(log(run(*results, name=name)))
    assert scan.looked_for == looked_for
