"""Fixtures for tests of the command line: a project that is ready to be pushed, one copy for each test."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from pushpolicy.cli.main import main
from pushpolicy.demo.shell import Shell
from tests import workspace as workspaces
from tests.workspace import Ran, Workspace


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """The project, built once; never changed."""
    return workspaces.build(tmp_path_factory.mktemp("project"))


@pytest.fixture
def workspace(
    project: Shell,
    opa: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Workspace:
    """A copy of the project; `run` runs commands in it, in this process."""

    def run(place: Workspace, arguments: tuple[str, ...]) -> Ran:
        with monkeypatch.context() as patch:
            patch.chdir(place.folder)
            for name in set(os.environ) - set(place.environ):
                patch.delenv(name)
            for name, value in place.environ.items():
                patch.setenv(name, value)
            patch.setattr(tempfile, "tempdir", place.environ.get("TMPDIR"))
            capsys.readouterr()
            code = main(arguments)
            out, err = capsys.readouterr()
        return Ran(code=code, out=out, err=err)

    folder, environ = workspaces.copied(project, tmp_path)
    return Workspace(folder=folder, environ=environ, run_here=run)
