"""The programs that the tests run: built from tests/tools by `make test`, or of the system's packages."""

from __future__ import annotations

import functools
import os
import shutil
import sys
from pathlib import Path
from typing import NoReturn

import pytest

# pytest has it on its path; a program such as bench or tests.faults has not.
sys.path.append(str(Path(__file__).parent.parent / "packages/opa"))
import gotool

TOOLS = Path(__file__).parent / "tools"


@functools.cache
def built(name: str, tools: Path = TOOLS) -> Path | None:
    """The program of tests/tools/NAME as `make tools` built it; None before that."""
    found = gotool.cached(tools / name)
    return found.path if found else None


def go(name: str, tools: Path = TOOLS) -> Path | None:
    """The Go that can build tests/tools/NAME; None without one."""
    return gotool.find_go(gotool.minimum_go(tools / name))


def tool(name: str) -> Path:
    """The built program of tests/tools/NAME; without it the test is skipped, or fails in CI."""
    program = built(name)
    if program is None:
        missing(f"{name} is not built; run `make {'builders' if name.startswith('builders/') else 'tools'}`")
    return program


def installed(name: str, package: str) -> str:
    """A program of the system's packages; without it the test is skipped, or fails in CI."""
    return shutil.which(name) or missing(f"{name} is not installed; run `apt-get install {package}`")


def optional(name: str) -> str:
    """A program that no registry of packages has; without it the test is skipped, in CI too."""
    return shutil.which(name) or pytest.skip(f"{name} is not on PATH, and cannot be had from packages")


def missing(reason: str) -> NoReturn:
    """Skip the test that needs what is missing; in CI nothing may be missing."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
