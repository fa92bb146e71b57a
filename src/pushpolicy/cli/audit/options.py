"""What the commands of ``pushpolicy audit`` have in common: options, and exit codes."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import timedelta

import click

from pushpolicy import errors
from pushpolicy.audit.sources import Ignored, Item, Unreadable
from pushpolicy.audit.standing import Standing
from pushpolicy.audit.walk import Opened
from pushpolicy.engines import Limits, LocalOpa, find_engine
from pushpolicy.model.reference import Reference
from pushpolicy.reports.limits import Limits as Bounds

_HEAP = 512 * 1024 * 1024

_DURATION = re.compile(r"([1-9][0-9]{0,8})([smhdw])", re.ASCII)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}

trust_option = click.option(
    "--trust",
    metavar="FILE",
    help="Whose signatures count: a trust.yaml, or a public key in PEM. Nothing is parsed of a record that "
    "none of them vouches for.",
)

offline_option = click.option(
    "--offline",
    metavar="DIR",
    help="Read image and records from this OCI layout, as `oras copy -r` writes one, or from a folder of "
    "`audit export` or `audit mirror`, and ask no registry; REFERENCE says what they have to be about.",
)

at_option = click.option("--at", metavar="TIME", help="As of this time instead of now.")

sources_argument = click.argument("sources", metavar="SOURCE...", nargs=-1, required=True)


def engine_of(option: str | None, bounds: Bounds) -> LocalOpa:
    """OPA, which has as long for a record as reading one has, and for all of them what is left.

    Many documents at once need memory for what was computed of each; it is collected early, since there is
    one such process for each processor.
    """
    return find_engine(
        option,
        Limits(
            seconds=bounds.max_record_seconds,
            grace=0,
            called="max-record-seconds",
            until=time.monotonic() + bounds.max_run_seconds,
            heap=_HEAP,
        ),
    )


class Counted:
    """The records of several sources as they are read, and what comes of them: exit code, what is ignored.

    Args:
        items: what was found.
        takes: whether a record is asked about.

    Attributes:
        read: how many records were read.
        ignored: what should have been a record, or a source.
    """

    def __init__(self, items: Iterable[Item], takes: Callable[[Opened], bool] = lambda _: True) -> None:
        self._items, self._takes = items, takes
        self.read = 0
        self.ignored = list[Ignored]()
        self._standings = dict[Reference, _Standings]()

    def each(self) -> Iterator[Opened]:
        """The records that are asked about."""
        for source, found in self._items:
            if not isinstance(found, Opened):
                self.ignored.append(found)
                continue
            self.read += 1
            if self._takes(found):
                self._standings.setdefault(source.place, _Standings()).add(found.standing)
                yield found

    @property
    def code(self) -> int:
        """Of what was read so far: that of `code_of` for each source, or of one that cannot be read."""
        unreadable = [each.exit_code for each in self.ignored if isinstance(each, Unreadable)]
        others = [each for each in self.ignored if not isinstance(each, Unreadable)]
        wrong = others or any(how.is_wrong(place) for place, how in self._standings.items())
        return max([errors.EXIT_RECORD if wrong else errors.EXIT_OK, *unreadable])


class Decided(Counted):
    """Where each record is decided about, a source that was not read is one of which nothing was decided."""

    @property
    def code(self) -> int:
        """As that of records that do not count."""
        return max(super().code, errors.EXIT_RECORD if self.ignored else errors.EXIT_OK)


class _Standings:
    """Of the records of one source: how many there are, about another place, of an unknown policy."""

    def __init__(self) -> None:
        self._number = self._elsewhere = self._strange = 0

    def add(self, how: Standing) -> None:
        self._number += 1
        self._elsewhere += bool(how.elsewhere)
        self._strange += bool(how.unknown)

    def is_wrong(self, place: Reference) -> bool:
        """What a record is about is said first; where that is not what was asked, it is none that counts.

        A record for another place is usual where images are promoted, unless an image or a tag has no other.
        """
        nowhere = bool(place.tag or place.digest) and self._number > 0 and self._elsewhere == self._number
        return nowhere or self._strange > 0


def code_of(standings: Collection[Standing], ignored: Sequence[Ignored], place: Reference) -> int:
    """The exit code of what was read of one place."""
    found = _Standings()
    for how in standings:
        found.add(how)
    return errors.EXIT_RECORD if ignored or found.is_wrong(place) else errors.EXIT_OK


def duration(text: str) -> timedelta | None:
    """A number and s, m, h, d or w; None where it is something else."""
    parts = _DURATION.fullmatch(text)
    return timedelta(seconds=int(parts[1]) * _SECONDS[parts[2]]) if parts else None
