"""What the manifests and configs of an image say, as evidence (design section 5, ``image``)."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from pushpolicy.errors import InputError
from pushpolicy.images.attestation import is_marked, read_attestation
from pushpolicy.images.config import ImageConfig
from pushpolicy.images.image import Image
from pushpolicy.images.lazy import has_table
from pushpolicy.images.options import Limits
from pushpolicy.images.uncompressed import KINDS
from pushpolicy.model.descriptor import Descriptor, Platform
from pushpolicy.model.evidence import AttestationEvidence, PlatformEvidence
from pushpolicy.model.manifest import CONFIG_TYPES, Manifest
from pushpolicy.model.text import printable

_DEFAULT_LIMITS = Limits()


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What an image consists of, in its order: at least one platform, and attestations about them."""

    platforms: tuple[PlatformEvidence, ...]
    attestations: tuple[AttestationEvidence, ...]


def find(image: Image, limits: Limits = _DEFAULT_LIMITS) -> Found:
    """Read what each manifest of the closure is: an attestation by its content, else an image that is judged.

    Raises:
        InputError: when a config is malformed, contradicts its manifest or index, or there is no image.
    """
    platforms: list[PlatformEvidence] = []
    attestations: list[AttestationEvidence] = []
    statements = 0
    for manifest, entry, parent in _leaves(image):
        doubt = ""
        if entry and parent and is_marked(entry):
            statements += sum(layer.size for layer in manifest.layers)
            if statements > limits.statements_size:
                limit = limits.statements_size >> 20
                raise InputError(
                    f"{printable(image.source)}: its attestations are over the limit of {limit} MiB"
                )
            try:
                attestations.append(read_attestation(image, manifest, entry, parent))
                continue
            except ValueError as error:
                doubt = f"; it is marked as an attestation and is none: {error}"
        platforms.append(_platform(image, manifest, entry, doubt))
    if not platforms:
        raise InputError(f"{printable(image.source)}: the index holds no image that could run")
    return Found(platforms=tuple(platforms), attestations=tuple(attestations))


def _leaves(image: Image) -> Iterator[tuple[Manifest, Descriptor | None, Manifest | None]]:
    """Every image manifest with the descriptor and the index that name it."""
    if not image.top.is_index:
        yield image.top, None, None
        return
    by_digest = {manifest.digest: manifest for manifest in image.manifests}
    for parent in image.manifests:
        for entry in parent.manifests:
            if not by_digest[entry.digest].is_index:
                yield by_digest[entry.digest], entry, parent


def _platform(image: Image, manifest: Manifest, entry: Descriptor | None, doubt: str) -> PlatformEvidence:
    where = f"{printable(image.source)}: manifest {manifest.digest}"
    if manifest.config is None or manifest.config.media_type not in CONFIG_TYPES:
        kind = manifest.config.media_type if manifest.config else manifest.media_type
        raise InputError(f"{where} is not a container image: its config is {printable(kind + doubt, 300)}")
    digest = manifest.config.digest
    try:
        config = ImageConfig.parse(image.configs[digest])
        if len(config.diff_ids) != (count := len(manifest.layers)):
            raise ValueError(f"it has {len(config.diff_ids)} diff_ids for {count} layers of the manifest")
        platform = _agreed(config.platform, entry.platform if entry else None)
    except ValueError as error:
        raise InputError(f"{where}, config {digest}: {printable(str(error) + doubt, 400)}") from error
    return PlatformEvidence(
        platform=str(platform),
        digest=manifest.digest,
        config_digest=digest,
        diff_ids=config.diff_ids,
        labels=config.labels,
        user=config.user,
        created=config.created,
        env=config.env,
        entrypoint=config.entrypoint,
        # The type of a layer that cannot be told to be its diff_id: the config says nothing about it.
        not_comparable=next(
            (layer.media_type for layer in manifest.layers if layer.media_type not in KINDS), None
        ),
        lazy_toc="unverified" if has_table(image, manifest, entry) else None,
    )


def _agreed(config: Platform, index: Platform | None) -> Platform:
    """The platform. Runtimes choose by the index, so the config must not state another one."""
    if index is None:
        return config
    if (config.os, config.architecture) != (index.os, index.architecture):
        raise ValueError(f"it is for {config}, the index says {index}")
    return Platform(os=index.os, architecture=index.architecture, variant=index.variant or config.variant)
