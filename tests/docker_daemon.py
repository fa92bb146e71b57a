"""A Docker daemon that has one image: as much of the API as exporting it needs, on a Unix socket."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingMixIn, UnixStreamServer


@dataclass(slots=True)
class Daemon:
    """What it answers, and what it was asked.

    Attributes:
        inspected: the answer about the image.
        retagged: a file, and the answer about the image once it exists.
    """

    socket: Path
    archive: bytes
    status: int = 200
    cut: bool = False
    asked: list[str] = field(default_factory=list)
    inspected: bytes = b"{}"
    retagged: tuple[Path, bytes] | None = None

    @property
    def host(self) -> str:
        """As DOCKER_HOST says it."""
        return f"unix://{self.socket}"


class _Server(ThreadingMixIn, UnixStreamServer):
    daemon_threads = True


@contextmanager
def docker_daemon(socket: Path, archive: bytes) -> Iterator[Daemon]:
    """Run it."""
    daemon = Daemon(socket, archive)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            daemon.asked.append(self.path)
            content = daemon.archive
            if self.path.endswith("/json"):
                is_other = daemon.retagged is not None and daemon.retagged[0].exists()
                content = daemon.retagged[1] if daemon.retagged and is_other else daemon.inspected
            self.send_response(daemon.status)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for start in range(0, len(content), 65536):
                part = content[start : start + 65536]
                self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
            if not daemon.cut:
                self.wfile.write(b"0\r\n\r\n")
            self.close_connection = True

        def address_string(self) -> str:
            return "unix"

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    with _Server(str(socket), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield daemon
        finally:
            server.shutdown()
            thread.join()
