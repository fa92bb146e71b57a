"""``pushpolicy audit``: what was decided, shown and decided again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import click

from pushpolicy import errors
from pushpolicy.audit.history import Listing, find_record, list_records
from pushpolicy.audit.replay import Differs, NotReplayable, Replay, replay
from pushpolicy.audit.standing import Standing, standing
from pushpolicy.audit.what_if import Direction, what_if
from pushpolicy.cli import options as shared
from pushpolicy.cli.formats import Kind
from pushpolicy.cli.options import PolicyOptions, RegistryOptions
from pushpolicy.cli.policies import load
from pushpolicy.cli.registries import Registries
from pushpolicy.cli.render import audit as render
from pushpolicy.cli.report import Outputs
from pushpolicy.engines import find_engine
from pushpolicy.errors import InputError, UsageError
from pushpolicy.model.digest import Digest
from pushpolicy.model.reference import Reference
from pushpolicy.records.read import Record, read_record
from pushpolicy.registry import RepositoryClient

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


@command.command("list")
@click.argument("reference")
@shared.registry_options
@shared.format_option(Kind.LISTING)
def list_(reference: str, registry: RegistryOptions, outputs: Outputs) -> int:
    """List every recorded decision of a repository, of a tag and its past, or of an image."""
    client, place = _open(reference, registry)
    listing = list_records(client, place)
    return outputs.write(render.listing(listing), _listing_code(listing, place))


@command.command()
@click.argument("reference")
@shared.registry_options
@shared.format_option(Kind.RECORD)
def show(reference: str, registry: RegistryOptions, outputs: Outputs) -> int:
    """Show one record: what was decided, on what evidence, by which policy and engine."""
    client, place = _open(reference, registry)
    record = find_record(client, place)
    how = standing(record, place)
    return outputs.write(render.record(record, how), _standing_code(how))


@command.command("replay")
@click.argument("reference")
@shared.policy_options
@click.option(
    "--fail-on",
    type=click.Choice(list(_FAILING)),
    default="any",
    show_default=True,
    help="With --policy: which change of past decisions ends with exit code 50.",
)
@shared.registry_options
@shared.format_option(Kind.REPLAY, Kind.WHAT_IF)
def replay_(
    reference: str, policy: PolicyOptions, fail_on: str, registry: RegistryOptions, outputs: Outputs
) -> int:
    """Decide again from the record alone; with --policy, say what that policy would have decided.

    A REFERENCE without tag and digest replays every record of the repository.
    """
    client, place = _open(reference, registry)
    opa = find_engine(policy.engine)
    other = load(policy, opa) if policy.policies else None
    records, standings, code = _records(client, place)
    if other is not None:
        effect = what_if(records, other, opa)
        failing = errors.EXIT_DIFFERS if effect.direction in _FAILING[fail_on] else errors.EXIT_OK
        own = errors.EXIT_RECORD if effect.not_replayable else failing
        return outputs.write(render.effect(effect, standings), max(code, own))
    replays = [replay(record, opa) for record in records]
    return outputs.write(render.replays(replays, standings), max([code, *map(_replay_code, replays)]))


def _open(text: str, options: RegistryOptions) -> tuple[RepositoryClient, Reference]:
    try:
        reference = Reference.parse(text)
    except ValueError as error:
        raise UsageError(f"REFERENCE: {error}") from error
    if reference.repository.is_layout and not Path(reference.repository.path).exists():
        raise InputError(f"{reference.repository}: there is no such folder", "check the path after oci:")
    client, _ = Registries(options).target(reference.repository)
    return client, reference


def _records(
    client: RepositoryClient, reference: Reference
) -> tuple[Iterator[Record], Mapping[Digest, Standing], int]:
    """The record of an image, or all that a repository has, read one at a time.

    Returns:
        them; what is to be said beside each; the exit code of what is said.
    """
    if reference.tag or reference.digest:
        record = find_record(client, reference)
        how = standing(record, reference)
        return iter([record]), {record.summary.digest: how}, _standing_code(how)
    listing = list_records(client, reference)
    records = (read_record(client, summary.digest) for summary in listing.records)
    return records, listing.standings, _listing_code(listing, reference)


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
