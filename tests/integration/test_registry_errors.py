"""What users read when a registry refuses: its own words, and what to do. A row per refusal."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pushpolicy.errors import PushError
from pushpolicy.model.descriptor import Descriptor
from tests.clients import client, client_of
from tests.fake_registry import Answered, Asked, fake_registry
from tests.layouts import of_bytes
from tests.registries import distribution_registry

CONTENT = b"x" * 200_000
BLOB = Descriptor.of(CONTENT, "application/octet-stream")
NGINX = b"<html><head><title>413 Request Entity Too Large</title></head><body>nginx</body></html>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """An answer as that registry gives it, and what must be read of it."""

    status: int
    body: bytes
    said: str
    hint: str


def words(code: str, message: str, detail: object = None) -> bytes:
    return json.dumps({"errors": [{"code": code, "message": message, "detail": detail}]}).encode()


FULL = "filesystem: write /var/lib/registry/docker/registry/v2/repositories/team/app: no space left on device"
UPPER = (
    "adding 5.0 MiB of storage resource, which when updated to current usage of 9.0 MiB will exceed the "
    "configured upper limit of 10.0 MiB."
)
TABLE = {
    "401, distribution": Row(
        status=401,
        body=words("UNAUTHORIZED", "authentication required"),
        said="401 Unauthorized: UNAUTHORIZED: authentication required",
        hint="log in",
    ),
    "403, Docker Hub": Row(
        status=403,
        body=words("DENIED", "requested access to the resource is denied"),
        said="DENIED: requested access to the resource is denied",
        hint="permission to push",
    ),
    "403, GitHub": Row(
        status=403,
        body=words("DENIED", "permission_denied: write_package"),
        said="permission_denied: write_package",
        hint="permission to push",
    ),
    "404, ECR has no such repository": Row(
        status=404,
        body=words("NAME_UNKNOWN", "The repository with name 'team/app' does not exist in the registry"),
        said="does not exist in the registry",
        hint="created first",
    ),
    "404, Harbor has no such project": Row(
        status=404,
        body=words("NOT_FOUND", "project team not found"),
        said="project team not found",
        hint="created first",
    ),
    "405, a mirror": Row(
        status=405,
        body=words("UNSUPPORTED", "The operation is unsupported."),
        said="405 Method Not Allowed: UNSUPPORTED",
        hint="takes no pushes",
    ),
    "413, nginx": Row(status=413, body=NGINX, said="the registry answered 413", hint="limits the size"),
    "429, Docker Hub": Row(
        status=429,
        body=words("TOOMANYREQUESTS", "You have reached your pull rate limit."),
        said="429 Too Many Requests: TOOMANYREQUESTS: You have reached",
        hint="rate of requests",
    ),
    "429, Google's request quota": Row(
        status=429,
        body=words("DENIED", "Quota exceeded for quota metric 'Requests per project'"),
        said="Quota exceeded",
        hint="rate of requests",
    ),
    "quota, Harbor": Row(
        status=403, body=words("DENIED", UPPER), said="upper limit of 10.0 MiB", hint="quota"
    ),
    "quota, Quay": Row(
        status=403,
        body=words("DENIED", "Quota has been exceeded on namespace"),
        said="Quota has been exceeded",
        hint="quota of this repository",
    ),
    "storage full, distribution": Row(
        status=500,
        body=words("UNKNOWN", "unknown error", FULL),
        said="no space left on device",
        hint="storage of the registry is full",
    ),
    "storage full, by status": Row(
        status=507, body=b"", said="507 Insufficient Storage", hint="storage of the registry is full"
    ),
    "an immutable tag, ECR": Row(
        status=400,
        body=words("TAG_INVALID", "The image tag '1.0' already exists and cannot be overwritten: immutable."),
        said="TAG_INVALID: The image tag '1.0' already exists",
        hint="another tag",
    ),
    "an immutable tag, Harbor": Row(
        status=412,
        body=words("PRECONDITION", "Failed to process request due to 'app:1.0' configured as immutable."),
        said="configured as immutable",
        hint="another tag",
    ),
}


@pytest.mark.parametrize("name", TABLE)
def test_an_upload_that_is_refused(name: str) -> None:
    row = TABLE[name]

    def answer(asked: Asked) -> Answered:
        if asked.method == "HEAD":
            return Answered(status=404)
        return Answered(status=row.status, body=row.body)

    with fake_registry(answer) as registry:
        with pytest.raises(PushError) as caught:
            client_of(registry.host, attempts=2, first_pause=0.01).put_blob(BLOB, of_bytes(CONTENT))
        assert f"{registry.host}/team/app" in caught.value.message
    assert row.said in caught.value.message
    assert row.hint in (caught.value.hint or "")
    assert caught.value.message.isprintable()


def test_a_refusal_while_the_content_is_on_its_way() -> None:
    """A proxy before the registry answers as soon as it saw the size."""

    def answer(asked: Asked) -> Answered:
        if asked.method == "POST":
            return Answered(status=202, headers={"Location": "/v2/team/app/blobs/uploads/1"})
        return Answered(status=404 if asked.method == "HEAD" else 413, body=NGINX)

    with fake_registry(answer) as registry, pytest.raises(PushError, match="413") as caught:
        client_of(registry.host).put_blob(BLOB, of_bytes(CONTENT))
    assert "limits the size" in (caught.value.hint or "")


def test_a_certificate_for_another_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    local = socket.getaddrinfo

    def resolved(host: str, *rest: Any, **more: Any) -> Any:
        return local("127.0.0.1" if host == "registry.invalid" else host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", resolved)
    with distribution_registry(tmp_path / "registry", tls=True) as registry:
        name = f"registry.invalid:{registry.host.rpartition(':')[2]}"
        with pytest.raises(PushError, match=r"certificate of registry\.invalid.*not trusted") as caught:
            client_of(name, ca_file=registry.ca_file).resolve("v1")
    assert "certs.d" in (caught.value.hint or "")


def test_plain_http_to_a_registry_of_https(tmp_path: Path) -> None:
    with distribution_registry(tmp_path / "registry", tls=True) as registry:
        with pytest.raises(PushError, match="400") as caught:
            client(registry, plain_http=True).resolve("v1")
        assert "speaks https" in (caught.value.hint or "")


def test_a_name_that_nobody_knows() -> None:
    with pytest.raises(PushError, match=r"registry\.invalid is not found by its name") as caught:
        client_of("registry.invalid", attempts=1).resolve("v1")
    assert "DNS" in (caught.value.hint or "")


def stalling(answer: bytes) -> AbstractContextManager[str]:
    """A server that gives its answer, and nothing more although its connection stays; its address."""
    return dripping(answer, 0, 5)


@contextmanager
def dripping(answer: bytes, pause: float, last_pause: float = 0) -> Iterator[str]:
    """A server that gives its answer a byte at a time; its address."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve(connection: socket.socket) -> None:
        with suppress(OSError), connection:
            connection.recv(65536)
            for byte in answer:
                connection.sendall(bytes([byte]))
                time.sleep(pause)
            time.sleep(last_pause)

    def accept() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=serve, args=server.accept()[:1], daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"127.0.0.1:{server.getsockname()[1]}"
    finally:
        server.close()


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK" + b" and more" * 100,
        b"HTTP/1.1 404 Not Found\r\n" + b"X-Header: value\r\n" * 50,
        b"HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n" + b" " * 2000,
    ],
    ids=["status", "headers", "body"],
)
def test_an_answer_that_drips_in_ends_in_time(answer: bytes) -> None:
    """The line is alive, so that no single read runs into its timeout."""
    with dripping(answer, 0.05) as host:
        started = time.monotonic()
        with pytest.raises(PushError, match=r"does not answer in time|not done within"):
            client_of(host, plain_http=True, total_timeout=1.0, read_timeout=0.5).resolve("v1")
        assert time.monotonic() - started < 3


def test_a_slow_answer_that_keeps_its_rate_is_read() -> None:
    answer = b"HTTP/1.1 404 Not Found\r\nContent-Length: 30\r\n\r\n" + b" " * 30
    with dripping(answer, 0.02) as host:
        repository = client_of(host, plain_http=True, total_timeout=1.0, minimum_rate=40.0)
        assert repository.resolve("v1") is None


SMALL = Descriptor.of(b"x" * 60, "text/plain")
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 60\r\n\r\n"


def test_a_download_may_take_as_long_as_bytes_come() -> None:
    with dripping(HEAD + b"x" * 60, 0.02) as host:
        client = client_of(host, plain_http=True, total_timeout=1.2, read_timeout=0.5, minimum_rate=1e9)
        started = time.monotonic()
        assert b"".join(client.read_blob(SMALL)) == b"x" * 60
        assert time.monotonic() - started > 1.5


def test_a_download_of_which_nothing_comes_any_more_fails() -> None:
    options: dict[str, Any] = {"attempts": 2, "first_pause": 0.01, "read_timeout": 0.3}
    with stalling(HEAD + b"x" * 20) as host:
        client = client_of(host, plain_http=True, **options)
        with pytest.raises(PushError, match="does not answer in time"):
            list(client.read_blob(SMALL))
