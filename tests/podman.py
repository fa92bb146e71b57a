"""podman's Docker-compatible service, with a storage of its own; needs nothing but the program and root."""

from __future__ import annotations

import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.programs import installed

START_SECONDS = 20


@dataclass(frozen=True, slots=True)
class Podman:
    """The program, and the folder that holds its images and the socket of its service."""

    program: str
    folder: Path

    def argv(self, *arguments: str) -> list[str]:
        """How it is called: with the simplest storage there is, which works in a container too."""
        folders = ["--root", f"{self.folder}/root", "--runroot", f"{self.folder}/run"]
        return [self.program, "--storage-driver", "vfs", *folders, *arguments]

    def run(self, *arguments: str) -> str:
        """What it prints."""
        done = subprocess.run(self.argv(*arguments), capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    @contextmanager
    def service(self) -> Iterator[str]:
        """Run the service; gives what DOCKER_HOST is to say."""
        file = self.folder / "docker.sock"
        argv = self.argv("system", "service", "--time", "0", f"unix://{file}")
        with subprocess.Popen(argv, stderr=subprocess.DEVNULL) as process:
            try:
                deadline = time.monotonic() + START_SECONDS
                while not _listens(file):
                    assert process.poll() is None, "podman's service ended"
                    assert time.monotonic() < deadline, "podman's service does not listen"
                    time.sleep(0.02)
                yield f"unix://{file}"
            finally:
                process.terminate()


def _listens(file: Path) -> bool:
    """Whether somebody accepts connections; the file of a socket is there before."""
    with socket.socket(socket.AF_UNIX) as connection:
        return connection.connect_ex(str(file)) == 0


@contextmanager
def podman() -> Iterator[Podman]:
    """Podman with an empty storage; without the program the test is skipped, or fails in CI."""
    program = installed("podman", "podman")
    # Not below pytest's folder: podman takes no longer path than 50 characters.
    with tempfile.TemporaryDirectory(prefix="podman-") as folder:
        yield Podman(program, Path(folder))
