"""Actors that take turns: each stops before what it asks of the registry, and before it sleeps."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

from tests.fake_registry import Answered, Asked
from tests.registry_kinds import Kind, KindRegistry
from tests.registry_kinds.content import Content

REPOSITORY = "team/app"
# What time a request takes: a settling writer waits for several of them.
_TICK = 0.01
_local = threading.local()


class Fate(StrEnum):
    """What becomes of a step.

    LOST: the registry did what was asked, and its answer does not arrive. BROKEN: the request does not.
    """

    DONE = "done"
    LOST = "answer lost"
    BROKEN = "request lost"
    KILLED = "killed"


class KilledError(BaseException):
    """The actor ends here, as by kill -9: nothing that it would do afterwards happens."""


@dataclass(frozen=True, slots=True)
class Step:
    """What an actor is about to do: a request about something that is shared, or to sleep.

    Attributes:
        waits: whether it sleeps until others have written what they have read.
    """

    method: str
    path: str = ""
    waits: bool = False

    @property
    def fates(self) -> tuple[Fate, ...]:
        """What can become of it."""
        return tuple(Fate) if self.path else (Fate.DONE, Fate.KILLED)

    @property
    def fallback(self) -> str:
        """The fallback tag that it reads or writes, if it does."""
        last = self.path.rpartition("/")[2]
        return last if last.startswith("sha256-") else ""


class Moved(NamedTuple):
    """A tag that was set to another digest."""

    who: str
    tag: str
    digest: str
    before: str | None


@dataclass(eq=False)
class Actor:
    """Somebody who acts: a pusher, an auditor, who moves a tag.

    Attributes:
        seen: the answers that it got; with what it does they are its state.
        read: the fallback tag that it has read just now.
        judged: what each tag named when it was read first.
        looked: what each tag named when it was read last.
    """

    name: str
    act: Callable[[], Any]
    pending: Step | None = None
    result: Any = None
    seen: int = 0
    read: str = ""
    judged: dict[str, str | None] = field(default_factory=dict)
    looked: dict[str, str | None] = field(default_factory=dict)
    fate: Fate = Fate.DONE
    turn: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))


class World:
    """One registry, its actors, and the clock.

    Attributes:
        moves: what tags were set to, in order.
    """

    def __init__(self, kind: Kind) -> None:
        self.registry = KindRegistry(kind)
        self.now = 0.0
        self.actors: list[Actor] = []
        self.moves: list[Moved] = []
        self._idle = threading.Semaphore(0)

    @property
    def held(self) -> Content:
        """What the repository holds."""
        return self.registry.repositories.get(REPOSITORY, Content())

    def add(self, name: str, act: Callable[[], Any]) -> Actor:
        """Let somebody begin; he stops before his first step."""
        actor = Actor(name, act)
        self.actors.append(actor)
        threading.Thread(target=self._run, args=(actor,), daemon=True).start()
        self._idle.acquire()
        return actor

    def ready(self) -> list[Actor]:
        """Those who can go on."""
        return [actor for actor in self.actors if actor.pending and self.may_wake(actor)]

    def may_wake(self, actor: Actor) -> bool:
        """Whether nobody is between reading a fallback list and writing it, where this one waits for that."""
        if not actor.pending or not actor.pending.waits:
            return True
        others = [other for other in self.actors if other is not actor and other.pending]
        return not any(other.read and other.pending.method == "PUT" for other in others if other.pending)

    def go_on(self, actor: Actor, fate: Fate = Fate.DONE) -> None:
        """Let somebody do the step that he stands before, and go on to the next."""
        actor.fate = fate
        actor.turn.release()
        self._idle.acquire()

    def state(self) -> int:
        """What decides how it goes on."""
        held = self.held
        stored = (tuple(sorted(held.manifests)), tuple(sorted(held.tags.items())))
        return hash((stored, tuple((actor.seen, actor.pending) for actor in self.actors)))

    def ask(self, asked: Asked) -> Answered:
        """Answer a request of the actor whose thread this is; of nobody's, at once."""
        actor: Actor | None = getattr(_local, "actor", None)
        step = Step(asked.method, asked.path.partition("?")[0])
        if actor is None or not _is_shared(step):
            return self.registry(asked)
        self._stop(actor, step)
        actor.read = ""
        if actor.fate is Fate.BROKEN:
            raise ConnectionResetError("lost on its way")
        before = dict(self.held.tags)
        answered = self.registry(asked)
        after = self.held.tags
        self.moves += [
            Moved(actor.name, tag, named, before.get(tag))
            for tag, named in after.items()
            if named != before.get(tag)
        ]
        if actor.fate is Fate.LOST:
            raise ConnectionResetError("the answer was lost")
        if step.method == "GET" and step.fallback:
            actor.read = step.fallback
        elif step.method == "GET":
            tag = step.path.rpartition("/")[2]
            actor.looked[tag] = after.get(tag)
            actor.judged.setdefault(tag, after.get(tag))
        actor.seen = hash((actor.seen, step, answered.status, answered.body))
        return answered

    def sleep(self, seconds: float, *, waits: bool) -> None:
        """Let time pass for the actor whose thread this is."""
        actor: Actor | None = getattr(_local, "actor", None)
        if actor is not None and seconds > 0:
            self._stop(actor, Step("sleep", waits=waits))
            self.now += seconds

    def _stop(self, actor: Actor, step: Step) -> None:
        actor.pending = step
        self._idle.release()
        actor.turn.acquire()
        actor.pending = None
        self.now += _TICK
        if actor.fate is Fate.KILLED:
            raise KilledError

    def _run(self, actor: Actor) -> None:
        _local.actor = actor
        try:
            actor.result = actor.act()
        except (Exception, KilledError) as error:  # noqa: BLE001 (looked at by the laws)
            actor.result = error
        finally:
            actor.read = ""
            self._idle.release()


def _is_shared(step: Step) -> bool:
    """Tags, lists, and manifests that are put; what lies under a digest is the same for everybody."""
    what, _, last = step.path.rpartition("/")
    if what.endswith("/referrers"):
        return True
    return what.endswith("/manifests") and (step.method != "GET" or not last.startswith("sha256:"))
