"""A checkout that is ready to be pushed: committed, built, tested, scanned; in a job for a push to main."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from msgspec import structs

from pushpolicy.demo import project
from pushpolicy.demo.shell import Shell
from pushpolicy.model import canonical

IMAGE, TARGET = "oci:image", "oci:registry:1.0.0"
JUNIT = """<?xml version="1.0"?>
<testsuite name="unit" tests="2" failures="0" errors="0" skipped="0">
  <testcase classname="test_status" name="test_page" time="0.01"/>
  <testcase classname="test_status" name="test_ping" time="0.02"/>
</testsuite>
"""


@dataclass(frozen=True, kw_only=True)
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """Standard output as a document."""
        value: dict[str, Any] = canonical.decode(self.out.encode())
        return value

    def complaint(self) -> str:
        """The one line of an expected failure, which is never a traceback and always printable."""
        complaints = [line for line in self.err.splitlines() if line.startswith("pushpolicy: ")]
        assert len(complaints) == 1, self.err
        assert "Traceback" not in self.err
        assert harmless(self.err)
        return complaints[0].removeprefix("pushpolicy: ")

    def hint(self) -> str:
        """What to do about it: the line after the complaint, empty without one."""
        return next((line[5:] for line in self.err.splitlines() if line.startswith("  -> ")), "")


def harmless(text: str) -> bool:
    """Whether a terminal would do nothing but show it."""
    return all(char == "\n" or char.isprintable() for char in text)


@dataclass(frozen=True, kw_only=True)
class Workspace:
    """A folder and the environment of its job.

    Attributes:
        run: runs a command line of pushpolicy here, in this process.
    """

    folder: Path
    environ: Mapping[str, str] = field(repr=False)
    run_here: Callable[[Workspace, tuple[str, ...]], Ran] = field(repr=False)

    def run(self, *arguments: str) -> Ran:
        """Run pushpolicy in this process."""
        return self.run_here(self, arguments)

    def push(self, *options: str, image: str = IMAGE, target: str = TARGET) -> Ran:
        """Run `pushpolicy push`."""
        return self.run("push", image, target, *options)

    def shell(self, command: str, *more: str) -> Ran:
        """Run a command line as a reader copies it, in this process."""
        program, *arguments = shlex.split(command)
        assert program == "pushpolicy"
        return self.run(*arguments, *more)

    def start(self, *arguments: str, **options: Any) -> subprocess.Popen[bytes]:
        """Start pushpolicy as a process of its own."""
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "pushpolicy", *arguments],
            cwd=self.folder,
            env=dict(self.environ),
            **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options},
        )

    def with_variables(self, **variables: str) -> Self:
        """The same with more variables."""
        return replace(self, environ={**self.environ, **variables})

    def path(self, name: str) -> Path:
        """A path in the folder; the folders above it exist."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def write(self, name: str, content: str | bytes) -> Path:
        """Write a file, which git does not track."""
        path = self.path(name)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def committed(self, name: str, content: str | bytes) -> Self:
        """Write a file and commit it, and build, scan and label the image from that commit."""
        self.write(name, content)
        version = structs.replace(project.FIXED, message=f"Write {name}")
        shell = project.prepare(Shell.of(self.folder, self.environ), version)
        return replace(self, environ={**self.environ, **shell.environ})

    @property
    def published(self) -> bool:
        """Whether the target holds anything."""
        return (self.folder / "registry").exists()


def build(folder: Path) -> Shell:
    """The demo's project once its flaws are fixed, with the report of its tests; some tenths of a second."""
    shell = Shell.of(folder, os.environ)
    project.create(shell)
    for version in (project.FIRST, project.FIXED):
        shell = project.prepare(shell, version)
    (folder / "reports" / "junit.xml").write_text(JUNIT)
    return shell


def copied(shell: Shell, place: Path) -> tuple[Path, dict[str, str]]:
    """A copy of the project under `place`, and the environment of a job there, with a home of its own."""
    folder = place / "project"
    shutil.copytree(shell.folder, folder, symlinks=True)
    for name in ("home", "tmp"):
        (place / name).mkdir()
    own = {"HOME": place / "home", "TMPDIR": place / "tmp", "GITHUB_WORKSPACE": folder}
    return folder, {**shell.environ, **{name: str(path) for name, path in own.items()}}


def fail_a_test(place: Workspace) -> None:
    """Let the report say that a test failed: the shipped policies deny."""
    case = '<testcase classname="test_status" name="test_ping" time="0.02"/>'
    failed = case.replace("/>", '><failure message="no answer"/></testcase>')
    place.write("reports/junit.xml", JUNIT.replace(case, failed))
