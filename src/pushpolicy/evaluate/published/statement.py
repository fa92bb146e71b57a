"""What is signed about a policy artifact: which policy it is, how new, until when, and of which bytes."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final, Literal, Self

import msgspec

from pushpolicy.model import canonical, strict_json
from pushpolicy.model.digest import Digest
from pushpolicy.model.document import Exact
from pushpolicy.model.text import printable

SCHEMA: Final = "pushpolicy.policy-statement/v1"
NAME = r"^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?\Z"
MAX_SEQUENCE = 2**53 - 1
_SHAPE = strict_json.Shape(dict.fromkeys(("schema", "name", "sequence", "bundle", "expires")))


class PolicyStatement(Exact, frozen=True):
    """A statement about one bundle.

    Attributes:
        bundle: the digest of the bundle, ``sha256:...``.
        name: of the policy; a key signs for the names that ``--policy-key FILE=NAME`` gives it.
        sequence: larger for each release of it.
        expires: RFC 3339 time from which it is not to be used; None for no end.
    """

    bundle: str
    name: Annotated[str, msgspec.Meta(pattern=NAME)]
    sequence: Annotated[int, msgspec.Meta(ge=1, le=MAX_SEQUENCE)]
    expires: str | None = None
    schema: Literal["pushpolicy.policy-statement/v1"] = SCHEMA

    @classmethod
    def of(cls, bundle: bytes, name: str, sequence: int, expires: str | None) -> Self:
        """The statement about a bundle.

        Raises:
            ValueError: when name, sequence or time has another form.
        """
        return cls.read(cls(str(Digest.of(bundle)), name, sequence, expires).encoded())

    def encoded(self) -> bytes:
        """The bytes that are signed."""
        value: dict[str, Any] = msgspec.to_builtins(self)
        return canonical.encode({**value, "schema": SCHEMA})

    @classmethod
    def read(cls, content: bytes) -> Self:
        """Read what was signed, and verified before.

        Raises:
            ValueError: when it is not exactly a statement; the message reads on after its name.
        """
        value = strict_json.read(content, _SHAPE)
        if not isinstance(value, dict) or value.get("schema") != SCHEMA:
            raise ValueError(f"is no {SCHEMA}")
        try:
            statement = msgspec.convert(value, cls)
            Digest.parse(statement.bundle)
            statement.end()
        except ValueError as error:  # msgspec's too
            raise ValueError(f"is malformed: {printable(str(error), 200)}") from error
        if statement.encoded() != content:
            raise ValueError("is not canonical JSON")
        return statement

    def end(self) -> datetime | None:
        """When it expires.

        Raises:
            ValueError: when that is no time with a zone.
        """
        if self.expires is None:
            return None
        end = datetime.fromisoformat(self.expires)
        if end.tzinfo is None:
            raise ValueError(f"expires: {self.expires} has no zone")
        return end
