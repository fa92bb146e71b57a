"""The event file of GitHub Actions (GITHUB_EVENT_PATH): the webhook's payload."""

from __future__ import annotations

from pathlib import Path
from typing import Self

import msgspec

from pushpolicy.reports.file import open_report
from pushpolicy.reports.format import ReportError
from pushpolicy.reports.parsing import jsondoc

_MAX_SIZE = 32 * 1024 * 1024


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
