"""The image that would be pushed, as evidence: read from its manifests, configs and attestations."""

from __future__ import annotations

from pushpolicy.images.facts import find
from pushpolicy.images.image import Image
from pushpolicy.model.evidence import ImageEvidence

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
        # One platform's label is enough, whatever it says: the rule judges it. Were a wrong or partial label
        # called none, it would only warn like an absent one.
        bound_to_commit="label"
        if any(_REVISION in platform.labels for platform in found.platforms)
        else "none",
    )
