"""Raw reports as layers: read again, compared with what was judged, compressed reproducibly."""

from __future__ import annotations

import gzip
import hashlib
import re
from pathlib import Path

from pushpolicy.errors import InputError
from pushpolicy.files import NotRegularError, open_regular
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest
from pushpolicy.model.text import printable
from pushpolicy.records import format as names
from pushpolicy.records.contents import RawReport

_CHUNK = 1024 * 1024
# The level is part of the format: another one gives other bytes for the same report.
_LEVEL = 6
_NOT_IN_TITLES = re.compile(r"[^A-Za-z0-9._-]+")


def compress_report(report: RawReport, stored: Path, number: int) -> Descriptor:
    """Write the report compressed to `stored` and describe it as a layer.

    Args:
        report: the file, with the digest of the bytes that were judged.
        stored: where to write.
        number: its place among the reports, which makes its title unique.

    Raises:
        InputError: when it cannot be read, or has other bytes than those that were judged.
    """
    judged = hashlib.new(report.digest.algorithm)
    try:
        # No file name and no time in the header: the same report gives the same bytes.
        with (
            open_regular(report.path) as source,
            stored.open("wb") as target,
            gzip.GzipFile("", "wb", _LEVEL, target, mtime=0) as compressed,
        ):
            while (chunk := source.read(_CHUNK)) and source.tell() <= report.size:
                judged.update(chunk)
                compressed.write(chunk)
    except NotRegularError as error:
        raise InputError(
            f"report {_shown(report)} cannot be read again: it is not a regular file any more"
        ) from error
    except OSError as error:
        raise InputError(f"report {_shown(report)} cannot be read again: {error.strerror}") from error
    if chunk or judged.hexdigest() != report.digest.hex:
        raise InputError(
            f"report {_shown(report)} changed since it was judged",
            "let nothing write to reports while pushpolicy runs; nothing was pushed",
        )
    return _describe(report, stored, number)


def _describe(report: RawReport, stored: Path, number: int) -> Descriptor:
    with stored.open("rb") as stream:
        digest = Digest("sha256", hashlib.file_digest(stream, "sha256").hexdigest())
    # A file name that is safe wherever `oras pull` writes it.
    title = _NOT_IN_TITLES.sub("-", report.path.name).strip(".-")[:100] or "report"
    return Descriptor(
        media_type=names.REPORT_TYPE,
        digest=digest,
        size=stored.stat().st_size,
        annotations={
            names.TITLE: f"reports/{number:03}-{title}.gz",
            names.REPORT_NAME: printable(report.name),
            names.REPORT_KIND: report.kind,
            names.REPORT_FORMAT: report.format,
            names.REPORT_MEDIA_TYPE: report.media_type,
            names.REPORT_DIGEST: str(report.digest),
            names.REPORT_SIZE: str(report.size),
        },
    )


def _shown(report: RawReport) -> str:
    return printable(str(report.path))
