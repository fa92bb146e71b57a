"""Which published images have a flaw or a package."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

import click

from pushpolicy.audit.impact import Affected, Asked, Finding, Have, Impact, Told
from pushpolicy.cli.formats import Cell, Kind, Report, Table
from pushpolicy.cli.render.audit.lines import (
    audit_document,
    ignored_json,
    ignored_lines,
    told_time,
    wrapped,
)
from pushpolicy.model.text import first_of, printable

_COLUMNS = (
    *("repository", "digest", "have", "named", "tags", "id", "severity", "package", "version", "purl"),
    *("fixed_in", "found_by", "known_since", "allowed", "treated", "looked_at", "record"),
)
_MOST, _MOST_FOUND = 100, 5
_GROUPS = {
    Have.LISTED: "a scan lists it",
    Have.PACKAGE: "it has the package",
    Have.POSSIBLY: "possibly: it has the package, and nothing looked since",
}


def report(asked: Asked, told: Told, now: datetime) -> Report:
    """A row for each image, as ``pushpolicy.audit.impact/v1``."""
    found = told.impact
    return Report(
        Kind.IMPACT,
        lambda: _lines(asked, told, now),
        lambda: audit_document("impact", _json(asked, told, now)),
        table=Table(
            "pushpolicy.audit.impact/v1",
            _COLUMNS,
            lambda: map(_row, found.images),
            lambda: ignored_lines(told.ignored),
        ),
    )


def _lines(asked: Asked, told: Told, now: datetime) -> Iterator[str]:
    found = told.impact
    yield from wrapped(_first(asked, found, now), 0)
    if others := [name for name in found.names if name not in {each.lower() for each in asked.ids}]:
        yield from wrapped(f"also called {printable(first_of(others, 10), 400)}", 0)
    if found.denied:
        yield f"{found.denied} more {_have(found.denied)} it, and never passed the gate"
    told_so_far = 0
    for (is_named, have), group in groupby(found.images, key=lambda each: (each.is_named, each.have)):
        images = list(group)
        yield ""
        where = "named by a tag" if is_named else "named by no tag"
        yield click.style(f"{where}; {_GROUPS[have]}", fg="red" if is_named else None, bold=True)
        for image in images[: max(0, _MOST - told_so_far)]:
            yield from _image_lines(image)
        told_so_far += len(images)
    if told_so_far > _MOST:
        yield f"the first {_MOST} of {told_so_far} (all of them: --format csv)"
    if told.ignored:
        yield ""
        yield from ignored_lines(told.ignored)


def _first(asked: Asked, found: Impact, now: datetime) -> str:
    """How many images, how many of them matter, and since when it is known."""
    what = printable(first_of((*asked.ids, *asked.globs), 5), 200)
    places = f"{_number(found.records, 'record')} of {_number(found.places, 'repository', 'repositories')}"
    if not found.images:
        return f"no published image has {what}, by {places}"
    named = sum(image.is_named for image in found.images)
    possibly = sum(image.have is Have.POSSIBLY for image in found.images)
    maybe = f" ({possibly} of them possibly)" if possibly else ""
    copied = f" (as of {told_time(found.as_of)}, when they were copied)" if found.as_of else ""
    first = ""
    if found.first:
        ago = _ago(now - found.first.moment)
        place = printable(str(found.first.place))
        first = f"; first known here {told_time(found.first.moment)}, {ago} ago, in {place}"
    return (
        f"{_number(len(found.images), 'image')} {_have(len(found.images))} {what}{maybe}, {named} of them "
        f"still named by a tag{copied}{first}"
    )


def _image_lines(image: Affected) -> Iterator[str]:
    yield from wrapped(f"{printable(str(image.place), 300)}: {_tags(image)}", 2)
    yield f"    {image.digest}"
    for found in image.found[:_MOST_FOUND]:
        yield from wrapped(_finding(found), 4)
    if (more := len(image.found) - _MOST_FOUND) > 0:
        yield f"    and {more} more"
    treated = first_of(image.treated, 3)
    if not treated:
        treated = "the package is no finding" if image.have is Have.PACKAGE else "it was not known then"
    yield from wrapped(f"allowed {told_time(image.allowed)}: {treated}", 4)
    if image.have is Have.POSSIBLY:
        yield f"    last scanned {told_time(image.looked_at) if image.looked_at else 'never'}"


def _tags(image: Affected) -> str:
    """What became of each tag; of a moved one a short digest."""
    states = [f"{each.tag} {printable(each.state(image.digest), 29)}" for each in image.tags]
    return printable(first_of(states, 10), 600)


def _finding(found: Finding) -> str:
    words = [found.severity, found.id, found.package, found.version]
    fixed = f" (fix: {found.fixed_in})" if found.fixed_in else ""
    return printable(f"{' '.join(filter(None, words))}{fixed} in {found.by}", 400)


def _ago(time: timedelta) -> str:
    """In the two largest units."""
    minutes = max(0, int(time.total_seconds())) // 60
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    if days:
        return f"{_number(days, 'day')} {hours} h"
    return f"{hours} h {minutes} min"


def _number(count: int, one: str, more: str | None = None) -> str:
    return f"{count} {one if count == 1 else more or f'{one}s'}"


def _have(count: int) -> str:
    return "has" if count == 1 else "have"


def _json(asked: Asked, told: Told, now: datetime) -> dict[str, Any]:
    found = told.impact
    first = None
    if found.first:
        seconds = int((now - found.first.moment).total_seconds())
        first = {
            "at": told_time(found.first.moment),
            "seconds_ago": seconds,
            "record": found.first.record,
            "repository": str(found.first.place),
        }
    return {
        "at": told_time(now),
        "ids": asked.ids,
        "packages": asked.globs,
        "names": found.names,
        "first_known": first,
        "records": found.records,
        "repositories": found.places,
        "denied": found.denied,
        "as_of": told_time(found.as_of) if found.as_of else None,
        "images": [_image_json(image) for image in found.images],
        **ignored_json(told.ignored),
    }


def _image_json(image: Affected) -> dict[str, Any]:
    return {
        "repository": str(image.place),
        "digest": image.digest,
        "have": image.have,
        "named": image.is_named,
        "tags": {each.tag: each.state(image.digest) for each in image.tags},
        "found": image.found,
        "known_since": told_time(image.known),
        "allowed": told_time(image.allowed),
        "treated": image.treated,
        "looked_at": told_time(image.looked_at) if image.looked_at else None,
        "record": image.record,
    }


def _row(image: Affected) -> Sequence[Cell]:
    """The worst of it alone; the document has all."""
    found = image.found[0]
    return (
        str(image.place),
        str(image.digest),
        str(image.have),
        image.is_named,
        tuple(f"{each.tag} {each.state(image.digest)}" for each in image.tags),
        *(found.id, found.severity, found.package, found.version, found.purl, found.fixed_in, found.by),
        told_time(image.known),
        told_time(image.allowed),
        image.treated,
        told_time(image.looked_at) if image.looked_at else None,
        str(image.record),
    )
