"""Whoever writes reports: none is read as better than it is, and none counts for another image."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from pushpolicy import errors
from tests.attacks.checkout import configured
from tests.attacks.table import Attack, Change, chain, push
from tests.hostile import trivy
from tests.policies import rule, write_policy
from tests.workspace import JUNIT, Workspace, fail_a_test

SCAN = "reports/trivy-sample.json"
CASE = '<testcase classname="test_status" name="test_ping" time="0.02"/>'
NUNIT = "<test-run><test-suite result='Passed'{}>{}<test-case result='Passed'/></test-suite></test-run>"
ENTITIES = '<!DOCTYPE t [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
FLAW = {"VulnerabilityID": "CVE-2026-1", "PkgName": "a", "InstalledVersion": "1", "Severity": "CRITICAL"}
SEVERE, UNBOUND = "scan_severity  not met", "scan_bound  not met"
IN_OTHER_CASE = "to programs that ignore case"
FAILS = "tests_passed  not met"


def wrote(path: str, content: str | bytes) -> Change:
    """A report, in place of what is there or beside it."""

    def strike(place: Workspace) -> None:
        place.write(path, content)

    return strike


def sbom(*licences: str) -> str:
    """An SBOM with a component for each licence."""
    listed = [{"name": each, "licenses": [{"license": {"id": each}}]} for each in licences]
    return json.dumps({"bomFormat": "CycloneDX", "specVersion": "1.6", "components": listed})


NO_GPL = """deny contains {"at": component, "msg": "no"} if {
	some component in input.sbom.components
	not component.licences == ["MIT"]
}"""


def flaws(*ratings: dict[str, Any]) -> str:
    """An SBOM with a flaw that is rated like this."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    more = {"metadata": {"timestamp": now}, "vulnerabilities": [{"id": "CVE-2026-1", "ratings": ratings}]}
    return json.dumps(json.loads(sbom("MIT")) | more)


def covered(lines: str) -> Change:
    """A report that lists two lines, both covered, and says of itself that so many of two were."""
    listed = "".join(f'<line number="{each}" hits="1"/>' for each in (1, 2))
    root = f'<coverage line-rate="1" lines-valid="2" lines-covered="{lines}">'
    return wrote(
        "reports/cobertura.xml",
        f'{root}<packages><package><classes><class filename="a"><lines>{listed}</lines></class></classes>'
        "</package></packages></coverage>",
    )


def at_least_80(place: Workspace) -> None:
    """A policy over the coverage."""
    body = 'deny contains {"at": {}, "msg": "no"} if input.tests.coverage.percent < 80'
    write_policy(place.folder / "../policy", {"r": rule("r", body)})


def osv(word: str, score: str) -> str:
    """What OSV-Scanner says of one flaw: GitHub's word, and the score of its group."""
    record = {"id": "GHSA-2222-3333-4444", "database_specific": {"severity": word}}
    package = {"package": {"name": "a", "version": "1", "ecosystem": "npm"}, "vulnerabilities": [record]}
    package["groups"] = [{"ids": [record["id"]], "max_severity": score}]
    return json.dumps({"results": [{"source": {"path": "a", "type": "lockfile"}, "packages": [package]}]})


def licensed(place: Workspace) -> None:
    """A policy over the components of an SBOM, and one that it allows."""
    write_policy(place.folder / "../policy", {"r": rule("r", NO_GPL)})
    place.write("reports/app.cdx.json", sbom("MIT"))


NAMED, NAMING = wrote("more.xml", JUNIT), push("--evidence", "tests=more.xml")


def suite(name: str, content: str | bytes, says: str = FAILS) -> Attack:
    """The report of the tests is another one."""
    return Attack(name=name, strike=wrote("reports/junit.xml", content), says=says)


def beside(name: str, content: bytes, path: str = "reports/junit-more.xml", kind: str = "tests") -> Attack:
    """A report beside the sound ones that cannot be read: it may have been the one that fails."""
    return Attack(name=name, strike=wrote(path, content), says=f"no evidence of kind {kind}: {path}: ")


def scan(name: str, change: Callable[[Any], object], says: str, **fields: Any) -> Attack:
    """The report of the scan is another one."""

    def strike(place: Workspace) -> None:
        file = place.folder / SCAN
        report = json.loads(file.read_text())
        change(report)
        file.write_text(json.dumps(report))

    return Attack(name=name, strike=strike, says=says, **fields)


def found(flaw: dict[str, Any], **more: Any) -> Callable[[Any], object]:
    """The scan found a flaw."""
    return lambda report: report["Results"][0].update({"Vulnerabilities": [dict(flaw)], **more})


def recased(*path: str, **more: Any) -> Callable[[Any], object]:
    """The scan found a flaw, and writes the last of these keys in other case, which Go reads all the same."""

    def change(report: Any) -> None:
        found(FLAW)(report)
        place = report
        for key in path[:-1]:
            place = place[key][0] if isinstance(place[key], list) else place[key]
        place[path[-1].lower()] = place.pop(path[-1])
        place |= {path[-1]: more["beside"]} if more else {}

    return change


def folded_with_a_long_s(report: Any) -> None:
    """The same, in a letter that is an s to Go alone."""
    found(FLAW)(report)
    report["Results"][0]["Vulnerabilitie\u017f"] = report["Results"][0].pop("Vulnerabilities")


def other_image(report: Any) -> None:
    """It is of another image."""
    report["Metadata"] |= {"ImageID": "sha256:" + "1" * 64, "DiffIDs": ["sha256:" + "2" * 64]}


def contradicting(report: Any) -> None:
    """Its image ID is another image's; what it says of the registry would be this one's."""
    other_image(report)
    report["Metadata"]["RepoDigests"] = ["registry.example/app@sha256:" + "3" * 64]


def vex(place: Workspace) -> None:
    """The scan found a flaw, and an unsigned statement says that it does not matter."""
    report = json.loads((place.folder / SCAN).read_text())
    found(FLAW)(report)
    place.write(SCAN, json.dumps(report))
    statement = {
        "@context": "https://openvex.dev/ns/v0.2.0",
        "@id": "https://example.com/1",
        "author": "CISO",
        "timestamp": "2026-11-01T00:00:00Z",
        "version": 1,
        "statements": [
            {
                "vulnerability": {"name": "CVE-2026-1"},
                "products": [{"@id": "pkg:oci/app"}],
                "status": "not_affected",
                "justification": "component_not_present",
            }
        ],
    }
    place.write("reports/app.openvex.json", json.dumps(statement))


def ignored(place: Workspace) -> None:
    """The scanner was told by the checkout to overlook a flaw; it says so."""
    report = json.loads((place.folder / SCAN).read_text())
    report["Results"][0]["ExperimentalModifiedFindings"] = [
        {"Type": "vulnerability", "Status": "ignored", "Source": ".trivyignore", "Finding": FLAW}
    ]
    place.write(SCAN, json.dumps(report))


def told_milder(place: Workspace) -> None:
    """The scan found a flaw; a second report of the same image calls it low."""
    report = json.loads((place.folder / SCAN).read_text())
    mild = {**FLAW, "Severity": "LOW"}
    found(mild)(report)
    place.write("reports/a-trivy.json", json.dumps(report))
    found(FLAW)(report)
    place.write(SCAN, json.dumps(report))


def called_empty(place: Workspace) -> None:
    """The scan looked for secrets alone; an SBOM says that there was nothing else to look for."""
    report = json.loads((place.folder / SCAN).read_text())
    place.write(SCAN, json.dumps(report | {"Results": []}))
    index = json.loads((place.folder / "image/index.json").read_text())
    root = {"type": "container", "name": "app", "version": index["manifests"][0]["digest"]}
    bom = {"bomFormat": "CycloneDX", "specVersion": "1.6", "metadata": {"component": root}, "components": []}
    place.write("reports/app.cdx.json", json.dumps(bom))


def sarif(*results: dict[str, Any], rules: Any = (), **fields: Any) -> dict[str, Any]:
    """A run of a tool that looks into code."""
    return {"tool": {"driver": {"name": "linter", "rules": list(rules)}}, "results": list(results)} | fields


def of_code(name: str, says: str, *runs: dict[str, Any], **fields: Any) -> Attack:
    """A sound scan of the code beside that of the image; then it is another one."""
    path, now = "reports/linter.sarif", datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    fresh = {"invocations": [{"executionSuccessful": True, "endTimeUtc": now}]}
    log = {"version": "2.1.0", "runs": [fresh | run for run in runs]} | fields
    sound = {"version": "2.1.0", "runs": [fresh | sarif()]}
    return Attack(
        name=name, prepare=wrote(path, json.dumps(sound)), strike=wrote(path, json.dumps(log)), says=says
    )


def hidden_by_the_checkout(place: Workspace) -> Workspace:
    """A file of the commit says that a folder, to which a report of failures comes, is of no interest."""
    changed = place.committed("service/pyvenv.cfg", "home = /usr/bin\n")
    fail_a_test(changed)
    report = changed.folder / "reports/junit.xml"
    changed.write("service/build/test-results/TEST-service.xml", report.read_bytes())
    changed.write("reports/junit.xml", JUNIT)
    return changed


def linked_by_the_checkout(place: Workspace) -> Workspace:
    """The commit has a link where a tool writes its report of failures."""
    (place.folder.parent / "out/test-results").mkdir(parents=True)
    (place.folder / "service").mkdir()
    (place.folder / "service/build").symlink_to("../../out")
    changed = place.committed("README", "with a link")
    fail_a_test(changed)
    report = changed.folder / "reports/junit.xml"
    changed.write("service/build/test-results/TEST-service.xml", report.read_bytes())
    changed.write("reports/junit.xml", JUNIT)
    return changed


def written_through(place: Workspace) -> Workspace:
    """The commit has a link where a tool writes its report of failures, and another report passes."""
    (place.folder / "junit.xml").symlink_to("../out.xml")
    changed = place.committed("README", "with a link")
    fail_a_test(changed)
    (changed.folder / "reports/junit.xml").rename(changed.folder.parent / "out.xml")
    changed.write("reports/junit.xml", JUNIT)
    return changed


def a_named(name: str, content: bytes) -> Attack:
    """A report that the command line names is something else."""
    return Attack(
        name=name,
        prepare=NAMED,
        strike=wrote("more.xml", content),
        run=NAMING,
        code=errors.EXIT_INPUT,
        says="more.xml",
    )


def gone(path: str) -> Change:
    """A report is not there."""
    return lambda place: (place.folder / path).unlink()


def captured(place: Workspace) -> Workspace:
    """The tests ran under `pushpolicy run`, and passed."""
    ran = place.run("run", "tests", "--", "true")
    assert ran.code == errors.EXIT_OK, ran.err
    return place


def forged_capture(place: Workspace) -> None:
    """The tests ran under `pushpolicy run`, and failed; the report was written anew."""
    place.run("run", "tests", "--", "false")


ROWS = [
    Attack(name="a failed test", strike=fail_a_test, says=FAILS),
    suite("an error in a test", JUNIT.replace(CASE, CASE.replace("/>", "><error/></testcase>"))),
    suite("a failure that the totals alone have", JUNIT.replace('failures="0"', 'failures="1"')),
    suite("an error that the totals alone have", JUNIT.replace('errors="0"', 'errors="2"')),
    suite(
        "a test of an outcome that nobody knows",
        JUNIT.replace(CASE, CASE.replace("/>", ' status="crashed"/>')),
    ),
    suite(
        "a failure beside the status of a skip",
        JUNIT.replace(CASE, CASE.replace("/>", ' status="failed" result="skipped"/>')),
    ),
    suite(
        "a failure that is spelled otherwise",
        JUNIT.replace(CASE, CASE.replace("/>", "><Failure/></testcase>")),
    ),
    suite("a test that could not be made", JUNIT.replace(CASE, CASE.replace("/>", "><warning/></testcase>"))),
    suite(
        "a failure beside the element of a skip",
        JUNIT.replace(CASE, CASE.replace("/>", ' status="failed"><skipped/></testcase>')),
    ),
    suite("a failure in another word", JUNIT.replace(CASE, CASE.replace("/>", "><failed/></testcase>"))),
    suite("a test without success", JUNIT.replace(CASE, CASE.replace("/>", ' success="false"/>'))),
    suite(
        "a failure that an inner suite counts",
        NUNIT.format(" failed='1'", ""),
    ),
    suite(
        "a failure of a suite that passed",
        NUNIT.format("", "<failure/>"),
    ),
    suite(
        "a failure that a collection counts",
        "<assemblies><assembly>"
        "<collection failed='1'><test result='Pass'/></collection></assembly></assemblies>",
    ),
    suite(
        "a suite that failed as a whole, of cases that all passed",
        JUNIT.replace(
            CASE, f'<properties><property name="SuiteSucceeded" value="false"/></properties>{CASE}'
        ),
    ),
    suite(
        "a run that was told to run nothing",
        JUNIT.replace(CASE, f'<properties><property name="DryRun" value="true"/></properties>{CASE}'),
    ),
    suite(
        "a number of failures that is none",
        "<test-run failed='1,000'><test-suite><test-case result='Passed'/></test-suite></test-run>",
        "no evidence of kind tests",
    ),
    Attack(
        name="a failed test whose name tells to skip it",
        strike=wrote("reports/a.tap", "1..2\nok 1 a\nnot ok 2 b # skip\n# tests 2\n# fail  1\n"),
        says=FAILS,
    ),
    Attack(
        name="a stream of tests behind what somebody else wrote",
        strike=wrote("reports/a.tap", "Starting ...\n1..2\nok 1 a\nnot ok 2 b\n"),
        says="no evidence of kind tests: reports/a.tap: ",
    ),
    Attack(
        name="a run that died after its last test",
        strike=wrote("reports/a.tap", "1..1\nok 1 a\n# Looks like your test exited with 2 just after 1.\n"),
        says=FAILS,
    ),
    Attack(
        name="a failed test in a namespace that the others are not in",
        strike=wrote(
            "reports/a.trx",
            '<TestRun><Results><UnitTestResult outcome="Passed"/></Results>'
            '<x:Results xmlns:x="urn:x"><x:UnitTestResult outcome="Failed"/></x:Results></TestRun>',
        ),
        says=FAILS,
    ),
    Attack(
        name="a test that passed in a run that did not end",
        strike=wrote(
            "reports/a.trx",
            '<TestRun><Results><UnitTestResult outcome="Passed"/></Results>'
            '<ResultSummary outcome="Completed"><Counters inProgress="1"/></ResultSummary></TestRun>',
        ),
        says=FAILS,
    ),
    Attack(
        name="a test that says itself that it passed, after it failed",
        strike=wrote(
            "reports/go-test.json",
            "".join(
                json.dumps({"Action": action, "Package": "p"} | ({"Test": "T"} if test else {})) + "\n"
                for action, test in (("run", 1), ("fail", 1), ("pass", 1), ("fail", 0), ("pass", 0))
            ),
        ),
        says=FAILS,
    ),
    Attack(name="a folder that the checkout hides", strike=hidden_by_the_checkout, says=FAILS),
    Attack(
        name="is written through a link of the commit",
        strike=written_through,
        says="no evidence of kind tests: junit.xml: it is a symbolic link, which is not followed",
    ),
    Attack(
        name="a folder that the checkout makes a link of",
        strike=linked_by_the_checkout,
        says="no evidence of kind tests: service/build: it is a link to a folder, which is not followed",
    ),
    suite("no tests at all", '<testsuite name="unit" tests="0" failures="0" errors="0"/>'),
    suite(
        "every test skipped",
        JUNIT.replace('time="0.01"/>', "><skipped/></testcase>").replace(
            'time="0.02"/>', "><skipped/></testcase>"
        ),
    ),
    suite("an empty report", "", "no evidence of kind tests"),
    suite("a report that was cut off", JUNIT[:-15], "no evidence of kind tests"),
    suite(
        "a page in place of a report",
        "<!DOCTYPE html><html><body>404</body></html>",
        "no evidence of kind tests",
    ),
    suite(
        "entities in a report",
        JUNIT.replace("?>", "?>" + ENTITIES).replace("test_page", "&b;"),
        "no evidence of kind tests",
    ),
    Attack(name="no report of tests", strike=gone("reports/junit.xml"), says="no evidence of kind tests"),
    Attack(name="no report of a scan", strike=gone(SCAN), says="no evidence of kind scans"),
    Attack(
        name="no report that the configuration expects",
        prepare=configured(evidence={"tests": ["junit"]}),
        strike=configured(evidence={"tests": ["junit", "integration"]}),
        says="no evidence of kind tests",
    ),
    beside("a report that was cut off beside a good one", JUNIT.encode()[:-15]),
    beside("an empty report beside a good one", b""),
    beside(
        "entities beside a good report", (ENTITIES + '<testsuite><testcase name="&b;"/></testsuite>').encode()
    ),
    beside("a report within something else", b"<report><testsuite><testcase/></testsuite></report>"),
    beside("a scan within a list", b"[" + trivy() + b"]", "reports/trivy-more.json", "scans"),
    beside(
        "a log without its version",
        json.dumps({"runs": [sarif({"ruleId": "X", "level": "error"})]}).encode(),
        "reports/more.sarif",
        "scans",
    ),
    beside(
        "a scan with NaN beside a good one",
        trivy().replace(b"[]", b"NaN"),
        "reports/trivy-more.json",
        "scans",
    ),
    beside("a scan that was cut off beside a good one", trivy()[:-5], "reports/trivy-more.json", "scans"),
    beside(
        "a scan of deep JSON beside a good one",
        trivy().replace(b"[]", b"[" * 100_000),
        "reports/trivy-more.json",
        "scans",
    ),
    a_named("a bomb of entities that is named", f"{ENTITIES}<testsuite name='&b;'/>".encode()),
    a_named(
        "a compressed bomb that is named", gzip.compress(JUNIT.encode()) + gzip.compress(b" " * 2**24) * 40
    ),
    a_named("an archive that is named", b"PK\x03\x04" + b"\0" * 100),
    a_named("an empty file that is named", b""),
    a_named("a report of another kind that is named", trivy()),
    scan("a critical flaw", found(FLAW), SEVERE),
    scan("a flaw of unknown severity", found({**FLAW, "Severity": "UNKNOWN"}), SEVERE),
    scan("a flaw of a severity that nobody knows", found({**FLAW, "Severity": "FATAL"}), "scan"),
    scan(
        "a flaw in a second result",
        lambda report: report["Results"].append(
            {"Target": "x", "Class": "lang-pkgs", "Vulnerabilities": [FLAW]}
        ),
        SEVERE,
    ),
    scan("the results of a scan in other case", recased("Results"), IN_OTHER_CASE),
    scan("the flaws of a scan in other case", recased("Results", "Vulnerabilities"), IN_OTHER_CASE),
    scan(
        "the flaws of a scan in other case beside some in the usual one",
        recased("Results", "Vulnerabilities", beside=[]),
        IN_OTHER_CASE,
    ),
    scan("the version of a scan in other case", recased("SchemaVersion"), IN_OTHER_CASE),
    scan("the flaws of a target in a letter that is folded", folded_with_a_long_s, IN_OTHER_CASE),
    scan("the severity of a flaw in other case", recased("Results", "Vulnerabilities", "Severity"), SEVERE),
    beside(
        "another scanner's flaws in other case",
        b'{"Matches": [{"vulnerability": {"id": "a"}, "artifact": {}}], "source": {}, "descriptor": {}}',
        "reports/app-grype.json",
        "scans",
    ),
    beside(
        "flaws that are counted and not listed",
        b'{"vulnerabilities": [], "ok": true, "dependencyCount": 1, "path": "/src", "uniqueCount": 5}',
        "reports/app-snyk.json",
        "scans",
    ),
    Attack(
        name="coverage that its own totals do not have",
        prepare=chain(covered("2"), at_least_80),
        strike=covered("1"),
        run=push("--policy", "../policy"),
        says="r  not met",
    ),
    scan("a scan of another image", other_image, UNBOUND),
    scan("a scan of another image that contradicts itself", contradicting, UNBOUND),
    scan("a scan of no image", lambda report: report.pop("Metadata"), UNBOUND),
    scan(
        "a scan of the first layer alone",
        lambda report: report["Metadata"].update(
            {"ImageID": "", "DiffIDs": report["Metadata"].get("DiffIDs", ["sha256:" + "2" * 64])[:1]}
        ),
        UNBOUND,
    ),
    scan(
        "an old scan",
        lambda report: report.update({"CreatedAt": "2025-01-01T00:00:00Z"}),
        "scan_fresh  not met",
    ),
    scan(
        "a scan of tomorrow",
        lambda report: report.update({"CreatedAt": "2099-01-01T00:00:00Z"}),
        "scan_fresh  not met",
    ),
    scan(
        "a scan of the year 1",
        lambda report: report.update({"CreatedAt": "0001-01-01T00:00:00Z"}),
        "scan_fresh  not met",
    ),
    of_code(
        "findings that are stored beside the runs",
        "no evidence of kind scans",
        sarif(),
        inlineExternalProperties=[{"results": [{"ruleId": "X", "level": "error"}]}],
    ),
    of_code(
        "findings that are stored in another file",
        "no evidence of kind scans",
        sarif(externalPropertyFileReferences={"results": [{"location": {"uri": "more.json"}}]}),
    ),
    of_code(
        "a finding whose rule cannot be told",
        SEVERE,
        sarif(
            {"ruleId": "X"},
            rules=[{"id": "X", "properties": {"security-severity": each}} for each in ("9.8", "1")],
        ),
    ),
    of_code(
        "a critical flaw whose score is zero, as Trivy writes where it has none",
        SEVERE,
        sarif(
            {"ruleId": "CVE-2026-1234", "level": "error"},
            rules=[{"id": "CVE-2026-1234", "properties": {"security-severity": "0.0", "tags": ["CRITICAL"]}}],
        ),
    ),
    of_code(
        "a critical flaw that one source scores lower",
        SEVERE,
        sarif(
            {"ruleId": "CVE-2026-1234", "level": "error"},
            rules=[{"id": "CVE-2026-1234", "properties": {"security-severity": "5.5", "tags": ["CRITICAL"]}}],
        ),
    ),
    of_code(
        "a finding that is rated where its rule is not",
        SEVERE,
        sarif({"ruleId": "X", "level": "note", "properties": {"security-severity": "9.8"}}),
    ),
    of_code(
        "a finding whose rule is named by its GUID",
        SEVERE,
        sarif(
            {"rule": {"guid": "G"}},
            rules=[{"id": "X", "guid": "G", "defaultConfiguration": {"level": "error"}}],
        ),
    ),
    of_code(
        "a run that was killed, and calls itself successful",
        "no evidence of kind scans",
        sarif(invocations=[{"executionSuccessful": True, "exitSignalName": "SIGKILL"}]),
    ),
    of_code(
        "a scanner of images that notes an error of its own",
        "no evidence of kind scans",
        {"tool": {"driver": {"name": "Grype"}}, "results": []}
        | {
            "invocations": [{"executionSuccessful": True, "toolExecutionNotifications": [{"level": "error"}]}]
        },
    ),
    of_code(
        "an old run behind a new one",
        "scan_fresh  not met",
        sarif(),
        sarif(invocations=[{"executionSuccessful": True, "endTimeUtc": "2025-01-01T00:00:00Z"}]),
    ),
    of_code(
        "a run of another commit behind one of none",
        "linter.2 is a scan of commit",
        sarif(),
        sarif(versionControlProvenance=[{"revisionId": "1" * 40}]),
    ),
    scan("a scan without a time", lambda report: report.pop("CreatedAt"), "scan_fresh  not met"),
    scan(
        "another version of the format",
        lambda report: report.update({"SchemaVersion": 3}),
        "no evidence of kind scans",
    ),
    Attack(name="an unsigned statement that a flaw does not matter", strike=vex, says=SEVERE),
    Attack(name="a flaw that an ignore file of the checkout hides", strike=ignored, says=SEVERE),
    Attack(
        name="an SBOM without the packages of the image",
        strike=called_empty,
        says="of an image that an SBOM calls empty; but layer sha256:",
    ),
    Attack(
        name="a flaw that a second report of the image plays down",
        strike=told_milder,
        says="critical CVE-2026-1 a 1 (fix: none known); at most 0 tolerated in a-trivy and trivy-sample",
    ),
    Attack(
        name="a command that failed, beside the good report it left",
        prepare=captured,
        strike=forged_capture,
        says=FAILS,
    ),
    Attack(
        name="a flaw that a vector alone rates, beside a mild word",
        prepare=wrote("reports/app.cdx.json", flaws({"severity": "low"})),
        strike=wrote(
            "reports/app.cdx.json",
            flaws({"severity": "low"}, {"vector": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}),
        ),
        says=SEVERE,
    ),
    Attack(
        name="a flaw of a mild word, whose group the tool scores as critical",
        strike=wrote("reports/app-osv.json", osv("LOW", "9.8")),
        says="critical GHSA-2222-3333-4444 a 1",
    ),
    Attack(
        name="more components than are listed, so that the one in question is among those left out",
        prepare=licensed,
        strike=wrote("reports/app.cdx.json", sbom("MIT", "GPL-3.0-only")),
        run=push("--policy", "pack", "--policy", "../policy", "--limit", "max-components=1"),
        says="the evidence does not say sbom.components, which this rule rests on",
    ),
    Attack(
        name="licences of a component in a form that nobody reads",
        prepare=licensed,
        strike=wrote("reports/app.cdx.json", sbom("MIT").replace('{"id": "MIT"}', '["GPL-3.0-only"]')),
        run=push("--policy", "pack", "--policy", "../policy"),
        says="the evidence does not say sbom.components, which this rule rests on",
    ),
]
