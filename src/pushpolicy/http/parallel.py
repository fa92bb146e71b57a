"""Several requests at once: as many as it takes to keep the network busy, and no more."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

_LARGE = 4 * 1024 * 1024
# Large content fills the network or the processors with a few streams.
_LARGE_AT_ONCE = 4
# Small content waits for answers. From a near server they come as fast as three threads can take them, and
# each more is a connection more to open; from a distant one every thread more is that much faster.
_NEAR_AT_ONCE = 3
DISTANT_AT_ONCE = 16
DISTANT_SECONDS = 0.025


class Sized(Protocol):
    """What has a size in bytes, as the descriptor of a blob has."""

    @property
    def size(self) -> int:
        """Bytes to be moved."""


T = TypeVar("T")
K = TypeVar("K")
S = TypeVar("S", bound=Sized)


def each_sized(work: Callable[[S], None], items: Iterable[S], *, distant: bool = False) -> None:
    """Do this for every item, with few large ones (the largest first) and many small ones at a time.

    Args:
        work: what to do.
        items: what to do it with.
        distant: whether the server is known to be; else the time that small ones take tells.

    Raises:
        Exception: the first that `work` raised. What was begun is still ended, the rest is left.
    """
    ordered = sorted(items, key=lambda item: item.size, reverse=True)
    large = [item for item in ordered if item.size >= _LARGE]
    small = ordered[len(large) :]
    failures: list[Exception] = []
    lanes = [
        _Lane(work, large, failures, _LARGE_AT_ONCE, _LARGE_AT_ONCE),
        _small_lane(work, small, failures, distant),
    ]
    _finish(lanes, failures)


class Task(NamedTuple):
    """One thing to be done, and the bytes that it takes."""

    size: int
    do: Callable[[], None]


def each_task(tasks: Iterable[Task], *, distant: bool = False) -> None:
    """Do all of this, as `each_sized` does."""
    each_sized(lambda task: task.do(), tasks, distant=distant)


def each(work: Callable[[T], None], items: Iterable[T], *, distant: bool = False) -> None:
    """Do this for every item, as `each_sized` does for small ones."""
    failures: list[Exception] = []
    _finish([_small_lane(work, items, failures, distant)], failures)


def beside(work: Callable[[], T]) -> Callable[[], T]:
    """Begin with this in a thread of its own.

    Returns:
        what waits for it, and gives its result or raises what it raised.
    """
    found: list[T] = []
    failures: list[Exception] = []
    lane = _Lane(lambda do: found.append(do()), [work], failures, 1, 1)

    def result() -> T:
        _finish([lane], failures)
        return found[0]

    return result


class Ahead(Generic[K, T]):
    """Work that is begun before its result is asked for, a few at a time; safe to use from several threads.

    Args:
        work: what to do with a key; its result is kept until it is taken.
        distant: whether the server is known to be, by now.
    """

    def __init__(self, work: Callable[[K], T], distant: Callable[[], bool]) -> None:
        self._work, self._distant = work, distant
        self._lock = threading.Lock()
        self._begun: dict[K, _Result[T]] = {}
        self._waiting: dict[K, _Result[T]] = {}
        self._running = 0

    @property
    def at_once(self) -> int:
        """How many are worked for at a time."""
        return DISTANT_AT_ONCE if self._distant() else _NEAR_AT_ONCE

    def begin(self, key: K) -> None:
        """Have it done; nothing where it is begun already."""
        with self._lock:
            if key in self._begun:
                return
            self._begun[key] = self._waiting[key] = _Result()
            if self._running >= self.at_once:
                return
            self._running += 1
        try:
            threading.Thread(target=self._drain, daemon=True).start()
        except RuntimeError:  # the system gives no more: who asks does it
            with self._lock:
                self._running -= 1

    def take(self, key: K) -> T | None:
        """What came of it, once; None where it was not begun.

        Raises:
            Exception: what the work raised.
        """
        with self._lock:
            result = self._begun.pop(key, None)
            is_waiting = self._waiting.pop(key, None) is not None
        if result is None or is_waiting:
            return self._work(key) if is_waiting else None
        result.done.wait()
        if result.failure:
            raise result.failure
        return result.value

    def _drain(self) -> None:
        while True:
            with self._lock:
                key = next(iter(self._waiting), None)
                if key is None:
                    self._running -= 1
                    return
                result = self._waiting.pop(key)
            try:
                result.value = self._work(key)
            except Exception as error:  # noqa: BLE001 (raised again, where it is taken)
                result.failure = error
            result.done.set()


class _Result(Generic[T]):
    def __init__(self) -> None:
        self.done = threading.Event()
        self.value: T | None = None
        self.failure: Exception | None = None


def _small_lane(
    work: Callable[[T], None], items: Iterable[T], failures: list[Exception], distant: bool
) -> _Lane[T]:
    return _Lane(work, items, failures, DISTANT_AT_ONCE if distant else _NEAR_AT_ONCE, DISTANT_AT_ONCE)


def _finish(lanes: Sequence[_Lane[Any]], failures: Sequence[Exception]) -> None:
    for lane in lanes:
        lane.join()
    if failures:
        raise failures[0]


class _Lane(Generic[T]):
    """Threads that take items from one queue: a few, and more where an item takes long."""

    def __init__(
        self,
        work: Callable[[T], None],
        items: Iterable[T],
        failures: list[Exception],
        width: int,
        most: int,
    ) -> None:
        self._work = work
        self._pending = deque(items)
        self._failures = failures
        self._most = most
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._widen(width)

    def join(self) -> None:
        """Wait for the end; threads that are started meanwhile are waited for too."""
        self._join()
        if self._pending:  # the system gave no thread at all; it may give one meanwhile
            self._drain()
            self._join()

    def _join(self) -> None:
        for thread in self._threads:
            thread.join()

    def _widen(self, width: int) -> None:
        with self._lock:
            for _ in range(min(width - len(self._threads), len(self._pending))):
                # Daemons: an interrupt ends the program, whatever they wait for.
                thread = threading.Thread(target=self._drain, daemon=True)
                try:
                    thread.start()
                except RuntimeError:  # the system gives no more: those that are there do it
                    return
                self._threads.append(thread)

    def _drain(self) -> None:
        is_first = True
        while not self._failures:
            try:
                item = self._pending.popleft()
            except IndexError:
                return
            start = time.monotonic()
            try:
                self._work(item)
            except Exception as error:  # noqa: BLE001 (raised again, in the caller's thread)
                self._failures.append(error)
            # The first one also opens the connection, and may import what that takes.
            if not is_first and time.monotonic() - start > DISTANT_SECONDS:
                self._widen(self._most)
            is_first = False
