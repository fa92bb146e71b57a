"""A record as a line, and a line as a repository that has this one record.

So a record of an export is read and verified by the code that reads those of registries.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import msgspec

from pushpolicy.audit.export.format import Checked, Line, Stated, policy_file, report_file
from pushpolicy.audit.walk import Opened
from pushpolicy.errors import PushError
from pushpolicy.files import is_file, open_regular, read_file
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest
from pushpolicy.model.document import Document
from pushpolicy.model.manifest import Manifest
from pushpolicy.model.reference import Repository
from pushpolicy.records.build import summary_annotations, written
from pushpolicy.records.format import MAX_POLICY_SIZE
from pushpolicy.registry.admitted import ContentError, verified
from pushpolicy.registry.fallback import of_type

_READ_SIZE = 1024 * 1024


def line_of(found: Opened, repository: Repository, statements: tuple[Stated, ...]) -> Line:
    """A record that was read, to be written down.

    Args:
        found: the record.
        repository: for which it was read.
        statements: what is signed about it.

    Raises:
        PushError: when its image cannot be read.
    """
    summary, how = found.summary, found.standing
    image = found.shelf.images.manifest(summary.subject.digest)
    # The reader required that it says exactly this.
    manifest = written(summary.subject, summary.layers, summary_annotations(summary.decision))
    return Line(
        registry=repository.registry,
        repository=repository.path,
        record=str(summary.digest),
        image=str(summary.subject.digest),
        policy=str(summary.layers[2].digest),
        checked=Checked(
            signature=how.signature.state,
            signed_by=how.signature.by,
            anchored=how.anchored,
            remarks=how.remarks,
        ),
        decision=_raw(summary.decision.document()),
        evidence=_raw(found.record.evidence),
        manifest=manifest.decode(),
        statements=statements,
        subject=image.content.decode() if image else None,
    )


def _raw(document: Document) -> msgspec.Raw:
    return msgspec.Raw(document.content)


class LineRepository:
    """A `RepositoryReader` that has the one record of a line, and what is signed about it.

    Args:
        repository: that the line is of.
        folder: the export, with the policies.
        line: not verified: what is read from here is.

    Raises:
        ValueError: when the line contradicts itself.
    """

    def __init__(self, repository: Repository, folder: Path, line: Line) -> None:
        self.repository, self._folder = repository, folder
        record = Manifest.parse(line.manifest.encode())
        if len(record.layers) < 3:
            raise ValueError("its manifest has not the layers of a record")
        said = {"record": str(record.digest), "policy": str(record.layers[2].digest)}
        if other := [name for name, digest in said.items() if digest != getattr(line, name)]:
            raise ValueError(f"its manifest is that of another {' and '.join(other)} than the line says")
        self.digest, self.image = record.digest, Digest.parse(line.image)
        self.subject = Manifest.parse(line.subject.encode()) if line.subject is not None else None
        if self.subject and self.subject.digest != self.image:
            raise ValueError("the manifest of its image is that of another one")
        self._policy, self._reports = record.layers[2].digest, {each.digest for each in record.layers[3:]}
        self._manifests = {record.digest: record}
        self._blobs: dict[Digest, bytes] = {
            record.layers[0].digest: bytes(line.evidence),
            record.layers[1].digest: bytes(line.decision),
        }
        for statement in line.statements:
            manifest = Manifest.parse(statement.manifest.encode())
            self._manifests[manifest.digest] = manifest
            if statement.content is not None and manifest.layers:
                self._blobs[manifest.layers[0].digest] = statement.content.encode()

    @property
    def distant(self) -> bool:
        """Never."""
        return False

    def resolve(self, tag: str) -> Manifest | None:
        """None: which image a tag named is no part of a record."""

    def manifest(self, digest: Digest) -> Manifest | None:
        """The manifest of record, statement or image; each is kept by the digest of its bytes."""
        return self.subject if digest == self.image else self._manifests.get(digest)

    @property
    def artifacts(self) -> tuple[Manifest, ...]:
        """The manifests of the record and of what is signed about it."""
        return tuple(self._manifests.values())

    def has_report(self, digest: Digest) -> bool:
        """Whether the export has this raw report of the record."""
        return digest in self._reports and is_file(self._folder / report_file(digest))

    def has_blob(self, digest: Digest) -> bool:
        """Whether a manifest of it names this."""
        return digest == self._policy or digest in self._reports or digest in self._blobs

    def read_blob(self, blob: Descriptor) -> Iterator[bytes]:
        """A document, policy, report or statement; a wrong size or digest raises before its end."""
        try:
            if blob.digest == self._policy:
                yield _policy(self._folder / policy_file(blob.digest), blob.digest, blob.size)
            elif blob.digest in self._reports:
                with open_regular(self._folder / report_file(blob.digest)) as file:
                    yield from verified(blob, iter(lambda: file.read(_READ_SIZE), b""))
            elif blob.digest in self._blobs:
                yield from verified(blob, [self._blobs[blob.digest]])
            else:
                raise PushError(f"blob {blob.digest} is not in the export")
        except ContentError as error:
            raise PushError(str(error)) from error
        except OSError as error:
            if blob.digest in self._reports and isinstance(error, FileNotFoundError):
                raise PushError("the export has it not; `audit export --raw` writes raw reports") from error
            raise PushError(f"{error.strerror} ({error.filename})", "it is missing in the export") from error

    def tags(self) -> tuple[str, ...]:
        """None: see `resolve`."""
        return ()

    def subjects(self) -> tuple[Digest, ...]:
        """The image."""
        return (self.image,)

    def is_known(self) -> bool:
        """Always: a record of it is here."""
        return True

    def referrers(self, subject: Digest, artifact_type: str | None = None) -> tuple[Descriptor, ...]:
        """The record and the statements."""
        listed = tuple(each.descriptor for each in self._manifests.values()) if subject == self.image else ()
        return of_type(listed, artifact_type)


@lru_cache(maxsize=4)
def _policy(path: Path, digest: Digest, size: int) -> bytes:
    """Many records of a repository hold the same policy, one after the other: read and verified once."""
    content = read_file(path, MAX_POLICY_SIZE)
    if len(content) != size or not digest.matches(content):
        raise ContentError(f"{digest} has other content than its digest says")
    return content
