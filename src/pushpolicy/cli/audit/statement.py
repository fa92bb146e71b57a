"""``pushpolicy audit statement``: a record in a form that others read."""

from __future__ import annotations

import click

from pushpolicy import errors
from pushpolicy.audit.allowance import LIMITS, Allowance
from pushpolicy.audit.history import find
from pushpolicy.audit.stated import OWN, TYPES, stated
from pushpolicy.cli import options as shared
from pushpolicy.cli.audit.options import trust_option
from pushpolicy.cli.options import RegistryOptions, read_limits
from pushpolicy.cli.report import say, write_stdout
from pushpolicy.cli.shelves import open_shelf


@click.command("statement", short_help="Print a record as an in-toto statement.")
@click.argument("reference")
@click.option(
    "--type",
    "kind",
    type=click.Choice(TYPES),
    default=OWN,
    show_default=True,
    help="The decision's own statement, as a push signs it; only if that is a verification summary (vsa); or "
    "another form of an approval.",
)
@trust_option
@shared.limits_option
@shared.registry_options
def command(
    reference: str, kind: str, trust: str | None, limits: tuple[str, ...], registry: RegistryOptions
) -> int:
    """Print what a record says as in-toto statements, one on each line; not signed.

    With --trust, only of a record that a listed key vouches for, and word for word as that signed it.
    """
    bounds = read_limits(limits, LIMITS)
    shelf, place = open_shelf(reference, registry, bounds, trust)
    allowance = Allowance(bounds)
    found = find(shelf, place, allowance)
    with allowance.record():
        told = stated(shelf, found, kind, place.tag)
    say(f"{found.record.summary.digest}: {', '.join(found.standing.remarks)}")
    for statement in told:
        write_stdout(statement.payload.decode() + "\n")
    return errors.EXIT_OK
