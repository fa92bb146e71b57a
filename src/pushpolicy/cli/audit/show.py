"""``pushpolicy audit show``: one decision, and why."""

from __future__ import annotations

from datetime import UTC, datetime

import click
from msgspec.structs import replace

from pushpolicy.audit.allowance import LIMITS, Allowance
from pushpolicy.audit.chain import place_of
from pushpolicy.audit.others import newer_of
from pushpolicy.audit.walk import Opened
from pushpolicy.cli import options as shared
from pushpolicy.cli.audit.finding import find_one
from pushpolicy.cli.audit.kept import write_kept
from pushpolicy.cli.audit.options import code_of, offline_option, trust_option
from pushpolicy.cli.formats import Kind
from pushpolicy.cli.options import RegistryOptions, read_limits
from pushpolicy.cli.render.audit.record import record
from pushpolicy.cli.report import Outputs, say
from pushpolicy.errors import UsageError
from pushpolicy.model.text import printable


@click.command("show", short_help="Show one record.")
@click.argument("reference")
@click.option("--evidence", "with_evidence", is_flag=True, help="Print all of the evidence, too.")
@click.option(
    "--policy", "with_policy", is_flag=True, help="Print the text of the rules, settings and waivers, too."
)
@click.option(
    "--raw",
    "raw",
    metavar="NAME|all",
    help="Instead: write a report as it was read, by its name or its file in the record, to standard output; "
    "with -o, to a file.",
)
@click.option("-o", "folder", metavar="DIR", help="Where --raw writes files; none is replaced.")
@trust_option
@offline_option
@shared.limits_option
@shared.registry_options
@shared.format_option(Kind.RECORD)
def command(
    reference: str,
    with_evidence: bool,
    with_policy: bool,
    raw: str | None,
    folder: str | None,
    trust: str | None,
    offline: str | None,
    limits: tuple[str, ...],
    registry: RegistryOptions,
    outputs: Outputs,
) -> int:
    """Show one record: what was decided, why, by which rules, on what evidence, and who pushed.

    Of an image, the newest record; by `@DIGEST`, that of this digest: also `export:DIR@DIGEST`.
    """
    if folder is not None and raw is None:
        raise UsageError("-o says where --raw writes", "add --raw NAME, or --raw all")
    bounds = read_limits(limits, LIMITS)
    allowance = Allowance(bounds)
    found, place = find_one(reference, registry, bounds, trust, allowance, offline)
    if place.tag and not place.digest:
        found = _held_against(found, place.tag, allowance)
    code = code_of([found.standing], (), place)
    if raw is None:
        now = datetime.now(UTC)
        return outputs.write(record(found, now, with_evidence=with_evidence, with_policy=with_policy), code)
    say(f"{found.summary.digest}: {', '.join(found.standing.remarks)}")
    with allowance.record():
        write_kept(found.shelf.records, found.record, raw, folder)
    return code


def _held_against(found: Opened, tag: str, allowance: Allowance) -> Opened:
    """The same, with whether a newer record of the tag is about another image: then an older was put back."""
    newer = newer_of(found.shelf, found.summary, tag, allowance)
    if newer is None:
        return found
    says = (
        f"not the newest of the tag {printable(tag)}: number {place_of(newer, tag)}, record {newer.digest}, "
        f"is about {newer.subject.digest}"
    )
    return replace(found, standing=replace(found.standing, newer=says))
