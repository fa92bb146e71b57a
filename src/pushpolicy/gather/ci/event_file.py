"""The payload of an event, in the file that a CI system hands to its jobs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import msgspec

from pushpolicy.gather.ci.readings import CiError
from pushpolicy.model import strict_json
from pushpolicy.reports.file import open_report
from pushpolicy.reports.format import ReportError
from pushpolicy.reports.parsing.values import text

_MAX_SIZE = 32 * 1024 * 1024


class Payload(msgspec.Struct, frozen=True):
    """What was read of it; `unreadable` says why nothing was."""

    content: Mapping[str, Any] = {}
    unreadable: str = ""

    @classmethod
    def read(cls, variable: str | None, environ: Mapping[str, str]) -> Self:
        """Read the file that a variable names; one that is not there says nothing (in a container, often).

        Raises:
            CiError: when there is one, and it is no JSON that every program reads alike.
        """
        path = environ.get(variable) if variable else None
        if not path or not os.path.lexists(path):
            return cls(
                unreadable=f"{variable} names no file that is there" if path else f"{variable} is not set"
            )
        try:
            with open_report(Path(path), _MAX_SIZE) as file:
                content = strict_json.read(file.utf8())
        except ReportError as error:
            raise CiError(f"the event file: {error}") from error
        except ValueError as error:
            raise CiError(f"the event file {error}") from error
        if not isinstance(content, dict):
            raise CiError("the event file holds no object")
        return cls(content)

    def at(self, path: str) -> Any:
        """The value at a path, None where there is none."""
        value: Any = self.content
        for key in path.split("."):
            value = value.get(key) if isinstance(value, dict) else None
        return value

    def text_at(self, path: str) -> str | None:
        """A text, number or truth at a path as text; None for anything else."""
        value = self.at(path)
        if isinstance(value, bool):
            return str(value).lower()
        return text(str(value)) if isinstance(value, str | int) else None
