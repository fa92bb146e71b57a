"""Fixtures that every test may use: the engine, real registries, and a project that can be pushed."""

from __future__ import annotations

import os
import signal
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from pushpolicy import budget
from pushpolicy.cli.main import main
from pushpolicy.demo.shell import Shell
from tests import workspace as workspaces
from tests.keys import key
from tests.programs import missing
from tests.registries import Registry, distribution_registry, olareg_registry
from tests.workspace import Ran, Workspace

_FRESH = 150_000_000  # bytes of a process that has imported most of pushpolicy

# A runner may start us in the background, where signals are ignored; what the tests start would inherit that.
if threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(autouse=True)
def _memory_of_this_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the budget of a run in this process count from what a fresh one takes.

    Thousands of tests leave hundreds of megabytes in a worker, and a run's limit would be what they left.
    """
    real = budget.resident
    if (left := real() - _FRESH) > 0:
        monkeypatch.setattr(budget, "resident", lambda: real() - left)


@pytest.fixture(scope="session")
def opa() -> Path:
    """The pinned OPA of the companion wheel."""
    try:
        import pushpolicy_opa
    except ModuleNotFoundError:
        missing("pushpolicy-opa is not installed; run `pip install ./packages/opa`")
    return pushpolicy_opa.binary()


@pytest.fixture
def distribution(tmp_path: Path) -> Iterator[Registry]:
    """A distribution registry without authentication: no referrers API."""
    with distribution_registry(tmp_path / "distribution") as registry:
        yield registry


@pytest.fixture
def olareg(tmp_path: Path) -> Iterator[Registry]:
    """An olareg registry without authentication: with the referrers API."""
    with olareg_registry(tmp_path / "olareg") as registry:
        yield registry


@pytest.fixture(params=["distribution", "olareg"])
def any_registry(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Registry]:
    """One registry of each kind in turn."""
    start = {"distribution": distribution_registry, "olareg": olareg_registry}[request.param]
    with start(tmp_path / "registry") as registry:
        yield registry


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

    # No run here asks Google's own, wherever the tests run.
    monkeypatch.setattr("pushpolicy.cli.identity.METADATA", "http://127.0.0.1:1")
    folder, environ = workspaces.copied(project, tmp_path)
    return Workspace(folder=folder, environ=environ, run_here=run)


@pytest.fixture
def private(workspace: Workspace) -> Path:
    """The file of a key, beside the checkout."""
    folder = workspace.folder.parent / "keys"
    folder.mkdir(mode=0o700)
    file = folder / "ci.key"
    file.write_bytes(key().private_pem())
    file.chmod(0o600)
    return file
