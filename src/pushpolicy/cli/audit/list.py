"""``pushpolicy audit list``: what was decided."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

import click

from pushpolicy.audit.allowance import LIMITS, Allowance
from pushpolicy.audit.entry import Entry
from pushpolicy.audit.overview import Overview, Told
from pushpolicy.audit.sources import Source, read_all
from pushpolicy.audit.walk import Opened
from pushpolicy.cli import options as shared
from pushpolicy.cli.audit.options import Counted, sources_argument, trust_option
from pushpolicy.cli.audit.selecting import SelectionOptions, selection, selection_options
from pushpolicy.cli.formats import Kind
from pushpolicy.cli.options import RegistryOptions, read_limits
from pushpolicy.cli.render.audit.listing import COLUMNS, Listed, Row, listing
from pushpolicy.cli.render.audit.overview import DECISIONS
from pushpolicy.cli.report import Outputs
from pushpolicy.cli.shelves import open_sources
from pushpolicy.errors import UsageError
from pushpolicy.model.reference import Reference
from pushpolicy.model.text import nearest, printable


@click.command("list", short_help="List every recorded decision.")
@sources_argument
@selection_options
@click.option(
    "--columns",
    metavar="NAME,...",
    help=f"What is said of each, in this order: {', '.join(COLUMNS)}.  [default: all, in csv and jsonl]",
)
@trust_option
@shared.limits_option
@shared.registry_options
@shared.format_option(Kind.LISTING)
def command(
    sources: tuple[str, ...],
    selected: SelectionOptions,
    columns: str | None,
    trust: str | None,
    limits: tuple[str, ...],
    registry: RegistryOptions,
    outputs: Outputs,
) -> int:
    """List recorded decisions: of a repository, of a tag and its past, of an image; newest first.

    SOURCE is REGISTRY/REPO or oci:DIR, with :TAG or @DIGEST for one tag or image. `--format jsonl` writes
    each record as it is read, in no order, and keeps none in memory.
    """
    bounds = read_limits(limits, LIMITS)
    wanted, chosen = selection(selected, trust), _columns(columns)
    places = list[Reference]()
    opened = _noting(open_sources(sources, registry, bounds, trust), places)
    counted = Counted(read_all(opened, Allowance(bounds)), wanted.takes)
    overview = Overview(datetime.now(UTC), DECISIONS) if outputs.asks("html") else None
    with_decisions = outputs.asks("json")
    rows: Iterable[Row] = (_row(each, overview, with_decisions=with_decisions) for each in counted.each())
    if not outputs.asks_only("jsonl"):
        rows = sorted(rows, key=lambda row: row.entry.order, reverse=True)
    found = Listed(
        places=places,
        rows=rows,
        ignored=counted.ignored,
        read=lambda: counted.read,
        is_selected=not wanted.is_all,
        overview=overview,
        columns=chosen,
    )
    return outputs.write(listing(found), lambda: counted.code)


def _row(found: Opened, overview: Overview | None, *, with_decisions: bool) -> Row:
    told, entry = Told(summary=found.summary, standing=found.standing), Entry.of(found)
    if overview:
        overview.add(told, entry)
    return Row(entry=entry, told=told if with_decisions else None)


def _noting(sources: Iterable[Source], places: list[Reference]) -> Iterator[Source]:
    for source in sources:
        places.append(source.place)
        yield source


def _columns(text: str | None) -> tuple[str, ...] | None:
    if text is None:
        return None
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",")))
    for name in names:
        if name not in COLUMNS:
            raise UsageError(
                f"--columns: there is no column {printable(name)}{nearest(name, COLUMNS)}",
                f"they are {', '.join(COLUMNS)}",
            )
    return names
