"""Schedulers and workers of Dask, each a process of its own, on this machine."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SECONDS = 60.0


class Node:
    """A running `dask scheduler` or `dask worker`."""

    def __init__(self, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "dask", *arguments, "--no-dashboard"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    def kill(self) -> None:
        """End it at once, as a machine that is switched off."""
        self._process.kill()
        self._process.wait()

    def pause(self) -> None:
        """Let it answer nothing more, while its connections stay."""
        self._process.send_signal(signal.SIGSTOP)


class DaskCluster:
    """A scheduler, to which workers are added.

    Attributes:
        address: of the scheduler.
        scheduler: its process.
    """

    def __init__(self, tls: Path | None = None) -> None:
        self._tls = (
            [
                f"--tls-ca-file={tls / 'ca.crt'}",
                f"--tls-cert={tls / 'tls.crt'}",
                f"--tls-key={tls / 'tls.key'}",
            ]
            if tls
            else []
        )
        port = _free_port()
        self.address = f"{'tls' if tls else 'tcp'}://127.0.0.1:{port}"
        self._protocol = f"--protocol={'tls' if tls else 'tcp'}"
        self.scheduler = Node("scheduler", "--host=127.0.0.1", f"--port={port}", self._protocol, *self._tls)
        self._nodes = [self.scheduler]
        self._scratch = tempfile.TemporaryDirectory(prefix="dask-")
        _wait_for(port)

    def worker(self, *options: str, preload: Path | None = None) -> Node:
        """Add a worker of one thread; `preload` is code that it runs first."""
        lying = [f"--preload={preload}"] if preload else []
        scratch = f"--local-directory={self._scratch.name}"
        usual = (scratch, "--nthreads=1", "--no-nanny", "--host=127.0.0.1", self._protocol, *self._tls)
        node = Node("worker", self.address, *usual, *lying, *options)
        self._nodes.append(node)
        return node

    def wait_for_workers(self, number: int) -> None:
        """Wait until so many have joined; not over TLS."""
        from distributed import Client

        with Client(self.address, set_as_default=False) as client:
            client.wait_for_workers(number, timeout=SECONDS)

    def end(self) -> None:
        """Kill all that runs."""
        for node in self._nodes:
            node.kill()
        self._scratch.cleanup()


@contextmanager
def dask_cluster(
    workers: int = 1, tls: Path | None = None, preload: Path | None = None
) -> Iterator[DaskCluster]:
    """A cluster of a scheduler and some workers, which may not have joined it yet."""
    cluster = DaskCluster(tls)
    try:
        for _ in range(workers):
            cluster.worker(preload=preload)
        yield cluster
    finally:
        cluster.end()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError(f"no scheduler listens at port {port}")
