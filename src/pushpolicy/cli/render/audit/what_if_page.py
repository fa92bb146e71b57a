"""What another policy would have decided, as a page: rules by pushes, down to the finding."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from pushpolicy.audit.sources import Ignored
from pushpolicy.audit.what_if import Direction, Effect, PushEffect, WhatIf
from pushpolicy.cli.formats.page import (
    Cell,
    Facts,
    Fold,
    Folds,
    Heat,
    HeatMap,
    Number,
    Page,
    Section,
    Table,
    Tone,
)
from pushpolicy.cli.render.audit.changes import changed, place_of, reasons, reservations
from pushpolicy.cli.render.audit.overview import problems
from pushpolicy.cli.render.decision import count

# Of the pushes that change; what is a column of a map is told in full below it.
PUSHES = 30
_RULES, _REPOSITORIES = 30, 50
_ALL = "all of them: --format json"
_TONES = {
    Direction.STRICTER: Tone.STRICTER,
    Direction.LOOSER: Tone.LOOSER,
    Direction.BOTH: Tone.DOUBT,
    Direction.NEWER: Tone.DOUBT,
    Direction.UNCHANGED: Tone.GOOD,
}


def page_of(subject: str, found: WhatIf, ignored: Sequence[Ignored], at: datetime) -> Page:
    """The effect on the pushes of a place."""
    doubts = ", ".join(reservations(push.standing for push in found.pushes))
    return Page(
        title="What another policy would have decided",
        subject=subject,
        verdict=_verdict(found, ignored),
        numbers=_numbers(found.whole, len(ignored) + len(found.not_replayable)),
        notes=(
            "Decided on is the evidence that was recorded with each push, at the time of then.",
            *((f"Of the records that are told one by one: {doubts}.",) if doubts else ()),
        ),
        sections=tuple(_sections(found, ignored)),
        made=at,
    )


def _verdict(found: WhatIf, ignored: Sequence[Ignored]) -> Cell:
    whole = found.whole
    said = f"{found.direction}: {whole.changed} of {count(whole.total, 'past decision')} would change"
    flips = [
        f"{number} {what}"
        for number, what in ((whole.denied, "would be denied"), (whole.allowed, "would be let in"))
        if number
    ]
    said = f"{said[0].upper()}{said[1:]}{'; ' if flips else ''}{', '.join(flips)}."
    if bad := len(ignored) + len(found.not_replayable):
        return Cell(f"{count(bad, 'record')} could not be tried. {said}", Tone.BAD)
    return Cell(said, _TONES[found.direction])


def _numbers(whole: Effect, bad: int) -> tuple[Number, ...]:
    told = (
        Number("not tried", bad, Tone.BAD),
        Number("would be denied, and were not", whole.denied, Tone.STRICTER),
        Number("would be let in, and were not", whole.allowed, Tone.LOOSER),
        Number("need newer evidence", whole.newer, Tone.DOUBT),
        Number("past decisions", whole.total),
    )
    return tuple(each for each in told if each.number or each.label.startswith(("would", "past")))


def _sections(found: WhatIf, ignored: Sequence[Ignored]) -> Iterator[Section]:
    yield from problems(ignored)
    if failed := found.not_replayable:
        told = reasons(
            "Past decisions that cannot be decided by it",
            [(each.reason, each.image, each.record) for each in failed],
        )
        yield Section("not-decided", "Not decided", (told,))
    if found.rules:
        table = _effects("In how many decisions each rule changes", "rule", found.rules, _RULES)
        yield Section("rules", "By rule", (table,))
    pushes = [each for each in found.pushes if each.direction is not Direction.UNCHANGED]
    pushes = pushes[:PUSHES]
    if pushes:
        lead = "Each column is a push, and leads to what makes the difference."
        yield Section("map", "Rules by pushes", (_map(found, pushes),), lead)
        yield Section("pushes", "What makes the difference", (_folds(found, pushes),))
    changed = {name: each for name, each in found.repositories.items() if each.changed}
    if changed:
        caption = "In how many decisions of each repository something changes"
        table = _effects(caption, "repository", changed, _REPOSITORIES)
        yield Section("repositories", "By repository", (table,))


def _map(found: WhatIf, pushes: Sequence[PushEffect]) -> HeatMap:
    names = sorted(
        {rule for push in pushes for rule in push.stricter | push.looser | push.newer},
        key=lambda name: (-found.rules[name].changed, name),
    )
    rows = tuple((name, tuple(_heat(push, name) for push in pushes)) for name in names[:_RULES])
    columns = tuple(
        Cell(f"{push.at.partition('T')[0]} {first}", link=f"#push-{number}")
        for number, push in enumerate(pushes, 1)
        for first in push.image.tags[:1]
    )
    rest = _left_out(found, pushes)
    if (more := len(names) - _RULES) > 0:
        rest += f" {count(more, 'more rule')} not shown here."
    return HeatMap("How many findings of each rule deny more (▲) or less (▽)", columns, rows, rest.strip())


def _heat(push: PushEffect, rule: str) -> Heat:
    mine = [change for change in push.changes if change.rule == rule]
    return Heat(
        sum(change.stricter for change in mine),
        sum(change.looser for change in mine),
        rule in push.newer,
    )


def _folds(found: WhatIf, pushes: Sequence[PushEffect]) -> Folds:
    items = tuple(_fold(push, number) for number, push in enumerate(pushes, 1))
    return Folds(items, _left_out(found, pushes))


def _left_out(found: WhatIf, pushes: Sequence[PushEffect]) -> str:
    if (more := found.whole.changed - len(pushes)) <= 0:
        return ""
    return (
        f"{count(more, 'more decision')} would change and {'is' if more == 1 else 'are'} not shown here: "
        f"those whose verdict changes come first, then the newest ({_ALL})."
    )


def _fold(push: PushEffect, number: int) -> Fold:
    verdict = f"{push.before} → {push.after}" if push.verdict_changes else f"stays {push.before}"
    title = (
        Cell(push.at.partition("T")[0]),
        Cell(push.direction, _TONES[push.direction]),
        Cell(verdict),
        Cell(place_of(push.image)),
    )
    facts = (
        ("decided at", Cell(push.at)),
        ("by", Cell(push.actor or "not known")),
        ("record", Cell(str(push.record), code=True)),
        ("remarks", Cell(", ".join(push.standing.remarks) or "none")),
        *((f"{name}", Cell(str(Direction.NEWER), Tone.DOUBT)) for name in sorted(push.newer)),
    )
    blocks: tuple[Facts | Table, ...] = (Facts(facts),)
    if push.changes:
        blocks += (changed(push.changes),)
    return Fold(f"push-{number}", title, blocks)


def _effects(caption: str, what: str, effects: Mapping[str, Effect], most: int) -> Table:
    ordered = sorted(effects.items(), key=lambda each: (-each[1].changed, each[0]))
    rows = tuple(
        (
            Cell(name, code=True),
            Cell(str(each.direction), _TONES[each.direction]),
            *(Cell(f"{number:,}") for number in (each.stricter, each.looser, each.newer)),
        )
        for name, each in ordered[:most]
    )
    rest = f"{len(ordered) - most} more not shown here ({_ALL})." if len(ordered) > most else ""
    return Table(caption, (what, "effect", "stricter in", "looser in", "newer evidence in"), rows, rest)
