"""A registry that takes or says nothing any more ends a push by the limit, before landing and after it."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator

import pytest

from pushpolicy import errors
from pushpolicy.http import retry
from tests.fake_registry import Answered, Asked, fake_registry
from tests.layouts import LayoutMaker
from tests.policies import rule, write_policy
from tests.workspace import Workspace

ALLOWED = 'deny contains {"at": {"id": "always"}, "msg": "always"} if input.image.size == 1'
LIMIT = ("--limit", "max-stall-seconds=1")
SAID = "does not answer in time: no byte moved for 1 seconds, the limit of max-stall-seconds"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """There are six attempts as ever, one right after the other."""
    monkeypatch.setattr(retry, "pause_after", lambda *_: 0.01)


@pytest.fixture
def ended() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


def registry(ended: threading.Event) -> Callable[[Asked], Answered]:
    """One that takes everything, and says nothing any more once it has a manifest."""
    landed = threading.Event()

    def answer(asked: Asked) -> Answered:
        if landed.is_set():
            ended.wait(60)
        if asked.method == "POST":
            return Answered(status=202, headers={"Location": asked.path})
        if asked.method == "PUT":
            if "/manifests/" in asked.path:
                landed.set()
            return Answered(status=201)
        return Answered(status=404)

    return answer


def test_a_registry_that_stops_reading_in_the_middle_of_a_layer(
    workspace: Workspace, ended: threading.Event
) -> None:
    maker = LayoutMaker(workspace.folder / "large")
    maker.add(maker.image(content=random.Random(1).randbytes(16 * 1024 * 1024)))
    options = ["--policy", write_policy(workspace.path("rules"), {"one": rule("one", ALLOWED)})]
    with fake_registry(registry(ended), takes=200_000) as running:
        ran = workspace.push(*options, *LIMIT, image="oci:large", target=f"{running.host}/app:1.0.0")
        puts = [asked.path for asked in running.asked if asked.method == "PUT" and "manifests" in asked.path]
    assert ran.code == errors.EXIT_PUSH, ran.err
    assert f"{running.host} {SAID}" in ran.complaint()
    assert "--limit" in ran.hint()
    assert puts == []


def test_a_registry_that_says_nothing_any_more_after_landing(
    workspace: Workspace, ended: threading.Event
) -> None:
    options = ["--policy", write_policy(workspace.path("rules"), {"one": rule("one", ALLOWED)})]
    with fake_registry(registry(ended)) as running:
        ran = workspace.push(*options, *LIMIT, target=f"{running.host}/app:1.0.0")
        puts = [asked.path for asked in running.asked if asked.method == "PUT" and "manifests" in asked.path]
        ended.set()
    assert ran.code == errors.EXIT_INCOMPLETE, ran.err
    assert ran.complaint().startswith("pushed by digest, but ")
    assert f"{running.host} {SAID}" in ran.complaint()
    assert "--limit" in ran.hint()
    assert puts
    assert all("/manifests/sha256:" in path for path in puts)  # under no tag
