"""One repository of an export as a whole, for whoever asks for a tag or a record of it, and not for all."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path

from pushpolicy.audit.export.format import RECORDS, Label, Line, decoded
from pushpolicy.audit.export.lines import LineRepository
from pushpolicy.audit.export.source import At, export_sources, lines, reading
from pushpolicy.errors import InputError, PushError, RecordError
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest
from pushpolicy.model.manifest import Manifest
from pushpolicy.model.reference import Repository
from pushpolicy.model.text import printable
from pushpolicy.registry.fallback import of_type

# Lines that are kept as they were read last: a manifest is asked for just before what it names.
_KEPT = 4


class ExportedRepository:
    """A `RepositoryReader` over the lines of a repository: it knows where each is, and reads what is asked.

    Raises:
        InputError: when there is no such export, or the repository is not in it.
        RecordError: when its lines are not those that were written.
    """

    def __init__(self, folder: Path, repository: Repository) -> None:
        self.repository, self._folder = repository, folder
        sources = export_sources(folder, lambda _: None)
        source = next((each for each in sources if each.place.repository == repository), None)
        if source is None:
            here = f"export:{printable(str(folder))}"
            raise InputError(f"{repository} is not in {here}", f"`audit list {here}` shows what is")
        self._tags = dict(source.tags())
        # By the digest of a record or an image, and of a statement once its image was asked about.
        self._places: dict[Digest, dict[At, None]] = {}
        self._images: dict[Digest, None] = {}
        self._lines = OrderedDict[At, LineRepository]()
        with reading(folder / RECORDS) as file:
            for part in source.parts:
                for at, content in lines(file, RECORDS, part.records):
                    self._learn(at, content)

    @property
    def distant(self) -> bool:
        """Never."""
        return False

    def resolve(self, tag: str) -> Manifest | None:
        """The manifest that a tag named when it was exported; None where its image has no record."""
        image = self._tags.get(tag)
        return self.manifest(image) if image else None

    def manifest(self, digest: Digest) -> Manifest | None:
        """The manifest of an image, a record, or a statement that `referrers` told of."""
        found = (self._line(at).manifest(digest) for at in self._places.get(digest, ()))
        return next(filter(None, found), None)

    def read_blob(self, blob: Descriptor) -> Iterator[bytes]:
        """What a manifest names that was asked for just now."""
        for line in reversed(self._lines.values()):
            if line.has_blob(blob.digest):
                return line.read_blob(blob)
        raise PushError(f"blob {blob.digest} is not in the export")

    def tags(self) -> tuple[str, ...]:
        """Every tag, sorted."""
        return tuple(sorted(self._tags))

    def subjects(self) -> tuple[Digest, ...]:
        """The images that records are about."""
        return tuple(self._images)

    def is_known(self) -> bool:
        """Always: something of it is here."""
        return True

    def referrers(self, subject: Digest, artifact_type: str | None = None) -> tuple[Descriptor, ...]:
        """The records about an image, and what is signed about them."""
        found = dict[Digest, Descriptor]()
        for at in tuple(self._places.get(subject, ())) if subject in self._images else ():
            for each in self._line(at).referrers(subject):
                found[each.digest] = each
                self._places.setdefault(each.digest, {})[at] = None
        return of_type(tuple(found.values()), artifact_type)

    def _learn(self, at: At, content: bytes) -> None:
        try:
            label = decoded(Label, content)
            record, image = Digest.parse(label.record), Digest.parse(label.image)
        except ValueError as error:
            raise RecordError(f"a line of {RECORDS} is not valid: {printable(str(error), 300)}") from error
        self._images[image] = None
        for digest in (record, image):
            self._places.setdefault(digest, {})[at] = None

    def _line(self, at: At) -> LineRepository:
        if at not in self._lines:
            with reading(self._folder / RECORDS) as file:
                file.seek(at.offset)
                content = file.read(at.size)
            try:
                self._lines[at] = LineRepository(self.repository, self._folder, decoded(Line, content))
            except ValueError as error:
                raise PushError(f"a line of {RECORDS} is not valid: {printable(str(error), 300)}") from error
            if len(self._lines) > _KEPT:
                self._lines.popitem(last=False)
        self._lines.move_to_end(at)
        return self._lines[at]
