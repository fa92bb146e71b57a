"""GitHub Actions: its variables, and the event file for what they do not say.

docs.github.com: "Variables reference", "Events that trigger workflows", "Webhook events and payloads".
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Self

import msgspec

from pushpolicy.gather.ci.values import CiError, boolean, commit
from pushpolicy.model.evidence import CiEvidence, PullRequest, Run, Status
from pushpolicy.reports.file import open_report
from pushpolicy.reports.format import ReportError
from pushpolicy.reports.parsing import jsondoc
from pushpolicy.reports.parsing.values import count, text

_MAX_SIZE = 32 * 1024 * 1024
_EVENTS = {
    "pull_request": "pull_request",
    "pull_request_target": "pull_request",
    "pull_request_review": "pull_request",
    "pull_request_review_comment": "pull_request",
    "schedule": "schedule",
    "workflow_dispatch": "manual",
    "merge_group": "merge_queue",
}
# Events that anybody can cause, and that run with the repository's own secrets and default branch.
_UNTRUSTED = frozenset(
    {
        "discussion",
        "discussion_comment",
        "fork",
        "gollum",
        "issue_comment",
        "issues",
        "pull_request_comment",
        "pull_request_target",
        "watch",
        "workflow_run",
    }
)


class _Repository(msgspec.Struct):
    full_name: str | None = None
    default_branch: str | None = None


class _Side(msgspec.Struct):
    ref: str | None = None
    repo: _Repository | None = None


class _PullRequest(msgspec.Struct):
    number: int | None = None
    head: _Side | None = None
    base: _Side | None = None


class Event(msgspec.Struct):
    """What is read of the payload; `unreadable` says why nothing was."""

    repository: _Repository | None = None
    pull_request: _PullRequest | None = None
    unreadable: str = ""

    @classmethod
    def read(cls, path: str | None) -> Self:
        """Read the payload; one that is absent or malformed says nothing."""
        if not path:
            return cls(unreadable="GITHUB_EVENT_PATH is not set")
        try:
            with open_report(Path(path), _MAX_SIZE) as file:
                return jsondoc.decode(file, cls)
        except ReportError as error:
            return cls(unreadable=str(error))

    @property
    def default_branch(self) -> str | None:
        """The repository's default branch."""
        return self.repository.default_branch if self.repository else None

    @property
    def number(self) -> int | None:
        """The pull request's number."""
        number = self.pull_request.number if self.pull_request else None
        return number if number is not None and 0 <= number < 2**53 else None

    @property
    def head(self) -> str | None:
        """The branch that the pull request would merge."""
        return self.pull_request.head.ref if self.pull_request and self.pull_request.head else None

    @property
    def base(self) -> str | None:
        """The branch that the pull request would merge into."""
        return self.pull_request.base.ref if self.pull_request and self.pull_request.base else None

    @property
    def from_fork(self) -> bool | None:
        """Whether the pull request comes from another repository; one that is gone counts as another."""
        if self.pull_request is None or self.pull_request.head is None or self.pull_request.base is None:
            return None
        base, head = self.pull_request.base.repo, self.pull_request.head.repo
        return base is None or head is None or not head.full_name or head.full_name != base.full_name


def detect(environ: Mapping[str, str]) -> bool:
    """Whether this is a job of GitHub Actions."""
    return environ.get("GITHUB_ACTIONS") == "true"


def read(environ: Mapping[str, str]) -> CiEvidence:
    """What the job's variables and event file say.

    Raises:
        CiError: when the event is not named, or a pull request's event file does not tell its origin.
    """
    environ = {name: text(value) for name, value in environ.items() if name.startswith("GITHUB_")}
    raw = environ.get("GITHUB_EVENT_NAME")
    if not raw:
        raise CiError("GITHUB_EVENT_NAME is not set")
    event_file = Event.read(environ.get("GITHUB_EVENT_PATH"))
    ref = environ.get("GITHUB_REF") or None
    branch, tag = _after(ref, "refs/heads/"), _after(ref, "refs/tags/")
    event = _EVENTS.get(raw, "other")
    if raw in ("push", "release"):
        # A release is published for a tag; anything else by that name is not a push.
        event = "tag" if tag else "push" if raw == "push" else "other"
    return CiEvidence(
        status=Status.COLLECTED,
        event=event,
        event_raw=raw,
        untrusted_trigger=raw if raw in _UNTRUSTED else None,
        repository=environ.get("GITHUB_REPOSITORY") or None,
        ref=ref,
        ref_type="branch" if branch else "tag" if tag else None,
        branch=branch,
        tag=tag,
        commit=commit(environ.get("GITHUB_SHA")),
        pull_request=_pull_request(event_file) if event == "pull_request" else None,
        ref_protected=boolean(environ.get("GITHUB_REF_PROTECTED")),
        default_branch=event_file.default_branch,
        actor=environ.get("GITHUB_ACTOR") or None,
        run=_run(environ),
        job=environ.get("GITHUB_JOB") or None,
    )


def _after(text: str | None, prefix: str) -> str | None:
    return (text.removeprefix(prefix) or None) if text and text.startswith(prefix) else None


def _run(environ: Mapping[str, str]) -> Run | None:
    number = environ.get("GITHUB_RUN_ID")
    if not number:
        return None
    server, repository = environ.get("GITHUB_SERVER_URL"), environ.get("GITHUB_REPOSITORY")
    url = f"{server}/{repository}/actions/runs/{number}" if server and repository else None
    return Run(id=number, url=url, attempt=count(environ.get("GITHUB_RUN_ATTEMPT")))


def _pull_request(event_file: Event) -> PullRequest:
    if event_file.from_fork is None:
        why = event_file.unreadable or "it describes no pull request"
        raise CiError(f"the event file does not tell where the pull request comes from: {why}")
    return PullRequest(
        from_fork=event_file.from_fork,
        number=event_file.number,
        head=event_file.head,
        base=event_file.base,
    )
