"""Push an image through a proxy that spoils requests, and judge by the registry itself what came of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pushpolicy.audit.history import find_record
from pushpolicy.audit.shelf import Shelf
from pushpolicy.errors import EXIT_OK, PushPolicyError, RecordError
from pushpolicy.images.image import Image
from pushpolicy.model.reference import Reference, Target
from pushpolicy.records.format import ARTIFACT_TYPE
from pushpolicy.registry import Access, RepositoryClient, open_repository
from tests.judged import publish
from tests.proxy import Fault, Proxy, Traffic, proxy_before
from tests.registries import Registry, distribution_2_registry, distribution_registry, olareg_registry

REGISTRIES = {"distribution": distribution_registry, "olareg": olareg_registry}
# What the whole table is measured on too, and `make test` a sample of.
SAMPLED = {"distribution-2.8": distribution_2_registry}
ALL = {**REGISTRIES, **SAMPLED}
TAGS = ("1.0", "stable")
# The pauses are short; what is tried and how often is as it is for everybody.
QUICK = Access(plain_http=True, first_pause=0.01)

Plan = Callable[[int], Fault | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of one push.

    Attributes:
        met: whether a request met a fault.
        exit_code: what the command would have ended with.
        survived: it ended with 0, every tag names the image, and its record is listed.
        wrong: what must never be: a tag that names anything else, or without its record; a false 0.
    """

    met: bool
    exit_code: int
    survived: bool
    wrong: str | None
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """A registry with the proxy before it, and the image that is pushed, each time to its own repository."""

    registry: Registry
    proxy: Proxy
    image: Image

    def target(self, name: str, *, direct: bool = False) -> Target:
        """Where a push goes: through the proxy, or past it."""
        host = self.registry.host if direct else self.proxy.host
        return Target.parse(f"{host}/team/{name}:{TAGS[0]}").with_tags(TAGS[1:])

    def client(self, name: str, access: Access = QUICK, *, direct: bool = False) -> RepositoryClient:
        """The client of that repository."""
        return open_repository(self.target(name, direct=direct).repository, access)

    def traffic(self, name: str) -> Traffic:
        """The requests to that repository, from none."""
        made = self.proxy.repositories[f"team/{name}"] = Traffic()
        return made

    def requests(self) -> int:
        """How many a push to an empty repository takes when nothing goes wrong."""
        name = f"counted-{len(self.proxy.repositories)}"
        traffic = self.traffic(name)
        publish(self.image, self.client(name), self.target(name))
        return len(traffic.seen)

    def push(self, name: str, plan: Plan, access: Access = QUICK) -> Result:
        """One push whose requests meet what the plan has for their numbers."""
        traffic = self.traffic(name)
        traffic.plan = plan
        started, code, record = time.monotonic(), EXIT_OK, None
        try:
            record = publish(self.image, self.client(name, access), self.target(name)).record.digest
        except PushPolicyError as error:
            code = error.exit_code
        seconds = time.monotonic() - started
        client = self.client(name, direct=True)
        listed = {entry.digest for entry in client.referrers(self.image.top.digest, ARTIFACT_TYPE)}
        complete = self._named(client) == set(TAGS) and record in listed
        return Result(
            met=bool(traffic.met),
            exit_code=code,
            survived=code == EXIT_OK and complete,
            wrong=wrong(client) or ("a false 0" if code == EXIT_OK and not complete else None),
            seconds=seconds,
        )

    def _named(self, client: RepositoryClient) -> set[str]:
        found = {tag: client.resolve(tag) for tag in TAGS}
        return {tag for tag, manifest in found.items() if manifest == self.image.top}


@contextmanager
def course(kind: str, image: Image, folder: Path) -> Iterator[Course]:
    """Start the registry of this kind (`ALL`) and the proxy before it; hundreds of pushes fit."""
    with ALL[kind](folder, memory=True) as registry, proxy_before(registry.host) as proxy:
        yield Course(registry=registry, proxy=proxy, image=image)


def wrong(client: RepositoryClient) -> str | None:
    """What is wrong with the tags of a repository; nothing as long as there are none."""
    for tag in client.tags():
        try:
            record = find_record(Shelf.of(client), Reference(repository=client.repository, tag=tag))
        except RecordError as error:
            return f"{tag} has no record: {error.message}"
        named = client.resolve(tag)
        if named is None or record.summary.subject.digest != named.digest:
            return f"{tag} names {named and named.digest}, its record {record.summary.subject.digest}"
        if tag not in record.decision.image.tags:
            return f"{tag} was not what its record allowed"
    return None
