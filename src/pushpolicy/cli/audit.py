"""``pushpolicy audit``: what was decided, shown and decided again."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from pushpolicy import errors
from pushpolicy.audit.allowance import LIMITS, Allowance
from pushpolicy.audit.history import Listing, Shelf, find_record, list_records
from pushpolicy.audit.replay import Differs, NotReplayable, Replay, each_record, replay
from pushpolicy.audit.standing import Standing, standing
from pushpolicy.audit.what_if import Direction, effect, what_if
from pushpolicy.cli import options as shared
from pushpolicy.cli.formats import Kind
from pushpolicy.cli.options import PolicyOptions, RegistryOptions, read_limits
from pushpolicy.cli.policies import load
from pushpolicy.cli.registries import Registries, parse_records
from pushpolicy.cli.render import audit as render
from pushpolicy.cli.report import Outputs
from pushpolicy.engines import find_engine
from pushpolicy.errors import InputError, UsageError
from pushpolicy.model.reference import Reference
from pushpolicy.records.read import Record
from pushpolicy.reports.limits import Limits

_FAILING = {
    "any": frozenset({Direction.STRICTER, Direction.LOOSER, Direction.BOTH}),
    "stricter": frozenset({Direction.STRICTER, Direction.BOTH}),
    "looser": frozenset({Direction.LOOSER, Direction.BOTH}),
    "none": frozenset[Direction](),
}


@click.group("audit", short_help="List, show and replay past decisions; try a policy on them.")
def command() -> None:
    """Look at past decisions. Nothing here writes to a repository.

    REFERENCE is REGISTRY/REPO or oci:DIR, with :TAG or @DIGEST for one image or record.
    """


@command.command("list", short_help="List every recorded decision.")
@click.argument("reference")
@shared.limits_option
@shared.registry_options
@shared.format_option(Kind.LISTING)
def list_(reference: str, limits: tuple[str, ...], registry: RegistryOptions, outputs: Outputs) -> int:
    """List every recorded decision of a repository, of a tag and its past, or of an image."""
    bounds = read_limits(limits, LIMITS)
    shelf, place = _open(reference, registry, bounds)
    listing = list_records(shelf, place, Allowance(bounds))
    return outputs.write(render.listing(listing), _listing_code(listing, place))


@command.command(short_help="Show one record.")
@click.argument("reference")
@shared.limits_option
@shared.registry_options
@shared.format_option(Kind.RECORD)
def show(reference: str, limits: tuple[str, ...], registry: RegistryOptions, outputs: Outputs) -> int:
    """Show one record: what was decided, on what evidence, by which policy and engine."""
    bounds = read_limits(limits, LIMITS)
    shelf, place = _open(reference, registry, bounds)
    record, how = _find(shelf, place, Allowance(bounds))
    return outputs.write(render.record(record, how), _standing_code(how))


@command.command("replay", short_help="Decide again from the record alone, or try a policy.")
@click.argument("reference")
@shared.policy_options
@click.option(
    "--fail-on",
    type=click.Choice(list(_FAILING)),
    default="any",
    show_default=True,
    help="With --policy: which change of past decisions ends with exit code 50.",
)
@shared.limits_option
@shared.registry_options
@shared.format_option(Kind.REPLAY, Kind.WHAT_IF)
def replay_(
    reference: str,
    policy: PolicyOptions,
    fail_on: str,
    limits: tuple[str, ...],
    registry: RegistryOptions,
    outputs: Outputs,
) -> int:
    """Decide again from the record alone; with --policy, say what that policy would have decided.

    A REFERENCE without tag and digest replays every record of the repository.
    """
    bounds = read_limits(limits, LIMITS)
    shelf, place = _open(reference, registry, bounds)
    opa = find_engine(policy.engine)
    other = load(policy, opa) if policy.policies or policy.conftest else None
    allowance = Allowance(bounds)
    found, code = _records(shelf, place, allowance)
    if other is not None:
        effects = each_record(shelf, found.records, partial(effect, policy=other, engine=opa), allowance)
        changed = what_if(effects)
        failing = errors.EXIT_DIFFERS if changed.direction in _FAILING[fail_on] else errors.EXIT_OK
        own = errors.EXIT_RECORD if changed.not_replayable else failing
        return outputs.write(render.effect(changed, found), max(code, own))
    replays = list(each_record(shelf, found.records, partial(replay, engine=opa), allowance))
    return outputs.write(render.replays(replays, found), max([code, *map(_replay_code, replays)]))


def _open(text: str, options: RegistryOptions, limits: Limits) -> tuple[Shelf, Reference]:
    try:
        reference = Reference.parse(text)
    except ValueError as error:
        raise UsageError(f"REFERENCE: {error}") from error
    kept_in = parse_records(options.records) or reference.repository
    for repository in (reference.repository, kept_in):
        if repository.is_layout and not Path(repository.path).exists():
            raise InputError(f"{repository}: there is no such folder", "check the path after oci:")
    registries = Registries(options, limits)
    images, _ = registries.target(reference.repository)
    if kept_in == reference.repository:
        return Shelf.of(images), reference
    records, _ = registries.records(kept_in)
    return Shelf.of(images, records), reference


def _find(shelf: Shelf, reference: Reference, allowance: Allowance) -> tuple[Record, Standing]:
    record = find_record(shelf, reference, allowance)
    with allowance.record():
        return record, standing(record, reference)


def _records(shelf: Shelf, reference: Reference, allowance: Allowance) -> tuple[Listing, int]:
    """The record of an image, or all that a repository has; and the exit code of what is said of them."""
    if reference.tag or reference.digest:
        record, how = _find(shelf, reference, allowance)
        summary = record.summary
        found = Listing(records=(summary,), problems=(), standings={summary.digest: how})
        return found, _standing_code(how)
    found = list_records(shelf, reference, allowance)
    return found, _listing_code(found, reference)


def _replay_code(result: Replay) -> int:
    if isinstance(result, Differs):
        return errors.EXIT_DIFFERS
    return errors.EXIT_RECORD if isinstance(result, NotReplayable) else errors.EXIT_OK


def _standing_code(how: Standing) -> int:
    return errors.EXIT_RECORD if how.unknown or how.elsewhere else errors.EXIT_OK


def _listing_code(listing: Listing, reference: Reference) -> int:
    """A record for another place is usual where images are promoted, unless a tag has no other."""
    standings = listing.standings.values()
    nowhere = bool(reference.tag and standings) and all(how.elsewhere for how in standings)
    strange = any(how.unknown for how in standings)
    return errors.EXIT_RECORD if listing.problems or listing.unread or strange or nowhere else errors.EXIT_OK
