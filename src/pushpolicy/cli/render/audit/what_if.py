"""What another policy would have decided: in one line, by rule, by repository, and the pushes concerned."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import chain
from typing import Any

import click

from pushpolicy.audit.sources import Ignored
from pushpolicy.audit.what_if import (
    Direction,
    Effect,
    NotDecided,
    PushEffect,
    WhatIf,
    repository_of,
)
from pushpolicy.cli.formats import Cell, Kind, Report, Table
from pushpolicy.cli.render.audit.lines import (
    audit_document,
    ignored_json,
    ignored_lines,
    standing_json,
)
from pushpolicy.cli.render.audit.replay import change_line, difference_lines
from pushpolicy.cli.render.audit.what_if_page import page_of
from pushpolicy.cli.render.decision import count
from pushpolicy.model.decision import ImageIdentity
from pushpolicy.model.text import first_of, printable

_NAMES_SHOWN, _FAILED_SHOWN = 20, 20
_COLUMNS = (
    *("time", "direction", "before", "after", "repository", "tag", "digest", "record"),
    *("actor", "stricter", "looser", "newer", "changes", "reason", "remarks"),
)
_COLORS = {
    Direction.STRICTER: "red",
    Direction.LOOSER: "yellow",
    Direction.BOTH: "yellow",
    Direction.NEWER: "yellow",
    Direction.UNCHANGED: "green",
}


def effect(
    found: WhatIf,
    ignored: Sequence[Ignored],
    subject: str,
    at: datetime,
    rows: Iterable[PushEffect | NotDecided],
) -> Report:
    """What another policy would have decided, as ``pushpolicy.audit.what-if/v1``.

    Args:
        found: the effects.
        ignored: what should have been a record.
        subject: what was asked about.
        at: the time of the report.
        rows: each push, for formats of rows; where one is all that is asked for, as they come.
    """
    return Report(
        Kind.WHAT_IF,
        lambda: chain(_lines(found), ignored_lines(ignored)),
        lambda: audit_document("what-if", {**_document(found), **ignored_json(ignored)}),
        page=lambda: page_of(subject, found, ignored, at),
        table=Table(
            "pushpolicy.audit.what-if/v1", _COLUMNS, lambda: map(_row, rows), lambda: _beside(found, ignored)
        ),
    )


def _beside(found: WhatIf, ignored: Sequence[Ignored]) -> Iterator[str]:
    yield _first_line(found)
    yield from ignored_lines(ignored)


def _row(push: PushEffect | NotDecided) -> tuple[Cell, ...]:
    about = (repository_of(push.image), push.image.tags, str(push.image.digest), str(push.record))
    if isinstance(push, NotDecided):
        failed = (push.at, "not replayable", str(push.before), None, *about)
        return (*failed, None, (), (), (), (), push.reason, push.standing.remarks)
    return (
        push.at,
        str(push.direction),
        str(push.before),
        push.after and str(push.after),
        *about,
        push.actor,
        tuple(sorted(push.stricter)),
        tuple(sorted(push.looser)),
        tuple(sorted(push.newer)),
        tuple(f"{change.rule}: {change_line(change)}" for change in push.changes),
        None,
        push.standing.remarks,
    )


def _lines(found: WhatIf) -> Iterator[str]:
    yield _first_line(found)
    yield from _group("by rule", found.rules)
    changed = {name: each for name, each in found.repositories.items() if each.changed}
    yield from _group("by repository", changed)
    pushes = [push for push in found.pushes if push.direction is not Direction.UNCHANGED]
    for push in pushes:
        yield from _push_lines(push)
    if (more := found.whole.changed - len(pushes)) > 0:
        yield f"... and {count(more, 'more decision')} (all of them: --format json)"
    failed = found.not_replayable
    for each in failed[:_FAILED_SHOWN]:
        yield from _failed_lines(each)
    if (more := len(failed) - _FAILED_SHOWN) > 0:
        yield click.style(f"not replayable: {more} more (all of them: --format json)", fg="red")


def _first_line(found: WhatIf) -> str:
    whole, failed = found.whole, len(found.not_replayable)
    total = count(whole.total, "past decision")
    said = f"{whole.changed} of {total}" if whole.changed else total
    flipped = [
        f"{number} {what}"
        for number, what in ((whole.denied, "would be denied"), (whole.allowed, "would be let in"))
        if number
    ]
    if whole.newer and whole.direction is not Direction.NEWER:
        flipped.append(f"{whole.newer} {Direction.NEWER}")
    if failed:
        flipped.append(f"{failed} could not be decided")
    return _styled(whole.direction, f"{said}{': ' if flipped else ''}{', '.join(flipped)}")


def _group(title: str, effects: Mapping[str, Effect]) -> Iterator[str]:
    """Each with in how many decisions what changes, those first that change most."""
    if not effects:
        return
    yield f"{title}:"
    ordered = sorted(effects.items(), key=lambda each: (-each[1].changed, each[0]))
    for name, each in ordered[:_NAMES_SHOWN]:
        told = (("stricter", each.stricter), ("looser", each.looser), (Direction.NEWER, each.newer))
        counts = [f"{what} in {number}" for what, number in told if number]
        yield f"  {printable(name)}: {', '.join(counts)}"
    if (more := len(ordered) - _NAMES_SHOWN) > 0:
        yield f"  ... and {more} more (all of them: --format json)"


def _push_lines(push: PushEffect) -> Iterator[str]:
    verdict = f"{push.before} -> {push.after}" if push.verdict_changes else str(push.before)
    yield _styled(push.direction, f"{_place(push.image)}  {verdict}  {', '.join(push.standing.remarks)}")
    yield f"  {printable(push.at)} by {printable(push.actor or 'unknown')}"
    yield f"  record {push.record}"
    for name in sorted(push.newer):
        yield f"  {printable(name)}: {Direction.NEWER}"
    if push.difference:
        told = {change.rule for change in push.changes}
        rules = [each for each in push.difference.rules if each.rule in told]
        yield from difference_lines(rules, push.changes)


def _failed_lines(failed: NotDecided) -> Iterator[str]:
    name = click.style("not replayable", fg="red", bold=True)
    yield f"{name}: {_place(failed.image)}  {', '.join(failed.standing.remarks)}"
    yield f"  {printable(failed.at)}  record {failed.record}"
    yield from (f"  {printable(line, 500)}" for line in failed.reason.split("\n"))


def _place(image: ImageIdentity) -> str:
    return f"{printable(repository_of(image))}:{printable(first_of(image.tags, 5))}"


def _styled(direction: Direction, text: str) -> str:
    return f"{click.style(direction, fg=_COLORS[direction], bold=True)}: {text}"


def _document(found: WhatIf) -> dict[str, Any]:
    return {
        "direction": found.direction,
        "counts": found.whole,
        "rules": {
            name: {
                "direction": each.direction,
                "stricter": [push.record for push in found.pushes if name in push.stricter],
                "looser": [push.record for push in found.pushes if name in push.looser],
                "newer": [push.record for push in found.pushes if name in push.newer],
            }
            for name, each in sorted(found.rules.items())
        },
        "repositories": {
            name: {"direction": each.direction, **_counts(each)}
            for name, each in sorted(found.repositories.items())
        },
        "pushes": [_push(push) for push in found.pushes],
        "not_replayable": [
            {
                "record": each.record,
                **standing_json(each.standing),
                "result": "not replayable",
                "reason": each.reason,
                "image": each.image,
                "evaluated_at": each.at,
            }
            for each in found.not_replayable
        ],
    }


def _counts(effect: Effect) -> dict[str, int]:
    return {name: getattr(effect, name) for name in effect.__struct_fields__}


def _push(push: PushEffect) -> dict[str, Any]:
    value = {
        "record": push.record,
        "direction": push.direction,
        **standing_json(push.standing),
        "image": push.image,
        "evaluated_at": push.at,
        "actor": push.actor,
        "before": push.before,
        "after": push.after,
        "newer": sorted(push.newer),
        "difference": push.difference,
    }
    return {name: given for name, given in value.items() if given is not None}
