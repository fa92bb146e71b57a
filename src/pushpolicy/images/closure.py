"""Everything an image is made of, read from its top down and checked against the digests above it.

And what refers to it at its source: signatures, SBOMs, attestations, and what refers to those. All of it can
be carried along, but for what would say something false at another repository: the records of pushpolicy and
verification summaries (SLSA VSA) say that an image was let into one repository.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from pushpolicy.images.image import Referrers
from pushpolicy.images.options import Limits
from pushpolicy.images.statements import predicate_types
from pushpolicy.images.store import Store, read_manifest
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest
from pushpolicy.model.manifest import INDEX_TYPES, MANIFEST_TYPES, Manifest
from pushpolicy.model.text import first_of, printable

_SHOWN = 5
# records/format.py has the type of a record too; images and records do not import one another.
_RECORDS = "application/vnd.pushpolicy."
# How a Sigstore bundle says on its manifest what it states (cosign, specs/BUNDLE_SPEC.md).
_PREDICATE = "dev.sigstore.bundle.predicateType"
_SUMMARY = "https://slsa.dev/verification_summary/"


class SparseError(ValueError):
    """Parts of an index are absent; `platforms` are those of its images that are whole."""

    def __init__(self, message: str, platforms: tuple[str, ...]) -> None:
        super().__init__(message)
        self.platforms = platforms


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
    for manifest in walk.manifests.values():
        # Put as an image, it would be found as a statement about another one: what its subject names.
        if reason := _about_one_place(manifest):
            raise ValueError(f"{manifest.digest} is no image but {reason}")
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
                which = f" of {entry.platform}" if entry.platform else ""
                raise ValueError(f"manifest {entry.digest}{which} is not there")
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

    def _whole_platforms(self) -> tuple[str, ...]:
        found = dict[str, None]()
        for entry in (entry for manifest in self.manifests.values() for entry in manifest.manifests):
            manifest = self.manifests.get(entry.digest)
            if manifest and manifest.config and entry.platform and entry.platform.runnable:
                blobs = (manifest.config, *manifest.layers)
                if all(self.store.size(blob) == blob.size for blob in blobs):
                    found[str(entry.platform)] = None
        return tuple(found)

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
            raise SparseError(
                f"the index is sparse: {len(self.absent)} of its manifests are not there: "
                + first_of(absent, _SHOWN),
                self._whole_platforms(),
            )
        sizes = {blob.digest: self.store.size(blob) for blob in self.blobs.values()}
        missing = [blob for blob in self.blobs.values() if sizes[blob.digest] is None]
        if missing:
            foreign = any(blob.urls for blob in missing)
            why = "; foreign layers (urls) must be brought along, they are not fetched" if foreign else ""
            shown = first_of([str(blob.digest) for blob in missing], _SHOWN)
            # Docker exports the manifest of a platform whose content it has not (WithSkipMissing).
            raise SparseError(f"{len(missing)} blobs are not there: {shown}{why}", self._whole_platforms())
        for blob in self.blobs.values():
            if sizes[blob.digest] != blob.size:
                raise ValueError(f"blob {blob.digest} has {sizes[blob.digest]} bytes, not {blob.size}")


def read_referrers(store: Store, manifests: tuple[Manifest, ...], limits: Limits) -> Referrers:
    """Everything that refers to these manifests, directly or not.

    Raises:
        ValueError: when a part is absent, is not what its digest and size say, or is over a limit.
    """
    search = _Search(store, limits)
    search.below(manifests)
    try:
        search.walk.check()
    except SparseError as error:
        raise ValueError(f"a referrer of it: {error}") from error
    return Referrers(
        manifests=tuple(search.walk.manifests.values()),
        blobs=tuple(search.walk.blobs.values()),
        left_out=tuple(search.left_out),
    )


class _Search:
    def __init__(self, store: Store, limits: Limits) -> None:
        self.store = store
        self.limits = limits
        self.walk = Walk(store, limits)
        self.left_out: list[str] = []

    def below(self, manifests: tuple[Manifest, ...]) -> None:
        """Take subjects in the order they come, so that each is there before what refers to it."""
        pending = deque((manifest.digest, 0) for manifest in manifests)
        seen = {manifest.digest for manifest in manifests}
        while pending:
            subject, depth = pending.popleft()
            for entry in self.store.referrers(subject):
                if entry.digest in seen:
                    continue
                if depth >= self.limits.depth:
                    raise ValueError(f"its referrers refer to one another more than {depth} deep")
                seen.add(entry.digest)
                if self._take(subject, entry):
                    pending.append((entry.digest, depth + 1))

    def _take(self, subject: Digest, entry: Descriptor) -> bool:
        """Read a referrer. Lists are not verified: an entry that has another subject is left out."""
        manifest = read_manifest(self.store, entry)
        if manifest is None:
            self.left_out.append(f"a referrer of {subject} is listed and not there: {entry.digest}")
            return False
        if manifest.subject is None or manifest.subject.digest != subject:
            self.left_out.append(f"{entry.digest} is listed as a referrer of {subject} and is none")
            return False
        if reason := self._about_the_source(manifest):
            self.left_out.append(
                f"{reason} is not carried along, it is or may be about the source: {entry.digest}"
            )
            return False
        known = set(self.walk.manifests)
        self.walk.visit(entry)
        # What an index names is pushed with it; a registry lists a child that has a subject for itself.
        for digest in self.walk.manifests.keys() - known - {entry.digest}:
            if reason := self._about_the_source(self.walk.manifests[digest]):
                raise ValueError(f"its referrer {entry.digest} brings along {reason} {digest}")
        return True

    def _about_the_source(self, manifest: Manifest) -> str | None:
        """As `_about_one_place`, and by what its layers state, whatever its annotations say."""
        if reason := _about_one_place(manifest):
            return reason
        try:
            is_summary = any(kind.startswith(_SUMMARY) for kind in predicate_types(self.store, manifest))
        except ValueError as error:
            return f"a statement that is not read alike by all ({printable(str(error))})"
        return "the verification summary" if is_summary else None


def _about_one_place(manifest: Manifest) -> str | None:
    """What it is called, if it is a statement about one repository; None when it is about the image alone."""
    # Of the two a registry lists the first, where it is there; a reader may go by either.
    for kind in (manifest.artifact_type or "", manifest.config.media_type if manifest.config else ""):
        if kind.lower().startswith(_RECORDS):
            return f"the record ({printable(kind, 80)})"
    if manifest.annotations.get(_PREDICATE, "").startswith(_SUMMARY):
        return "the verification summary"
    return None
