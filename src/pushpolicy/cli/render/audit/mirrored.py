"""What a mirror took in, and what its registries have no more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import click

from pushpolicy.audit.mirror.refresh import Refreshed
from pushpolicy.audit.sources import Unreadable
from pushpolicy.cli.formats import Kind, Report
from pushpolicy.cli.render.audit.lines import audit_document, ignored_json, ignored_lines
from pushpolicy.cli.render.decision import count
from pushpolicy.model.reference import Reference
from pushpolicy.model.text import printable

_TOLD = 20


class Mirrored(NamedTuple):
    """What became of one source."""

    place: Reference
    outcome: Refreshed | Unreadable


def mirrored(to: str, found: Sequence[Mirrored]) -> Report:
    """Each source, as ``pushpolicy.audit.mirrored/v1``."""
    return Report(
        Kind.MIRRORED,
        lambda: (line for each in found for line in _lines(each)),
        lambda: audit_document("mirrored", {"to": to, "sources": [_json(each) for each in found]}),
    )


def _lines(found: Mirrored) -> Iterator[str]:
    place, outcome = printable(str(found.place)), found.outcome
    if isinstance(outcome, Unreadable):
        yield click.style(f"{place}: not mirrored: {printable(outcome.reason, 500)}", fg="red")
        if outcome.hint:
            yield f"  -> {printable(outcome.hint, 300)}"
        return
    size = f", {outcome.size} bytes" if outcome.size else ""
    yield (
        f"{place}: {count(outcome.tags, 'tag')}, {outcome.moved} new or moved; "
        f"{count(outcome.records, 'new record')}, {count(outcome.statements, 'statement')}{size}"
    )
    for line in outcome.vanished[:_TOLD]:
        yield click.style(f"  {printable(line, 300)}", fg="yellow")
    if (more := len(outcome.vanished) - _TOLD) > 0:
        yield click.style(f"  and {more} more (all of them: --format json)", fg="yellow")
    yield from (f"  {line}" for line in ignored_lines(outcome.ignored))


def _json(found: Mirrored) -> dict[str, Any]:
    outcome = found.outcome
    if isinstance(outcome, Unreadable):
        hint = {"fix": outcome.hint} if outcome.hint else {}
        return {"source": str(found.place), "error": outcome.reason, **hint}
    return {
        "source": str(found.place),
        "tags": outcome.tags,
        "moved": outcome.moved,
        "records": outcome.records,
        "statements": outcome.statements,
        "bytes": outcome.size,
        "vanished": outcome.vanished,
        **ignored_json(outcome.ignored),
    }
