"""What refers to an image at its source: signatures, SBOMs, attestations, and what refers to those.

All of it can be carried along, but for what would say something false at another repository: the records
of pushpolicy and verification summaries (SLSA VSA) say that an image was let into one repository.
"""

from __future__ import annotations

from collections import deque

from pushpolicy.images.closure import Walk
from pushpolicy.images.image import Referrers
from pushpolicy.images.options import Limits
from pushpolicy.images.store import Store, read_manifest
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest
from pushpolicy.model.manifest import Manifest
from pushpolicy.model.text import printable

# records/format.py has the type of a record too; images and records do not import one another.
_RECORDS = "application/vnd.pushpolicy."
# How a Sigstore bundle says on its manifest what it states (cosign, specs/BUNDLE_SPEC.md).
_PREDICATE = "dev.sigstore.bundle.predicateType"
_SUMMARY = "https://slsa.dev/verification_summary/"


def read_referrers(store: Store, manifests: tuple[Manifest, ...], limits: Limits) -> Referrers:
    """Everything that refers to these manifests, directly or not.

    Raises:
        ValueError: when a part is absent, is not what its digest and size say, or is over a limit.
    """
    search = _Search(store, limits)
    search.below(manifests)
    search.walk.check()
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
        if reason := _about_one_place(manifest):
            self.left_out.append(f"{reason} is not carried along, it is about the source: {entry.digest}")
            return False
        self.walk.visit(entry)
        # What an index names is pushed with it; a registry lists a child that has a subject for itself.
        for below in self.walk.manifests.values():
            if reason := _about_one_place(below):
                raise ValueError(f"its referrer {entry.digest} brings along {reason} {below.digest}")
        return True


def _about_one_place(manifest: Manifest) -> str | None:
    """What it is called, if it is a statement about one repository; None when it is about the image alone."""
    kind = manifest.artifact_type or (manifest.config.media_type if manifest.config else "")
    if kind.startswith(_RECORDS):
        return f"the record ({printable(kind, 80)})"
    if manifest.annotations.get(_PREDICATE, "").startswith(_SUMMARY):
        return "the verification summary"
    return None
