"""What the manifests and configs of an image say, as evidence (design section 5, ``image``)."""

from __future__ import annotations

from collections.abc import Iterator

from pushpolicy.errors import InputError
from pushpolicy.images.config import ImageConfig
from pushpolicy.images.image import Image
from pushpolicy.model.descriptor import Descriptor, Platform
from pushpolicy.model.evidence import AttestationEvidence, PlatformEvidence
from pushpolicy.model.manifest import CONFIG_TYPES, Manifest
from pushpolicy.model.text import printable

# How BuildKit marks the attestation manifests it puts into an index (moby/buildkit, attestation storage).
REFERENCE_TYPE = "vnd.docker.reference.type"
REFERENCE_DIGEST = "vnd.docker.reference.digest"
ATTESTATION = "attestation-manifest"
IN_TOTO_LAYER = "application/vnd.in-toto+json"
PREDICATE_TYPE = "in-toto.io/predicate-type"


def platforms(image: Image) -> tuple[PlatformEvidence, ...]:
    """One entry for each image of the closure, in its order; at least one.

    Raises:
        InputError: when a config is malformed, contradicts its manifest or index, or there is no image.
    """
    found = tuple(
        _platform(image, manifest, entry)
        for manifest, entry, _ in _leaves(image)
        if not _is_attestation(entry)
    )
    if not found:
        raise InputError(f"{printable(image.source)}: the index holds no image that could run")
    return found


def attestations(image: Image) -> tuple[AttestationEvidence, ...]:
    """The attestation manifests of the closure.

    Raises:
        InputError: when a manifest is marked as one and does not keep to what such a manifest is.
    """
    return tuple(
        _attestation(image, manifest, entry, parent)
        for manifest, entry, parent in _leaves(image)
        if _is_attestation(entry)
    )


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


def _is_attestation(entry: Descriptor | None) -> bool:
    return entry is not None and entry.annotations.get(REFERENCE_TYPE) == ATTESTATION


def _attestation(
    image: Image, manifest: Manifest, entry: Descriptor | None, parent: Manifest | None
) -> AttestationEvidence:
    """Not judged as an image, so all its layers must be statements, about an image of the same index."""
    where = f"{printable(image.source)}: attestation manifest {manifest.digest}"
    stated = entry.annotations.get(REFERENCE_DIGEST, "") if entry else ""
    siblings = parent.manifests if parent else ()
    images = {str(item.digest): item.digest for item in siblings if not _is_attestation(item)}
    if stated not in images:
        raise InputError(f"{where} does not speak of an image of its index")
    if not manifest.layers or any(layer.media_type != IN_TOTO_LAYER for layer in manifest.layers):
        raise InputError(f"{where} has layers that are not in-toto statements")
    kinds = (layer.annotations.get(PREDICATE_TYPE) for layer in manifest.layers)
    return AttestationEvidence(
        digest=manifest.digest,
        subject=images[stated],
        predicate_types=tuple(dict.fromkeys(kind for kind in kinds if kind)),
    )


def _platform(image: Image, manifest: Manifest, entry: Descriptor | None) -> PlatformEvidence:
    where = f"{printable(image.source)}: manifest {manifest.digest}"
    if manifest.config is None or manifest.config.media_type not in CONFIG_TYPES:
        kind = manifest.config.media_type if manifest.config else manifest.media_type
        raise InputError(f"{where} is not a container image: its config is {printable(kind, 100)}")
    digest = manifest.config.digest
    try:
        config = ImageConfig.parse(image.configs[digest])
        if len(config.diff_ids) != (count := len(manifest.layers)):
            raise ValueError(f"it has {len(config.diff_ids)} diff_ids for {count} layers of the manifest")
        platform = _agreed(config.platform, entry.platform if entry else None)
    except ValueError as error:
        raise InputError(f"{where}, config {digest}: {printable(str(error))}") from error
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
    )


def _agreed(config: Platform, index: Platform | None) -> Platform:
    """The platform. Runtimes choose by the index, so the config must not state another one."""
    if index is None:
        return config
    if (config.os, config.architecture) != (index.os, index.architecture):
        raise ValueError(f"it is for {config}, the index says {index}")
    return Platform(os=index.os, architecture=index.architecture, variant=index.variant or config.variant)
