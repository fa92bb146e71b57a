"""One record, by what the command line calls it."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from pushpolicy.audit.allowance import Allowance
from pushpolicy.audit.history import find
from pushpolicy.audit.sources import Item, read_all
from pushpolicy.audit.walk import Opened, Problem
from pushpolicy.cli.options import RegistryOptions
from pushpolicy.cli.shelves import is_apart, open_shelf, open_sources
from pushpolicy.errors import RecordError, UsageError
from pushpolicy.model.digest import Digest
from pushpolicy.model.reference import Reference
from pushpolicy.model.text import printable
from pushpolicy.reports.limits import Limits


def find_one(
    text: str,
    options: RegistryOptions,
    limits: Limits,
    trust: str | None,
    allowance: Allowance,
    offline: str | None = None,
) -> tuple[Opened, Reference]:
    """The record that a REFERENCE names, or `export:DIR@DIGEST` and its like: by its digest, or its image's.

    Raises:
        UsageError: when it names no record.
        InputError: when there is no such folder.
        RecordError: when there is no such record, or it does not count.
    """
    if offline is not None or not is_apart(text):
        shelf, place = open_shelf(text, options, limits, trust, offline)
        return find(shelf, place, allowance), place
    source, at, value = text.rpartition("@")
    try:
        wanted = Digest.parse(value)
    except ValueError as error:
        name = printable(source if at else text)
        raise UsageError(
            f"REFERENCE: {printable(text)} names no record", f"{name}@DIGEST; audit list shows the digests"
        ) from error
    return _among(read_all(open_sources([source], options, limits, trust), allowance), wanted, text)


def _among(items: Iterable[Item], wanted: Digest, text: str) -> tuple[Opened, Reference]:
    """The record of this digest, else the newest of the image of this digest."""
    newest: tuple[Opened, Reference] | None = None
    whole = True
    for source, found in items:
        if isinstance(found, Problem) and found.digest == wanted:
            raise RecordError(found.reason, found.hint)
        if not isinstance(found, Opened):
            whole = False
        elif found.summary.digest == wanted:
            return found, source.place
        elif found.summary.subject.digest == wanted and (
            newest is None or found.summary.moment > newest[0].summary.moment
        ):
            newest = found, source.place
    if newest and whole:
        found, place = newest
        return replace(found, standing=replace(found.standing, newest=True)), place
    why = "" if whole else ", and not everything in it could be read"
    raise RecordError(f"there is no {printable(text)}{why}", "audit list shows what is there")
