"""Connections that are opened before they are needed: only to a server that answers late."""

from __future__ import annotations

import threading
import time

import pytest

from pushpolicy.http import connections
from pushpolicy.http.parallel import each
from pushpolicy.registry import RepositoryClient
from tests.clients import client_of
from tests.fake_registry import Answered, Asked, fake_registry


def connections_after(client: RepositoryClient, seconds: float) -> int:
    """How many lie ready after a while, once one request was made."""
    client.resolve("1.0")
    client.prepare()
    until = time.monotonic() + seconds
    while len(idle(client)) < 16 and time.monotonic() < until:
        time.sleep(0.01)
    return len(idle(client))


def idle(client: RepositoryClient) -> list[object]:
    kept = client.api._connections._idle  # type: ignore[attr-defined]
    return [connection for connections in kept.values() for connection in connections]


def look(client: RepositoryClient, times: int) -> None:
    """At a tag, so many times at once."""

    def one(tag: str) -> None:
        client.resolve(tag)

    each(one, ["1.0"] * times, distant=True)


def test_a_distant_registry_is_connected_to_ahead() -> None:
    def late(_: Asked) -> Answered:
        time.sleep(0.05)
        return Answered(status=404)

    with fake_registry(late) as registry:
        assert connections_after(client_of(registry.host, plain_http=True), 5) == 16


def test_a_near_one_is_not() -> None:
    with fake_registry(lambda _: Answered(status=404)) as registry:
        client = client_of(registry.host, plain_http=True)
        client.api._connections.quickest = 0.001  # type: ignore[attr-defined]
        assert connections_after(client, 0.1) == 1


def test_one_on_its_way_is_waited_for_rather_than_another_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    connect, opened = connections._connect, list[object]()

    def slow(*given: object) -> object:
        opened.append(given)
        time.sleep(0.1)
        return connect(*given)  # type: ignore[arg-type]

    def late(_: Asked) -> Answered:
        time.sleep(0.05)
        return Answered(status=404)

    monkeypatch.setattr(connections, "_connect", slow)
    with fake_registry(late) as registry:
        client = client_of(registry.host, plain_http=True)
        client.resolve("1.0")
        client.prepare()
        look(client, 16)
    assert len(opened) == 16


def test_one_that_does_not_come_is_not_waited_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    end = threading.Event()

    def never(*_: object) -> object:
        end.wait(30)
        raise OSError("nobody is there")

    with fake_registry(lambda _: Answered(status=404)) as registry, monkeypatch.context() as patch:
        client = client_of(registry.host, plain_http=True)
        client.resolve("1.0")
        client.api._connections.quickest = 0.05  # type: ignore[attr-defined]
        patch.setattr(connections, "_connect", never)
        client.prepare()
        patch.undo()
        before = time.monotonic()
        look(client, 2)
        end.set()
        assert time.monotonic() - before < 5
