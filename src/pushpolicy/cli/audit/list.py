"""``pushpolicy audit list``: what was decided."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from pushpolicy.audit.allowance import LIMITS, Allowance
from pushpolicy.audit.history import list_records
from pushpolicy.cli import options as shared
from pushpolicy.cli.audit.options import code_of, trust_option
from pushpolicy.cli.formats import Kind
from pushpolicy.cli.options import RegistryOptions, read_limits
from pushpolicy.cli.render.audit.listing import listing
from pushpolicy.cli.report import Outputs
from pushpolicy.cli.shelves import open_shelf


@click.command("list", short_help="List every recorded decision.")
@click.argument("reference")
@trust_option
@shared.limits_option
@shared.registry_options
@shared.format_option(Kind.LISTING)
def command(
    reference: str, trust: str | None, limits: tuple[str, ...], registry: RegistryOptions, outputs: Outputs
) -> int:
    """List every recorded decision of a repository, of a tag and its past, or of an image."""
    bounds = read_limits(limits, LIMITS)
    shelf, place = open_shelf(reference, registry, bounds, trust)
    found = list_records(shelf, place, Allowance(bounds))
    return outputs.write(
        listing(found, datetime.now(UTC)), code_of(found.standings.values(), found.ignored, place)
    )
