"""The client, without sockets, threads and time: what it takes from them comes from the world."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from types import SimpleNamespace
from typing import Any
from unittest import mock
from urllib.parse import urlsplit

from pushpolicy.http.parallel import Task
from pushpolicy.http.response import Headers
from tests.fake_registry import Asked
from tests.simulation.world import World

_SERIAL = ("attach", "push.send", "push.tag", "push.transfer", "push.verify")


class _Response:
    """What `pushpolicy.http.response.Response` is."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.status, self.reason, self._body = status, "", body
        self.headers = Headers({name.lower(): value for name, value in headers.items()})

    def read(self, size: int) -> bytes:
        piece, self._body = self._body[:size], self._body[size:]
        return piece

    def chunks(self, size: int) -> Iterator[bytes]:
        while piece := self.read(size):
            yield piece

    def take_time(self) -> None:
        """It takes none."""

    def close(self) -> None:
        """There is nothing to close."""


class _Connections:
    """What `pushpolicy.http.connections.Connections` is."""

    quickest = 0.0

    def __init__(self, world: World) -> None:
        self._world = world

    def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | Iterable[memoryview] | None,
        *_: object,
    ) -> _Response:
        parts = urlsplit(url)
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        content = body if isinstance(body, bytes) else b"".join(body or ())
        answered = self._world.ask(Asked(method=method, path=path, headers=dict(headers), body=content))
        shown = b"" if method == "HEAD" else answered.body
        stated = len(answered.body) if answered.length is None else answered.length
        return _Response(answered.status, {**answered.headers, "Content-Length": str(stated)}, shown)


@contextmanager
def connected(world: World) -> Iterator[None]:
    """Have all clients that are opened meanwhile speak to the world's registry, in its time."""

    def clock(*, waits: bool) -> SimpleNamespace:
        def sleep(seconds: float) -> None:
            world.sleep(seconds, waits=waits)

        return SimpleNamespace(monotonic=lambda: world.now, time=lambda: 0.0, sleep=sleep)

    with ExitStack() as stack:
        replaced: dict[str, Any] = {
            "pushpolicy.registry.api.Connections": lambda *_: _Connections(world),
            "pushpolicy.registry.referrers.time": clock(waits=True),
            "pushpolicy.http.retry.time": clock(waits=False),
            "random.uniform": lambda _, most: most,
        }
        for module in _SERIAL:
            replaced |= {
                f"pushpolicy.{module}.each": _serially,
                f"pushpolicy.{module}.each_task": _tasks_serially,
            }
        for name, value in replaced.items():
            stack.enter_context(mock.patch(name, value, create=name.startswith("pushpolicy.")))
        yield


def _serially(work: Callable[[Any], None], items: Iterable[Any], **_: object) -> None:
    for item in items:
        work(item)


def _tasks_serially(tasks: Iterable[Task], **_: object) -> None:
    for task in tasks:
        task.do()
