"""The job lists of GitHub's and GitLab's APIs, as their documentation shows them; not seen live.

docs.github.com/en/rest/actions/workflow-jobs, docs.gitlab.com/api/jobs. A test changes what a job is, or the
answers.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit
from zlib import crc32

from tests.fake_registry import Answered, Asked

TOKEN = "a-token-that-may-read-jobs"
COMMIT = "1" * 40


def github_job(name: str, conclusion: str | None = "success", **changed: Any) -> dict[str, Any]:
    """A job as GitHub lists it: ended with a conclusion, or at work where there is none."""
    return {
        "id": crc32(name.encode()),
        "run_id": 1,
        "run_attempt": 1,
        "node_id": "MDg6Q2hlY2tSdW4x",
        "head_sha": COMMIT,
        "head_branch": "main",
        "url": "https://api.github.com/repos/example/status-page/actions/jobs/1",
        "html_url": None,
        "status": "completed" if conclusion else "in_progress",
        "conclusion": conclusion,
        "started_at": "2026-11-24T12:00:00Z",
        "completed_at": None,
        "name": name,
        "steps": [{"name": "Set up job", "status": "completed", "conclusion": "success", "number": 1}],
        "labels": ["ubuntu-latest"],
        "runner_id": 1,
        "runner_name": "runner of " + name,
        "workflow_name": "CI",
    } | changed


def gitlab_job(name: str, status: str = "success", **changed: Any) -> dict[str, Any]:
    """A job, or a bridge, as GitLab lists it."""
    return {
        "id": crc32(name.encode()),
        "name": name,
        "stage": "test",
        "status": status,
        "ref": "main",
        "tag": False,
        "coverage": None,
        "allow_failure": False,
        "commit": {"id": COMMIT, "title": "Test the CI integration."},
        "pipeline": {"id": 7, "project_id": 1, "ref": "main", "sha": COMMIT, "status": "running"},
        "web_url": "https://gitlab.example.com/team/app/-/jobs/7",
        "runner": None,
        "user": {"username": "dana", "bot": False},
    } | changed


@dataclass(kw_only=True)
class FakeApi:
    """Answers as the API of a system would.

    Attributes:
        path: what comes before `jobs` and `bridges`.
        header: that shows the token.
        lists: jobs by the end of the path.
        counts: how many there are, where GitHub is to tell another number.
        status: of every answer.
    """

    path: str
    header: tuple[str, str]
    lists: dict[str, Sequence[dict[str, Any]]] = field(default_factory=dict)
    counts: int | None = None
    status: int = 200

    def __call__(self, asked: Asked) -> Answered:
        """The answer to one request."""
        name, value = self.header
        shown = {name.lower(): value for name, value in asked.headers.items()}
        if self.status != 200 or shown.get(name.lower()) != value:
            return Answered(status=self.status if self.status != 200 else 401, body=b'{"message": "no"}')
        parts = urlsplit(asked.path)
        listed = self.lists.get(parts.path.removeprefix(self.path))
        if listed is None:
            return Answered(status=404, body=b'{"message": "Not Found"}')
        query = {key: int(said[0]) for key, said in parse_qs(parts.query).items() if said[0].isdigit()}
        start = (query["page"] - 1) * query["per_page"]
        return self._page(listed, listed[start : start + query["per_page"]])

    def _page(self, listed: Sequence[dict[str, Any]], page: Sequence[dict[str, Any]]) -> Answered:
        total = len(listed) if self.counts is None else self.counts
        is_github = self.header[0] == "Authorization"
        said = {"total_count": total, "jobs": page} if is_github else page
        return Answered(headers={"Content-Type": "application/json"}, body=json.dumps(said).encode())


def github(
    jobs: Iterable[dict[str, Any]], repository: str = "o/r", run: int = 1, attempt: int = 1
) -> FakeApi:
    """GitHub's, for one attempt of run 1."""
    return FakeApi(
        path=f"/repos/{repository}/actions/runs/1/attempts/{attempt}/",
        header=("Authorization", f"Bearer {TOKEN}"),
        lists={"jobs": list(jobs)},
    )


def gitlab(jobs: Iterable[dict[str, Any]], bridges: Iterable[dict[str, Any]] = ()) -> FakeApi:
    """GitLab's, for pipeline 7 of project 1."""
    return FakeApi(
        path="/api/v4/projects/1/pipelines/7/",
        header=("PRIVATE-TOKEN", TOKEN),
        lists={"jobs": list(jobs), "bridges": list(bridges)},
    )
