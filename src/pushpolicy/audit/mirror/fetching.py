"""Fetch records and statements with all that they name, each once, and within bounds."""

from __future__ import annotations

from contextlib import nullcontext
from threading import Lock

from pushpolicy.audit.walk import Problem
from pushpolicy.errors import PushError, RecordError
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest
from pushpolicy.model.manifest import EMPTY_CONFIG, EMPTY_CONTENT, Manifest
from pushpolicy.records import format as names
from pushpolicy.records.signed import MAX_STATEMENT_SIZE, is_statement
from pushpolicy.registry.interface import RepositoryReader
from pushpolicy.registry.layout.bulk import LayoutWriter
from pushpolicy.reports.limits import Limits

# Of what cannot be had: then it is the registry that is in trouble.
_MAX_PROBLEMS = 1000
_LIMITS = (names.MAX_DOCUMENT_SIZE, names.MAX_DOCUMENT_SIZE, names.MAX_POLICY_SIZE)


class Fetching:
    """What one run fetches; safe to use from several threads.

    Args:
        client: the repository that has it.
        writer: the layout that is to have it.
        limits: of which one is for how large a report may be.
        raw: whether the raw reports that records keep are fetched, too.

    Attributes:
        records: how many new ones there are, statements apart.
        size: bytes of their blobs that are new.
        problems: what cannot be had.
    """

    def __init__(self, client: RepositoryReader, writer: LayoutWriter, limits: Limits, *, raw: bool) -> None:
        self._client, self._writer, self._limits, self._raw = client, writer, limits, raw
        self._adding, self._policies = Lock(), Lock()
        self._tried = set[Digest]()
        self._waiting = dict[Digest, None]()
        self.records = self.statements = self.size = 0
        self.problems = list[Problem]()

    def before(self) -> list[Digest]:
        """The records that those that were fetched name as the ones before, once each."""
        waiting, self._waiting = list(self._waiting), {}
        return waiting

    def fetch(
        self, digest: Digest, manifest: Manifest | None = None, *, is_named: bool = False
    ) -> Manifest | None:
        """Have a manifest be there with all that it names.

        Args:
            digest: of the manifest.
            manifest: where it was read already.
            is_named: whether it is another record that names it, and no list.

        Returns:
            what is there by that; None where it was there, or cannot be had, which is a problem then.

        Raises:
            RecordError: when too much cannot be had.
        """
        if self._writer.lists(digest):
            return manifest
        with self._adding:
            if digest in self._tried:
                return manifest if self._writer.has(digest) else None
            self._tried.add(digest)
        try:
            manifest = manifest or self._manifest(digest)
            if manifest is None:
                if not is_named:  # whoever reads a chain tells what is missing of it
                    self._refuse(digest, "is listed, and not there")
                return None
            if manifest.artifact_type == names.ARTIFACT_TYPE or is_statement(manifest):
                self._keep(manifest)
                self._writer.put(manifest)
            else:
                self._writer.put(manifest, is_listed=False)
        except PushError as error:
            self._refuse(digest, error.message, error.hint)
            return None
        return manifest

    def _manifest(self, digest: Digest) -> Manifest | None:
        """As it was fetched by a run that was stopped, or as the repository has it."""
        if not self._writer.has(digest):
            return self._client.manifest(digest)
        with self._writer.folder.open(digest) as file:
            return Manifest.parse(file.read())

    def _keep(self, manifest: Manifest) -> None:
        """Fetch what the manifest of a record or a statement names.

        Raises:
            PushError: when something of it cannot be had, or is too large.
        """
        is_record, size = manifest.artifact_type == names.ARTIFACT_TYPE, 0
        layers = manifest.layers if self._raw or not is_record else manifest.layers[:3]
        for number, blob in enumerate((*((manifest.config,) if manifest.config else ()), *layers)):
            if blob.digest == EMPTY_CONFIG.digest:
                self._writer.store(EMPTY_CONFIG, [EMPTY_CONTENT])
                continue
            limit = MAX_STATEMENT_SIZE
            if is_record:
                limit = _LIMITS[number - 1] if 0 < number <= len(_LIMITS) else self._limits.max_report_size
            size += self._store(blob, limit)
        with self._adding:
            self.size += size
            self.records += is_record and not self._writer.lists(manifest.digest)
            self.statements += not is_record and not self._writer.lists(manifest.digest)
            if is_record:
                before = (
                    text for key, text in manifest.annotations.items() if key.startswith(names.PREVIOUS)
                )
                self._waiting.update(dict.fromkeys(filter(None, map(_digest, before))))

    def _store(self, blob: Descriptor, limit: int) -> int:
        # A policy is of many records, which would all fetch it at the beginning.
        with self._policies if blob.media_type == names.POLICY_TYPE else nullcontext():
            if self._writer.has(blob.digest, blob.size):
                return 0
            if blob.size > limit:
                raise PushError(f"a layer of {blob.size} bytes is over the limit of {limit}")
            self._writer.store(blob, self._client.read_blob(blob))
            return blob.size

    def _refuse(self, digest: Digest, why: str, hint: str | None = None) -> None:
        with self._adding:
            self.problems.append(Problem(digest=digest, reason=f"{digest} {why}", hint=hint))
            if len(self.problems) > _MAX_PROBLEMS:
                raise RecordError(
                    f"more than {_MAX_PROBLEMS} records and statements cannot be had: {why}", hint
                )


def _digest(text: str) -> Digest | None:
    try:
        return Digest.parse(text)
    except ValueError:
        return None
