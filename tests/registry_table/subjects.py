"""The registries of the table: real ones, and the kinds that run in this process."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pushpolicy.model.reference import Repository
from pushpolicy.registry import Access, RepositoryClient, open_repository
from tests.clients import login
from tests.fake_registry import Answered, Asked, fake_registry
from tests.proxy import Traffic, proxy_before
from tests.registries import (
    PASSWORD,
    READER,
    USERNAME,
    Registry,
    distribution_2_registry,
    distribution_registry,
    gocontainerregistry,
    olareg_registry,
    zot_registry,
)
from tests.registry_kinds import KINDS, Kind, KindRegistry

Start = Callable[[Path], AbstractContextManager[Registry]]
REAL: Mapping[str, Start] = {
    "distribution": partial(distribution_registry, auth="token"),
    "distribution-2.8": partial(distribution_2_registry, auth="basic"),
    "go-containerregistry": gocontainerregistry,
    "go-containerregistry-referrers": partial(gocontainerregistry, referrers=True),
    "olareg": partial(olareg_registry, auth="basic"),
    "zot": zot_registry,
}
NAMES = (*(f"real {name}" for name in REAL), *KINDS)
# So many repositories are made beforehand, for registries whose first push makes none.
REPOSITORIES = tuple(
    f"team/{name}"
    for name in ("app", "a", "b", "multi", "released", "carried", "denied", "locked", "read", "untagged",
                 "kept", "restarted", "apart")
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A registry that runs, and what a scenario needs of it beside requests.

    Attributes:
        name: as in the table.
        kind: what it is like.
        host: its address.
        reader: the user who may only read, as `None` where it has none.
        read_only: makes the user of the other scenarios one who may only read, where users are not enough.
        restarting: an address at which it is restarted in the middle of the first upload; None where what it
            has would be lost.
        clean: runs its clean-up; None where that is not to be had.
    """

    name: str
    kind: Kind
    host: str
    has_users: bool
    reader: str | None = None
    read_only: Callable[[], None] = lambda: None
    restarting: str | None = None
    clean: Callable[[], None] | None = None

    def client(self, repository: str) -> RepositoryClient:
        """A client that may do everything."""
        access = Access(credential=login(USERNAME, PASSWORD) if self.has_users else login(None, None))
        return open_repository(Repository.parse(f"{self.host}/{repository}"), access)


@contextmanager
def running(name: str, folder: Path) -> Iterator[Subject]:
    """Start the registry of this name (`NAMES`)."""
    start = _real if name.startswith("real ") else _kind
    with start(name, folder) as subject:
        yield subject


@contextmanager
def _kind(name: str, folder: Path) -> Iterator[Subject]:
    registry = KindRegistry(KINDS[name])
    for repository in REPOSITORIES:
        registry.create(repository)
    restarted = threading.Event()

    def restart_once(asked: Asked, honest: Callable[[Asked], Answered]) -> Answered:
        answered = honest(asked)
        if "team/restarted/blobs/uploads" in asked.path and answered.status == 202 and not restarted.is_set():
            restarted.set()
            registry.restart()
        return answered

    registry.lie = restart_once
    with fake_registry(registry) as served:
        has_users = registry.kind.auth != "none"
        yield Subject(
            name=name,
            kind=registry.kind,
            host=served.host,
            has_users=has_users,
            reader=READER if has_users else None,
            # What that one has is in memory only.
            restarting=None if name.startswith("go-") else served.host,
            clean=registry.clean,
        )


@contextmanager
def _real(name: str, folder: Path) -> Iterator[Subject]:
    kind = KINDS[name.removeprefix("real ")]
    with REAL[kind.name](folder) as registry, proxy_before(registry.host) as proxy:
        keeps = not kind.name.startswith("go-")
        traffic = proxy.repositories["team/restarted"] = Traffic()
        restarted = threading.Event()

        def restart_once(number: int) -> None:
            asked = traffic.seen[number - 1]
            if "POST " in asked and "digest=" not in asked and keeps and not restarted.is_set():
                restarted.set()
                registry.server.restart()

        traffic.done = restart_once
        tokens = registry.tokens
        yield Subject(
            name=name,
            kind=kind,
            host=registry.host,
            has_users=registry.username is not None,
            reader=USERNAME if tokens else READER if kind.name == "olareg" else None,
            read_only=lambda: setattr(tokens, "actions", frozenset({"pull"})) if tokens else None,
            # The address of a token server is the registry's own affair, whatever stands before it.
            restarting=proxy.host if keeps else None,
            clean=partial(_collect_garbage, registry) if kind.name.startswith("distribution") else None,
        )


def _collect_garbage(registry: Registry) -> None:
    """As its administrator does, who wants nothing to stay that has no tag."""
    registry.server.stop()
    program, _, config = registry.server.argv
    subprocess.run(
        [program, "garbage-collect", "--delete-untagged", config], capture_output=True, timeout=60, check=True
    )
    registry.server.start()
