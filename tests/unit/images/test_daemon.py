"""Images of the Docker daemon, over a socket of our own."""

from __future__ import annotations

import gzip
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from pushpolicy.errors import InputError
from pushpolicy.images import Selection, open_image
from pushpolicy.images import daemon as client
from pushpolicy.model.digest import Digest
from tests.docker_archives import LAYERS, config_of, old_style, write
from tests.docker_daemon import Daemon, docker_daemon


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    archive = write(tmp_path / "image.tar", old_style()).read_bytes()
    with docker_daemon(tmp_path / "docker.sock", archive) as running:
        yield running


def refusal(name: str, host: str) -> InputError:
    selection = Selection(docker_host=host)
    with pytest.raises(InputError) as caught, open_image(f"docker-daemon:{name}", selection=selection):
        pass
    assert "\n" not in caught.value.message
    return caught.value


ID = Digest.of(config_of(LAYERS))


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("app:1", "/images/app:1/get"),
        ("docker.io/library/app:1", "/images/docker.io/library/app:1/get"),
        (str(ID), f"/images/{ID}/get"),
        (ID.hex, f"/images/{ID.hex}/get"),
    ],
)
def test_an_image_by_name_or_id(daemon: Daemon, name: str, asked: str) -> None:
    with open_image(f"docker-daemon:{name}", selection=Selection(docker_host=daemon.host)) as image:
        assert daemon.asked == [asked]
        assert image.name == "app:1"
        for layer, content in zip(image.top.layers, LAYERS, strict=True):
            with image.content.open_blob(layer)() as file:
                assert gzip.decompress(file.read()) == content


def test_without_a_tag_latest_is_asked_for(daemon: Daemon) -> None:
    with open_image("docker-daemon:app", selection=Selection(docker_host=daemon.host)):
        assert daemon.asked == ["/images/app:latest/get"]


@pytest.mark.parametrize("name", ["", "a?x", "a b", "a\r\nHost: evil", "../info", "a/../b", "-a", "a%2f"])
def test_a_name_cannot_ask_for_something_else(daemon: Daemon, name: str) -> None:
    assert "is no name of an image" in refusal(name, daemon.host).message
    assert not daemon.asked


def test_another_image_than_the_id_says(daemon: Daemon) -> None:
    assert "no image named" in refusal("0" * 64, daemon.host).message


def test_the_daemons_words_are_told(daemon: Daemon) -> None:
    daemon.status, daemon.archive = 404, json.dumps({"message": "No such image: \x1b[31mapp:1"}).encode()
    error = refusal("app:1", daemon.host)
    assert "refuses (404): No such image: \\x1b[31mapp:1" in error.message
    assert error.exit_code == 20


def test_an_answer_that_ends_early(daemon: Daemon) -> None:
    daemon.cut = True
    assert "fails: IncompleteRead" in refusal("app:1", daemon.host).message


def test_an_answer_that_is_no_archive(daemon: Daemon) -> None:
    daemon.archive = b"<html>" * 1000
    assert "not a readable tar" in refusal("app:1", daemon.host).message


SAID = {"Id": f"sha256:{'1' * 64}", "RootFS": {"Layers": [f"sha256:{'2' * 64}"]}}


def test_which_image_a_name_is(daemon: Daemon) -> None:
    daemon.inspected = json.dumps(SAID).encode()
    assert client.inspected("app:1", daemon.host) == (SAID["Id"], (f"sha256:{'2' * 64}",))
    assert daemon.asked == ["/images/app:1/json"]


@pytest.mark.parametrize(
    "said",
    [
        [],
        {"RootFS": SAID["RootFS"]},
        SAID | {"Id": "sha256:1"},
        SAID | {"Id": 1},
        SAID | {"RootFS": {}},
        SAID | {"RootFS": {"Layers": None}},
        SAID | {"RootFS": {"Layers": ["sha256:2"]}},
    ],
)
def test_a_daemon_that_does_not_say_which_image_it_is(daemon: Daemon, said: object) -> None:
    daemon.inspected = json.dumps(said).encode()
    with pytest.raises(InputError, match="docker-daemon:app:1: the daemon does not say which image this is"):
        client.inspected("app:1", daemon.host)


def test_nobody_listens(tmp_path: Path) -> None:
    error = refusal("app:1", f"unix://{tmp_path}/absent.sock")
    assert "No such file" in error.message
    assert "DOCKER_HOST=unix:///PATH" in str(error.hint)


def test_a_silent_daemon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "_TIMEOUT_SECONDS", 0.2)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "docker.sock"))
        listening.listen()
        assert "timed out" in refusal("app:1", f"unix://{tmp_path}/docker.sock").message


@pytest.mark.parametrize("host", ["tcp://1.2.3.4:2375", "ssh://host", "unix://relative", "/var/run/x.sock"])
def test_only_unix_sockets(host: str) -> None:
    assert "is not a Unix socket" in refusal("app:1", host).message


def test_a_refusal_closes_the_connection(tmp_path: Path) -> None:
    """An answer that the connection's end ends has the socket to itself, and the error would keep it."""
    path = tmp_path / "docker.sock"

    def serve() -> None:
        accepted, _ = listening.accept()
        with accepted, suppress(OSError):
            accepted.recv(65536)
            accepted.sendall(b"HTTP/1.0 500 Broken\r\n\r\n" + b"x" * 1_000_000)

    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        server = threading.Thread(target=serve, daemon=True)
        server.start()
        error = refusal("app:1", f"unix://{path}")
        server.join(10)
        assert not server.is_alive(), f"it could still write, after {error}"
