"""Everything an image is made of, read from its top down and checked against the digests above it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from pushpolicy.images.limits import Limits
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest
from pushpolicy.model.manifest import INDEX_TYPES, MANIFEST_TYPES, MAX_MANIFEST_SIZE, Manifest
from pushpolicy.registry.layout_files import LayoutFiles

_SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Closure:
    """Manifests in push order (children first, each once), configs by digest, and every blob once."""

    manifests: tuple[Manifest, ...]
    configs: Mapping[Digest, bytes]
    blobs: tuple[Descriptor, ...]


def read_closure(files: LayoutFiles, top: Descriptor, limits: Limits) -> Closure:
    """Read an image.

    Raises:
        ValueError: when a part is absent, is not what its digest and size say, or is over a limit.
    """
    walk = _Walk(files, limits)
    walk.visit(top, depth=0)
    walk.check_children()
    walk.check_blobs()
    configs = {
        manifest.config.digest: _content(files, manifest.config, limits.config_size)
        for manifest in walk.manifests.values()
        if manifest.config
    }
    return Closure(
        manifests=tuple(walk.manifests.values()),
        configs=MappingProxyType(configs),
        blobs=tuple(walk.blobs.values()),
    )


def read_manifest(files: LayoutFiles, entry: Descriptor) -> Manifest:
    """Read the manifest of a descriptor.

    Raises:
        ValueError: when it is absent, malformed, or not what the descriptor says.
    """
    content = _content(files, entry, MAX_MANIFEST_SIZE)
    try:
        return Manifest.parse(content, entry.media_type)
    except ValueError as error:
        raise ValueError(f"manifest {entry.digest}: {error}") from error


@dataclass(slots=True)
class _Walk:
    files: LayoutFiles
    limits: Limits
    manifests: dict[Digest, Manifest] = field(default_factory=dict)
    blobs: dict[Digest, Descriptor] = field(default_factory=dict)
    absent: list[Descriptor] = field(default_factory=list)

    def visit(self, entry: Descriptor, depth: int) -> None:
        if entry.digest in self.manifests:
            return
        if depth > self.limits.depth:
            raise ValueError(f"nests indexes more than {self.limits.depth} deep")
        if depth and self.files.size(entry.digest) is None:
            self.absent.append(entry)
            return
        manifest = read_manifest(self.files, entry)
        for child in manifest.manifests:
            self._check_type(child)
            self.visit(child, depth + 1)
        for blob in (manifest.config, *manifest.layers):
            if blob:
                self._add(blob)
        self.manifests[entry.digest] = manifest
        if len(self.manifests) + len(self.absent) > self.limits.manifests:
            raise ValueError(f"has more than {self.limits.manifests} manifests")

    def _check_type(self, child: Descriptor) -> None:
        if child.media_type not in MANIFEST_TYPES | INDEX_TYPES:
            raise ValueError(f"index child {child.digest} is of the unknown type {child.media_type[:100]!r}")

    def _add(self, blob: Descriptor) -> None:
        known = self.blobs.setdefault(blob.digest, blob)
        if known.size != blob.size:
            raise ValueError(f"blob {blob.digest} is said to have {known.size} and {blob.size} bytes")
        if len(self.blobs) > self.limits.blobs:
            raise ValueError(f"has more than {self.limits.blobs} blobs")

    def check_children(self) -> None:
        if self.absent:
            raise ValueError(
                f"the index is sparse: {len(self.absent)} of its manifests are not there: "
                + _shown([f"{entry.platform or 'no platform'} ({entry.digest})" for entry in self.absent])
            )

    def check_blobs(self) -> None:
        sizes = {blob.digest: self.files.size(blob.digest) for blob in self.blobs.values()}
        missing = [blob for blob in self.blobs.values() if sizes[blob.digest] is None]
        if missing:
            foreign = any(blob.urls for blob in missing)
            why = "; foreign layers (urls) must be brought along, they are not fetched" if foreign else ""
            shown = _shown([str(blob.digest) for blob in missing])
            raise ValueError(f"{len(missing)} blobs are not there: {shown}{why}")
        for blob in self.blobs.values():
            if sizes[blob.digest] != blob.size:
                raise ValueError(f"blob {blob.digest} has {sizes[blob.digest]} bytes, not {blob.size}")


def _content(files: LayoutFiles, blob: Descriptor, limit: int) -> bytes:
    if blob.size > limit:
        raise ValueError(f"{blob.digest} of {blob.size} bytes is over the limit of {limit}")
    try:
        with files.open(blob.digest) as file:
            content = file.read(blob.size + 1)
    except FileNotFoundError as error:
        raise ValueError(f"manifest {blob.digest} is not there") from error
    if len(content) != blob.size:
        raise ValueError(f"{blob.digest} has not the {blob.size} bytes it should have")
    if not blob.digest.matches(content):
        raise ValueError(f"{blob.digest} has other content than its digest says")
    return content


def _shown(items: list[str]) -> str:
    more = f" and {len(items) - _SHOWN} more" if len(items) > _SHOWN else ""
    return ", ".join(items[:_SHOWN]) + more
