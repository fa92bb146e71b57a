"""GitHub Actions: its variables, and the event file for what they do not say.

docs.github.com: "Variables reference", "Events that trigger workflows", "Webhook events and payloads".
"""

from __future__ import annotations

from collections.abc import Mapping

from pushpolicy.gather.ci.github_event import Event
from pushpolicy.gather.ci.values import CiError, boolean, commit
from pushpolicy.model.evidence import CiEvidence, PullRequest, Run, Status
from pushpolicy.reports.parsing.values import count, text

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
    event = _event(raw, tag)
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


def _event(raw: str, tag: str | None) -> str:
    if raw in ("push", "release"):
        # A release is published for a tag; anything else by that name is not a push.
        return "tag" if tag else "push" if raw == "push" else "other"
    return _EVENTS.get(raw, "other")


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
