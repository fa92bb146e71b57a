"""Which files become reports, under which names, and what a bad one does."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from pushpolicy.errors import InputError, UsageError
from pushpolicy.gather import Expected, ExpectedReport, Limits, NamedEvidence, gather
from pushpolicy.gather.collect import collect
from pushpolicy.gather.names import Reports, names_of
from pushpolicy.reports.format import KINDS
from tests.report_files import SAMPLES
from tests.unit.gather.samples import FAILING, JUNIT, make_image, make_job, make_request, sarif, trivy, write
from tests.unit.reports.provenance.test_attestation import envelope


def found(workspace: Path, *named: NamedEvidence, **fields: object) -> Reports:
    return collect(make_job(workspace, named=named, **fields))


def names(reports: Reports, kind: str = "tests") -> list[str]:
    return [report.raw.name for report in reports.of(kind)]


def unit(name: str | None, path: str) -> NamedEvidence:
    return NamedEvidence(kind="tests", name=name, path=path)


@pytest.mark.parametrize(
    "path",
    [
        "junit.xml",
        "TEST-app.xml",
        "reports/deep/er/unit.xml",
        "test-results/x.xml",
        "services/api/target/surefire-reports/TEST-a.xml",
        "build/test-results/test/TEST-b.xml",
    ],
)
def test_reports_are_found_in_the_usual_places(tmp_path: Path, path: str) -> None:
    assert len(found(write(tmp_path, {path: JUNIT})).of("tests")) == 1


@pytest.mark.parametrize(
    "path",
    [
        "unit.xml",
        "tests/fixtures/junit.xml",
        "node_modules/x/target/surefire-reports/TEST-a.xml",
        ".git/reports/junit.xml",
        "reports/junit.txt",
    ],
)
def test_nothing_is_looked_for_elsewhere(tmp_path: Path, path: str) -> None:
    assert found(write(tmp_path, {path: JUNIT})).seen == []


def test_a_folder_in_a_usual_place_that_is_not_entered_is_told(tmp_path: Path) -> None:
    seen = found(write(tmp_path, {"reports/node_modules/junit.xml": JUNIT})).seen
    assert [(each.path, each.note) for each in seen] == [
        ("reports/node_modules", "no report: it is a folder of that name, which is not entered")
    ]


def test_no_file_of_the_checkout_hides_a_report(tmp_path: Path) -> None:
    write(tmp_path, {"reports/env/pyvenv.cfg": "", "reports/env/junit.xml": JUNIT})
    write(tmp_path, {"a/pyvenv.cfg": "", "a/build/test-results/TEST-a.xml": JUNIT})
    assert len(found(tmp_path).of("tests")) == 2


@pytest.mark.parametrize("tracked", [True, False])
@pytest.mark.parametrize("link", ["reports", "reports/more", "service/build"])
def test_a_link_in_place_of_a_folder_fails_every_kind(tmp_path: Path, link: str, *, tracked: bool) -> None:
    write(tmp_path, {"outside/test-results/TEST-a.xml": JUNIT, f"work/{link}": ""})
    (tmp_path / "work" / link).unlink()
    (tmp_path / "work" / link).symlink_to(tmp_path / "outside")
    reports = collect(make_job(tmp_path / "work"), tracks=lambda _: tracked)
    assert all(reports.problems[kind] for kind in KINDS)


def test_a_link_to_what_is_searched_hides_nothing(tmp_path: Path) -> None:
    write(tmp_path, {"reports/run-1/a.xml": JUNIT})
    (tmp_path / "reports/latest").symlink_to("run-1")
    (tmp_path / "reports/latest.xml").symlink_to("run-1/a.xml")
    reports = found(tmp_path)
    assert names(reports, "tests") == ["a"]
    assert not any(reports.problems.values())


@pytest.mark.parametrize(
    "target", ["a.txt", "app/a.xml", "reports/vendor/a.xml", "1/2/3/4/5/6/reports/a.xml"]
)
def test_a_link_to_a_report_that_is_not_found_fails_its_kind(tmp_path: Path, target: str) -> None:
    write(tmp_path, {target: JUNIT, "reports/b.xml": JUNIT.replace("<", "<!-- b --><", 1)})
    (tmp_path / "reports/a.xml").symlink_to(tmp_path / target)
    reports = found(tmp_path)
    assert [kind for kind in KINDS if reports.problems[kind]] == ["tests"]


@pytest.mark.parametrize("folder", ["reports", "reports/unit", "service/build", "service"])
def test_a_folder_that_cannot_be_entered_fails_every_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str
) -> None:
    write(tmp_path, {"reports/unit/a.xml": JUNIT, "service/build/test-results/TEST-b.xml": JUNIT})
    closed, scan = tmp_path / folder, os.scandir

    def may_not_list(path: Path) -> object:
        if path == closed:
            raise PermissionError
        return scan(path)

    monkeypatch.setattr(os, "scandir", may_not_list)
    monkeypatch.setattr(os, "access", lambda path, mode: path != closed or not mode & os.R_OK)
    assert all(found(tmp_path).problems[kind] for kind in KINDS)


@pytest.mark.parametrize("place", ["elsewhere", "reports"])
def test_a_link_of_which_nothing_can_be_told_is_passed_over(tmp_path: Path, place: str) -> None:
    write(tmp_path, {"reports/a.xml": JUNIT, "elsewhere/b": ""})
    (tmp_path / place / "build").symlink_to("a" * 300)
    assert names(found(tmp_path), "tests") == ["a"]


def test_many_reports_take_no_long_time(tmp_path: Path) -> None:
    write(tmp_path, {f"reports/TEST-{number}.xml": JUNIT for number in range(4000)})
    read = found(tmp_path).of("tests")
    reports, start = Reports(tmp_path), time.process_time()
    reports.add_unnamed(read)
    assert len(reports.read) == 4000
    for report in read:
        reports.add_named(report)
    assert time.process_time() - start < 4


def test_a_path_that_is_too_long_fails_every_kind(tmp_path: Path) -> None:
    (tmp_path / "reports").mkdir()
    folder = os.open(tmp_path / "reports", os.O_RDONLY)
    for _ in range(50):
        os.mkdir("a" * 100, dir_fd=folder)
        inner = os.open("a" * 100, os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = inner
    os.close(folder)
    reports = found(tmp_path)
    assert all("cannot be looked at: File name too long" in reports.problems[kind][0] for kind in KINDS)


def test_a_folder_of_another_user_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {"database/pg_wal/1": "", "reports/a.xml": JUNIT})
    scan = os.scandir

    def may_not_list(path: Path) -> object:
        if path.name == "database":
            raise PermissionError
        return scan(path)

    monkeypatch.setattr(os, "scandir", may_not_list)
    monkeypatch.setattr(os, "access", lambda path, _: Path(path).name != "database")
    reports = found(tmp_path)
    assert names(reports, "tests") == ["a"]
    assert not any(reports.problems.values())


def test_a_file_that_this_user_may_not_read_fails_every_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, {"reports/a.xml": JUNIT, "reports/b.xml": JUNIT})
    monkeypatch.setattr(os, "access", lambda path, _: Path(path).name != "b.xml")
    assert all(found(tmp_path).problems[kind] for kind in KINDS)


def test_symbolic_links_are_not_followed_in_the_usual_places(tmp_path: Path) -> None:
    write(tmp_path, {"outside/junit.xml": JUNIT, "work/reports/x.json": "{}"})
    (tmp_path / "work" / "junit.xml").symlink_to(tmp_path / "outside" / "junit.xml")
    (tmp_path / "work" / "reports" / "more").symlink_to(tmp_path / "outside")
    assert found(tmp_path / "work").of("tests") == []


def test_content_decides_and_not_the_name(tmp_path: Path) -> None:
    reports = found(
        write(tmp_path, {"reports/a.json": trivy(), "junit.xml": "<project/>", "trivy.json": "{}"})
    )
    assert names(reports, "scans") == ["a"]
    assert {seen.path: seen.taken_for for seen in reports.seen if seen.taken_for is None} == {
        "junit.xml": None,
        "trivy.json": None,
    }


@pytest.mark.parametrize(
    ("file", "content", "kind"),
    [
        ("junit.xml", "", "tests"),
        ("junit.xml", "<testsuite><testcase>", "tests"),
        ("reports/unit.xml", "<testsuite><testcase>", "tests"),
        ("reports/unit.xml", "<!DOCTYPE x><testsuite/>", "tests"),
        ("trivy.json", "{", "scans"),
        ("reports/scan.json", '{"SchemaVersion": 2, "ArtifactName": "x", "Results": [{"Vuln', "scans"),
        ("lint.sarif", '{"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "x"}}}]}', "scans"),
    ],
)
def test_a_broken_report_that_was_found_fails_its_kind(
    tmp_path: Path, file: str, content: str, kind: str
) -> None:
    write(tmp_path, {file: content})
    evidence = gather(make_request(tmp_path)).evidence
    part = evidence.tests if kind == "tests" else evidence.scans
    assert part.status == "failed"
    assert file in str(part.reason)


def test_a_failed_run_that_was_named_fails_its_kind_too(tmp_path: Path) -> None:
    write(tmp_path, {"x/lint.sarif": '{"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "x"}}}]}'})
    named = NamedEvidence(kind="scans", name="lint", path="x/lint.sarif")
    scans = gather(make_request(tmp_path, named=(named,))).evidence.scans
    assert (scans.status, "gave no results" in str(scans.reason)) == ("failed", True)


def test_a_file_that_is_broken_and_nothing_known_is_left_out(tmp_path: Path) -> None:
    reports = found(write(tmp_path, {"reports/a.json": "{", "reports/b.xml": "<a>"}))
    assert not any(reports.problems.values())
    assert len(reports.seen) == 1 + 1


@pytest.mark.parametrize(
    "named",
    [
        unit("unit", "absent.xml"),
        unit(None, "absent/*.xml"),
        unit("unit", "package.json"),
        unit("unit", "broken.xml"),
        unit("unit", "trivy.json"),
        unit("unit", "folder"),
        NamedEvidence(kind=None, name=None, path="package.json"),
        NamedEvidence(kind=None, name=None, path="*.xml"),
        NamedEvidence(kind="scans", name="image", path="unit.xml"),
    ],
)
def test_evidence_that_was_named_and_is_not_that_is_an_error(tmp_path: Path, named: NamedEvidence) -> None:
    files = {
        "package.json": '{"name": "x"}',
        "broken.xml": "<testsuite>",
        "trivy.json": trivy(),
        "unit.xml": JUNIT,
    }
    write(tmp_path, files | {"folder/x": ""})
    with pytest.raises(InputError) as caught:
        found(tmp_path, named)
    assert caught.value.hint or "not of kind" in caught.value.message
    assert "\n" not in caught.value.message


def test_a_named_pipe_does_not_stop_the_run(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "junit.xml")
    with pytest.raises(InputError, match="regular file"):
        found(tmp_path, unit("unit", "junit.xml"))


def test_a_bare_glob_is_recognised_by_content(tmp_path: Path) -> None:
    write(tmp_path, {"out/a.xml": JUNIT, "out/b.json": trivy(), "out/c.json": "{}", "out/d.log": "text"})
    reports = found(tmp_path, NamedEvidence(kind=None, name=None, path="out/*"))
    assert (names(reports), names(reports, "scans")) == (["a"], ["b"])
    assert sum(seen.taken_for is None for seen in reports.seen) == 2


def test_naming_a_report_hides_no_other(tmp_path: Path) -> None:
    write(tmp_path, {"good.xml": JUNIT, "reports/bad.xml": FAILING})
    assert names(found(tmp_path, unit("unit", "good.xml"))) == ["bad", "unit"]


def test_a_report_that_is_named_and_found_is_read_once(tmp_path: Path) -> None:
    write(tmp_path, {"reports/a.xml": JUNIT})
    assert names(found(tmp_path, unit("unit", "reports/a.xml"), unit(None, "reports/*.xml"))) == ["unit"]


def test_two_files_under_one_name_are_an_error(tmp_path: Path) -> None:
    write(tmp_path, {"a.xml": JUNIT, "b.xml": FAILING})
    with pytest.raises(InputError, match="two tests reports are named 'unit'"):
        found(tmp_path, unit("unit", "a.xml"), unit("unit", "b.xml"))
    with pytest.raises(UsageError, match="one name to 2 files"):
        found(tmp_path, unit("unit", "*.xml"))


def test_one_file_cannot_stand_for_two_reports(tmp_path: Path) -> None:
    write(tmp_path, {"a.xml": JUNIT})
    with pytest.raises(InputError, match="named as two tests reports"):
        found(tmp_path, unit("unit", "a.xml"), unit("integration", "./a.xml"))


def test_names_are_as_short_as_they_can_be(tmp_path: Path) -> None:
    files = {"reports/a/junit.xml": JUNIT, "reports/b/junit.xml": FAILING, "reports/c.xml": JUNIT}
    assert names(found(write(tmp_path, files))) == ["c", "reports/a/junit", "reports/b/junit"]


def test_a_copy_counts_once(tmp_path: Path) -> None:
    assert len(found(write(tmp_path, {"junit.xml": JUNIT, "reports/junit.xml": JUNIT})).of("tests")) == 1


def test_an_unknown_kind_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        found(tmp_path, NamedEvidence(kind="test", name="x", path="a.xml"))


def test_limits_fail_the_kind_or_stop_where_the_file_was_named(tmp_path: Path) -> None:
    write(tmp_path, {"junit.xml": JUNIT})
    limits = Limits(max_report_size=10)
    assert "limit of 10" in found(tmp_path, limits=limits).problems["tests"][0]
    with pytest.raises(InputError, match="limit of 10"):
        found(tmp_path, unit("unit", "junit.xml"), limits=limits)


def test_too_many_files_fail_what_would_be_looked_for(tmp_path: Path) -> None:
    write(tmp_path, {f"reports/{number}.xml": JUNIT for number in range(4)})
    evidence = gather(make_request(tmp_path, limits=Limits(max_files=3))).evidence
    assert (evidence.tests.status, evidence.scans.status) == ("failed", "failed")


def test_file_names_that_are_not_utf8_are_carried_through(tmp_path: Path) -> None:
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / os.fsdecode(b"\xff\x1b.xml")).write_text(JUNIT)
    evidence = gather(make_request(tmp_path)).evidence
    assert evidence.reports[0].path == "reports/\\udcff\x1b.xml"
    assert evidence.document().content


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("unit.xml", ("unit", "unit.xml")),
        ("a/lint.sarif.json", ("lint", "a/lint", "a/lint.sarif.json")),
        ("a/.xml", (".xml", "a/.xml")),
    ],
)
def test_names_of(path: str, wanted: tuple[str, ...]) -> None:
    assert names_of(path) == wanted


@pytest.mark.parametrize(
    ("expected", "reason"),
    [
        ((ExpectedReport(name="image"),), None),
        ((ExpectedReport(name="im*", minimum=1),), None),
        ((ExpectedReport(name="im*", minimum=2),), "there are 1, not 2"),
        ((ExpectedReport(name="image", platform="linux/amd64"),), None),
        ((ExpectedReport(name="image", platform="linux/arm64"),), "bound to that platform"),
        ((ExpectedReport(name="lint", platform="linux/amd64"),), "bound to that platform"),
        ((ExpectedReport(name="code"),), "code is not there"),
    ],
)
def test_expected_scans(tmp_path: Path, expected: tuple[ExpectedReport, ...], reason: str | None) -> None:
    image = make_image()
    write(tmp_path, {"reports/image.json": trivy(image), "reports/lint.sarif": sarif()})
    scans = gather(make_request(tmp_path, image=image, expected=Expected(scans=expected))).evidence.scans
    assert scans.status == ("missing" if reason else "collected")
    assert reason is None or reason in str(scans.reason)


@pytest.mark.parametrize(
    ("due", "reason"),
    [
        ((ExpectedReport(name="unit"),), None),
        ((ExpectedReport(name="*", minimum=1),), None),
        ((ExpectedReport(name="*", minimum=2),), "of the expected * there are 1, not 2 (coverage)"),
        ((ExpectedReport(name="junit"),), "the expected junit is not there (coverage)"),
        (
            (ExpectedReport(name="unit"), ExpectedReport(name="e2e")),
            "the expected e2e is not there (coverage)",
        ),
    ],
)
def test_expected_coverage(tmp_path: Path, due: tuple[ExpectedReport, ...], reason: str | None) -> None:
    covered = (SAMPLES / "lcov.info").read_text()
    write(tmp_path, {"reports/junit.xml": JUNIT, "coverage/unit.info": covered})
    tests = gather(make_request(tmp_path, expected=Expected(coverage=due))).evidence.tests
    assert (tests.status, tests.reason) == ("missing" if reason else "collected", reason)
    assert tests.coverage is not None


def test_a_scan_report_without_a_run_is_no_scan(tmp_path: Path) -> None:
    scans = gather(
        make_request(write(tmp_path, {"x.sarif": '{"version": "2.1.0", "runs": []}'}))
    ).evidence.scans
    assert scans.status == "failed"


def test_a_report_of_no_kind_that_is_read_is_no_report(tmp_path: Path) -> None:
    stated = {"_type": "https://in-toto.io/Statement/v1", "predicateType": "https://example/other"}
    statement = json.dumps(envelope(stated))
    write(tmp_path, {"reports/x.intoto.jsonl": statement, "named/x.intoto.jsonl": statement})
    reports = found(tmp_path)
    assert [(seen.path, seen.taken_for) for seen in reports.seen] == [("reports/x.intoto.jsonl", None)]
    assert "is of a kind that is read" in str(reports.seen[0].note)
    named = NamedEvidence(kind=None, name=None, path="named/x.intoto.jsonl")
    with pytest.raises(InputError, match="is of a kind that is read"):
        found(tmp_path, named)
