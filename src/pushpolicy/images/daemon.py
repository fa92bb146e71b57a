"""An image out of the Docker daemon (Docker Engine API, ``GET /images/{name}/get``); podman answers too."""

from __future__ import annotations

import http.client
import json
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, cast

from pushpolicy.errors import InputError
from pushpolicy.model.digest import Digest
from pushpolicy.model.text import printable

TRANSPORT = "docker-daemon:"
_USUAL_HOST = "unix:///var/run/docker.sock"
# Older daemons write the whole archive to a disk of theirs before they send the first byte of it.
_TIMEOUT_SECONDS = 600.0
_MAX_ERROR = 64 * 1024
_MAX_ANSWER = 4 * 1024 * 1024
_NAME = re.compile(r"(?!.*\.\.)[A-Za-z0-9][A-Za-z0-9._/:@-]{0,500}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_IMAGE_ID = re.compile(r"(?:sha256:)?([0-9a-f]{64})")


def image_id(name: str) -> Digest | None:
    """The digest of the config that NAME demands; None for a name, whose meaning only the daemon knows."""
    found = _IMAGE_ID.fullmatch(name)
    return Digest("sha256", found[1]) if found else None


@contextmanager
def exported(name: str, docker_host: str | None) -> Iterator[BinaryIO]:
    """The archive of an image, as a stream.

    Args:
        name: NAME[:TAG], ``latest`` where there is no tag, or an image ID.
        docker_host: the value of DOCKER_HOST; only Unix sockets are spoken to.

    Raises:
        InputError: when no daemon answers, it refuses, or it falls silent or ends early.
    """
    # Without a tag the daemon would send every tag that it has.
    has_tag = image_id(name) or ":" in name.rpartition("/")[2]
    with _asked(name, docker_host, f"{name if has_tag else f'{name}:latest'}/get") as answer:
        yield cast("BinaryIO", answer)


def inspected(name: str, docker_host: str | None) -> tuple[str, tuple[str, ...]]:
    """What an image is (``GET /images/{name}/json``): its ID, and the digests of its layers, uncompressed.

    Args:
        name: NAME[:TAG], or an image ID.
        docker_host: the value of DOCKER_HOST; only Unix sockets are spoken to.

    Raises:
        InputError: when no daemon answers, it refuses, or its answer is not as specified.
    """
    with _asked(name, docker_host, f"{name}/json") as answer:
        content = answer.read(_MAX_ANSWER)
    try:
        said = json.loads(content)
        found, layers = str(image_id(said["Id"]) or ""), tuple(map(str, said["RootFS"]["Layers"]))
    except (ValueError, KeyError, TypeError, RecursionError):
        found, layers = "", ()
    if not found or not all(map(_DIGEST.fullmatch, layers)):
        raise InputError(f"docker-daemon:{printable(name)}: the daemon does not say which image this is")
    return found, layers


@contextmanager
def _asked(name: str, docker_host: str | None, what: str) -> Iterator[http.client.HTTPResponse]:
    if not _NAME.fullmatch(name):
        raise InputError(f"docker-daemon:{printable(name)}: is no name of an image", "write NAME[:TAG]")
    connection = _UnixConnection(_socket_path(docker_host or _USUAL_HOST))
    try:
        connection.request("GET", f"/images/{what}")
        with connection.getresponse() as answer:
            if answer.status != http.client.OK:
                raise _refused(name, answer)
            yield answer
    except (OSError, http.client.HTTPException) as error:
        said = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise InputError(
            f"docker-daemon:{printable(name)}: the daemon at {connection.path} fails: {printable(said)}",
            "start it, or name its socket: DOCKER_HOST=unix:///PATH",
        ) from error
    finally:
        connection.close()


def _socket_path(host: str) -> str:
    scheme, separator, path = host.partition("://")
    if scheme != "unix" or not separator or not path.startswith("/"):
        raise InputError(
            f"DOCKER_HOST {printable(host)} is not a Unix socket",
            "write DOCKER_HOST=unix:///PATH, or docker save",
        )
    return path


def _refused(name: str, answer: http.client.HTTPResponse) -> InputError:
    content = answer.read(_MAX_ERROR)
    try:
        words = str(json.loads(content)["message"])
    except (ValueError, KeyError, TypeError, RecursionError):
        words = content.decode(errors="replace") or answer.reason
    return InputError(
        f"docker-daemon:{printable(name)}: the daemon refuses ({answer.status}): {printable(words)}",
        "`docker image ls` says which images it has",
    )


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=_TIMEOUT_SECONDS)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)
