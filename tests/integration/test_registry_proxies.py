"""Registries that are reached through a proxy: in the clear, by a tunnel, and by TLS within TLS."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from pushpolicy.errors import PushError, UsageError
from pushpolicy.http.proxies import Proxies
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.registry.credentials import Credential
from pushpolicy.registry.credentials.credential import SourceKind
from tests.certificates import Certificates, make_certificates
from tests.clients import client_of
from tests.connect_proxy import connect_proxy
from tests.fake_registry import Answered, FakeRegistry, fake_registry
from tests.judged import make_image

QUICK: dict[str, Any] = {"attempts": 2, "first_pause": 0.01, "read_timeout": 5.0}
MANIFEST = make_image().top
CONTENT = bytes(range(256)) * 1000
BLOB = Descriptor.of(CONTENT, "application/octet-stream")
LOGIN = b"Proxy-Authorization: Basic " + b64encode(b"user:word")


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return make_certificates(tmp_path)


@pytest.fixture
def registry(certificates: Certificates) -> Iterator[FakeRegistry]:
    """Serves one manifest and one blob over TLS, to who has the password."""
    kind = {"Content-Type": MANIFEST.media_type}

    def answer(asked: Any) -> Answered:
        if asked.headers.get("Authorization") is None:
            return Answered(status=401, headers={"WWW-Authenticate": 'Basic realm="x"'})
        if "/blobs/" in asked.path:
            return Answered(body=CONTENT)
        return Answered(headers=kind, body=MANIFEST.content)

    with fake_registry(answer, certificates) as running:
        yield running


def options(certificates: Certificates, proxy: str) -> dict[str, Any]:
    password = Credential(source_kind=SourceKind.STDIN, username="bot", secret="registry-password")
    proxies = Proxies.from_environ({"https_proxy": proxy, "http_proxy": proxy})
    return {**QUICK, "ca_file": certificates.authority, "credential": password, "proxies": proxies}


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_tunnel(registry: FakeRegistry, certificates: Certificates, scheme: str) -> None:
    with connect_proxy(registry.host, certificates if scheme == "https" else None) as proxy:
        repository = client_of(
            "tunnelled.invalid", **options(certificates, f"{scheme}://user:word@{proxy.host}")
        )
        assert repository.resolve("v1") == MANIFEST
        assert b"".join(repository.read_blob(BLOB)) == CONTENT
        assert len(proxy.heads) == 1, "the tunnel is kept"
        (head,) = proxy.heads
    assert head.startswith(b"CONNECT tunnelled.invalid:443 HTTP/1.")
    assert LOGIN in head
    assert b"registry-password" not in head
    assert {asked.headers.get("Proxy-Authorization") for asked in registry.asked} == {None}
    assert {asked.headers["Host"] for asked in registry.asked} == {"tunnelled.invalid"}


def test_a_tunnel_is_written_through(certificates: Certificates) -> None:
    stored: list[bytes] = []

    def answer(asked: Any) -> Answered:
        stored.append(asked.body)
        if asked.method == "HEAD":
            return Answered(status=404)
        where = {"Location": "/v2/team/app/blobs/uploads/1"}
        return Answered(status=202 if asked.method == "POST" else 201, headers=where)

    with fake_registry(answer, certificates) as registry, connect_proxy(registry.host, certificates) as proxy:
        repository = client_of("tunnelled.invalid", **options(certificates, f"https://{proxy.host}"))
        repository.put_blob(BLOB, lambda: BytesIO(CONTENT))
    assert CONTENT in stored


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_plain_http(certificates: Certificates, scheme: str) -> None:
    found = Answered(headers={"Content-Type": MANIFEST.media_type}, body=MANIFEST.content)
    with fake_registry(lambda _: found, certificates if scheme == "https" else None) as proxy:
        given = options(certificates, f"{scheme}://user:word@{proxy.host}") | {"plain_http": True}
        assert client_of("tunnelled.invalid:5000", **given).resolve("v1") == MANIFEST
        (asked,) = proxy.asked
        assert asked.path == "http://tunnelled.invalid:5000/v2/team/app/manifests/v1"
        assert asked.headers["Host"] == "tunnelled.invalid:5000"
        assert asked.headers["Proxy-Authorization"] == "Basic dXNlcjp3b3Jk"


def test_a_proxy_of_plain_http_is_shown_no_credential(certificates: Certificates) -> None:
    refused = Answered(status=401, headers={"WWW-Authenticate": 'Basic realm="x"'})
    with fake_registry(lambda _: refused) as proxy:
        given = options(certificates, f"http://{proxy.host}") | {"plain_http": True}
        with pytest.raises(UsageError, match="would be shown to the proxy"):
            client_of("tunnelled.invalid:5000", **given).resolve("v1")
        assert [asked.headers.get("Authorization") for asked in proxy.asked] == [None]


def test_this_machine_is_reached_directly() -> None:
    found = Answered(headers={"Content-Type": MANIFEST.media_type}, body=MANIFEST.content)
    proxies = Proxies.from_environ({"http_proxy": "http://127.0.0.1:1"})
    with fake_registry(lambda _: found) as registry:
        given = {**QUICK, "plain_http": True, "proxies": proxies}
        assert client_of(registry.host, **given).resolve("v1") == MANIFEST
        assert registry.asked[-1].path == "/v2/team/app/manifests/v1"


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("plain_http", [True, False])
def test_a_proxy_that_is_not_there(certificates: Certificates, scheme: str, plain_http: bool) -> None:
    given = options(certificates, f"{scheme}://user:word@127.0.0.1:1") | {"plain_http": plain_http}
    with pytest.raises(PushError, match=r"the proxy 127\.0\.0\.1:1 refuses connections") as raised:
        client_of("registry.invalid", **given).resolve("v1")
    assert "word" not in str(raised.value)
    assert raised.value.hint is not None
    assert "HTTPS_PROXY" in raised.value.hint


@pytest.mark.parametrize("plain_http", [True, False])
def test_a_proxy_whose_certificate_is_not_trusted(certificates: Certificates, plain_http: bool) -> None:
    with connect_proxy("registry.invalid:443", certificates) as proxy:
        proxies = Proxies.from_environ({"all_proxy": f"https://{proxy.host}"})
        given = {**QUICK, "proxies": proxies, "plain_http": plain_http}
        with pytest.raises(PushError, match=f"the certificate of the proxy {proxy.host} is not trusted"):
            client_of("registry.invalid", **given).resolve("v1")


REFUSALS = {
    "login": (
        b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n",
        "does not lead to tunnelled.invalid (407 Proxy Authentication Required) "
        "put user and password into the proxy's address",
    ),
    "forbidden": (
        b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n",
        "let this host through",
    ),
    "gateway": (b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n", "that the proxy runs"),
    "nonsense": (b"hello\r\n", "broke"),
}


@pytest.mark.parametrize(("refusal", "said"), REFUSALS.values(), ids=REFUSALS)
def test_a_proxy_that_refuses(
    registry: FakeRegistry, certificates: Certificates, refusal: bytes, said: str
) -> None:
    with connect_proxy(registry.host, refusal=refusal) as proxy:
        repository = client_of("tunnelled.invalid", **options(certificates, f"http://user:word@{proxy.host}"))
        with pytest.raises(PushError, match=r"tunnelled\.invalid") as raised:
            repository.resolve("v1")
    assert said in f"{raised.value.message} {raised.value.hint}"
    assert "user:word" not in str(raised.value)
    assert registry.asked == []
