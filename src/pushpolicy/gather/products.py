"""Whether a VEX statement is about this image, or about a package that a scan found in it.

A tag may name another image tomorrow, so a product that is told by one is not this image; one that names
the repository alone is every image of it.
"""

from __future__ import annotations

import msgspec

from pushpolicy.model.evidence import ImageEvidence, Scan
from pushpolicy.model.reference import HUB, HUB_NAMES, Repository, hub_path
from pushpolicy.reports.facts import Product
from pushpolicy.reports.parsing.purl import Purl

_HUB_NAMES = HUB_NAMES | {"registry.hub.docker.com"}


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
