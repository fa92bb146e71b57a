"""``--evidence extra.NAME=FILE``: any JSON or YAML that the user adds under a name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pushpolicy.errors import InputError, UsageError
from pushpolicy.gather.find import refuse_outside
from pushpolicy.gather.names import Reports
from pushpolicy.gather.parts import Part
from pushpolicy.gather.request import NamedEvidence, RawReport, Reading
from pushpolicy.model.text import printable
from pushpolicy.reports.format import ReportError
from pushpolicy.reports.parsing.values import text
from pushpolicy.reports.reader import read_extra


def collect(
    request: Reading, reports: Reports, parts: Iterable[Part] = ()
) -> tuple[Mapping[str, Any], list[RawReport]]:
    """Read every `extra` file, also those of the parts.

    Raises:
        UsageError: when one has no name, or a name is given twice.
        InputError: when one is absent, malformed, over a limit, or holds what JSON cannot say, or when a
            part gives other bytes under the name of another.
    """
    values: dict[str, Any] = {}
    raws: list[RawReport] = []
    for named in request.named:
        if named.kind != "extra":
            continue
        if not named.name or named.name in values:
            raise UsageError(f"{named.shown}: an extra needs a name of its own")
        values[text(named.name)], raw = _one(named, text(named.name), request)
        raws.append(raw)
        reports.note(raw.path, "extra", f"{raw.format} under the name {printable(raw.name)!r}")
    for named in _of(parts):
        value, raw = _one(named, str(named.name), request)
        known = next((other for other in raws if other.name == raw.name), None)
        if known and known.digest != raw.digest:
            where = f"{printable(reports.shown(known.path))} and {printable(reports.shown(raw.path))}"
            raise InputError(f"two extras are named {printable(raw.name)!r}: {where}")
        if known is None:
            values[raw.name] = value
            raws.append(raw)
            reports.note(raw.path, "extra", f"{raw.format} under the name {printable(raw.name)!r}")
    return values, raws


def _of(parts: Iterable[Part]) -> Iterator[NamedEvidence]:
    """The extra files of parts, as if they were named here."""
    for file in (file for part in parts for file in part.files):
        if name := file.listed.names.get("extra"):
            yield NamedEvidence(kind="extra", name=name, path=str(file.path))


def _one(named: NamedEvidence, name: str, request: Reading) -> tuple[Any, RawReport]:
    refuse_outside(named, request.workspace)
    path = request.workspace / named.path
    try:
        file = read_extra(path, request.limits)
    except ReportError as error:
        hint = "an extra is one JSON or YAML document, without what readers disagree on"
        raise InputError(f"{named.shown}: {printable(str(error))}", hint) from error
    raw = RawReport(
        name=name,
        path=path,
        kind="extra",
        format=file.format,
        digest=file.digest,
        size=file.size,
        media_type=f"application/{file.format}",
    )
    return file.value, raw
