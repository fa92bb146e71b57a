"""What the manifests and configs of an image say, as evidence (design section 5, ``image``).

BuildKit adds attestations to an index beside the images (moby/buildkit, "Attestation storage"). No scan
covers them, so nothing is believed of what marks them: they are told by their content. A runtime that ignored
every mark would find a config for no platform that runs nothing, and layers that are no tar.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from pushpolicy.errors import InputError
from pushpolicy.images.artifacts import is_image, read_artifact
from pushpolicy.images.config import SHAPE, ImageConfig
from pushpolicy.images.image import Image
from pushpolicy.images.lazy import has_table
from pushpolicy.images.options import Limits
from pushpolicy.images.uncompressed import KINDS
from pushpolicy.model import strict_json
from pushpolicy.model.descriptor import Descriptor, Platform
from pushpolicy.model.digest import Digest
from pushpolicy.model.evidence import ArtifactEvidence, AttestationEvidence, PlatformEvidence
from pushpolicy.model.manifest import CONFIG_TYPES, EMPTY_CONTENT, EMPTY_TYPE, Manifest
from pushpolicy.model.statement import STATEMENT_SHAPE, STATEMENT_TYPE
from pushpolicy.model.text import printable

_DEFAULT_LIMITS = Limits()
REFERENCE_TYPE = "vnd.docker.reference.type"
REFERENCE_DIGEST = "vnd.docker.reference.digest"
ATTESTATION = "attestation-manifest"
IN_TOTO_LAYER = "application/vnd.in-toto+json"
# An SBOM of a large image has some tens of MB; a statement is read whole, which takes several times its size.
_MAX_STATEMENT = 128 * 1024 * 1024


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What an image consists of, in its order: one platform at least, attestations of it, and the rest."""

    platforms: tuple[PlatformEvidence, ...]
    attestations: tuple[AttestationEvidence, ...]
    artifacts: tuple[ArtifactEvidence, ...]


def find(image: Image, limits: Limits = _DEFAULT_LIMITS) -> Found:
    """Read what each manifest is: an attestation or artifact by its content, else an image that is judged.

    Raises:
        InputError: when a config is malformed, contradicts its manifest or index, or there is no image.
    """
    platforms: list[PlatformEvidence] = []
    attestations: list[AttestationEvidence] = []
    artifacts: list[ArtifactEvidence] = []
    statements = 0
    for manifest, parent, position in _leaves(image):
        entry = parent.manifests[position] if parent else None
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
        elif parent and not is_image(manifest):
            try:
                artifacts.append(read_artifact(image, manifest, parent, position))
                continue
            except ValueError as error:
                doubt = f"; it is no artifact that nothing would run: {error}"
        platforms.append(_platform(image, manifest, entry, doubt))
    if not platforms:
        raise InputError(f"{printable(image.source)}: the index holds no image that could run")
    return Found(platforms=tuple(platforms), attestations=tuple(attestations), artifacts=tuple(artifacts))


def _leaves(image: Image) -> Iterator[tuple[Manifest, Manifest | None, int]]:
    """Every manifest that is no index, with the index that names it, and where in that."""
    if not image.top.is_index:
        yield image.top, None, 0
        return
    by_digest = {manifest.digest: manifest for manifest in image.manifests}
    for parent in image.manifests:
        for position, entry in enumerate(parent.manifests):
            if not by_digest[entry.digest].is_index:
                yield by_digest[entry.digest], parent, position


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


def is_marked(entry: Descriptor | None) -> bool:
    """Whether an entry of an index is said to be an attestation."""
    return entry is not None and entry.annotations.get(REFERENCE_TYPE) == ATTESTATION


def read_attestation(
    image: Image, manifest: Manifest, entry: Descriptor, parent: Manifest
) -> AttestationEvidence:
    """What a marked entry of an index is, from the bytes of its config and of every layer.

    Raises:
        ValueError: when it is no attestation of an image of the same index.
        InputError: when a layer is not what its digest says.
    """
    images = {str(item.digest): item.digest for item in parent.manifests if not is_marked(item)}
    subject = images.get(entry.annotations.get(REFERENCE_DIGEST, ""))
    if subject is None:
        raise ValueError("it does not speak of an image of its index")
    if entry.platform is None or (entry.platform.os, entry.platform.architecture) != ("unknown", "unknown"):
        raise ValueError("the index gives it a platform")
    _check_config(image, manifest)
    if not manifest.layers or any(layer.media_type != IN_TOTO_LAYER for layer in manifest.layers):
        raise ValueError("it has layers that are not in-toto statements")
    kinds = [_predicate_type(image, layer, subject) for layer in manifest.layers]
    return AttestationEvidence(
        digest=manifest.digest, subject=subject, predicate_types=tuple(dict.fromkeys(kinds))
    )


def _check_config(image: Image, manifest: Manifest) -> None:
    """A config for no platform and without a field that something could be run by."""
    if manifest.config is None:
        raise ValueError("it has no config")
    content = image.configs[manifest.config.digest]
    if manifest.config.media_type == EMPTY_TYPE and content == EMPTY_CONTENT:
        return
    if manifest.config.media_type not in CONFIG_TYPES:
        raise ValueError("its config is of another type")
    config = strict_json.read(content, SHAPE)
    if not isinstance(config, dict) or any(
        config.get(name, "unknown") != "unknown" for name in ("os", "architecture")
    ):
        raise ValueError("its config is for a platform")
    if config.get("config") or config.get("container_config"):
        raise ValueError("its config says how it is run")


def _predicate_type(image: Image, layer: Descriptor, subject: Digest) -> str:
    """What a layer, which has to be one statement and nothing else, states about the image."""
    if layer.size > _MAX_STATEMENT:
        raise ValueError(f"the statement {layer.digest} has {layer.size} bytes")
    with image.content.open_blob(layer)() as file:
        content = file.read(layer.size + 1)
    if len(content) != layer.size or not layer.digest.matches(content):
        raise InputError(
            f"{printable(image.source)}: the statement {layer.digest} has other content than its digest says",
            "build or copy the image again",
        )
    try:
        fields = strict_json.outline(content, STATEMENT_SHAPE)
        kind, predicate_type, subjects = (
            strict_json.read(fields[name]) for name in ("_type", "predicateType", "subject")
        )
    except (ValueError, KeyError) as error:
        raise ValueError(f"layer {layer.digest} is no in-toto statement ({error})") from error
    if not (isinstance(kind, str) and kind.startswith(STATEMENT_TYPE) and isinstance(predicate_type, str)):
        raise ValueError(f"layer {layer.digest} is no in-toto statement")
    if subjects == []:
        named = "BuildKit names the image where it has a name (--tag, name=)"
        raise ValueError(f"the statement {layer.digest} has no subject: {named}")
    if not isinstance(subjects, list) or not any(_names(item, subject) for item in subjects):
        raise ValueError(f"the statement {layer.digest} is about something else")
    return predicate_type


def _names(item: Any, subject: Digest) -> bool:
    digests = item.get("digest") if isinstance(item, dict) else None
    return isinstance(digests, dict) and digests.get(subject.algorithm) == subject.hex
