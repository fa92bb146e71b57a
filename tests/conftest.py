"""Fixtures that every test may use: the engine, and a real registry of each kind."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.programs import missing
from tests.registries import Registry, distribution_registry, olareg_registry

# A runner may start us in the background, where signals are ignored; what the tests start would inherit that.
if threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


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
