"""Several requests at once: as many as it takes to keep the network busy, and no more."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from pushpolicy.model.descriptor import Descriptor

_LARGE = 4 * 1024 * 1024
# Large content fills the network or the processors with a few streams; small content waits for answers.
_LARGE_AT_ONCE = 4
_SMALL_AT_ONCE = 12

T = TypeVar("T")


def each_blob(work: Callable[[Descriptor], None], blobs: Iterable[Descriptor]) -> None:
    """Do this for every blob, with few large ones (the largest first) and many small ones at a time.

    Raises:
        Exception: the first that `work` raised. What was begun is still ended, the rest is left.
    """
    ordered = sorted(blobs, key=lambda blob: blob.size, reverse=True)
    large = [blob for blob in ordered if blob.size >= _LARGE]
    _run(work, [(large, _LARGE_AT_ONCE), (ordered[len(large) :], _SMALL_AT_ONCE)])


def each(work: Callable[[T], None], items: Sequence[T]) -> None:
    """Do this for every item, as `each_blob` does for small blobs."""
    _run(work, [(items, _SMALL_AT_ONCE)])


def _run(work: Callable[[T], None], lanes: Iterable[tuple[Sequence[T], int]]) -> None:
    failures: list[Exception] = []

    def drain(pending: deque[T]) -> None:
        while not failures:
            try:
                item = pending.popleft()
            except IndexError:
                return
            try:
                work(item)
            except Exception as error:  # noqa: BLE001 (raised again, in the caller's thread)
                failures.append(error)

    threads = []
    for items, width in lanes:
        pending = deque(items)
        # Daemons: an interrupt ends the program, whatever they wait for.
        threads += [
            threading.Thread(target=drain, args=[pending], daemon=True)
            for _ in range(min(width, len(pending)))
        ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
