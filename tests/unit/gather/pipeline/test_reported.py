"""What reports of other tools add to the evidence of the pipeline: they clear nothing, and are not stored."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from pushpolicy.gather import Gathered, gather
from pushpolicy.model.evidence import Status
from tests.report_files import SAMPLES
from tests.unit.gather.samples import make_checkout, make_request, write

ENVIRON = {"PATH": os.environ["PATH"]}
NAMES = ("gitleaks", "zizmor", "detect-secrets")
LEAKS, AUDITS, BASELINE = ((SAMPLES / f"{name}.json").read_text() for name in NAMES)
PLANTED = "planted-Q7r5T9w2Zx4"
SARIF = json.dumps(
    {
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": {"name": "gitleaks"}},
                "results": [{"ruleId": "aws", "message": {"text": PLANTED}}],
            }
        ],
    }
)


def gathered(folder: Path, reports: dict[str, str], committed: dict[str, str] | None = None) -> Gathered:
    """What is known of a checkout of these files, beside which these reports lie."""
    make_checkout(folder, {"a": "a", **(committed or {})})
    return gather(make_request(write(folder, reports), environ=ENVIRON))


def found(result: Gathered) -> list[tuple[str | None, str]]:
    pipeline = result.evidence.pipeline
    assert pipeline is not None
    assert pipeline.status is Status.COLLECTED, pipeline.reason
    return [(each.tool, each.rule) for each in (*pipeline.findings, *pipeline.risks)]


def test_they_stand_beside_what_is_found_here(tmp_path: Path) -> None:
    committed = {"Dockerfile": "FROM a\nENV REGISTRY_TOKEN=hunter2\n"}
    reports = {"reports/gitleaks.json": LEAKS, "zizmor.json": AUDITS, "reports/again.json": LEAKS}
    result = gathered(tmp_path, reports, committed)
    assert found(result) == [
        (None, "variable-literal"),
        ("gitleaks", "gitleaks/generic-api-key"),
        ("zizmor", "zizmor/hardcoded-container-credentials"),
        ("zizmor", "zizmor/unpinned-uses"),
    ]


def test_a_report_that_quotes_secrets_is_not_stored_and_its_digest_is(tmp_path: Path) -> None:
    result = gathered(tmp_path, {"reports/gitleaks.json": LEAKS, "reports/leaks.sarif": SARIF})
    assert [(each.kind, each.format) for each in result.evidence.reports] == [
        ("pipeline", "gitleaks"),
        ("pipeline", "sarif"),
    ]
    assert result.reports == ()
    assert PLANTED not in result.evidence.document().content.decode()


def test_it_is_no_scan(tmp_path: Path) -> None:
    assert gathered(tmp_path, {"reports/leaks.sarif": SARIF}).evidence.scans.status is Status.MISSING


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("reports/gitleaks.json", LEAKS[:-20], "reports/gitleaks.json: it does not read as JSON"),
        ("zizmor.json", "error: no input\n", "zizmor.json: its name promises zizmor, and it is no json"),
        ("reports/x.sarif", "{", "reports/x.sarif: it does not read as JSON"),
    ],
)
def test_one_that_cannot_be_read_fails_the_kind(tmp_path: Path, name: str, content: str, reason: str) -> None:
    pipeline = gathered(tmp_path, {name: content}).evidence.pipeline
    assert pipeline is not None
    assert (pipeline.status, pipeline.findings) == (Status.FAILED, ())
    assert str(pipeline.reason).startswith(reason)


def test_a_report_of_the_commit_is_no_result_of_this_run(tmp_path: Path) -> None:
    result = gathered(tmp_path, {}, {"reports/gitleaks.json": LEAKS, "zizmor.json": AUDITS[:-20]})
    assert found(result) == []
    assert {each.path for each in result.evidence.unread} == {"reports/gitleaks.json", "zizmor.json"}


def test_a_baseline_of_the_commit_adds_what_it_lists_and_clears_nothing(tmp_path: Path) -> None:
    committed = {".secrets.baseline": BASELINE, "Dockerfile": "FROM a\nENV REGISTRY_TOKEN=hunter2\n"}
    no_secret = {"type": "x", "line_number": 2, "is_secret": False}
    audited = json.loads(BASELINE) | {"results": {"Dockerfile": [no_secret]}}
    result = gathered(tmp_path / "one", {}, committed)
    assert found(result) == [(None, "variable-literal"), ("detect-secrets", "detect-secrets/Secret Keyword")]
    assert [each.tracked_by_git for each in result.evidence.reports] == [True]
    cleared = gathered(tmp_path / "two", {}, committed | {".secrets.baseline": json.dumps(audited)})
    assert found(cleared) == [(None, "variable-literal")]


def test_a_broken_baseline_of_the_commit_fails_the_kind(tmp_path: Path) -> None:
    pipeline = gathered(tmp_path, {}, {".secrets.baseline": BASELINE[:-20]}).evidence.pipeline
    assert pipeline is not None
    assert pipeline.status is Status.FAILED


def test_without_a_checkout_nothing_is_collected(tmp_path: Path) -> None:
    folder = write(tmp_path, {"gitleaks.json": LEAKS})
    pipeline = gather(make_request(folder, environ=ENVIRON)).evidence.pipeline
    assert pipeline is not None
    assert (pipeline.status, pipeline.findings) == (Status.MISSING, ())
