"""What a report says: one type for each kind of evidence, which counts and bounds itself."""

from __future__ import annotations

from typing import Any

import pytest

from pushpolicy.model.evidence import (
    BuildMaterial,
    Covered,
    Finding,
    PipelineFinding,
    Scanner,
    Severity,
    Totals,
)
from pushpolicy.reports import facts, pipeline
from pushpolicy.reports.capture import Capture, ScanCapture, SuiteCapture
from pushpolicy.reports.facts import (
    CoverageFacts,
    Product,
    ProvenanceFacts,
    SbomFacts,
    ScanFacts,
    Statement,
    SuiteFacts,
    VexFacts,
    VexStatus,
    of_type,
    within,
)
from pushpolicy.reports.format import KINDS, Facts, Identity, ReportError
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.pipeline import PipelineFacts
from pushpolicy.reports.recognise import FORMATS

TRIVY = Scanner(name="trivy")
LONG = "x" * 11
LEAK = PipelineFinding(file=LONG, line=1, rule="aws-key", tool="gitleaks")
SMALL = Limits(max_findings=1, max_text=10)


def suite(**fields: Any) -> SuiteFacts:
    defaults: dict[str, Any] = {"totals": Totals(total=2, passed=2), "failures": ()}
    return SuiteFacts(**(defaults | fields))


def finding(name: str = "CVE-1", severity: Severity = Severity.HIGH) -> Finding:
    return Finding(id=name, severity=severity, kind="vulnerability")


def scan(*findings: Finding) -> ScanFacts:
    return ScanFacts(scanner=TRIVY, kind="image", findings=findings)


def built(**fields: Any) -> ProvenanceFacts:
    return ProvenanceFacts(predicate_type="p", signed=False, **fields)


def captured(**fields: Any) -> Capture:
    defaults: dict[str, Any] = {
        "kind": "tests",
        "name": "unit",
        "argv": ("pytest", "-q"),
        "started": "2026-01-02T03:04:05Z",
    }
    return Capture(schema="pushpolicy.capture/v1", **(defaults | fields))


def test_every_kind_of_evidence_has_one_type_and_every_format_is_of_these_kinds() -> None:
    types = [
        each for each in Facts.__subclasses__() if each.__module__ in (facts.__name__, pipeline.__name__)
    ]
    assert sorted(each.evidence_kind for each in types) == sorted(KINDS)
    assert {kind for item in FORMATS for kind in (item.kind, *item.also)} == set(KINDS)


@pytest.mark.parametrize(
    ("said", "summary"),
    [
        (suite(), "2 tests, 2 passed"),
        (suite(totals=Totals(total=3, failed=2, skipped=1)), "3 tests, 2 failed, 1 skipped"),
        (suite(undeclared=4), "2 tests, 2 passed, 4 failures that no case shows"),
        (suite(disagreements=("tests=3, counted 2",)), "2 tests, 2 passed, its own totals differ"),
        (CoverageFacts(lines=Covered(covered=3, total=4)), "3 of 4 covered, 75.0 %"),
        (CoverageFacts(lines=Covered()), "0 of 0 covered"),
        (scan(), "image scan by trivy, no findings"),
        (
            scan(finding(), finding("CVE-2", Severity.LOW), finding("CVE-3")),
            "image scan by trivy, 3 findings (2 high, 1 low)",
        ),
        (SbomFacts(spec_version="1.6", components=7), "7 components"),
        (VexFacts(statements=()), "0 VEX statements"),
        (built(commit="1" * 40), f"provenance, commit {'1' * 40}"),
        (built(), "provenance, commit not named"),
        (PipelineFacts(tool="zizmor", risks=(LEAK,)), "0 findings and 1 risks"),
        (
            PipelineFacts(tool="x", findings=(LEAK,), cleared=2),
            "1 findings and 0 risks, 2 audited as no secret",
        ),
        (SuiteCapture(captured()), "pytest: it has not ended"),
        (
            ScanCapture(captured(ended="2026-01-02T03:04:06Z", exit_code=1)),
            "pytest: it ended with exit code 1",
        ),
    ],
)
def test_it_says_what_it_counted(said: Facts, summary: str) -> None:
    assert said.summary() == summary


@pytest.mark.parametrize(
    ("said", "shows"),
    [
        (suite(), False),
        (suite(totals=Totals(total=1, failed=1)), True),
        (suite(totals=Totals(total=1, errors=1)), True),
        (suite(undeclared=1), True),
        (scan(), False),
        (scan(finding()), True),
        (CoverageFacts(lines=Covered(total=4)), False),
        (PipelineFacts(tool="x", cleared=2), False),
        (PipelineFacts(tool="x", risks=(LEAK,)), True),
    ],
)
def test_it_says_whether_something_went_wrong(said: Facts, shows: bool) -> None:
    assert said.shows_failure is shows


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (scan(finding(), finding("CVE-2")), "its 2 findings are over the limit of 1"),
        (scan(finding(LONG)), "a finding has a text over the limit of 10 characters"),
        (SbomFacts(spec_version="1", components=1, id=LONG), "a name is over the limit of 10 characters"),
        (
            VexFacts(statements=(Statement(names=("CVE-1",), status=VexStatus.FIXED, products=()),) * 2),
            "its 2 statements are over the limit of 1",
        ),
        (
            VexFacts(
                statements=(Statement(names=(), status=VexStatus.FIXED, products=(Product(purls=(LONG,)),)),)
            ),
            "a text is over the limit of 10 characters",
        ),
        (
            built(materials=(BuildMaterial(uri="a", digest={}), BuildMaterial(uri="b", digest={}))),
            "its 2 materials are over the limit of 1",
        ),
        (PipelineFacts(tool="x", findings=(LEAK, LEAK)), "its 2 findings are over the limit of 1"),
        (PipelineFacts(tool="x", risks=(LEAK,)), "a finding has a text over the limit of 10 characters"),
        (built(builder=LONG), "a text is over the limit of 10 characters"),
    ],
)
def test_what_is_over_a_limit_is_refused_and_never_cut_short(said: Facts, reason: str) -> None:
    assert within(Limits(), [said]) == (said,)
    with pytest.raises(ReportError, match=reason):
        within(SMALL, [suite(), said])


def test_facts_are_told_apart_by_their_type() -> None:
    first, second = scan(), suite()
    assert of_type(ScanFacts, (first, second)) == (first,)
    assert of_type(VexFacts, (first, second)) == ()


def test_a_report_that_is_attested_is_about_the_subject_of_the_statement_only() -> None:
    own = Identity(name="own", digests=("sha256:1",), image_id="sha256:2", diff_ids=("sha256:3",))
    subject = Identity(name="app", digests=("sha256:4",))
    assert own.attested(None) == own
    assert own.attested(subject) == Identity(name="own", digests=("sha256:4",))
    assert Identity().attested(subject) == subject
