"""Whether a scan is about this image (design section 5, "Bound"), and what no scan is about.

A scan belongs to a platform by its manifest digest, its config digest, or the complete ordered list of
its layers. A report states them, or the capture of a scanner's command does, which was given the image.
A name, a tag or a shared prefix of layers proves nothing. The digest of an index says which platform was
scanned only if there is one.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from pushpolicy.model.evidence import ImageEvidence, PlatformEvidence, Scan, ScannedImage
from pushpolicy.model.text import printable
from pushpolicy.reports.format import Identity


class Binding(msgspec.Struct, frozen=True, kw_only=True):
    """The platform that a scan is about, and by what: manifest, config, diff_ids or capture."""

    platform: str
    by: str


def bind(identity: Identity, image: ImageEvidence) -> Binding | None:
    """The platform a scan is proven to be about; None when there is no proof.

    A report may list the digests of several platforms, of which it scanned one: then its image ID or
    its layers have to tell which. One that contradicts itself proves nothing.
    """
    found = _bind(identity, image)
    return None if found and _contradicts(identity, found, image) else found


def contradiction(identity: Identity, image: ImageEvidence) -> str | None:
    """In what a report about this image says that it is about another; None where it does not."""
    found = _bind(identity, image)
    return _contradicts(identity, found, image) if found else None


def _contradicts(identity: Identity, found: Binding, image: ImageEvidence) -> str | None:
    # Two manifests of an index may share the name of a platform; one of them was scanned.
    if (
        len(
            {p.config_digest for p in image.platforms if p.platform == found.platform and _names(identity, p)}
        )
        > 1
    ):
        return f"it names several images for {found.platform}"
    if found.by == "diff_ids":
        return None  # an image that got another label since has another ID, and the same layers
    name = found.platform
    of_image = {str(image.digest), *(str(d) for p in image.platforms for d in (p.digest, p.config_digest))}
    if identity.image_id is not None and identity.image_id not in of_image:
        return f"a digest is of {name}, and the image ID {printable(identity.image_id, 80)} of another image"
    layers = [tuple(map(str, p.diff_ids)) for p in image.platforms if p.platform == name]
    if identity.diff_ids not in layers and any(len(each) == len(identity.diff_ids) for each in layers):
        return f"a digest is of {name}, and the layers are of another image"
    return None


def _bind(identity: Identity, image: ImageEvidence) -> Binding | None:
    by_config = [
        p
        for p in image.platforms
        if str(p.config_digest) == identity.image_id or str(p.config_digest) in identity.digests
    ]
    by_manifest = [p for p in image.platforms if _names_manifest(identity, p, image)]
    layers = identity.diff_ids
    by_layers = [p for p in image.platforms if layers and layers == tuple(map(str, p.diff_ids))]
    if len(by_manifest) == 1 and (not by_config or by_manifest[0] in by_config):
        return _bound(by_manifest[0], "manifest", identity)
    if by_config:
        return _bound(by_config[0], "config", identity)
    if by_layers:
        return _bound(by_layers[0], "diff_ids", identity)
    return None


def _bound(platform: PlatformEvidence, by: str, identity: Identity) -> Binding | None:
    """Nothing, where the scanner may have seen other files than will be run."""
    if platform.lazy_toc or (platform.not_comparable and by != "manifest"):
        return None
    return Binding(platform=platform.platform, by="capture" if identity.captured else by)


def _names(identity: Identity, platform: PlatformEvidence) -> bool:
    own = {str(platform.digest), str(platform.config_digest)}
    return identity.image_id in own or not own.isdisjoint(identity.digests)


def _names_manifest(identity: Identity, platform: PlatformEvidence, image: ImageEvidence) -> bool:
    own = {str(platform.digest)}
    if len(image.platforms) == 1:
        own.add(str(image.digest))
    return identity.image_id in own or not own.isdisjoint(identity.digests)


def scanned_image(identity: Identity) -> ScannedImage | None:
    """What a report says of the image that it is about, as evidence; None where it says nothing."""
    if not (identity.name or identity.digests or identity.image_id):
        return None
    digest = identity.digests[0] if identity.digests else None
    digests = identity.digests
    return ScannedImage(name=identity.name, digest=digest, image_id=identity.image_id, digests=digests)


def not_covered(scans: Iterable[Scan], image: ImageEvidence) -> tuple[str, ...]:
    """The runnable platforms that no bound image scan is about, in the image's order."""
    covered = {scan.platform for scan in scans if scan.kind == "image" and scan.bound}
    return tuple(p.platform for p in image.platforms if p.platform not in covered)
