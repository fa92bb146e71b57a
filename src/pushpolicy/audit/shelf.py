"""Where the records of a repository are, and who vouches for them."""

from __future__ import annotations

from typing import Self

import msgspec

from pushpolicy.audit.ahead import ReadAhead
from pushpolicy.audit.signature import NotVouchedError, Signature, Signatures
from pushpolicy.errors import RecordError
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest
from pushpolicy.model.manifest import Manifest
from pushpolicy.records.checks import is_for
from pushpolicy.records.format import ARTIFACT_TYPE
from pushpolicy.records.read import Record, manifest_of, read_record
from pushpolicy.records.signed import Trusted
from pushpolicy.registry.fallback import of_type
from pushpolicy.registry.interface import RepositoryReader


class Shelf(msgspec.Struct, frozen=True, kw_only=True):
    """A repository, and where the records about its images are.

    Attributes:
        images: the repository that is asked about.
        records: itself, or the repository that records were put into instead, which may hold those about
            other repositories too.
        signatures: what is signed about them.
    """

    images: RepositoryReader
    records: RepositoryReader
    signatures: Signatures

    @classmethod
    def of(
        cls,
        images: RepositoryReader,
        records: RepositoryReader | None = None,
        trusted: Trusted | None = None,
    ) -> Self:
        """Of a repository, which keeps its own records where no other is named.

        With keys that are trusted, only records count that one of them vouches for.
        """
        kept_in = records or images
        return cls(images=images, records=kept_in, signatures=Signatures(kept_in, trusted))

    @property
    def ahead(self) -> ReadAhead | None:
        """What can read records before they are asked for, where that is worth it."""
        return self.records if isinstance(self.records, ReadAhead) else None

    @property
    def is_verified(self) -> bool:
        """Whether only records count that a listed key vouches for."""
        return self.signatures.trusted is not None

    def listed(self, image: Digest) -> tuple[Descriptor, ...]:
        """What is listed with an image and may be a record."""
        return of_type(self.signatures.listed(image), ARTIFACT_TYPE)

    def read(self, digest: Digest, manifest: Manifest | None = None) -> Record:
        """Read a record, as `read_record` does."""
        return read_record(self.records, digest, manifest=manifest, images=self.images)

    def open(
        self, digest: Digest, image: Digest | None = None, manifest: Manifest | None = None
    ) -> tuple[Record, Signature]:
        """Read a record, and who vouches for it; where keys are listed, nothing is parsed before one does.

        Args:
            digest: of its manifest.
            image: what it is listed with, where that is known.
            manifest: where it was read already.

        Raises:
            RecordError: when it is absent, not valid, or, where keys are listed, not vouched for.
            PushError: when what is listed with its image cannot be read.
        """
        if self.is_verified and image is None:
            manifest = manifest or manifest_of(self.records, digest)
            image = manifest.subject.digest if manifest.subject else None
        vouched = self.signatures.vouched(digest, image) if image else ()
        record = self.read(digest, manifest)
        if image not in (None, subject := record.summary.subject.digest):
            why = f"is of another image than it is listed with, {subject}"
            raise NotVouchedError(digest, why) if vouched else RecordError(f"record {digest} {why}")
        return record, self.signatures.agreeing(record.summary, vouched)

    def is_another(self, record: Record) -> bool:
        """Whether a record that is kept for several repositories is not about this one."""
        is_apart = self.records.repository != self.images.repository
        return is_apart and is_for(record.decision, self.images.repository) is False
