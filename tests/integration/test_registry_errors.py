"""What users read when a registry refuses: its own words, and what to do. A row per refusal."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pushpolicy import errors
from pushpolicy.errors import PushError
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.manifest import OCI_CONFIG, OCI_MANIFEST
from pushpolicy.registry.meanings import Phase
from tests.clients import client, client_of
from tests.fake_registry import Answered, Asked, fake_registry
from tests.layouts import of_bytes
from tests.policies import rule, write_policy
from tests.refusals import CASES, Case, page
from tests.registries import PASSWORD, USERNAME, distribution_registry
from tests.registry_kinds import KINDS, KindRegistry
from tests.registry_kinds.content import Stored, digest_of
from tests.registry_kinds.conversation import CONFIG, LAYER, described, manifest
from tests.workspace import Workspace

CONTENT = b"x" * 200_000
BLOB = Descriptor.of(CONTENT, "application/octet-stream")


NGINX = page("413 Request Entity Too Large", "nginx").encode()


def at(phase: Phase, asked: Asked) -> bool:
    """Whether a request is of this phase, by what it does."""
    if phase is Phase.READ:
        return asked.method == "GET"
    part = "/manifests/" if phase is Phase.MANIFEST else "/blobs/uploads/"
    return asked.method not in ("GET", "HEAD") and part in asked.path


def refusing(case: Case) -> KindRegistry:
    """A registry that does all, but for what the case is about; it asks for a login where that was shown."""
    says_how = case.status == 401 and case.about.get("asked", True)
    asks = {"WWW-Authenticate": 'Basic realm="x"'} if says_how else {}

    def lie(asked: Asked, honest: Callable[[Asked], Answered]) -> Answered:
        answer = honest(asked)
        if asked.path == "/v2/" or answer.status == 401:
            return answer
        host, _, port = asked.headers["Host"].partition(":")
        if at(case.phase, asked) and host != case.about.get("elsewhere", host):
            leads = f"http://{case.about['elsewhere']}:{port}{asked.path}"
            return Answered(status=307, headers={"Location": leads})
        if at(case.phase, asked):
            return Answered(status=case.status, headers={**asks, **case.headers}, body=case.body.encode())
        hides = answer.status == 404 and not case.about.get("has_read")
        return Answered(status=404) if hides else answer

    is_shown = case.about.get("shown") and case.about.get("asked", True)
    return KindRegistry(replace(KINDS["full"], auth="basic" if is_shown else "none"), lie)


# Nobody knows of them who asks; a token server is asked in test_registry_auth; 404 is an answer to a read.
NOT_TOLD = {"401 of somebody unknown", "token server", "404, reading"}


OTHER = manifest(LAYER, described(CONFIG, OCI_CONFIG), annotations={"a": "b"})
FALSE = 'deny contains {"at": {"id": "x"}, "msg": "no"} if input.image.size == 1'


@pytest.mark.parametrize("name", sorted(CASES.keys() - NOT_TOLD))
def test_a_push_that_is_refused(name: str, workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    case = CASES[name]
    monkeypatch.setattr("pushpolicy.http.retry.pause_after", lambda failures, first, wait=None: wait or 0.0)
    if case.about.get("shown"):
        workspace = workspace.with_variables(PUSHPOLICY_USERNAME=USERNAME, PUSHPOLICY_PASSWORD=PASSWORD)
    with fake_registry(refusing(case)) as registry:
        ran = workspace.push(target=f"{registry.host}/team/app:1.0.0")
    assert ran.code == errors.EXIT_PUSH, ran.err
    for part in case.told:
        assert part in f"{ran.complaint()} -> {ran.hint()}"
    assert PASSWORD not in ran.err


KEPT = sorted(name for name in CASES if name.startswith("tag stays"))


@pytest.mark.parametrize("name", [*KEPT, "quota, Harbor", "nobody, Docker Hub"])
def test_a_tag_that_is_refused(name: str, workspace: Workspace) -> None:
    """It is there, and names another image; what the registry says in words of its own comes first."""
    case = CASES[name]

    def lie(asked: Asked, honest: Callable[[Asked], Answered]) -> Answered:
        is_tag = asked.method == "PUT" and asked.path.endswith("/manifests/1.0.0")
        return Answered(status=case.status, body=case.body.encode()) if is_tag else honest(asked)

    registry = KindRegistry(KINDS["full"], lie)
    held = registry.create("team/app")
    held.manifests[digest_of(OTHER)] = Stored(OCI_MANIFEST, OTHER)
    held.tags["1.0.0"] = digest_of(OTHER)
    policy = write_policy(workspace.path("rules"), {"r": rule("r", FALSE)})
    with fake_registry(registry) as server:
        ran = workspace.push("--policy", policy, target=f"{server.host}/team/app:1.0.0")
    assert ran.code == errors.EXIT_INCOMPLETE, ran.err
    assert held.tags["1.0.0"] == digest_of(OTHER)
    assert json.loads(case.body)["errors"][0]["message"] in ran.complaint()
    assert ("push under another tag" in ran.hint()) == ("quota" not in name)
    assert ("quota" in ran.hint()) == ("quota" in name)
    assert "again" not in ran.hint()


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
