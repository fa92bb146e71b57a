"""Layers that some runtimes do not unpack: they read a table of contents, and then single files of the layer.

Such a table may name other files than the tar that was scanned, and it is not compared with it here.
Sources: stargz-snapshotter docs/estargz.md, containers/storage pkg/chunked, nydus docs, SOCI index versions.
"""

from __future__ import annotations

from pushpolicy.images.artifacts import is_image
from pushpolicy.images.image import Image
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.manifest import Manifest

# Of layers (eStargz, nydus and overlaybd; zstd:chunked) and of manifests (SOCI).
_ANNOTATIONS = ("containerd.io/snapshot/", "io.github.containers.zstd-chunked.", "com.amazon.soci.")
_TYPES = ("nydus", "overlaybd")
_SOCI = "application/vnd.amazon.soci."
# Both footers are in the last bytes of a layer: 51 or 47 of eStargz, 64 or fewer of zstd:chunked.
FOOTER = 64
_STARGZ, _CHUNKED = b"STARGZ", b"GNUlInUx"


def has_table(image: Image, manifest: Manifest, entry: Descriptor | None) -> bool:
    """Whether an image has a layer that could be read by a table of contents.

    Args:
        image: that the manifest is part of.
        manifest: of one platform.
        entry: what an index says of it.
    """
    return (
        any(name.startswith(_ANNOTATIONS) for name in (entry.annotations if entry else ()))
        or any(layer.digest in image.footers for layer in manifest.layers)
        or any(map(_is_marked, (manifest, *image.referrers.manifests)))
        or any(_is_marked(each) for each in image.manifests if not each.is_index and not is_image(each))
    )


def _is_marked(manifest: Manifest) -> bool:
    """Whether a manifest says that it has a table: an image's own, or one beside it (SOCI, nydus)."""
    notes = [manifest.annotations, *(layer.annotations for layer in manifest.layers)]
    # The first version of SOCI, made for registries of OCI 1.0, says what it is by the type of its config.
    kinds = (manifest.artifact_type, manifest.config and manifest.config.media_type)
    types = [layer.media_type for layer in manifest.layers] + [kind for kind in kinds if kind]
    return any(name.startswith(_ANNOTATIONS) for each in notes for name in each) or any(
        kind.startswith(_SOCI) or any(word in kind for word in _TYPES) for kind in types
    )


def is_footer(end: bytes) -> bool:
    """Whether a layer ends as one with a table of contents does, whatever its annotations say."""
    return _STARGZ in end or end.endswith(_CHUNKED)
