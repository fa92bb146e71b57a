"""The error tree. Every expected failure ends here, with the exit code that tells what kind it was.

    PushPolicyError
    ├── UsageError        2   wrong option, argument or configuration
    ├── InputError       20   the image, or evidence that was named, is absent or unreadable
    ├── PolicyError      30   the policy does not load
    │   └── EngineError  30   OPA failed, timed out or answered out of contract
    ├── PushError        40   the push failed; no tag was moved
    ├── IncompleteError  41   pushed by digest, but record, verification or tag is incomplete
    ├── ReplayDiffersError    50   a replay gives another decision
    ├── RecordError      51   a record is invalid, forged or not verifiable
    └── StoppedError    130   interrupted when tags may have been moved

A denial is an answer, not an error: it has its exit code (10) and no exception.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

EXIT_OK = 0
EXIT_USAGE = 2
EXIT_DENIED = 10
EXIT_INPUT = 20
EXIT_POLICY = 30
EXIT_PUSH = 40
EXIT_INCOMPLETE = 41
EXIT_DIFFERS = 50
EXIT_RECORD = 51
EXIT_BUG = 70
EXIT_INTERRUPTED = 130


class PushPolicyError(Exception):
    """An expected failure: one line on what is wrong, and optionally one on what to do.

    Args:
        message: what happened, naming the file, option or address concerned.
        hint: what the reader can do about it.
    """

    exit_code = EXIT_BUG
    usual_hint: str | None = None

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint or self.usual_hint


class UsageError(PushPolicyError):
    """A wrong option, argument or configuration file."""

    exit_code = EXIT_USAGE


class InputError(PushPolicyError):
    """The image, or evidence that was named, is absent, malformed or over a limit."""

    exit_code = EXIT_INPUT


class PolicyError(PushPolicyError):
    """The policy set does not load, check or compile."""

    exit_code = EXIT_POLICY


class EngineError(PolicyError):
    """OPA is absent, failed, timed out or answered out of contract."""

    usual_hint = "`pushpolicy doctor` says which OPA is used; --engine PATH names another"


class PushError(PushPolicyError):
    """The registry refused or failed before any tag was moved."""

    exit_code = EXIT_PUSH


class IncompleteError(PushPolicyError):
    """The image is in the repository by digest, but its record, verification or tag is not complete."""

    exit_code = EXIT_INCOMPLETE


class ReplayDiffersError(PushPolicyError):
    """A recorded decision, evaluated again, came out differently."""

    exit_code = EXIT_DIFFERS


class RecordError(PushPolicyError):
    """A record is absent, malformed, forged or not verifiable."""

    exit_code = EXIT_RECORD


class StoppedError(PushPolicyError):
    """Interrupted when it is no longer sure that no tag was moved."""

    exit_code = EXIT_INTERRUPTED


@contextmanager
def after_landing(step: str) -> Iterator[None]:
    """Turn a failure of a step that runs once the image is there by digest into IncompleteError.

    Args:
        step: what the step was doing, as it reads after "pushed by digest, but".
    """
    try:
        yield
    except (PushError, InputError) as error:
        raise IncompleteError(
            f"pushed by digest, but {step} failed: {error.message}",
            error.hint
            or "put right what is named; the next push decides anew, and sends only what is missing",
        ) from error
