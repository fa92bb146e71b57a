"""Which policy each repository was decided by last."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

import click

from pushpolicy.audit.fleet import Fleet, Member
from pushpolicy.audit.sources import Ignored, Unreadable
from pushpolicy.cli.formats import Cell, Kind, Report, Table
from pushpolicy.cli.render.audit.lines import (
    audit_document,
    ignored_json,
    ignored_lines,
    told_time,
    wrapped,
)
from pushpolicy.model.decision import Verdict
from pushpolicy.model.text import printable

_COLUMNS = (
    *("repository", "behind", "differs", "time", "result", "tag", "policy", "policy_digest", "release"),
    *("version", "waivers", "first_waiver_ends", "anchored", "signature", "signed_by", "digest", "record"),
)
_NAME = 34
_ROW = f"{{:<{_NAME}}} {{:<10}} {{:<12}} {{:<8}} {{:<10}}"


def fleet(found: Fleet, unreadable: Sequence[Unreadable]) -> Report:
    """A row for each repository, as ``pushpolicy.audit.fleet/v1``."""
    return Report(
        Kind.FLEET,
        lambda: _lines(found, unreadable),
        lambda: audit_document("fleet", _json(found, unreadable)),
        table=Table(
            "pushpolicy.audit.fleet/v1",
            _COLUMNS,
            lambda: (_row(member) for member in found.members),
            lambda: ignored_lines(_ignored(found, unreadable)),
        ),
    )


def _lines(found: Fleet, unreadable: Sequence[Unreadable]) -> Iterator[str]:
    yield _first(found)
    for name, group in groupby(found.members, key=_group):
        yield ""
        yield click.style(name, bold=True)
        members = list(group)
        if members[0].last:
            yield "  " + _ROW.format("", "decided", "policy", "waivers", "first ends").rstrip()
        for member in members:
            yield from _member_lines(member)
    if ignored := _ignored(found, unreadable):
        yield ""
        yield from ignored_lines(ignored)


def _first(found: Fleet) -> str:
    """How many lag behind what."""
    total = len(found.members)
    if found.against is None:
        return f"no record in {total} {'repository' if total == 1 else 'repositories'}"
    behind = sum(1 for member in found.members if member.behind)
    said = f"{behind} of {total} lag behind" if behind else f"none of {total} lags behind"
    without = sum(1 for member in found.members if member.last is None)
    more = f"; {without} without a record" if without else ""
    policy = f"{printable(found.against.source, 100)} {printable(str(found.against.digest), 20)}"
    return f"{click.style(said, fg='yellow' if behind else 'green')} {policy} ({found.why}){more}"


def _group(member: Member) -> str:
    if member.last is None:
        return "no record"
    if member.behind is None:
        return "not comparable"
    return "lagging behind" if member.behind else "as it should be"


def _member_lines(member: Member) -> Iterator[str]:
    name, last = printable(str(member.place), 300), member.last
    if last is None:
        yield f"  {name}"
        return
    if len(name) > _NAME:
        yield f"  {name}"
        name = ""
    ends = f"{min(last.waivers):%Y-%m-%d}" if last.waivers else ""
    cells = (name, f"{last.moment:%Y-%m-%d}", last.policy.digest.hex[:12], len(last.waivers) or "", ends)
    yield "  " + _ROW.format(*cells).rstrip()
    if member.behind:
        yield from wrapped(click.style(f"other {'; '.join(member.behind)}", fg="yellow"), 4)
    remarks = [
        *(() if last.verdict is Verdict.ALLOW else (str(last.verdict),)),
        *((f"sequence {last.release.sequence}",) if last.release else ()),
        *((f"pushpolicy {last.version}",) if last.version else ()),
        str(last.signature),
        *(() if last.anchored else ("not anchored",)),
    ]
    yield from wrapped(", ".join(remarks), 4)


def _ignored(found: Fleet, unreadable: Sequence[Unreadable]) -> list[Ignored]:
    return [*unreadable, *(each for member in found.members for each in member.ignored)]


def _json(found: Fleet, unreadable: Sequence[Unreadable]) -> dict[str, Any]:
    return {
        "against": found.against,
        "why": found.why,
        "repositories": [dict(zip(_COLUMNS, _row(member), strict=True)) for member in found.members],
        **ignored_json(_ignored(found, unreadable)),
    }


def _row(member: Member) -> tuple[Cell, ...]:
    behind = None if member.behind is None else bool(member.behind)
    start = (str(member.place), behind, member.behind or ())
    last = member.last
    if last is None:
        return start + (None,) * (len(_COLUMNS) - len(start))
    return (
        *start,
        told_time(last.moment),
        str(last.verdict),
        last.image.tags,
        last.policy.source,
        str(last.policy.digest),
        last.release.sequence if last.release else None,
        last.version,
        len(last.waivers),
        told_time(min(last.waivers)) if last.waivers else None,
        last.anchored,
        last.signature.state,
        last.signature.by,
        str(last.image.digest),
        str(last.record),
    )
