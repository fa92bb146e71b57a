"""What lies in an index beside its images and is none: SOCI indexes, SBOMs, notes.

It is carried along and told as what it is, and needs no scan as long as nothing could come to run it:
whatever a runtime makes of marks and of the order of entries, it finds a config that no image could have.
Sources: soci-snapshotter soci/soci_convert.go (a SOCI index has the platform of its image, and comes behind
it); containerd core/images/image.go (of the entries for a platform the first, of one without a platform its
config tells); containers/image internal/manifest/oci_index.go (annotations can put a later entry first).
"""

from __future__ import annotations

from pushpolicy.images.config import SHAPE
from pushpolicy.images.image import Image
from pushpolicy.images.statements import STATEMENTS
from pushpolicy.model import strict_json
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.evidence import ArtifactEvidence
from pushpolicy.model.manifest import CONFIG_TYPES, Manifest
from pushpolicy.model.text import printable

# Runtimes unpack what has such a type (containerd, core/images/mediatypes.go, IsLayerType).
_LAYERS = ("application/vnd.oci.image.layer.", "application/vnd.docker.image.rootfs.")
_PREFERRED = "io.github.containers."


def is_image(manifest: Manifest) -> bool:
    """Whether a manifest says that its config is one of an image."""
    return manifest.config is not None and manifest.config.media_type in CONFIG_TYPES


def has_image_layer(manifest: Manifest) -> bool:
    """Whether a runtime would unpack one of its layers."""
    return any(layer.media_type.lower().startswith(_LAYERS) for layer in manifest.layers)


def read_artifact(image: Image, manifest: Manifest, parent: Manifest, position: int) -> ArtifactEvidence:
    """What an entry of an index is that does not say it is an image, from its bytes.

    Args:
        image: that it is part of.
        manifest: that the entry names.
        parent: the index.
        position: of the entry in the index.

    Raises:
        ValueError: when something could take it for an image, or it is about something else.
    """
    entry, config = parent.manifests[position], manifest.config
    if config is None:
        raise ValueError("it has no config")
    _check_inert(image.configs[config.digest])
    for layer in manifest.layers:
        if layer.media_type.lower().startswith(_LAYERS):
            raise ValueError(f"it has a layer of an image: {printable(layer.media_type, 80)}")
        # Found by its subject, it could be taken for an approval; attestations are held against the image.
        if layer.media_type.lower().startswith(STATEMENTS):
            raise ValueError(f"it makes a statement: {printable(layer.media_type, 80)}")
    if any(name.startswith(_PREFERRED) for name in entry.annotations):
        raise ValueError("its annotations let runtimes prefer it to the image")
    _check_place(image, entry, parent, position)
    about = {each.digest for each in image.manifests}
    if manifest.subject and manifest.subject.digest not in about:
        raise ValueError(f"it is about something else: {manifest.subject.digest}")
    return ArtifactEvidence(
        digest=manifest.digest,
        artifact_type=manifest.artifact_type or config.media_type,
        subject=manifest.subject.digest if manifest.subject else None,
    )


def _check_inert(content: bytes) -> None:
    """A config for no platform, without layers and without a field that something could be run by."""
    config = strict_json.read(content, SHAPE)
    if not isinstance(config, dict):
        raise ValueError("its config is no object")
    if any(config.get(name, "unknown") != "unknown" for name in ("os", "architecture")):
        raise ValueError("its config is for a platform")
    if any(config.get(name) for name in ("config", "container_config", "rootfs")):
        raise ValueError("its config says how it is run")


def _check_place(image: Image, entry: Descriptor, parent: Manifest, position: int) -> None:
    """It has no platform, or exactly that of an image which runtimes find before it."""
    if entry.platform is None or (entry.platform.os, entry.platform.architecture) == ("unknown", "unknown"):
        return
    by_digest = {each.digest: each for each in image.manifests}
    # With what is not read of a platform, such as os.version.
    platforms = [value.get("platform") for value in parent.document()["manifests"]]
    images = [number for number, each in enumerate(parent.manifests) if is_image(by_digest[each.digest])]
    if not any(number < position and platforms[number] == platforms[position] for number in images):
        raise ValueError(f"the index gives it the platform {entry.platform}, and no image before it has that")
