"""What ``pushpolicy doctor`` says of a registry: found by reading alone, under no name but the given one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property

from pushpolicy.cli import environment
from pushpolicy.cli.fields import Field, fields_of
from pushpolicy.cli.options import RegistryOptions
from pushpolicy.cli.registries import Opened, Registries
from pushpolicy.gather import credentials
from pushpolicy.gather.checkout import inspect
from pushpolicy.identity.vendors import vendor_of
from pushpolicy.model.digest import Digest
from pushpolicy.model.document import plain
from pushpolicy.model.reference import Repository
from pushpolicy.model.text import first_of
from pushpolicy.registry.challenges import read_challenges
from pushpolicy.registry.fallback import fallback_tag
from pushpolicy.registry.refusals import RefusedError, refusal
from pushpolicy.registry.remote import RemoteRepository
from pushpolicy.reports.limits import Limits

_LEARNED = (
    "learned then, since nothing is written here: the smallest chunk of an upload (OCI-Chunk-Min-Length)",
    "likewise: several tags in one request (OCI-Tag), and conditions on tags (If-Match)",
)
_VERIFIED_BY = {
    "system": "the system's authorities",
    "file": "the system's authorities and those of a file",
    "variable": "authorities that SSL_CERT_FILE or SSL_CERT_DIR names",
}
_FOLDER = "a folder: no registry is asked"


class RegistryChecks:
    """The checks of one repository, in the order in which they depend on one another.

    Each gives lines, and raises PushPolicyError for what is wrong.
    """

    def __init__(self, repository: Repository, options: RegistryOptions) -> None:
        self._repository = repository
        self._options = options
        self._is_reached = False
        self._tagged: Digest | None = None

    @property
    def looks(self) -> dict[str, Callable[[], Iterator[str | Field]]]:
        """The checks by name, in order."""
        return {
            "credential": self.credential,
            "registry": self.registry,
            "repository": self.repository,
            "referrers": self.referrers,
            "at a push": self.at_a_push,
        }

    def credential(self) -> Iterator[str | Field]:
        """Which credential would be shown, where it comes from, and what a push would tell of it."""
        _, found = self._opened
        if found is None:
            yield "none: a folder needs none"
            return
        where = (found.variable, found.helper, found.path)
        yield f"{found.source_kind} {' '.join(str(item) for item in where if item)}".rstrip()
        environ, workspace = environment.environment(), environment.workspace()
        around = credentials.Around(
            environ=environ,
            checkout=inspect(workspace, environ),
            limits=Limits(),
            at=environment.now(),
        )
        told = credentials.evidence(found, self._repository.registry, around)
        if told.reason:
            yield f"{told.status}: {told.reason}"
        yield from fields_of(
            plain(told), dict.fromkeys(credentials.BY_FORM, ("its form, user or a variable",))
        )

    def registry(self) -> Iterator[str]:
        """How it is reached, and what it asks for."""
        client = self._client
        if client is None:
            yield _FOLDER
            return
        vendor = vendor_of(self._repository.registry)
        if vendor:
            yield f"{vendor.name}: docs/registries.md says what it does with records and tags"
        answer = client.api.greeting()
        verified = _VERIFIED_BY.get(client.authorities or "")
        yield f"reached by {client.prefix}, " + (f"verified by {verified}" if verified else "not encrypted")
        asked = read_challenges(answer.headers.get("WWW-Authenticate", ""))
        for challenge in asked:
            realm, service = challenge.parameters.get("realm", ""), challenge.parameters.get("service", "")
            what = "a token of" if challenge.scheme == "bearer" else "a user name and password for"
            yield f"asks for {what} {realm!r}" + (f", service {service!r}" if service else "")
        if answer.status not in (200, 401):
            raise refusal(f"{self._repository}: API", answer)
        self._is_reached = True
        if not asked:
            yield (
                "asks for no credential"
                if answer.status == 200
                else "refuses, and does not say what it wants"
            )

    def repository(self) -> Iterator[str]:
        """Whether it can be read, and its tags listed."""
        client = self._client
        if client is None or not self._is_reached:
            return
        tags = client.tags()
        if not tags:
            yield "there is no such repository, or nothing in it has a tag: a push will tell more"
            return
        yield f"lists {len(tags)} {'tag' if len(tags) == 1 else 'tags'}: {first_of(tags, 5)}"
        image = client.resolve(tags[0])
        if image:
            self._tagged = image.digest
            yield f"{tags[0]} can be read"

    def referrers(self) -> Iterator[str]:
        """How it lists records and signatures."""
        client = self._client
        if client is None or not self._is_reached:
            return
        if self._tagged is None:
            yield "learned at a push: nothing is there to ask about"
            return
        kept = f"under tags such as {fallback_tag(self._tagged)[:19]}..., which clients keep"
        try:
            has_api = client.lists_referrers(self._tagged)
        except RefusedError as error:
            yield f"its API refuses, so they are listed {kept}"
            yield error.message
            return
        yield "listed by the registry (referrers API)" if has_api else f"no referrers API: listed {kept}"

    def at_a_push(self) -> Iterator[str]:
        """What only a push can learn."""
        if self._client is not None:
            yield from _LEARNED

    @cached_property
    def _opened(self) -> Opened:
        return Registries(self._options, Limits()).target(self._repository)

    @property
    def _client(self) -> RemoteRepository | None:
        client, _ = self._opened
        return client if isinstance(client, RemoteRepository) else None
