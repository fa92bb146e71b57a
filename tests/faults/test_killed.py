"""kill -9 at every request and at every MiB of a body: no tag without its record, and a rerun finishes."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import pytest

from pushpolicy.engines import LocalOpa
from pushpolicy.pipeline import admit
from tests.faults.children import gate_process, push_process
from tests.faults.course import REGISTRIES, TAGS, Course, course, wrong
from tests.faults.images import IMAGES, MIB
from tests.jobs import AT, GOOD, Job
from tests.judged import current, publish
from tests.proxy import Traffic


@pytest.fixture(params=REGISTRIES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Course]:
    """Where the image with a large layer is pushed."""
    with course(request.param, IMAGES["large"], tmp_path / "registry") as running:
        yield running


def _end(process: ForkServerProcess, arm: Callable[[Callable[[], None]], None]) -> bool:
    """Run a process and let `arm` put its end where it belongs.

    Returns:
        False when the process was over before.
    """
    started = threading.Event()

    def kill() -> None:
        started.wait(60)
        process.kill()

    arm(kill)
    process.start()
    started.set()
    process.join(120)
    assert process.exitcode in (0, -signal.SIGKILL)
    return process.exitcode != 0


def _killed_after(number: int, traffic: Traffic) -> Callable[[Callable[[], None]], None]:
    """Once the registry did the request of this number, and before the answer to it."""

    def arm(kill: Callable[[], None]) -> None:
        traffic.done = lambda request: kill() if request == number else None

    return arm


def _killed_within(mib: int, traffic: Traffic) -> Callable[[Callable[[], None]], None]:
    """Once so many MiB of a body were passed on to the registry."""

    def arm(kill: Callable[[], None]) -> None:
        traffic.received = lambda request, count: kill() if count >= mib * MIB else None

    return arm


def _rerun(place: Course, name: str) -> frozenset[str]:
    """Require that the tags a killed push left have their records, and that another push finishes.

    Returns:
        the tags that were left.
    """
    client = place.client(name, direct=True)
    left = frozenset(client.tags())
    assert wrong(client) is None
    target = place.target(name, direct=True)
    # A second later: the record is another one, as that of a second decision is.
    publish(place.image, client, target, at="2026-11-02T11:00:00Z")
    assert current(client, target) == dict.fromkeys(TAGS, place.image.top.digest)
    assert wrong(client) is None
    return left


# Two halves, for as many workers: a process cannot be watched by several threads.
@pytest.mark.parametrize("half", [1, 2])
def test_kill_9_after_each_request(half: int, place: Course) -> None:
    left = list[frozenset[str]]()
    for number in range(half, place.requests() + 1, 2):
        name = f"after-{number}"
        traffic = place.traffic(name)
        killed = _end(push_process("large", place.target(name)), _killed_after(number, traffic))
        tags = _rerun(place, name)
        left += [tags] if killed else []
    assert len(left) > 12
    assert sorted(left, key=len) == left
    assert {frozenset(), frozenset(TAGS)} <= set(left) <= {frozenset(), frozenset(TAGS[:1]), frozenset(TAGS)}


def test_kill_9_at_each_mib_of_a_body(place: Course) -> None:
    sizes = range(1, max(blob.size for blob in place.image.blobs) // MIB + 1)
    assert len(sizes) == 5
    for mib in sizes:
        name = f"within-{mib}"
        traffic = place.traffic(name)
        assert _end(push_process("large", place.target(name)), _killed_within(mib, traffic))
        assert _rerun(place, name) == set()


@pytest.mark.parametrize("number", [5, 20, 35])
def test_kill_9_of_the_whole_gate(number: int, tmp_path: Path, opa: Path) -> None:
    job = Job(folder=tmp_path, engine=LocalOpa(opa))
    with course("distribution", IMAGES["3-layer"], tmp_path / "registry") as place:
        traffic, target = place.traffic("gate"), place.target("gate", direct=True)
        assert _end(gate_process(tmp_path, opa, place.target("gate")), _killed_after(number, traffic))
        assert wrong(place.client("gate", direct=True)) is None
        published = admit(job.request(GOOD, target, evaluated_at=AT.replace(hour=11))).published
        assert published
        client = place.client("gate", direct=True)
        assert current(client, target) == dict.fromkeys(TAGS, published.digest)
        assert wrong(client) is None
