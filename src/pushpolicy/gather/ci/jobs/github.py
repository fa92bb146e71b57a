"""GitHub: "List jobs for a workflow run attempt" (docs.github.com/en/rest/actions/workflow-jobs).

Not seen live; made from that page, and from that of GitHub Enterprise Server.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from pushpolicy.gather.ci.jobs.api import Api, Client, Listed, check_same, whole
from pushpolicy.gather.ci.readings import CiError
from pushpolicy.model.evidence import CiEvidence

# A job comes with its steps, and a page has to stay below the limit of an answer.
_PAGE = 30
_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+", re.ASCII)


class _Job(Listed, frozen=True, kw_only=True):
    run_id: int
    head_sha: str
    head_branch: str | None = None
    conclusion: str | None = None
    runner_name: str | None = None

    @property
    def word(self) -> str:
        return self.status if self.status != "completed" else self.conclusion or "failure"


class _Page(msgspec.Struct, frozen=True):
    total_count: int
    jobs: list[_Job]


def _read(client: Client, found: CiEvidence, _: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    run, runner = found.run, found.runner.name if found.runner else None
    if not _REPOSITORY.fullmatch(found.repository or "") or not (run and run.id.isdecimal() and run.attempt):
        raise CiError("--jobs: the variables of the job do not name repository, run and attempt")
    path = f"repos/{found.repository}/actions/runs/{run.id}/attempts/{run.attempt}/jobs"

    def page(number: int) -> tuple[int, Sequence[_Job]]:
        said = client.get(f"{path}?per_page={_PAGE}&page={number}", _Page)
        return said.total_count, said.jobs

    jobs = whole(page)
    own = [job for job in jobs if job.status == "in_progress" and job.runner_name == runner]
    if len(own) != 1:
        raise CiError(
            f"--jobs: of the run {len(own)} jobs are at work on this runner (RUNNER_NAME), and not this alone"
        )
    for job in jobs:
        check_same("run.id", run.id, str(job.run_id))
    _check(found, own[0])
    yield from ((job.name, job.word) for job in jobs if job is not own[0])


def _check(found: CiEvidence, own: _Job) -> None:
    proposed = found.pull_request.head_commit if found.pull_request else None
    check_same("commit", proposed or found.commit, own.head_sha)
    if (named := found.branch or found.tag) and own.head_branch is not None:
        check_same("ref", named, own.head_branch)


API = Api(
    address="GITHUB_API_URL",
    server="GITHUB_SERVER_URL",
    vendor="api.github.com",
    only_vendor=False,  # no step can set GITHUB_* for a later one
    token="GITHUB_TOKEN",  # noqa: S106 (its name)
    header=lambda token: {"Authorization": f"Bearer {token}", "X-GitHub-Api-Version": "2022-11-28"},
    permission="the permission `actions: read`",
    read=_read,
)
