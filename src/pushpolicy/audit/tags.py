"""What the tags of a repository name, and what else in it is an image."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime

import msgspec

from pushpolicy.errors import PushError
from pushpolicy.http.parallel import each
from pushpolicy.images.artifacts import has_image_layer, is_image
from pushpolicy.model.digest import Digest
from pushpolicy.model.manifest import Manifest
from pushpolicy.records.format import ARTIFACT_TYPE, STATEMENT_TYPE
from pushpolicy.registry.interface import RepositoryReader

# How cosign keeps what it says about an image where it does not attach that: under such a tag, with the
# config of an image, and layers that are none of an image.
_COSIGN = re.compile(r"sha256-[0-9a-f]{64}\.(?:sig|att|sbom)")


class Named(msgspec.Struct, frozen=True, kw_only=True):
    """A manifest, as a tag or a digest names it.

    Attributes:
        tag: None where it is named by its digest.
        digest: None where what the tag names cannot be read.
        about: what records are listed with: itself, but of the record of a denial the image of that.
        is_image: whether something could come to run it: records, signatures and charts are none.
        parts: the manifests of an index.
        problem: why it cannot be read.
    """

    tag: str | None = None
    digest: Digest | None = None
    about: Digest | None = None
    is_image: bool = True
    parts: tuple[Digest, ...] = ()
    problem: str | None = None

    @classmethod
    def of(cls, manifest: Manifest, tag: str | None = None) -> Named:
        """What a tag names."""
        return cls(
            tag=tag,
            digest=manifest.digest,
            about=image_of(manifest),
            is_image=_could_be_run(manifest, tag or ""),
            parts=tuple(entry.digest for entry in manifest.manifests),
        )


class Tags(msgspec.Struct, frozen=True, kw_only=True):
    """What there is in a repository beside records.

    Attributes:
        named: every tag that was asked about, and what it names.
        others: manifests that no tag may name, and that something is listed with.
        as_of: when a copy was made, and this was so; None where the repository itself was asked.
    """

    named: tuple[Named, ...]
    others: tuple[Digest, ...] = ()
    as_of: datetime | None = None

    @property
    def images(self) -> tuple[Digest, ...]:
        """All that a record could be listed with, each once."""
        tagged = (each.about for each in self.named if each.about)
        return tuple(dict.fromkeys((*tagged, *self.others)))


def read_tags(client: RepositoryReader, tags: Iterable[str]) -> tuple[Named, ...]:
    """What each of these tags names, in their order; one that cannot be read is told as that.

    A tag that is gone meanwhile is left out.
    """
    found = dict[int, Named]()

    def look(numbered: tuple[int, str]) -> None:
        number, tag = numbered
        try:
            manifest = client.resolve(tag)
        except PushError as error:
            found[number] = Named(tag=tag, problem=error.message)
        else:
            if manifest:
                found[number] = Named.of(manifest, tag)

    each(look, enumerate(tags), distant=client.distant)
    return tuple(found[number] for number in sorted(found))


def read_named(client: RepositoryReader, digest: Digest) -> Named | None:
    """What is there under a digest; None where nothing is."""
    try:
        manifest = client.manifest(digest)
    except PushError as error:
        return Named(digest=digest, problem=error.message)
    return Named.of(manifest) if manifest else None


def image_of(tagged: Manifest) -> Digest:
    """The image that a tag is about: what it names, but where that is the record of a denial."""
    is_record = tagged.artifact_type in (ARTIFACT_TYPE, STATEMENT_TYPE)
    return tagged.subject.digest if tagged.subject and is_record else tagged.digest


def _could_be_run(manifest: Manifest, tag: str) -> bool:
    """By its content: a name, or an artifact type, is whatever its writer likes."""
    if manifest.is_index or has_image_layer(manifest):
        return True
    is_signature = _COSIGN.fullmatch(tag) is not None and manifest.layers
    return is_image(manifest) and not is_signature
