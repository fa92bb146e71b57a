"""An export as OCI image layouts, one for each repository, in the form in which `audit mirror` keeps them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from pushpolicy.audit.export.format import RECORDS, Line, decoded
from pushpolicy.audit.export.lines import LineRepository
from pushpolicy.audit.export.source import ExportSource, export_sources, lines, reading
from pushpolicy.audit.mirror.store import Store
from pushpolicy.errors import InputError, PushError, RecordError
from pushpolicy.model.digest import Digest
from pushpolicy.model.manifest import EMPTY_CONFIG, EMPTY_CONTENT, Manifest
from pushpolicy.model.text import printable
from pushpolicy.records.format import REPORT_TYPE
from pushpolicy.registry.layout import LayoutFolder
from pushpolicy.registry.layout.bulk import LayoutWriter

# After so many records what was written is made to stay.
_AT_ONCE = 1000


def write_layouts(export: Path, folder: Path) -> None:
    """Write each repository of an export: the manifests of its images, its records, and what is signed.

    Args:
        export: a folder inside `folder`.
        folder: where the layouts go.

    Raises:
        InputError: when they cannot be written.
    """
    store = Store(folder)
    try:
        for source in export_sources(export, lambda _: None):
            store.add(source.place.repository)
            layout = LayoutFolder(store.layout_of(source.place.repository))
            layout.root.mkdir(parents=True, exist_ok=True)
            with LayoutWriter.of(layout) as writer:
                tags = _write(source, writer)
            at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            store.journal(source.place.repository).add(at, tags=tags, complete=True)
    except (RecordError, PushError, ValueError) as error:
        raise InputError(f"the layouts cannot be written: {printable(str(error), 300)}") from error


def _write(source: ExportSource, writer: LayoutWriter) -> dict[str, Digest | None]:
    """Write a repository; returns its tags: those of images that have a record."""
    named: dict[Digest, list[str]] = {}
    for tag, image in source.tags():
        named.setdefault(image, []).append(tag)
    written = dict[str, Digest | None]()
    with reading(source.folder / RECORDS) as file:
        for part in source.parts:
            for number, (_, content) in enumerate(lines(file, RECORDS, part.records), 1):
                line = LineRepository(source.place.repository, source.folder, decoded(Line, content))
                for manifest in line.artifacts:
                    _put(manifest, line, writer)
                if line.subject:
                    _put_image(line.subject, named.get(line.image, ()), writer)
                    written.update(dict.fromkeys(named.get(line.image, ()), line.image))
                if number % _AT_ONCE == 0:
                    writer.commit()
    writer.commit()
    return written


def _put(manifest: Manifest, line: LineRepository, writer: LayoutWriter) -> None:
    for blob in (manifest.config, *manifest.layers):
        if blob is None or (blob.media_type == REPORT_TYPE and not line.has_report(blob.digest)):
            continue
        if blob.digest == EMPTY_CONFIG.digest:
            writer.store(EMPTY_CONFIG, [EMPTY_CONTENT])
        elif line.has_blob(blob.digest):
            writer.store(blob, line.read_blob(blob))
    writer.put(manifest)


def _put_image(image: Manifest, tags: Sequence[str], writer: LayoutWriter) -> None:
    for tag in tags:
        writer.put(image, tag)
    if not tags:
        writer.put(image)
