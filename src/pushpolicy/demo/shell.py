"""Runs the demo's commands in its project, in the environment that a CI job would have."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Self

import msgspec
from msgspec.structs import replace

from pushpolicy.errors import PushPolicyError, UsageError

# Everything else is left out, so that neither the reader's CI system nor their git, pytest or
# pushpolicy settings change the story.
_KEPT = ("PATH", "HOME", "TMPDIR", "SYSTEMROOT", "PYTHONPATH", "VIRTUAL_ENV")
_PYTHON_TOOLS = frozenset({"pushpolicy", "pytest", "bandit"})
_TIMEOUT = 120
# What fits a terminal of 80 columns with some room for how the output is set off.
COLUMNS = 78

_FIXED = {
    "LC_ALL": "C",
    "PYTHONUTF8": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    "COLUMNS": str(COLUMNS),
    "NO_COLOR": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "Sample Author",
    "GIT_AUTHOR_EMAIL": "author@status-page.example",
    "GIT_COMMITTER_NAME": "Sample Author",
    "GIT_COMMITTER_EMAIL": "author@status-page.example",
}
# What GitHub Actions sets in a job that runs for a push to main.
_CI = {
    "CI": "true",
    "GITHUB_ACTIONS": "true",
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_REPOSITORY": "example/status-page",
    "GITHUB_EVENT_NAME": "push",
    "GITHUB_REF": "refs/heads/main",
    "GITHUB_REF_NAME": "main",
    "GITHUB_REF_TYPE": "branch",
    "GITHUB_REF_PROTECTED": "true",
    "GITHUB_ACTOR": "sample-author",
    "GITHUB_RUN_ID": "1",
    "GITHUB_RUN_ATTEMPT": "1",
    "GITHUB_JOB": "publish",
}


class UnexpectedExitError(PushPolicyError):
    """A command of the demo ended otherwise than the story says.

    A failure of pushpolicy keeps its exit code; any other command's is the environment's (2).
    """

    def __init__(self, ran: Ran) -> None:
        super().__init__(
            f"demo: `{ran.command}` ended with exit code {ran.code}",
            hint="".join(ran.output.splitlines()[-1:]).strip().removeprefix("-> ") or None,
        )
        failures = {kind.exit_code for kind in PushPolicyError.__subclasses__()}
        if not ran.command.startswith("pushpolicy "):
            self.exit_code = UsageError.exit_code
        elif ran.code in failures:
            self.exit_code = ran.code


class Ran(msgspec.Struct, frozen=True, kw_only=True):
    """A command that has run: its exit code, and what it wrote, both streams in order."""

    command: str
    code: int
    output: str

    def expect(self, code: int) -> None:
        """Go on only if it ended as the story says.

        Raises:
            UnexpectedExitError: when its exit code is another one.
        """
        if self.code != code:
            raise UnexpectedExitError(self)


class Shell(msgspec.Struct, frozen=True, kw_only=True):
    """The project's folder and the environment of its commands.

    Attributes:
        commit: what CI says it works on; empty before the first commit.
    """

    folder: Path
    environ: Mapping[str, str]
    commit: str = ""

    @classmethod
    def of(cls, folder: Path, environ: Mapping[str, str]) -> Self:
        """A shell whose commands see little of the given environment, and the CI context of the story."""
        kept = {name: environ[name] for name in _KEPT if name in environ}
        return cls(folder=folder, environ={**kept, **_FIXED, **_CI, "GITHUB_WORKSPACE": str(folder)})

    def at(self, commit: str) -> Self:
        """The same in a CI job that works on this commit."""
        return replace(self.with_variables({"GITHUB_SHA": commit}), commit=commit)

    def with_variables(self, variables: Mapping[str, str]) -> Self:
        """The same with more variables."""
        return replace(self, environ={**self.environ, **variables})

    def quietly(self, command: str) -> str:
        """Run a command that has to succeed; returns its output."""
        ran = self.run(command)
        ran.expect(0)
        return ran.output

    def run(self, command: str) -> Ran:
        """Run a command line, without a shell.

        Raises:
            UsageError: when there is no such program, or it does not come to an end.
        """
        program, *arguments = shlex.split(command)
        # Python's tools run with this interpreter, never with another one on PATH.
        called = [sys.executable, "-P", "-m", program] if program in _PYTHON_TOOLS else [program]
        try:
            done = subprocess.run(
                [*called, *arguments],
                cwd=self.folder,
                env=dict(self.environ),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=_TIMEOUT,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise UsageError(f"demo: `{command}` could not be run: {error}") from error
        return Ran(command=command, code=done.returncode, output=done.stdout.decode("utf-8", "replace"))
