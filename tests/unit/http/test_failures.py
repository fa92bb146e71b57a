"""Why there was no answer."""

from __future__ import annotations

import http.client
import socket
import ssl

import pytest
import requests

from pushpolicy.http.failures import no_answer


@pytest.mark.parametrize(
    ("cause", "said", "transient"),
    [
        (ConnectionRefusedError(111, "refused"), "refuses connections", True),
        (ConnectionResetError(104, "reset"), "broke", True),
        (TimeoutError("late"), "does not answer in time", True),
        (socket.gaierror(socket.EAI_NONAME, "unknown"), "is not found by its name", False),
        (socket.gaierror(socket.EAI_AGAIN, "again"), "is not found by its name", True),
        (ssl.SSLEOFError(8, "EOF occurred"), "broke", True),
        (OSError(113, "no route"), "cannot be reached", True),
    ],
)
def test_causes_below_what_the_library_raises(cause: OSError, said: str, transient: bool) -> None:
    error = requests.ConnectionError(requests.Timeout("wrapped"))
    error.__cause__ = cause
    found = no_answer("example.org/app: upload", "example.org", error)
    assert said in found.failure.message
    assert found.transient is transient


def test_a_header_is_not_quoted() -> None:
    error = requests.exceptions.InvalidHeader("Invalid header value: 'Bearer hidden'")
    found = no_answer("x", "example.org", error)
    assert "hidden" not in found.failure.message
    assert "InvalidHeader" in found.failure.message


@pytest.mark.parametrize(
    ("error", "hint"),
    [
        (http.client.BadStatusLine("hello"), "speaks no HTTP"),
        (http.client.HTTPException("the head of the answer is malformed"), "speaks no HTTP"),
        (http.client.IncompleteRead(b"", 9), "try again later"),
        (http.client.RemoteDisconnected("the connection was closed without an answer"), "try again later"),
        (ConnectionResetError("the answer was cut off"), "try again later"),
        (OSError("Tunnel connection failed: 407 Proxy Authentication Required"), "USER:PASSWORD@HOST"),
        (OSError("Tunnel connection failed: 403 Forbidden"), "let this host through"),
        (OSError("Tunnel connection failed: 503 Service Unavailable"), "that the proxy runs"),
    ],
)
def test_what_is_advised_fits_the_cause(error: Exception, hint: str) -> None:
    found = no_answer("x", "example.org", error)
    assert hint in (found.failure.hint or "")
    assert found.transient == ("Tunnel connection failed: 4" not in str(error))
