"""Whether a scan or VEX statement is about this image (design section 5, "Bound"), and what no scan is about.

A scan belongs to a platform by its manifest digest, its config digest, or the complete ordered list of
its layers. A report states them, or the capture of a scanner's command does, which was given the image.
A name, a tag or a shared prefix of layers proves nothing. The digest of an index says which platform was
scanned only if there is one.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from pushpolicy.model.evidence import ImageEvidence, PlatformEvidence, Scan, ScannedImage
from pushpolicy.model.reference import HUB, HUB_NAMES, Repository, hub_path
from pushpolicy.model.text import printable
from pushpolicy.reports.facts import Product
from pushpolicy.reports.format import Identity
from pushpolicy.reports.parsing.purl import Purl

_HUB_NAMES = HUB_NAMES | {"registry.hub.docker.com"}


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
    if not (identity.name or identity.digests or identity.tags or identity.image_id):
        return None
    return ScannedImage(
        name=identity.name,
        digest=identity.digests[0] if identity.digests else None,
        image_id=identity.image_id,
        digests=identity.digests,
        tags=identity.tags,
    )


def not_covered(scans: Iterable[Scan], image: ImageEvidence) -> tuple[str, ...]:
    """The runnable platforms that no bound image scan is about, in the image's order."""
    covered = {scan.platform for scan in scans if scan.kind == "image" and scan.bound}
    return tuple(p.platform for p in image.platforms if p.platform not in covered)


class _Meaning(msgspec.Struct, frozen=True, kw_only=True):
    """What a product is, worked out once: one statement may be held against thousands of findings.

    Attributes:
        platforms: of this image.
        components: of these only, if `partial`.
        packages: of a told version, which are one and the same wherever they are found.
    """

    platforms: frozenset[str]
    partial: bool
    components: tuple[Purl, ...]
    packages: tuple[Purl, ...]


class Products:
    """This image, under all its names."""

    def __init__(self, image: ImageEvidence, repository: Repository) -> None:
        self._image = image
        self._repository = _normal(f"{repository.registry}/{repository.path}")
        self._meanings: dict[Product, _Meaning] = {}

    def concerns(self, product: Product, scan: Scan, found: Purl | None) -> bool:
        """Whether a statement about the product is about a package of a scan, None where it is not known."""
        meaning = self._meanings.get(product) or self._meanings.setdefault(product, self._meaning(product))
        if scan.bound and scan.platform in meaning.platforms:
            return not meaning.partial or _any_covers(meaning.components, found)
        return _any_covers(meaning.packages, found)

    def _meaning(self, product: Product) -> _Meaning:
        is_package = not product.subcomponents and not product.identity.digests
        return _Meaning(
            platforms=self.platforms(product),
            partial=bool(product.subcomponents),
            components=_parsed(product.subcomponents),
            packages=tuple(purl for purl in _parsed(product.purls) if purl.version and is_package),
        )

    def platforms(self, product: Product) -> frozenset[str]:
        """The platforms of this image that the product is."""
        about = product.identity
        digests = {*about.digests, about.image_id}
        if str(self._image.digest) in digests or any(map(self._is_repository, product.purls)):
            # All of them, or those of the architecture that a purl names.
            named = {purl.qualifiers["arch"] for purl in _parsed(product.purls) if "arch" in purl.qualifiers}
            platforms = (p.platform for p in self._image.platforms)
            return frozenset(p for p in platforms if not named or p.split("/")[1:2] == list(named))
        layers = about.diff_ids
        return frozenset(
            p.platform
            for p in self._image.platforms
            if not digests.isdisjoint({str(p.digest), str(p.config_digest)})
            or (layers and layers == tuple(map(str, p.diff_ids)))
        )

    def _is_repository(self, text: str) -> bool:
        purl = Purl.parse(text)
        if purl is None or purl.version is not None or "tag" in purl.qualifiers:
            return False
        where = purl.qualifiers.get("repository_url")
        if purl.type == "oci":
            return bool(where) and _normal(where or "") == self._repository
        return purl.type == "docker" and _normal(f"{where or HUB}/{purl.name}") == self._repository


def _parsed(texts: tuple[str, ...]) -> tuple[Purl, ...]:
    return tuple(purl for purl in map(Purl.parse, texts) if purl)


def _any_covers(purls: tuple[Purl, ...], found: Purl | None) -> bool:
    return found is not None and any(purl.covers(found) for purl in purls)


def _normal(name: str) -> str:
    """One spelling for the names of Docker Hub."""
    host, _, path = name.removeprefix("https://").rstrip("/").partition("/")
    if host in _HUB_NAMES:
        return f"{HUB}/{hub_path(path)}"
    return f"{host}/{path}"
