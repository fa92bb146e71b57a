"""GitLab: "List pipeline jobs" and "List pipeline trigger jobs" (docs.gitlab.com/api/jobs).

Not seen live; made from that page. A job's own CI_JOB_TOKEN may not list jobs. Variables of a project or of
an earlier job (dotenv) override those of the server, so they are believed for gitlab.com only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

import msgspec

from pushpolicy.gather.ci.jobs.api import Api, Client, Listed, check_same, whole
from pushpolicy.gather.ci.readings import CiError
from pushpolicy.model.evidence import CiEvidence

_PAGE = 50


class _Pipeline(msgspec.Struct, frozen=True):
    id: int
    sha: str
    ref: str


class _Job(Listed, frozen=True, kw_only=True):
    pipeline: _Pipeline


class _Downstream(msgspec.Struct, frozen=True):
    status: str


class _Bridge(_Job, frozen=True, kw_only=True):
    """A job that starts another pipeline; its own status may be success while that still runs."""

    downstream_pipeline: _Downstream | None = None


_Kind = TypeVar("_Kind", bound=_Job)


def _read(client: Client, found: CiEvidence, environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    run, project, own = found.run, environ.get("CI_PROJECT_ID", ""), environ.get("CI_JOB_ID", "")
    if not (run and all(each.isdecimal() for each in (run.id, project, own))):
        raise CiError("--jobs: CI_PIPELINE_ID, CI_PROJECT_ID and CI_JOB_ID do not name project, run and job")
    path = f"projects/{project}/pipelines/{run.id}"

    def listed(what: str, kind: type[_Kind]) -> list[_Kind]:
        def page(number: int) -> tuple[None, Sequence[_Kind]]:
            query = f"include_retried=false&per_page={_PAGE}&page={number}"
            return None, client.get(f"{path}/{what}?{query}", list[kind])  # type: ignore[valid-type]

        return whole(page)

    jobs, bridges = listed("jobs", _Job), listed("bridges", _Bridge)
    for job in (*jobs, *bridges):
        check_same("run.id", run.id, str(job.pipeline.id))
        _check(found, job.pipeline)
    if not any(str(job.id) == own and job.status == "running" for job in jobs):
        raise CiError("--jobs: the pipeline has no job at work that is this one (CI_JOB_ID)")
    yield from ((job.name, job.status) for job in (*jobs, *bridges) if str(job.id) != own)
    for bridge in bridges:
        below = bridge.downstream_pipeline
        yield bridge.name, below.status if below else "created"


def _check(found: CiEvidence, pipeline: _Pipeline) -> None:
    check_same("commit", found.commit, pipeline.sha)
    if named := found.branch or found.tag:
        check_same("ref", named, pipeline.ref)


API = Api(
    address="CI_API_V4_URL",
    server="CI_SERVER_URL",
    vendor="gitlab.com",
    only_vendor=True,
    token=None,
    header=lambda token: {"PRIVATE-TOKEN": token},
    permission="the scope `read_api` (CI_JOB_TOKEN may not list jobs)",
    read=_read,
)
