"""The raw reports of a record, written where they are asked for."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from pushpolicy.cli.report import show, write_stdout
from pushpolicy.errors import InputError, RecordError
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.text import first_of, printable
from pushpolicy.records.format import REPORT_NAME, TITLE
from pushpolicy.records.kept import kept_report
from pushpolicy.records.read import Record
from pushpolicy.registry.interface import RepositoryReader

_ALL = "all"
_CHUNK = 1024 * 1024


def write_kept(client: RepositoryReader, found: Record, name: str, folder: str | None) -> None:
    """Write one report, or all; each is held against the evidence before anything of it is shown.

    Args:
        client: where the record is.
        found: the record.
        name: of a report in the evidence, or of its file in the record; or ``all``.
        folder: where files are written; None for standard output.

    Raises:
        InputError: when there is no such report, several of one name, or a file cannot be written.
        RecordError: when a report is not what was judged.
    """
    layers = _chosen(found, name)
    if folder is None and len(layers) > 1:
        names = first_of([_file(each) for each in layers], 10)
        raise InputError(f"{len(layers)} reports for standard output: {names}", "name one of them, or -o DIR")
    for layer in layers:
        with TemporaryFile() as judged:
            try:
                judged.writelines(kept_report(client, layer))
            except ValueError as error:
                raise RecordError(f"record {found.summary.digest}: {error}") from error
            judged.seek(0)
            if folder is None:
                _print(judged)
            else:
                show(str(_save(judged, Path(folder), _file(layer))))


def _chosen(found: Record, name: str) -> Sequence[Descriptor]:
    reports = found.summary.reports
    if not reports:
        why = "of its reports it keeps digests alone" if found.redacted else "it was decided without reports"
        raise InputError(f"record {found.summary.digest} keeps no raw reports: {why}")
    if name == _ALL:
        return reports
    by_file = [each for each in reports if name in (each.annotations[TITLE], _file(each))]
    chosen = by_file or [each for each in reports if each.annotations[REPORT_NAME] == name]
    if not chosen:
        names = first_of([printable(each.annotations[REPORT_NAME]) for each in reports], 10)
        raise InputError(f"--raw {printable(name)}: the record keeps no such report", f"it keeps {names}")
    return chosen


def _file(layer: Descriptor) -> str:
    """Its file, of a title that has the form of ours: no path, and nothing that a shell or terminal reads."""
    return Path(layer.annotations[TITLE]).name.removesuffix(".gz")


def _save(content: IO[bytes], folder: Path, name: str) -> Path:
    path = folder / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        with os.fdopen(descriptor, "wb") as file:
            while chunk := content.read(_CHUNK):
                file.write(chunk)
    except FileExistsError as error:
        raise InputError(
            f"{path} is there already, and nothing is replaced", "name another folder"
        ) from error
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from error
    return path


def _print(content: IO[bytes]) -> None:
    """As it is; on a terminal, so that nothing in it acts on that."""
    if sys.stdout.isatty():
        for line in content:
            show(printable(line.decode(errors="replace").rstrip("\r\n").expandtabs(4), 10_000))
        return
    all(map(write_stdout, iter(lambda: content.read(_CHUNK), b"")))  # no further than somebody reads
