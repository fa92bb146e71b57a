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


class Embedded(msgspec.Struct, frozen=True, kw_only=True):
    """What was read of the image's attestations.

    Only SBOMs and provenance are asked for: what an image says of its own flaws is neither a scan of it nor
    an all-clear.

    Attributes:
        read: a name, the SHA-256 of the blob and what it says, for each.
        problems: what could not be read, in words.
    """

    read: tuple[tuple[str, str, tuple[Facts, ...]], ...] = ()
    problems: tuple[str, ...] = ()

    def of(self, kind: type[Kind]) -> Iterator[tuple[str, str, Kind]]:
        """Name, SHA-256 and facts of each of one kind of evidence."""
        return ((name, sha256, each) for name, sha256, facts in self.read for each in of_type(kind, facts))


def embedded(image: Image, about: ImageEvidence, limits: Limits) -> Embedded:
    """Read every attestation of the image's index, of the types that are read."""
    manifests = {manifest.digest: manifest for manifest in image.manifests}
    platforms = {platform.digest: platform.platform for platform in about.platforms}
    found: list[tuple[str, str, tuple[Facts, ...]]] = []
    problems: list[str] = []
    for attestation in about.attestations:
        for blob in manifests[attestation.digest].layers:
            try:
                with tempfile.TemporaryFile() as file:
                    file.write(_content(image, blob, limits))
                    file.seek(0)
                    facts = read_statement(file, limits)
            except (OSError, ReportError) as error:
                problems.append(f"attestation {blob.digest} of the image: {error}")
                continue
            name = f"image@{platforms.get(attestation.subject, attestation.subject)}"
            found.append((name, blob.digest.hex, facts))
    return Embedded(read=tuple(found), problems=tuple(problems))


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
