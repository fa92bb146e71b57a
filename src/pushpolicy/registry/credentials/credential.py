"""The credential a push shows to the registry, with how it was found; its value is never shown."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from pushpolicy.model.redacted import Redacted
from pushpolicy.model.text import printable


class SourceKind(StrEnum):
    """Where a credential was found."""

    ANONYMOUS = "anonymous"
    VARIABLE = "variable"
    STDIN = "stdin"
    FILE = "file"
    HELPER = "helper"
    LOGIN = "login"


class Credential(Redacted, frozen=True, kw_only=True):
    """What to show to one registry; exactly one of the three secrets is set unless it is anonymous.

    Attributes:
        source_kind: where it was found.
        username: the user it belongs to; None for tokens.
        secret: the password of that user.
        identity_token: an OAuth2 refresh token (docker's ``identitytoken``).
        registry_token: a bearer token, shown as it is (docker's ``registrytoken``).
        variable: the environment variable that holds it: a password, or a whole configuration. Of an
            anonymous one: the variable that could have held it, and is set to nothing.
        helper: the suffix of the credential helper that gave it (``ecr-login``).
        path: the configuration file that holds it, or that names the helper.
        key: the entry of that file that it was found under.
        login: the NAME of ``--login`` that it was obtained by in this run.
    """

    hidden_fields = frozenset({"secret", "identity_token", "registry_token"})

    source_kind: SourceKind
    username: str | None = None
    secret: str | None = None
    identity_token: str | None = None
    registry_token: str | None = None
    variable: str | None = None
    helper: str | None = None
    path: Path | None = None
    key: str | None = None
    login: str | None = None

    @property
    def is_anonymous(self) -> bool:
        """Whether there is nothing to show."""
        return self.source_kind is SourceKind.ANONYMOUS

    @property
    def origin(self) -> str:
        """Whose it is and where it comes from, as a message says it; never its value. Empty for none."""
        if self.is_anonymous:
            return ""
        helper = f"docker-credential-{self.helper}" if self.helper else None
        login = f"--login {self.login}" if self.login else None
        place = helper or self.path or self.variable or login or "standard input"
        whose = f"the credential of {self.username}" if self.username else "a token"
        return printable(f"{whose} from {place}", 200)

    @property
    def secrets(self) -> tuple[str, ...]:
        """The secret values, for the search that keeps them out of records and logs."""
        values = (self.secret, self.identity_token, self.registry_token)
        return tuple(value for value in values if value)


ANONYMOUS = Credential(source_kind=SourceKind.ANONYMOUS)
