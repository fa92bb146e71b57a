"""The raw reports that a record keeps: read again, and held against what the evidence says of them."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator

from pushpolicy.errors import PushError
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.text import printable
from pushpolicy.records import format as names
from pushpolicy.records.read import Summary
from pushpolicy.registry.interface import RepositoryReader

_CHUNK = 1024 * 1024
_GZIP = 31  # zlib's window of a gzip member, with its header


def check_kept(client: RepositoryReader, summary: Summary) -> None:
    """Require that each report that a record keeps is there, and is the file that was judged.

    Raises:
        ValueError: as `kept_report` does.
    """
    for layer in summary.reports:
        for _ in kept_report(client, layer):
            pass


def kept_report(client: RepositoryReader, layer: Descriptor) -> Iterator[bytes]:
    """The file that was judged, of a layer that keeps one; whether it is that is known at its end.

    What its layer says of it agrees with the evidence already (`checks.check_reports`). No more is
    uncompressed than the file is said to have.

    Raises:
        ValueError: at the latest at the end, when it is another; naming the report.
    """
    try:
        yield from _uncompressed(client, layer)
    except (PushError, ValueError, zlib.error) as error:
        title = printable(layer.annotations[names.TITLE])
        raise ValueError(f"{title} is not what was judged: {printable(str(error), 300)}") from error


def _uncompressed(client: RepositoryReader, layer: Descriptor) -> Iterator[bytes]:
    size, digest = int(layer.annotations[names.REPORT_SIZE]), layer.annotations[names.REPORT_DIGEST]
    unpacker, judged, seen = zlib.decompressobj(_GZIP), hashlib.new(digest.partition(":")[0]), 0
    for chunk in client.read_blob(layer):
        if unpacker.eof:
            raise ValueError("something stands behind its end")
        pending = chunk
        while pending and not unpacker.eof:
            content = unpacker.decompress(pending, _CHUNK)
            judged.update(content)
            seen += len(content)
            if seen > size:
                raise ValueError(f"it has more than the {size} bytes that were judged")
            yield content
            pending = unpacker.unconsumed_tail
    if not unpacker.eof or unpacker.unused_data:
        raise ValueError("it is not one whole gzip file")
    if (seen, judged.hexdigest()) != (size, digest.partition(":")[2]):
        raise ValueError("it has other bytes")
