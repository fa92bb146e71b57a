"""The image that would be pushed, as evidence: read from its manifests, configs and attestations.

BuildKit puts attestations into the image's own index (docs.docker.com, "Attestation storage"). They are blobs
of the image that is judged, so they are as trustworthy as it is: whoever built it wrote them.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import TypeVar

import msgspec

from pushpolicy.errors import PushPolicyError
from pushpolicy.gather.vouch import UNSIGNED, Vouch
from pushpolicy.images.facts import find
from pushpolicy.images.image import Image
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.evidence import ImageEvidence
from pushpolicy.reports.facts import of_type
from pushpolicy.reports.format import Facts, ReportError
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.reader import read_statement

_REVISION = "org.opencontainers.image.revision"


def evidence(image: Image) -> ImageEvidence:
    """What is known of the image.

    Raises:
        InputError: when a config is malformed or contradicts its manifest, or a statement cannot be read.
    """
    found = find(image)
    return ImageEvidence(
        digest=image.top.digest,
        media_type=image.top.media_type,
        name=image.name,
        size=image.size,
        source=image.source,
        annotations=image.top.annotations,
        platforms=found.platforms,
        attestations=found.attestations,
        artifacts=found.artifacts,
        # One platform's label is enough, whatever it says: the rule judges it. Were a wrong or partial label
        # called none, it would only warn like an absent one.
        bound_to_commit="label"
        if any(_REVISION in platform.labels for platform in found.platforms)
        else "none",
    )


Kind = TypeVar("Kind", bound=Facts)


class Stated(msgspec.Struct, frozen=True, kw_only=True):
    """A statement that is no file, and what it says.

    Attributes:
        name: that of its evidence.
        origin: image for an attestation of the image's own index, attached for one at its source.
        sha256: of its content.
    """

    name: str
    origin: str
    sha256: str
    facts: tuple[Facts, ...]
    vouch: Vouch = UNSIGNED


class Statements(msgspec.Struct, frozen=True, kw_only=True):
    """What was read of the statements that lie in the image, or are attached to it.

    Of what lies in the image only SBOMs and provenance are asked for: what it says of its own flaws is
    neither a scan of it nor an all-clear.

    Attributes:
        problems: what could not be read, in words.
    """

    read: tuple[Stated, ...] = ()
    problems: tuple[str, ...] = ()

    def of(self, kind: type[Kind]) -> Iterator[tuple[Stated, Kind]]:
        """Each that has facts of one kind of evidence, with these."""
        return ((stated, each) for stated in self.read for each in of_type(kind, stated.facts))

    def __add__(self, other: Statements) -> Statements:
        """Both together."""
        return Statements(read=self.read + other.read, problems=self.problems + other.problems)


def embedded(image: Image, about: ImageEvidence, limits: Limits) -> Statements:
    """Read every attestation of the image's index, of the types that are read."""
    manifests = {manifest.digest: manifest for manifest in image.manifests}
    platforms = {platform.digest: platform.platform for platform in about.platforms}
    found: list[Stated] = []
    problems: list[str] = []
    for attestation in about.attestations:
        for blob in manifests[attestation.digest].layers:
            try:
                facts = read_content(_content(image, blob, limits), limits)
            except (OSError, ReportError) as error:
                problems.append(f"attestation {blob.digest} of the image: {error}")
                continue
            name = f"image@{platforms.get(attestation.subject, attestation.subject)}"
            found.append(Stated(name=name, origin="image", sha256=blob.digest.hex, facts=facts))
    return Statements(read=tuple(found), problems=tuple(problems))


def read_content(statement: bytes, limits: Limits) -> tuple[Facts, ...]:
    """What a plain statement is evidence of.

    Raises:
        OSError: when the disk is full.
        ReportError: when it is malformed or over a limit.
    """
    with tempfile.TemporaryFile() as file:
        file.write(statement)
        file.seek(0)
        return read_statement(file, limits)


def _content(image: Image, blob: Descriptor, limits: Limits) -> bytes:
    if blob.size > limits.max_report_size:
        raise ReportError(f"its {blob.size} bytes are over the limit of {limits.max_report_size}")
    try:
        with image.content.open_blob(blob)() as stream:
            content = stream.read(blob.size + 1)
    except (OSError, PushPolicyError) as error:
        raise ReportError(f"it cannot be read: {error}") from error
    if len(content) != blob.size or not blob.digest.matches(content):
        raise ReportError("it is not what its digest says")
    return content
