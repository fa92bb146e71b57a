"""The token of a job: a secret until it ends, so it is never shown, stored or part of a message."""

from __future__ import annotations

from collections.abc import Mapping

from pushpolicy.errors import PushError
from pushpolicy.model.redacted import Redacted

# RFC 7519 sets no bound; GitHub's have 2 KiB, GitLab's with many groups 8.
MAX_TOKEN = 16 * 1024
REQUEST_URL, REQUEST_TOKEN = "ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"
# Of Google Cloud: fixed, so that no variable leads elsewhere ("About VM metadata").
METADATA = "http://metadata.google.internal"
# In which order they count; the first is for the token that a pipeline hands over by itself.
VARIABLES = ("PUSHPOLICY_ID_TOKEN", "CIRCLE_OIDC_TOKEN_V2")


class TokenError(PushError):
    """There is no token that can be believed; a push that needs none goes on."""


class NoTokenError(TokenError):
    """The job was given no token, nor where to ask for one."""


class Token(Redacted, frozen=True, kw_only=True):
    """An identity token as it came, not verified.

    Attributes:
        value: the token (RFC 7519, compact form).
        source: the variable that it came from, or that says where it was asked for; or who was asked.
        audience: what was asked for; None where it came from a variable.
    """

    hidden_fields = frozenset({"value"})

    value: str
    source: str
    audience: str | None = None

    @property
    def replayable(self) -> bool:
        """Whether another job may have left it here: nobody asked for it in this run."""
        return self.audience is None

    @property
    def secrets(self) -> frozenset[str]:
        """The token, and its signature, with which it could be put together again."""
        return frozenset({self.value, self.value.rpartition(".")[2]}) - {""}


def offered(environ: Mapping[str, str]) -> bool:
    """Whether the job has a token, or where to ask for one; asks nobody."""
    return any(environ.get(name) for name in (REQUEST_URL, *VARIABLES))
