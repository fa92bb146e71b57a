"""Work in several threads: everything is done, within its width, and the first failure is told."""

from __future__ import annotations

import threading
import time

import pytest

from pushpolicy.errors import PushError
from pushpolicy.http import parallel
from pushpolicy.http.parallel import beside, each, each_sized
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest

MIB = 1024 * 1024


class Gauge:
    """Work that notes how many are at it at once."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.lock = threading.Lock()
        self.now = {True: 0, False: 0}
        self.most = {True: 0, False: 0}
        self.done: list[Descriptor] = []
        # The seconds of each thread's own work: on a busy machine a short sleep may take long.
        self.clock = threading.local()

    def monotonic(self) -> float:
        """The clock of the thread that asks."""
        return getattr(self.clock, "passed", 0.0)

    def __call__(self, blob: Descriptor) -> None:
        large = blob.size > MIB
        with self.lock:
            self.now[large] += 1
            self.most[large] = max(self.most[large], self.now[large])
        time.sleep(self.seconds)
        self.clock.passed = getattr(self.clock, "passed", 0.0) + self.seconds
        with self.lock:
            self.now[large] -= 1
            self.done.append(blob)


def blob(number: int, size: int) -> Descriptor:
    return Descriptor(media_type="x/y", digest=Digest.of(b"%d" % number), size=size)


@pytest.mark.parametrize(
    ("seconds", "least", "most"), [(0.002, 2, 3), (0.04, 8, 16)], ids=["near", "distant"]
)
def test_few_large_and_more_small_at_once_the_longer_they_wait(
    seconds: float, least: int, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    blobs = [blob(number, 100 * MIB if number % 4 == 0 else number) for number in range(80)]
    gauge = Gauge(seconds)
    monkeypatch.setattr(parallel, "time", gauge)
    each_sized(gauge, blobs)
    assert sorted(map(str, gauge.done)) == sorted(map(str, blobs))
    assert 1 < gauge.most[True] <= 4
    assert least <= gauge.most[False] <= most


def test_nothing_and_one() -> None:
    seen: list[int] = []
    each(seen.append, [])
    each(seen.append, [1])
    assert seen == [1]


def test_the_first_failure_is_told_and_the_rest_left() -> None:
    seen: list[int] = []
    running = threading.active_count()  # other tests' threads may not have ended yet

    def work(number: int) -> None:
        seen.append(number)
        if number == 3:
            raise PushError("three")
        time.sleep(0.02)

    with pytest.raises(PushError, match="three"):
        each(work, range(1000))
    assert len(seen) < 100
    assert threading.active_count() <= running


def test_threads_that_are_given_after_all_are_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """None is at first, and the caller does the work; what takes long then starts others."""
    start, done = threading.Thread.start, list[int]()

    def late(thread: threading.Thread) -> None:
        if not done:
            raise RuntimeError("can't start new thread")
        start(thread)

    def work(item: int) -> None:
        time.sleep(parallel.DISTANT_SECONDS * (3 if item > 1 else 1.2))
        done.append(item)

    monkeypatch.setattr(threading.Thread, "start", late)
    each(work, range(6))
    assert sorted(done) == list(range(6))


def test_what_is_begun_beside_runs_meanwhile_and_is_waited_for() -> None:
    go_on = threading.Event()

    def work() -> bool:
        return go_on.wait(10)

    result = beside(work)
    go_on.set()
    assert result()
    assert result(), "and again"


def test_what_it_raises_is_raised_where_it_is_waited_for() -> None:
    def work() -> None:
        raise PushError("refused")

    result = beside(work)
    with pytest.raises(PushError, match="refused"):
        result()


def test_without_a_thread_it_is_done_where_it_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", none)
    assert beside(threading.current_thread)() is threading.current_thread()
