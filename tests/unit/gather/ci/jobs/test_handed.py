"""How the jobs before ended, in the forms that pipelines hand it over."""

from __future__ import annotations

import pytest

from pushpolicy.gather.ci import evidence
from tests.unit.gather.ci.test_github import PUSH


@pytest.mark.parametrize(
    ("said", "jobs"),
    [
        ('{"build": {"result": "success", "outputs": {}}}', {"build": "success"}),
        ('{"build": "success", "test": "skipped"}', {"build": "success", "test": "skipped"}),
        ('[{"name": "build", "status": "success"}]', {"build": "success"}),
        ('[{"name": "a", "status": "canceled"}]', {"a": "cancelled"}),
        ('[{"name": "a", "status": "failed"}, {"name": "a", "status": "success"}]', {"a": "failure"}),
        ('[{"name": "a", "status": "success"}, {"name": "a", "status": "manual"}]', {"a": "skipped"}),
        ('[{"name": "publish", "status": "running"}]', {}),
        ('[{"name": "build", "status": "running"}]', {"build": "skipped"}),
        ('{"publish": "failure"}', {"publish": "failure"}),
        ('{"azure": "Succeeded", "b": "SucceededWithIssues"}', {"azure": "success", "b": "failure"}),
        ('{"tekton": "Succeeded", "b": "Completed"}', {"tekton": "success", "b": "failure"}),
        ('{"buildkite": "passed", "b": "soft_failed"}', {"buildkite": "success", "b": "failure"}),
        (
            '{"a": "neutral", "b": "SUCCESS", "c": "odd", "d": ""}',
            dict(zip("abcd", ("skipped", "success", "failure", "failure"), strict=True)),
        ),
        ("{}", {}),
    ],
)
def test_what_is_handed_over(said: str, jobs: dict[str, str]) -> None:
    found = evidence(PUSH | {"PUSHPOLICY_JOBS": said})
    assert (found.status, found.jobs) == ("collected", jobs)
    assert found.trust is not None
    assert found.trust["jobs"] == "asserted"


@pytest.mark.parametrize(
    "said",
    [
        "{",
        "1",
        '"x"',
        '["x"]',
        '{"a": 1}',
        '{"a": {}}',
        '{"a": null}',
        '[{"name": "a"}]',
        '{"a": "x", "a": "y"}',
        '{"ma\\u200bin": "success"}',
    ],
)
def test_what_says_nothing_of_jobs_has_failed(said: str) -> None:
    found = evidence(PUSH | {"PUSHPOLICY_JOBS": said})
    assert (found.status, "holds" in str(found.reason) or "PUSHPOLICY_JOBS" in str(found.reason)) == (
        "failed",
        True,
    )


def test_nothing_is_known_where_nothing_is_handed_over() -> None:
    assert evidence(PUSH).jobs is None
