"""What is signed about a record, as it is stored, so that an export is verified as its registry was."""

from __future__ import annotations

from collections.abc import Iterator

from pushpolicy.audit.export.format import Stated
from pushpolicy.audit.walk import Opened, Problem
from pushpolicy.errors import PushError
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest
from pushpolicy.model.manifest import Manifest
from pushpolicy.model.text import printable
from pushpolicy.records.signed import MAX_STATEMENT_SIZE, MAX_STATEMENTS, candidates, record_of
from pushpolicy.registry.interface import RepositoryReader


def statements_about(found: Opened) -> Iterator[Stated | Problem]:
    """The statements about a record: where keys are listed those that vouch for it, else what says it is one.

    Yields:
        each, and a problem for one that cannot be read.

    Raises:
        PushError: when what is listed with its image cannot be read.
    """
    record, image = found.summary.digest, found.summary.subject.digest
    signatures = found.shelf.signatures
    entries = candidates(signatures.listed(image))[:MAX_STATEMENTS]
    if signatures.trusted is not None:
        vouched = {each.digest for each in signatures.vouched(record, image)}
        chosen = [entry for entry in entries if entry.digest in vouched]
    else:
        chosen = [entry for entry in entries if record_of(entry.annotations) in (None, record)]
    for entry in chosen:
        try:
            stated = _read(found.shelf.records, entry, None if signatures.trusted else record)
        except PushError as error:
            reason = f"statement {entry.digest} about record {record} cannot be read: {error.message}"
            yield Problem(digest=record, reason=printable(reason, 500), hint=error.hint)
            continue
        if stated is not None:
            yield stated


def _read(client: RepositoryReader, entry: Descriptor, record: Digest | None) -> Stated | None:
    """A statement as it is stored; None where it is none about this record."""
    manifest = client.manifest(entry.digest)
    if manifest is None or (record and record_of(manifest.annotations) != record):
        return None
    return Stated(manifest=manifest.content.decode(), content=_content(client, manifest))


def _content(client: RepositoryReader, manifest: Manifest) -> str | None:
    """Its layer; None where no statement can have such a one."""
    layers = manifest.layers
    if len(layers) != 1 or layers[0].size > MAX_STATEMENT_SIZE:
        return None
    try:
        return b"".join(client.read_blob(layers[0])).decode()
    except UnicodeDecodeError:
        return None
