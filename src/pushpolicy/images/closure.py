"""Everything an image is made of, read from its top down and checked against the digests above it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from pushpolicy.images.options import Limits
from pushpolicy.images.store import Store, read_manifest
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest
from pushpolicy.model.manifest import INDEX_TYPES, MANIFEST_TYPES, Manifest
from pushpolicy.model.text import first_of

_SHOWN = 5


class Closure(msgspec.Struct, frozen=True, kw_only=True):
    """Manifests in push order (children first, each once), configs by digest, and every blob once."""

    manifests: tuple[Manifest, ...]
    configs: Mapping[Digest, bytes]
    blobs: tuple[Descriptor, ...]


def read_closure(store: Store, top: Descriptor, limits: Limits) -> Closure:
    """Read an image.

    Raises:
        ValueError: when a part is absent, is not what its digest and size say, or is over a limit.
    """
    walk = Walk(store, limits)
    walk.visit(top)
    walk.check()
    configs = dict[Digest, bytes]()
    for digest, manifest in walk.manifests.items():
        config = manifest.config
        if config is None:
            continue
        if config.size > limits.config_size:
            raise ValueError(
                f"{config.digest} of {config.size} bytes is over the limit of {limits.config_size}"
            )
        walk.weigh(config.size * walk.named[digest])
        configs[config.digest] = store.blob(config)
    return Closure(
        manifests=tuple(walk.manifests.values()),
        configs=MappingProxyType(configs),
        blobs=tuple(walk.blobs.values()),
    )


class Walk(msgspec.Struct):
    """What is found on the way down from one manifest, or from several."""

    store: Store
    limits: Limits
    manifests: dict[Digest, Manifest] = {}
    blobs: dict[Digest, Descriptor] = {}
    absent: list[Descriptor] = []
    named: Counter[Digest] = msgspec.field(default_factory=Counter)
    size: int = 0

    def visit(self, entry: Descriptor, depth: int = 0) -> None:
        """Read a manifest and everything below it, and note the children that are absent.

        Raises:
            ValueError: when it is absent, or a part is not what it should be or over a limit.
        """
        self.named[entry.digest] += 1
        if self.named.total() > self.limits.manifests:
            raise ValueError(f"has more than {self.limits.manifests} manifests")
        self.weigh(entry.size)
        if entry.digest in self.manifests:
            return
        if depth > self.limits.depth:
            raise ValueError(f"nests indexes more than {self.limits.depth} deep")
        manifest = read_manifest(self.store, entry)
        if manifest is None:
            if not depth:
                raise ValueError(f"manifest {entry.digest} is not there")
            self.absent.append(entry)
            return
        for child in manifest.manifests:
            if child.media_type not in MANIFEST_TYPES | INDEX_TYPES:
                kind = child.media_type[:100]
                raise ValueError(f"index child {child.digest} is of the unknown type {kind!r}")
            if child.digest.algorithm != "sha256":
                # A manifest is pushed and judged under its sha256, where nobody would find this child.
                raise ValueError(f"index child {child.digest} is not named by its sha256")
            self.visit(child, depth + 1)
        for blob in (manifest.config, *manifest.layers):
            if blob is None:
                continue
            known = self.blobs.setdefault(blob.digest, blob)
            if known.size != blob.size:
                raise ValueError(f"blob {blob.digest} is said to have {known.size} and {blob.size} bytes")
            if len(self.blobs) > self.limits.blobs:
                raise ValueError(f"has more than {self.limits.blobs} blobs")
        self.manifests[entry.digest] = manifest

    def weigh(self, size: int) -> None:
        """Count bytes that are held in memory, and that become evidence as often as they are named.

        Raises:
            ValueError: when they are over the limit.
        """
        self.size += size
        if self.size > self.limits.documents_size:
            limit = self.limits.documents_size >> 20
            raise ValueError(f"has manifests and configs over the limit of {limit} MiB")

    def check(self) -> None:
        """See that everything is there.

        Raises:
            ValueError: when a child is absent, or a blob is or has another size.
        """
        if self.absent:
            absent = [f"{entry.platform or 'no platform'} ({entry.digest})" for entry in self.absent]
            raise ValueError(
                f"the index is sparse: {len(self.absent)} of its manifests are not there: "
                + first_of(absent, _SHOWN)
            )
        sizes = {blob.digest: self.store.size(blob) for blob in self.blobs.values()}
        missing = [blob for blob in self.blobs.values() if sizes[blob.digest] is None]
        if missing:
            foreign = any(blob.urls for blob in missing)
            why = "; foreign layers (urls) must be brought along, they are not fetched" if foreign else ""
            shown = first_of([str(blob.digest) for blob in missing], _SHOWN)
            raise ValueError(f"{len(missing)} blobs are not there: {shown}{why}")
        for blob in self.blobs.values():
            if sizes[blob.digest] != blob.size:
                raise ValueError(f"blob {blob.digest} has {sizes[blob.digest]} bytes, not {blob.size}")
