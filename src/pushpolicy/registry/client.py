"""oras-py's client of a registry, stricter: `oras.provider.Registry` with what it lacks.

Overridden here are the methods that push and attach go by, and those that others would be misled by;
docs/registries.md has the list. What is inherited sends its requests by `do_request`, and so by our rules.
"""

from __future__ import annotations

import json as json_format
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NoReturn, overload
from urllib.parse import urlencode

from msgspec.structs import asdict, replace

from pushpolicy.errors import PushError, UsageError
from pushpolicy.http.call import MAX_ANSWER, MakeBody
from pushpolicy.http.deferred import deferred
from pushpolicy.http.retry import TransientError
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest
from pushpolicy.model.manifest import MAX_MANIFEST_SIZE, Manifest
from pushpolicy.model.reference import Reference, Repository
from pushpolicy.registry.admitted import OnAdmitted
from pushpolicy.registry.answers import (
    KNOWN_TYPES,
    KeptManifest,
    OrasAnswer,
    descriptor_of,
    opener_of,
    streamed,
)
from pushpolicy.registry.api import Api
from pushpolicy.registry.download import stream_blob
from pushpolicy.registry.interface import Access, OpenBlob
from pushpolicy.registry.meanings import Try, attempt_of
from pushpolicy.registry.pages import pages, read_names
from pushpolicy.registry.refusals import refusal
from pushpolicy.registry.upload import Uploads

# What oras-py imports and a push does not use; it takes four times as long to import as oras-py does.
# Once, when this module is imported: in the thread that opens the first repository, before it has others.
with deferred("http.cookiejar", "jsonschema", "requests", "requests.exceptions"):
    import oras.provider
    from oras.container import Container

if TYPE_CHECKING:
    import requests

_LATEST = "latest"
_PAGE_SIZE = 1000


class _Given:
    """In the place of oras-py's `auth`: the credential is found already, and no file is read for it."""

    def load_configs(self, *_: object, **__: object) -> None:
        """Called before oras-py's own methods ask for something."""


class OrasClient(oras.provider.Registry):  # type: ignore[misc]  # oras has no types
    """An oras-py client; safe to use from several threads.

    oras-py's is of a registry; ours is of one repository, which its credential was found for. A container
    of another one is refused.

    Attributes:
        api: its requests.
    """

    def __init__(self, repository: Repository, access: Access) -> None:
        # oras-py's own would make a session of requests, which no request of ours goes through.
        self.api = Api(repository, access)
        self.hostname = self.api.endpoint.host
        self.headers: dict[str, str] = {}
        self.auth = _Given()
        self._uploads = Uploads(self.api)

    @property
    def prefix(self) -> str:
        """The scheme; a loopback registry is asked for it once, at the first request."""
        return self.api.endpoint.scheme

    def login(self, *_: object, **__: object) -> NoReturn:
        """Refused: the client has had its credential since it was made."""
        raise UsageError(f"{self.api.repository}: the credential is given with Access, not by login()")

    def logout(self, *_: object, **__: object) -> NoReturn:
        """Refused, as `login` is."""
        raise UsageError(f"{self.api.repository}: the credential is given with Access, not by login()")

    def container(self, reference: str | Digest = _LATEST) -> Container:
        """The container of a tag or digest. It is not parsed: oras-py takes a path with a dot for a host."""
        made = Container("unnamed", self.hostname)
        made.namespace, _, made.repository = self.api.repository.path.rpartition("/")
        if isinstance(reference, Digest) or ":" in reference:
            made.digest = str(reference)
        else:
            made.tag = reference
        return made

    def get_container(self, name: str | Container) -> Container:
        """The container of a name of this repository; tag ``latest`` if it names none.

        Raises:
            ValueError: when it is malformed, or of another repository.
        """
        if isinstance(name, Container):
            if (name.registry, name.api_prefix) != (self.hostname, self.api.repository.path):
                raise ValueError(f"this client is of {self.api.repository} only")
            return name
        reference = Reference.parse(name)
        if reference.repository != self.api.repository:
            raise ValueError(f"this client is of {self.api.repository} only")
        return self.container(reference.digest or reference.tag or _LATEST)

    @overload
    def do_request(
        self,
        url: str,
        method: str = ...,
        data: bytes | MakeBody | None = ...,
        headers: Mapping[str, str] | None = ...,
        json: Any = ...,
        stream: Literal[False] = ...,
        *,
        what: str = ...,
        limit: int = ...,
    ) -> OrasAnswer: ...

    @overload
    def do_request(
        self,
        url: str,
        method: str = ...,
        data: bytes | MakeBody | None = ...,
        headers: Mapping[str, str] | None = ...,
        json: Any = ...,
        *,
        stream: Literal[True],
        what: str = ...,
        limit: int = ...,
    ) -> requests.Response: ...

    def do_request(
        self,
        url: str,
        method: str = "GET",
        data: bytes | MakeBody | None = None,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        stream: bool = False,
        *,
        what: str = "request",
        limit: int = MAX_ANSWER,
    ) -> OrasAnswer | requests.Response:
        """Send a request: within time limits, again while that may help, the credential to the registry only.

        Args:
            url: what to ask; redirects are followed.
            method: GET, HEAD, POST and so on.
            data: the body, or what makes it each time that it is sent.
            headers: added to the usual ones.
            json: a body to be written as JSON, in the place of `data`.
            stream: whether to leave the body unread, for what is not whole in memory.
            what: what it is for, in an error message.
            limit: bytes of the answer that are read at most.

        Raises:
            PushError: when there is no answer, or one of passing trouble at last (5xx, 429).
        """
        body = json_format.dumps(json).encode() if json is not None else data
        make = body if body is None or callable(body) else lambda: body
        call = self.api.call(method, url, what, headers=headers, body=make, limit=limit)
        if not stream:
            found = self.api.exchange(call)
            return OrasAnswer(**asdict(found), action=call.action)
        with ExitStack() as stack:
            try:
                head, chunks = stack.enter_context(self.api.stream(replace(call, transfer=True)))
            except TransientError as error:
                raise error.failure from error
            return streamed(head, chunks, stack.pop_all().close)

    def get_tags(self, container: str | Container, N: int | None = None) -> list[str]:  # noqa: N803 (theirs)
        """The tags of the repository as the registry lists them, at most `N` of them.

        Raises:
            AbsentError: when there is no such repository.
            PushError: when the registry refuses, or the list is malformed.
        """
        found: dict[str, None] = {}
        url = f"{self.prefix}://{self.get_container(container).tags_url(N=_PAGE_SIZE)}"
        call = self.api.call("GET", url, "tags")
        for answer in pages(self.api, call):
            if answer.status != 200:
                raise refusal(call.action, answer)
            found |= dict.fromkeys(read_names(answer, "tags", call.action))
            if N is not None and len(found) >= N:
                break
        return list(found)[:N]

    def get_manifest(
        self,
        container: str | Container,
        allowed_media_type: list[str] | None = None,
        validation_schema: Mapping[str, Any] | None = None,
    ) -> KeptManifest:
        """The manifest of a container; its bytes are kept, and compared with the digest if it names one.

        Raises:
            AbsentError: when it is not there.
            PushError: when the registry refuses or serves something else.
        """
        container = self.get_container(container)
        answer = self.do_request(
            f"{self.prefix}://{container.manifest_url()}",
            headers={"Accept": ", ".join(allowed_media_type or sorted(KNOWN_TYPES))},
            what=f"manifest {container.digest or container.tag}",
            limit=MAX_MANIFEST_SIZE,
        )
        self._check_200_response(answer)
        kept = KeptManifest.read(answer)
        if container.digest and not Digest.parse(container.digest).matches(answer.content):
            raise PushError(
                f"{self.api.repository}@{container.digest}: "
                f"the registry serves other content ({kept.manifest.digest})",
                "the registry or something before it changes what it serves; do not trust it",
            )
        if validation_schema:
            import jsonschema

            jsonschema.validate(kept, schema=validation_schema)
        return kept

    def upload_manifest(
        self, manifest: Manifest | Mapping[str, Any], container: str | Container
    ) -> OrasAnswer:
        """Store a manifest under the container's tag or digest: the bytes of a `Manifest` as they are.

        Raises:
            PushError: when the registry refuses.
            ValueError: when what was given is no manifest.
        """
        container = self.get_container(container)
        if not isinstance(manifest, Manifest):
            manifest = Manifest.parse(json_format.dumps(manifest).encode())
        answer = self.send_manifest(manifest, container.digest or container.tag)
        self._check_200_response(answer)
        return answer

    def send_manifest(
        self,
        manifest: Manifest,
        reference: str | Digest | None = None,
        *,
        tags: Sequence[str] = (),
        headers: Mapping[str, str] | None = None,
        once: bool = False,
    ) -> OrasAnswer:
        """Send the bytes of a manifest, and give the answer, which may be a refusal.

        Args:
            manifest: what is sent.
            reference: the tag or digest that it is put under; its own digest without one.
            tags: those in the query, which a registry may set too.
            headers: conditions.
            once: not to send it again by itself: what it would overwrite then may be another's by now.

        Raises:
            TransientError: when there is no answer, or one of passing trouble, to what is sent once.
            PushError: when there is none at last.
        """
        reference = reference or manifest.digest
        query = f"?{urlencode([('tag', tag) for tag in tags])}" if tags else ""

        call = self.api.call(
            "PUT",
            f"{self.prefix}://{self.container(reference).manifest_url()}{query}",
            f"manifest {', '.join(tags) or reference}",
            headers={"Content-Type": manifest.media_type, **(headers or {})},
            body=lambda: manifest.content,
        )

        def put() -> OrasAnswer:
            found = self.api.attempt(call) if once else self.api.exchange(call)
            return OrasAnswer(**asdict(found), action=call.action)

        answer = put()
        if attempt_of(answer) is not Try.SEND_SKIPPED:
            return answer
        return put() if self._uploads.send_skipped(self._upload_url(self.container()), manifest) else answer

    def blob_exists(self, layer: Descriptor | Mapping[str, Any], container: str | Container) -> bool:
        """Whether a blob is there with the size that its descriptor states.

        Raises:
            PushError: when the registry says neither yes nor no.
        """
        blob = descriptor_of(layer)
        url = self._blob_url(container, blob.digest)
        answer = self.do_request(url, "HEAD", what=f"blob {blob.digest}")
        if answer.status not in (200, 404):
            raise refusal(answer.action, answer)
        # Another size is broken content, and no size is not known: sending it settles both.
        return answer.status == 200 and answer.headers.get("Content-Length") == str(blob.size)

    def upload_blob(
        self,
        blob: str | OpenBlob,
        container: str | Container,
        layer: Descriptor | Mapping[str, Any],
        do_chunked: bool = False,  # noqa: ARG002 (chunks are sent where a registry takes nothing else)
        chunk_size: int = 0,  # noqa: ARG002
        *,
        sibling: Repository | None = None,
        on_admitted: OnAdmitted | None = None,
        is_new: bool = False,
    ) -> OrasAnswer:
        """Store a blob unless it is there; hashed while it streams, a mismatch aborts.

        A small one is sent without being asked for where others like it were not there.

        Args:
            blob: a path, or what opens the content.
            container: where to.
            layer: the blob's descriptor.
            do_chunked: has no effect: what the registry takes is found out.
            chunk_size: likewise.
            sibling: a repository of the same registry that may have it; it is mounted from there if so.
            on_admitted: told when all of the content was read for sending and is what it should be.
            is_new: not to ask for it first.

        Returns:
            an answer of status 200 when it was there already, else 201.

        Raises:
            PushError: when the registry refuses.
            InputError: when the content is not what the descriptor says.
        """
        container = self.get_container(container)
        descriptor = descriptor_of(layer)

        content = opener_of(blob)

        def is_there(sent: Descriptor) -> bool:
            return self.blob_exists(sent, container)

        asks = not is_new and (sibling is not None or self._uploads.asks_for(descriptor))
        was_there = asks and is_there(descriptor)
        if was_there:
            self._uploads.skip(descriptor, content)
        else:
            if asks:
                self._uploads.note_absent(descriptor)
            url = self._upload_url(container)
            self._uploads.send(url, descriptor, content, sibling, is_there=is_there, on_admitted=on_admitted)
        return OrasAnswer(
            status=200 if was_there else 201,
            headers={},
            content=b"",
            url=self._blob_url(container, descriptor.digest),
            action=f"{self.api.repository}: upload of {descriptor.digest}",
        )

    def download_blob(self, container: str | Container, digest: str, outfile: str) -> str:
        """Write a blob to a file; nothing lies under its name unless the digest is right.

        Raises:
            PushError: when the registry refuses, states no size, or serves other content.
        """
        url = self._blob_url(container, Digest.parse(digest))
        head = self.do_request(url, "HEAD", what=f"blob {digest}")
        self._check_200_response(head)
        size = head.headers.get("Content-Length", "")
        if not size.isdecimal():
            raise PushError(f"{head.action}: the registry states no size")
        blob = descriptor_of({"digest": digest, "size": int(size)})
        path = Path(outfile)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(path.name + ".part")
        try:
            with part.open("wb") as file:
                file.writelines(stream_blob(self.api, url, blob))
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
        return outfile

    def _upload_url(self, container: Container) -> str:
        return f"{self.prefix}://{container.upload_blob_url()}"

    def _blob_url(self, container: str | Container, digest: Digest) -> str:
        return f"{self.prefix}://{self.get_container(container).get_blob_url(str(digest))}"

    def _check_200_response(self, response: OrasAnswer | requests.Response) -> None:
        """What oras-py's methods look at an answer with; it raises PushError with the registry's words."""
        if response.status_code in (200, 201, 202):
            return
        if not isinstance(response, OrasAnswer):
            response = OrasAnswer(
                status=response.status_code,
                headers=response.headers,
                content=response.content,
                url=response.url,
                action=f"{self.api.repository}: request",
            )
        raise refusal(response.action, response)
