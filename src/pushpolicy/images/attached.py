"""What others attached to an image at its source: statements and signatures, in both of cosign's ways.

A statement is the layer of a referrer (a Sigstore bundle, an envelope, or plain), or of the manifest that the
tag ``sha256-HEX.att`` names; a signature of the image is a layer of ``sha256-HEX.sig``. Anybody who can write
there can attach anything: nothing is verified here, and what is over a bound is said, never left out.
Sources: cosign, specs/BUNDLE_SPEC.md, ATTESTATION_SPEC.md and SIGNATURE_SPEC.md.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import msgspec

from pushpolicy.errors import PushError
from pushpolicy.http.parallel import each
from pushpolicy.images.image import Image
from pushpolicy.images.statements import STATEMENTS
from pushpolicy.images.store import Store, read_manifest
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest
from pushpolicy.model.manifest import EMPTY_TYPE, Manifest
from pushpolicy.model.text import printable

SIGNED = "application/vnd.dev.cosign.simplesigning.v1+json"
# The type of BuildKit's attestations (moby/buildkit, "Attestation storage").
_BUILDKIT = "application/vnd.docker.attestation."
_SIGNATURE = "dev.cosignproject.cosign/signature"
_MAX_LISTED = 200
_MAX_ATTACHED = 100
# Of one, and of all together: as many SBOMs as an image has platforms, and some more.
_MAX_SIZE = 32 * 1024 * 1024
_MAX_TOTAL = 128 * 1024 * 1024


class Attachment(msgspec.Struct, frozen=True, kw_only=True):
    """One statement or signature, as it was attached.

    Attributes:
        place: the tag, or the digest of the referrer, that has it.
        digest: of the content.
        signature: of the content, where it stands beside that; None where it is a part of it.
    """

    place: str
    digest: Digest
    content: bytes
    signature: bytes | None = None


class Attached(msgspec.Struct, frozen=True, kw_only=True):
    """All of them, in the order of their places.

    Attributes:
        problems: what could not be read, in words.
    """

    items: tuple[Attachment, ...] = ()
    problems: tuple[str, ...] = ()


def read_attached(image: Image) -> Attached:
    """What is attached to the manifest or index that would be pushed, under its own digest."""
    return _Reader(image.store, image.top.digest).read() if image.store else Attached()


class _Reader:
    def __init__(self, store: Store, subject: Digest) -> None:
        self._store = store
        self._subject = subject
        self._problems: list[str] = []
        self._manifests: list[tuple[str, Manifest]] = []
        self._found: list[Attachment] = []

    def read(self) -> Attached:
        """Whatever order the answers come in, the result is the same."""
        tag = f"{self._subject.algorithm}-{self._subject.hex}"
        tags = [partial(self._take_tag, f"{tag}.{end}") for end in ("att", "sig")]
        self._each([self._take_referrers, *tags])
        layers = sorted(self._layers(), key=lambda found: (found[0], str(found[1].digest)))
        self._each([partial(self._take_layer, *found) for found in self._within(layers)])
        items = sorted(self._found, key=lambda item: (item.place, str(item.digest)))
        return Attached(items=tuple(items), problems=tuple(sorted(self._problems)))

    def _each(self, tasks: Sequence[Callable[[], None]]) -> None:
        """Do all of it, several at a time; what fails is a problem."""

        def do(task: Callable[[], None]) -> None:
            try:
                task()
            except PushError as error:
                self._problems.append(printable(error.message, 400))
            except (OSError, ValueError) as error:
                reason = printable(str(error), 400)
                self._problems.append(f"what is attached to the image cannot be read: {reason}")

        each(do, tasks)

    def _take_tag(self, tag: str) -> None:
        manifest = self._store.named(tag)
        if manifest:
            self._manifests.append((tag, manifest))

    def _take_referrers(self) -> None:
        listed = [entry for entry in self._store.referrers(self._subject) if _may_state(entry)]
        if len(listed) > _MAX_LISTED:
            raise ValueError(f"{len(listed)} referrers are over the limit of {_MAX_LISTED}")
        self._each([partial(self._take_referrer, entry) for entry in listed])

    def _take_referrer(self, entry: Descriptor) -> None:
        manifest = read_manifest(self._store, entry)
        # Lists are not verified: what has another subject is about something else.
        if manifest and manifest.subject and manifest.subject.digest == self._subject:
            self._manifests.append((str(manifest.digest), manifest))

    def _layers(self) -> Iterator[tuple[str, Descriptor]]:
        for place, manifest in self._manifests:
            for layer in manifest.layers:
                if layer.media_type.lower().startswith((*STATEMENTS, SIGNED)):
                    yield place, layer

    def _within(self, layers: list[tuple[str, Descriptor]]) -> list[tuple[str, Descriptor]]:
        """All of them, or none: a part would pass for the whole."""
        total = sum(layer.size for _, layer in layers)
        large = [layer for _, layer in layers if layer.size > _MAX_SIZE]
        if len(layers) > _MAX_ATTACHED:
            over = f"{len(layers)} statements and signatures are over the limit of {_MAX_ATTACHED}"
        elif large:
            over = f"{large[0].digest} of {large[0].size} bytes is over the limit of {_MAX_SIZE}"
        elif total > _MAX_TOTAL:
            over = f"together {total} bytes are over the limit of {_MAX_TOTAL}"
        else:
            return layers
        self._problems.append(f"what is attached to the image is not read: {over}")
        return []

    def _take_layer(self, place: str, layer: Descriptor) -> None:
        signature = None
        if layer.media_type.lower().startswith(SIGNED):
            try:
                signature = base64.b64decode(layer.annotations.get(_SIGNATURE, ""), validate=True)
            except (binascii.Error, ValueError) as error:
                raise ValueError(f"{place}: the signature of {layer.digest} is not base64") from error
        content = self._store.blob(layer)
        self._found.append(Attachment(place=place, digest=layer.digest, content=content, signature=signature))


def _may_state(entry: Descriptor) -> bool:
    """Whether a list leaves open that it is a statement; whoever keeps the list can leave it out, too."""
    kind = (entry.artifact_type or "").lower()
    return kind in ("", EMPTY_TYPE) or kind.startswith((*STATEMENTS, _BUILDKIT))
