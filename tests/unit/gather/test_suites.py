"""Coverage in the evidence: sums over reports, and what cannot be read."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushpolicy.evaluate import validate_evidence
from pushpolicy.gather import NamedEvidence, gather
from pushpolicy.gather.names import ReadReport
from pushpolicy.gather.request import RawReport
from pushpolicy.gather.suites import told_again
from pushpolicy.model.digest import Digest
from pushpolicy.model.evidence import Covered, Evidence, Failure, Status, Totals
from pushpolicy.reports.facts import SuiteFacts, of_type
from tests.unit.gather.samples import FAILING, JUNIT, make_request, write

LCOV = "SF:a.c\nDA:1,1\nDA:2,1\nDA:3,0\nend_of_record\n"


def test_reports_add_up_and_are_listed(tmp_path: Path) -> None:
    (tmp_path / "junit.xml").write_text(JUNIT)
    (tmp_path / "lcov.info").write_text(LCOV)
    (tmp_path / "coverage.out").write_text("mode: set\np/a.go:1.2,3.4 3 0\n")
    gathered = gather(make_request(tmp_path))
    coverage = gathered.evidence.tests.coverage
    assert coverage is not None
    assert (coverage.covered, coverage.total, coverage.percent) == (2, 6, 33.33)
    assert [(r.name, r.format, r.percent) for r in coverage.reports] == [
        ("coverage", "go-cover", 0.0),
        ("lcov", "lcov", 66.66),
    ]
    assert [report.kind for report in gathered.evidence.reports] == ["tests", "coverage", "coverage"]


def test_a_coverage_report_that_is_cut_off_fails_the_tests(tmp_path: Path) -> None:
    (tmp_path / "junit.xml").write_text(JUNIT)
    (tmp_path / "lcov.info").write_text(LCOV.removesuffix("end_of_record\n"))
    tests = gather(make_request(tmp_path)).evidence.tests
    assert tests.status is Status.FAILED
    assert tests.reason == "lcov.info: it ends within the record of a file"
    assert tests.coverage is None


def test_coverage_is_no_test_report(tmp_path: Path) -> None:
    (tmp_path / "lcov.info").write_text(LCOV)
    assert gather(make_request(tmp_path)).evidence.tests.status is Status.MISSING


@pytest.mark.parametrize(
    ("covered", "total", "percent"), [(0, 0, None), (0, 3, 0.0), (3, 3, 100.0), (79_999, 100_000, 79.99)]
)
def test_a_percentage_never_reaches_a_minimum_by_rounding(
    covered: int, total: int, percent: float | None
) -> None:
    assert Covered(covered=covered, total=total).percent() == percent


def test_the_document_with_coverage_is_valid(tmp_path: Path) -> None:
    (tmp_path / "junit.xml").write_text(JUNIT)
    (tmp_path / "lcov.info").write_text(LCOV.replace("DA:3,0\n", "DA:3,0\nBRDA:3,0,0,-\nLF:9\n"))
    document = gather(make_request(tmp_path)).evidence.document()
    validate_evidence(document)
    assert document.value["tests"]["coverage"]["reports"][0]["branches"] == {"covered": 0, "total": 1}


SUMMARY = """<failsafe-summary result="null" timeout="false"><completed>{0}</completed><errors>{1}</errors>
<failures>0</failures><skipped>0</skipped><failureMessage>{2}</failureMessage></failsafe-summary>"""
AGAIN = JUNIT.replace("<testsuites>", "<testsuites><!-- TestNG -->")
SUREFIRE, FAILSAFE = "target/surefire-reports", "target/failsafe-reports"


def gathered(folder: Path, files: dict[str, str], *named: NamedEvidence) -> Evidence:
    return gather(make_request(write(folder, files), named=named)).evidence


def total(evidence: Evidence) -> int:
    assert evidence.tests.totals is not None
    return evidence.tests.totals.total


def test_testngs_own_reports_beside_surefires_count_once(tmp_path: Path) -> None:
    files = {f"{SUREFIRE}/TEST-s.xml": JUNIT, f"{SUREFIRE}/junitreports/TEST-a.xml": AGAIN}
    evidence = gathered(tmp_path, files)
    assert total(evidence) == 2
    assert [each.path for each in evidence.unread] == [f"{SUREFIRE}/junitreports/TEST-a.xml"]


@pytest.mark.parametrize(
    "again", [FAILING, AGAIN.replace('<testcase name="a"/>', '<testcase name="a"/>' * 2)]
)
def test_they_stand_where_they_say_more(tmp_path: Path, again: str) -> None:
    files = {f"{SUREFIRE}/TEST-s.xml": JUNIT, f"{SUREFIRE}/junitreports/TEST-a.xml": again}
    evidence = gathered(tmp_path, files)
    assert (len(evidence.tests.reports), evidence.unread) == (2, ())


def failing(*names: str) -> str:
    cases = "".join(f'<testcase name="{name}"><failure/></testcase>' for name in names)
    return f'<testsuites><testsuite name="s">{cases}<testcase name="ok"/></testsuite></testsuites>'


def test_a_failure_that_the_first_ones_do_not_name_stands(tmp_path: Path) -> None:
    """Whoever adds a failure that is waived, or a test of the same outcome, hides no other one."""
    files = {f"{SUREFIRE}/TEST-s.xml": failing("a", "b"), f"{SUREFIRE}/junitreports/TEST-a.xml": failing("c")}
    evidence = gathered(tmp_path, files)
    assert {(each.report, each.name) for each in evidence.tests.failures} == {
        ("TEST-s", "a"),
        ("TEST-s", "b"),
        ("TEST-a", "c"),
    }
    named = {f"{SUREFIRE}/TEST-s.xml": failing("a", "b"), f"{SUREFIRE}/junitreports/TEST-a.xml": failing("b")}
    assert len(gathered(tmp_path, named).tests.reports) == 1


def test_of_more_failures_than_a_report_keeps_it_is_not_known_which_they_are(tmp_path: Path) -> None:
    many = failing(*(str(n) for n in range(101)))
    files = {f"{SUREFIRE}/TEST-s.xml": many, f"{SUREFIRE}/junitreports/TEST-a.xml": many.replace("ok", "o")}
    assert len(gathered(tmp_path, files).tests.reports) == 2


RUN = """<testsuites><testsuite name="pytest" timestamp="2026-11-24T10:00:00.123Z" time="1.5"><testcase
 classname="t" name="a" time="1"/><testcase classname="t" name="b" time="0.5"/></testsuite></testsuites>"""


def test_a_run_that_is_told_in_two_files_counts_once_whatever_their_order(tmp_path: Path) -> None:
    files = {"reports/b.xml": RUN, "reports/a.xml": RUN + "\n"}
    evidence = gathered(tmp_path, files)
    assert total(evidence) == 2
    assert [(each.path, each.why) for each in evidence.unread] == [
        ("reports/b.xml", "left out: it tells of the run that the reports of reports/a.xml tell of")
    ]


@pytest.mark.parametrize(
    "other",
    [
        RUN.replace("10:00:00.123", "10:00:00.124"),
        RUN.replace('time="1.5"', 'time="1.6"'),
        RUN.replace('name="pytest"', 'name="other"'),
        RUN.replace('name="b" time="0.5"/>', 'name="b"><failure/></testcase>'),
        RUN.replace('name="b" time="0.5"/>', 'name="b"><skipped/></testcase>'),
        RUN.replace("</testsuite>", '<testcase name="c"/></testsuite>'),
    ],
)
def test_runs_that_differ_in_anything_count_both(tmp_path: Path, other: str) -> None:
    files = {"reports/a.xml": RUN, "reports/b.xml": other}
    assert len(gathered(tmp_path, files).tests.reports) == 2


@pytest.mark.parametrize(
    "lacking", [' timestamp="2026-11-24T10:00:00.123Z"', ' time="1.5"', ' name="pytest"']
)
def test_what_does_not_name_its_run_is_never_taken_for_another(tmp_path: Path, lacking: str) -> None:
    """Two modules may have classes of one name, whose only test takes no time."""
    run = RUN.replace(lacking, "")
    assert total(gathered(tmp_path, {"reports/a.xml": run, "reports/b.xml": run})) == 4


def test_a_summary_that_says_no_more_than_the_classes_counts_once(tmp_path: Path) -> None:
    files = {f"{FAILSAFE}/TEST-s.xml": JUNIT, f"{FAILSAFE}/failsafe-summary.xml": SUMMARY.format(2, 0, "")}
    evidence = gathered(tmp_path, files)
    assert (total(evidence), len(evidence.tests.reports), len(evidence.unread)) == (2, 1, 1)


@pytest.mark.parametrize("said", [(2, 1, ""), (2, 0, "the fork crashed"), (3, 0, "")])
def test_a_summary_that_says_more_stands(tmp_path: Path, said: tuple[int, int, str]) -> None:
    files = {f"{FAILSAFE}/TEST-s.xml": JUNIT, f"{FAILSAFE}/failsafe-summary.xml": SUMMARY.format(*said)}
    assert len(gathered(tmp_path, files).tests.reports) == 2


def test_a_summary_alone_stands(tmp_path: Path) -> None:
    assert total(gathered(tmp_path, {f"{FAILSAFE}/failsafe-summary.xml": SUMMARY.format(2, 0, "")})) == 2


def test_what_was_named_stands(tmp_path: Path) -> None:
    path = f"{FAILSAFE}/failsafe-summary.xml"
    files = {f"{FAILSAFE}/TEST-s.xml": JUNIT, path: SUMMARY.format(2, 0, "")}
    named = NamedEvidence(kind="tests", name="it", path=path)
    assert len(gathered(tmp_path, files, named).tests.reports) == 2


def suite(folder: str, number: int, names: list[str], passed: int, run: str | None) -> ReadReport:
    """A report of JUnit's, with one failure for each name."""
    failures = tuple(Failure(name=name, kind="failure", message="") for name in names)
    totals = Totals(total=passed + len(names), passed=passed, failed=len(names))
    facts = SuiteFacts(
        totals=totals,
        failures=failures,
        timestamp=run,
        suites=("s",) if run else None,
        duration=1.0 if run else None,
    )
    raw = RawReport(
        name=str(number),
        path=Path(folder) / f"{number}.xml",
        kind="tests",
        format="junit",
        digest=Digest.of(b""),
        size=1,
        media_type="application/xml",
    )
    return ReadReport(raw, (facts,))


REPORTS = st.lists(
    st.tuples(
        st.sampled_from([SUREFIRE, f"{SUREFIRE}/junitreports", "reports"]),
        st.lists(st.sampled_from("abc"), max_size=3, unique=True),
        st.integers(0, 3),
        st.sampled_from([None, "2026-11-24T10:00:00Z"]),
    ),
    max_size=6,
).map(lambda found: [suite(place, n, names, ok, run) for n, (place, names, ok, run) in enumerate(found)])


@given(REPORTS, st.randoms(use_true_random=False))
def test_what_is_left_out_is_told_by_what_stays_in_whatever_order(
    found: list[ReadReport], random: Random
) -> None:
    left_out = {report.raw.path for report, _ in told_again(found)}
    stays = [report for report in found if report.raw.path not in left_out]
    told = [facts for report in stays for facts in of_type(SuiteFacts, report.facts)]
    for report in found:
        for facts in of_type(SuiteFacts, report.facts):
            assert {each.name for each in facts.failures} <= {f.name for each in told for f in each.failures}
            assert facts.totals.total <= sum(each.totals.total for each in told)
            assert facts.totals.failed <= sum(each.totals.failed for each in told)
    random.shuffle(found)
    assert {report.raw.path for report, _ in told_again(found)} == left_out
    assert not list(told_again(stays))
