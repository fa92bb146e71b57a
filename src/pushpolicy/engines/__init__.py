"""OPA, wherever it runs: as a process of this machine (`find_engine`), or as a server (`OpaServer`)."""

from __future__ import annotations

import os
from pathlib import Path

from pushpolicy.engines.interface import Compiler, Engine, Problem, Program, Session
from pushpolicy.engines.local import LocalOpa
from pushpolicy.engines.process import Limits
from pushpolicy.errors import EngineError, UsageError
from pushpolicy.files import is_file
from pushpolicy.model.text import printable

__all__ = [
    "Compiler",
    "Engine",
    "Limits",
    "LocalOpa",
    "Problem",
    "Program",
    "Session",
    "find_engine",
    "is_address",
]

_HINT = "install the companion wheel (pip install ./packages/opa), or give --engine PATH"


def find_engine(option: str | None = None, limits: Limits | None = None) -> LocalOpa:
    """The engine that `--engine` names, else the one of the companion wheel. PATH is never searched.

    Raises:
        UsageError: when the option names a server, which only decides.
        EngineError: when there is none.
    """
    if option is not None and is_address(option):
        raise UsageError(
            f"--engine {printable(option)}: a server only decides, and this command needs the opa program",
            "leave --engine out, or give the path of one; push, check and evaluate ask a server",
        )
    if option is not None:
        hint = "give the path of an opa program, or leave --engine out"
        return LocalOpa(_executable(Path(option), hint), limits=limits)
    try:
        import pushpolicy_opa
    except ModuleNotFoundError as error:
        raise EngineError("no OPA engine is installed", _HINT) from error
    return LocalOpa(
        _executable(pushpolicy_opa.binary(), _HINT),
        version=pushpolicy_opa.VERSION,
        sha256=pushpolicy_opa.SHA256,
        limits=limits,
    )


def is_address(option: str) -> bool:
    """Whether ``--engine`` names a server, and not a program."""
    return "://" in option


def _executable(path: Path, hint: str) -> Path:
    absolute = path.absolute()
    if not is_file(absolute) or not os.access(absolute, os.X_OK):
        raise EngineError(f"{path} is not an executable file", hint)
    return absolute
