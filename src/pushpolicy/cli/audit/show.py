"""``pushpolicy audit show``: one decision, and why."""

from __future__ import annotations

import click

from pushpolicy.audit.allowance import LIMITS, Allowance
from pushpolicy.audit.history import find
from pushpolicy.cli import options as shared
from pushpolicy.cli.audit.options import code_of, trust_option
from pushpolicy.cli.formats import Kind
from pushpolicy.cli.options import RegistryOptions, read_limits
from pushpolicy.cli.render.audit.record import record
from pushpolicy.cli.report import Outputs
from pushpolicy.cli.shelves import open_shelf


@click.command("show", short_help="Show one record.")
@click.argument("reference")
@trust_option
@shared.limits_option
@shared.registry_options
@shared.format_option(Kind.RECORD)
def command(
    reference: str, trust: str | None, limits: tuple[str, ...], registry: RegistryOptions, outputs: Outputs
) -> int:
    """Show one record: what was decided, on what evidence, by which policy and engine."""
    bounds = read_limits(limits, LIMITS)
    shelf, place = open_shelf(reference, registry, bounds, trust)
    found = find(shelf, place, Allowance(bounds))
    return outputs.write(record(found.record, found.standing), code_of([found.standing], (), place))
