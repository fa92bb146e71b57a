"""Connections that are kept, when several threads come for them at once."""

from __future__ import annotations

import socket

import pytest

from pushpolicy.http import connections
from pushpolicy.http.connections import Connections
from pushpolicy.http.settings import Settings
from pushpolicy.http.tls import TlsContexts
from tests.fake_registry import Answered, fake_registry


def test_what_one_thread_closes_no_other_thread_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request fails, and closes what is kept, while another thread looks whether its own has ended."""
    looked = connections._has_ended

    def ends_meanwhile(sock: socket.socket) -> bool:
        monkeypatch.setattr(connections, "_has_ended", looked)
        with pytest.raises(ValueError, match="method"):
            kept.send("GET\n", url, {}, None)
        return True

    with fake_registry(lambda _: Answered(status=404)) as registry:
        url = f"http://{registry.host}/v2/"
        kept = Connections(Settings(), TlsContexts(Settings()), lambda _: True)
        for answer in [kept.send("GET", url, {}, None) for _ in range(3)]:
            answer.read(1)
        monkeypatch.setattr(connections, "_has_ended", ends_meanwhile)
        answer = kept.send("GET", url, {}, None)
        answer.close()
    assert answer.status == 404
