"""Connections that are opened before they are needed: only to a server that answers late."""

from __future__ import annotations

import time

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
