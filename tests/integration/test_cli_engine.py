"""`--engine URL`: push, check and evaluate with an OPA server; what is said, and each wrong use."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pushpolicy import errors
from pushpolicy.engines import LocalOpa
from pushpolicy.evaluate import PACK, load_policy
from pushpolicy.evaluate.program import server_bundle
from tests.opa_servers import TOKEN, OpaServer, opa_server
from tests.workspace import TARGET, Workspace, fail_a_test


@pytest.fixture(scope="module")
def server(opa: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpaServer]:
    """It speaks TLS and asks for a token."""
    bundle = server_bundle(load_policy([PACK], LocalOpa(opa)))
    with opa_server(opa, tmp_path_factory.mktemp("opa"), bundle, tls=True, token=True) as running:
        yield running


@pytest.fixture
def place(workspace: Workspace) -> Workspace:
    return workspace.with_variables(PUSHPOLICY_OPA_TOKEN=TOKEN, **workspace.environ)


@pytest.fixture
def without_opa(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where the companion wheel is not installed."""
    monkeypatch.setitem(sys.modules, "pushpolicy_opa", None)
    monkeypatch.setattr("pushpolicy.cli.engine.find_spec", lambda name: None)


def asking(server: OpaServer) -> tuple[str, ...]:
    assert server.certificates
    return "--engine", server.url, "--engine-ca-file", str(server.certificates.authority)


def test_a_push_that_a_server_confirms(place: Workspace, server: OpaServer) -> None:
    ran = place.push(*asking(server))
    assert ran.code == errors.EXIT_OK, ran.out + ran.err
    assert f"confirmed by the server {server.url}" in ran.out
    assert "(anchored)" in ran.out
    shown = place.run("audit", "show", TARGET)
    assert f"confirmed by the server {server.url}" in shown.out
    assert "not anchored" not in shown.out
    assert place.run("audit", "replay", TARGET).code == errors.EXIT_OK


@pytest.mark.usefixtures("without_opa")
def test_a_push_that_only_a_server_decided(place: Workspace, server: OpaServer, opa: Path) -> None:
    ran = place.push(*asking(server), "--format", "json", "--format", "text=report.txt")
    assert ran.code == errors.EXIT_OK, ran.out + ran.err
    said = json.loads(ran.out)
    assert said["engine"] == {
        "name": "opa",
        "version": "1.22.2",
        "hermeticity": "delegated",
        "server": server.url,
    }
    assert said["policy"]["anchored"] is False
    text = (place.folder / "report.txt").read_text()
    assert f"delegated: only the server {server.url}" in text
    assert f"delegated: evaluated by {server.url}, and by no OPA of this machine" in text
    shown = place.run("audit", "show", TARGET)
    first = shown.out.splitlines()[0]
    assert f"delegated: only {server.url} evaluated the policy" in first
    assert "not anchored" in first
    replayed = place.run("audit", "replay", TARGET, "--engine", str(opa))
    assert replayed.code == errors.EXIT_OK, replayed.out + replayed.err
    listed = json.loads(place.run("audit", "list", TARGET, "--format", "json").out)
    assert "delegated" in json.dumps(listed)


def test_a_denial_says_how_it_is_reproduced(place: Workspace, server: OpaServer) -> None:
    fail_a_test(place)
    ran = place.push(*asking(server))
    assert ran.code == errors.EXIT_DENIED, ran.out + ran.err
    (line,) = (line for line in ran.out.splitlines() if line.startswith("reproduce: "))
    words = line.removeprefix("reproduce: pushpolicy ").split()
    assert words[2:] == list(asking(server))
    again = place.run(*words)
    assert again.code == errors.EXIT_DENIED, again.out + again.err
    assert f"confirmed by the server {server.url}" in again.out
