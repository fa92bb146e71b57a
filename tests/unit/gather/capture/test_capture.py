"""What captures make of the reports beside them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from pushpolicy.errors import InputError
from pushpolicy.gather import GatherRequest, NamedEvidence, gather
from pushpolicy.gather.capture import marks
from pushpolicy.images import find
from pushpolicy.images.image import Image
from pushpolicy.model import canonical
from pushpolicy.model.evidence import Evidence
from pushpolicy.reports.limits import Limits
from tests.unit.gather.samples import FAILING, JUNIT, make_image, make_request, trivy, write
from tests.unit.gather.test_gather import VALIDATE


def test_more_files_than_can_be_looked_at_are_refused(tmp_path: Path) -> None:
    write(tmp_path, {f"reports/{number}.xml": JUNIT for number in range(3)})
    assert len(marks(tmp_path, (), Limits(max_files=3))) == 3
    with pytest.raises(InputError, match="more than 2 files") as caught:
        marks(tmp_path, (), Limits(max_files=2))
    assert "max-files" in str(caught.value.hint)


FOUND = trivy(
    Results=[
        {
            "Target": "app",
            "Class": "os-pkgs",
            "Vulnerabilities": [{"VulnerabilityID": "CVE-2026-1", "PkgName": "a", "Severity": "LOW"}],
        }
    ]
)


def capture(reports: dict[str, str] | None = None, **fields: Any) -> bytes:
    """A capture of a command that passed; `reports` are files it wrote, with their content."""
    value = {
        "schema": "pushpolicy.capture/v1",
        "kind": "tests",
        "name": "unit",
        "argv": ["npm", "test"],
        "started": "2026-11-24T10:00:00Z",
        "ended": "2026-11-24T10:01:00Z",
        "exit_code": 0,
        "reports": [
            {"path": path, "sha256": hashlib.sha256(content.encode()).hexdigest(), "size": len(content)}
            for path, content in (reports or {}).items()
        ],
    }
    return canonical.encode({key: item for key, item in (value | fields).items() if item is not None})


def evidence(request: GatherRequest) -> Evidence:
    found = gather(request).evidence
    VALIDATE(json.loads(found.document().content))
    return found


def after(
    folder: Path, files: dict[str, str | bytes], *named: NamedEvidence, image: Image | None = None
) -> Evidence:
    return evidence(make_request(write(folder, files), named=named, image=image or make_image()))


@pytest.mark.parametrize(("code", "passed"), [(0, 1), (1, 0), (137, 0)])
def test_tests_that_left_no_report_are_one_case(tmp_path: Path, code: int, passed: int) -> None:
    tests = after(tmp_path, {"reports/unit.capture.json": capture(exit_code=code)}).tests
    assert (tests.status, tests.totals.total, tests.totals.passed) == ("collected", 1, passed)  # type: ignore[union-attr]
    assert [(report.name, report.format) for report in tests.reports] == [("unit", "capture")]
    assert [failure.name for failure in tests.failures] == ["npm test"] * (1 - passed)


def test_what_a_signal_ended_did_not_pass(tmp_path: Path) -> None:
    content = capture(exit_code=None, signal="SIGKILL")
    tests = after(tmp_path, {"reports/unit.capture.json": content}).tests
    assert tests.totals is not None
    assert tests.totals.failed == 1
    assert tests.failures[0].message == "it was ended by SIGKILL"


def test_a_capture_without_an_end_has_failed(tmp_path: Path) -> None:
    content = capture(ended=None, exit_code=None)
    tests = after(tmp_path, {"reports/unit.capture.json": content}).tests
    assert (tests.status, "did not come to an end" in str(tests.reason)) == ("failed", True)


@pytest.mark.parametrize("content", [b"{", b'{"schema":"pushpolicy.capture/v1"}', capture()[:-9]])
def test_a_broken_capture_fails_both_kinds(tmp_path: Path, content: bytes) -> None:
    found = after(tmp_path, {"reports/unit.capture.json": content})
    assert (found.tests.status, found.scans.status) == ("failed", "failed")


def test_reports_count_and_say_who_wrote_them(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "reports/unit.capture.json": capture({"reports/unit.xml": JUNIT}),
        "reports/unit.xml": JUNIT,
    }
    found = after(tmp_path, files)
    assert [(report.name, report.format) for report in found.tests.reports] == [("unit", "junit")]
    assert [(r.name, r.kind, r.captured_by) for r in found.reports] == [
        ("unit", "tests", "unit"),
        ("unit", "captures", None),
    ]
    assert (found.tests.reports[0].undeclared, found.tests.status) == (0, "collected")


def test_a_report_elsewhere_is_read_because_the_capture_names_it(tmp_path: Path) -> None:
    files = {"reports/unit.capture.json": capture({"dist/out.xml": FAILING}, exit_code=1)}
    found = after(tmp_path, {**files, "dist/out.xml": FAILING})
    assert [(report.name, report.totals.failed) for report in found.tests.reports] == [("out", 1)]
    assert found.tests.reports[0].undeclared == 0


@pytest.mark.parametrize("content", [None, FAILING])
def test_a_report_that_is_gone_or_changed_has_failed(tmp_path: Path, content: str | None) -> None:
    files = {"reports/unit.capture.json": capture({"reports/unit.xml": JUNIT})}
    tests = after(tmp_path, files | ({"reports/unit.xml": content} if content else {})).tests
    assert (tests.status, "gone or changed" in str(tests.reason)) == ("failed", True)


def test_a_command_that_failed_beside_a_report_that_passed_is_not_believed(tmp_path: Path) -> None:
    content = capture({"reports/unit.xml": JUNIT}, exit_code=1)
    report = after(tmp_path, {"reports/unit.capture.json": content, "reports/unit.xml": JUNIT}).tests.reports[
        0
    ]
    assert report.undeclared == 1
    assert "ended with exit code 1" in report.disagreements[0]


def scan(reports: dict[str, str] | None = None, **fields: Any) -> bytes:
    given = {"kind": "scans", "name": "scout", "argv": ["docker", "scout", "cves", "--exit-code", "app:1.0"]}
    return capture(reports, **(given | fields))


@pytest.mark.parametrize(("code", "unknown"), [(0, 0), (2, 1)])
def test_a_scan_that_left_no_report(tmp_path: Path, code: int, unknown: int) -> None:
    scans = after(tmp_path, {"reports/scout.capture.json": scan(exit_code=code)}).scans
    (item,) = scans.items
    assert (item.scanner.name, item.kind, item.bound, item.at) == (
        "docker",
        "image",
        False,
        "2026-11-24T10:00:00Z",
    )
    assert (item.counts.listed["unknown"], len(item.findings)) == (unknown, unknown)


def given(image: Image, **fields: Any) -> dict[str, Any]:
    """What `run --image docker-daemon:app:1.0` resolves this image to."""
    (platform,) = find(image).platforms
    resolved = {"reference": "docker-daemon:app:1.0", "argument": "app:1.0"}
    digests = {"image_id": str(platform.config_digest), "diff_ids": list(map(str, platform.diff_ids))}
    return {**resolved, **digests, **fields}


@pytest.mark.parametrize(("code", "critical"), [(0, 0), (2, 1)])
def test_a_known_scanner_that_was_given_the_image_is_bound_to_it(
    tmp_path: Path, code: int, critical: int
) -> None:
    image = make_image()
    argv = ["docker", "scout", "cves", "app:1.0", "--exit-code", "--only-severity", "critical"]
    content = scan(argv=argv, image=given(image), exit_code=code)
    scans = after(tmp_path, {"reports/a.capture.json": content}, image=image).scans
    (item,) = scans.items
    assert (item.scanner.name, item.bound, item.bound_by) == ("scout", True, "capture")
    assert item.platform == find(image).platforms[0].platform
    assert item.counts.listed["critical"] == critical
    assert item.filters == ("--only-severity critical",)
    assert scans.not_covered == ()


@pytest.mark.parametrize(
    "fields",
    [
        {"image": None},
        {"exit_code": 1},
        {"exit_code": None, "signal": "SIGKILL"},
        {"argv": ["docker", "scout", "cves", "app:1.0"]},
        {"argv": ["docker", "scout", "cves", "--exit-code", "other:1.0"]},
        {"argv": ["my-scanner", "app:1.0"]},
        {"argv": ["sh", "-c", "docker scout cves app:1.0 --exit-code"]},
        {"scanned": "code"},
    ],
)
def test_a_scan_is_bound_by_nothing_less(tmp_path: Path, fields: dict[str, Any]) -> None:
    image = make_image()
    content = scan(**({"image": given(image)} | fields))
    scans = after(tmp_path, {"reports/a.capture.json": content}, image=image).scans
    assert [(item.bound, item.bound_by) for item in scans.items] == [(False, None)]


def test_a_scan_of_another_image_is_bound_to_nothing(tmp_path: Path) -> None:
    other = given(make_image(), image_id="sha256:" + "0" * 64, diff_ids=["sha256:" + "1" * 64])
    scans = after(tmp_path, {"reports/a.capture.json": scan(image=other)}).scans
    assert [item.bound for item in scans.items] == [False]


@pytest.mark.parametrize("argument", ["app@{}", "{}", "oci:app@{}"])
def test_a_digest_on_the_command_line_proves_nothing(tmp_path: Path, argument: str) -> None:
    image = make_image()
    argv = ["docker", "scout", "cves", "--exit-code", argument.format(image.top.digest)]
    (item,) = after(tmp_path, {"reports/a.capture.json": scan(argv=argv)}, image=image).scans.items
    assert (item.bound, item.bound_by) == (False, None)


@pytest.mark.parametrize("field", ["digest", "image_id", "diff_ids"])
def test_an_image_of_no_digest_is_refused(tmp_path: Path, field: str) -> None:
    wrong = given(make_image(), **{field: ["sha256:1"] if field == "diff_ids" else "sha256:1"})
    scans = after(tmp_path, {"reports/a.capture.json": scan(image=wrong)}).scans
    assert scans.status == "failed"


@pytest.mark.parametrize("kind", ["tests", "scans"])
@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"commit": "0" * 40}, f"it is of commit {'0' * 40}, and this is no commit"),
        ({"run": "1"}, "it is of run 1, and this is no run"),
        ({"attempt": 2}, "it is of attempt 2, and this is no attempt"),
    ],
)
def test_what_was_captured_in_another_run_fails_its_kind(
    tmp_path: Path, kind: str, fields: dict[str, Any], said: str
) -> None:
    make = capture if kind == "tests" else scan
    found = after(tmp_path, {"reports/a.capture.json": make(**fields)})
    status = found.tests if kind == "tests" else found.scans
    assert status.status == "failed"
    assert said in str(status.reason)


def test_what_was_captured_in_this_run_is_of_it(tmp_path: Path) -> None:
    environ = {
        **{"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": "push", "GITHUB_SHA": "a" * 40},
        **{"GITHUB_RUN_ID": "7", "GITHUB_RUN_ATTEMPT": "2"},
    }
    same: dict[str, Any] = {"commit": "a" * 40, "run": "7", "attempt": 2}
    for fields, status in ((same, "collected"), (same | {"attempt": 1}, "failed"), ({}, "failed")):
        write(tmp_path, {"reports/a.capture.json": capture(**fields)})
        assert gather(make_request(tmp_path, environ=environ)).evidence.tests.status == status


def test_two_digests_do_not(tmp_path: Path) -> None:
    image = make_image()
    argv = ["scan", f"a@{image.top.digest}", "--compare", "a@sha256:" + "0" * 64]
    (item,) = after(tmp_path, {"reports/a.capture.json": scan(argv=argv)}, image=image).scans.items
    assert not item.bound


def test_a_scan_of_code_is_bound_to_no_image(tmp_path: Path) -> None:
    argv = ["scan", f"a@{make_image().top.digest}"]
    (item,) = after(tmp_path, {"reports/a.capture.json": scan(argv=argv, scanned="code")}).scans.items
    assert (item.kind, item.bound) == ("code", False)


@pytest.mark.parametrize(("report", "status"), [(trivy(), "failed"), (FOUND, "collected")])
def test_a_scanner_that_failed_and_lists_nothing_is_a_failed_scan(
    tmp_path: Path, report: str, status: str
) -> None:
    files: dict[str, str | bytes] = {
        "reports/t.capture.json": scan({"reports/t.json": report}, exit_code=1),
        "reports/t.json": report,
    }
    scans = after(tmp_path, files).scans
    assert scans.status == status
    assert [item.format for item in scans.items] == ["trivy"]


def test_a_capture_may_be_named_as_the_report(tmp_path: Path) -> None:
    named = NamedEvidence(kind="tests", name="smoke", path="x/unit.capture.json")
    tests = after(tmp_path, {"x/unit.capture.json": capture()}, named).tests
    assert [report.name for report in tests.reports] == ["smoke"]
    wrong = NamedEvidence(kind="scans", name="smoke", path="x/unit.capture.json")
    with pytest.raises(InputError, match="not of kind scans"):
        after(tmp_path, {}, wrong)


def test_two_captures_of_one_name_are_told_apart(tmp_path: Path) -> None:
    files = {"reports/a/unit.capture.json": capture(), "reports/b/unit.capture.json": capture(exit_code=1)}
    tests = after(tmp_path, dict(files)).tests
    assert [report.name for report in tests.reports] == ["reports/a/unit", "reports/b/unit"]
    assert tests.totals is not None
    assert (tests.totals.passed, tests.totals.failed) == (1, 1)
