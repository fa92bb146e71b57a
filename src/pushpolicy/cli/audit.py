"""``pushpolicy audit``: what was decided, shown and decided again."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import partial

import click
from msgspec.structs import replace

from pushpolicy import errors
from pushpolicy.audit.allowance import LIMITS, Allowance
from pushpolicy.audit.history import find, list_records
from pushpolicy.audit.replay import Differs, NotReplayable, Replay, each_record, replay
from pushpolicy.audit.shelf import Shelf
from pushpolicy.audit.standing import Standing
from pushpolicy.audit.stated import OWN, TYPES, stated
from pushpolicy.audit.verified import Wanted
from pushpolicy.audit.verify import verify
from pushpolicy.audit.walk import Listing
from pushpolicy.audit.what_if import Direction, effect, what_if
from pushpolicy.cli import options as shared
from pushpolicy.cli.formats import Kind
from pushpolicy.cli.options import PolicyOptions, RegistryOptions, read_limits
from pushpolicy.cli.policies import load
from pushpolicy.cli.render import audit as render
from pushpolicy.cli.render.verified import verified
from pushpolicy.cli.report import Outputs, say, write_stdout
from pushpolicy.cli.shelves import open_shelf, shelf_of_denials
from pushpolicy.engines import find_engine
from pushpolicy.errors import UsageError
from pushpolicy.model.reference import Reference
from pushpolicy.model.text import printable

_FAILING = {
    "any": frozenset({Direction.STRICTER, Direction.LOOSER, Direction.BOTH}),
    "stricter": frozenset({Direction.STRICTER, Direction.BOTH}),
    "looser": frozenset({Direction.LOOSER, Direction.BOTH}),
    "none": frozenset[Direction](),
}
_DURATION = re.compile(r"([1-9][0-9]{0,8})([smhdw])", re.ASCII)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_trust_option = click.option(
    "--trust",
    metavar="FILE",
    help="Whose signatures count: a trust.yaml, or a public key in PEM. Nothing is parsed of a record that "
    "none of them vouches for.",
)


@click.group("audit", short_help="List, show, verify and replay past decisions; try a policy on them.")
def command() -> None:
    """Look at past decisions. Nothing here writes to a repository.

    REFERENCE is REGISTRY/REPO or oci:DIR, with :TAG or @DIGEST for one image or record.
    """


@command.command("list", short_help="List every recorded decision.")
@click.argument("reference")
@_trust_option
@shared.limits_option
@shared.registry_options
@shared.format_option(Kind.LISTING)
def list_(
    reference: str, trust: str | None, limits: tuple[str, ...], registry: RegistryOptions, outputs: Outputs
) -> int:
    """List every recorded decision of a repository, of a tag and its past, or of an image."""
    bounds = read_limits(limits, LIMITS)
    shelf, place = open_shelf(reference, registry, bounds, trust)
    listing = list_records(shelf, place, Allowance(bounds))
    return outputs.write(render.listing(listing), _listing_code(listing, place))


@command.command(short_help="Show one record.")
@click.argument("reference")
@_trust_option
@shared.limits_option
@shared.registry_options
@shared.format_option(Kind.RECORD)
def show(
    reference: str, trust: str | None, limits: tuple[str, ...], registry: RegistryOptions, outputs: Outputs
) -> int:
    """Show one record: what was decided, on what evidence, by which policy and engine."""
    bounds = read_limits(limits, LIMITS)
    shelf, place = open_shelf(reference, registry, bounds, trust)
    found = find(shelf, place, Allowance(bounds))
    return outputs.write(render.record(found.record, found.standing), _standing_code(found.standing))


@command.command(
    "verify", short_help="Verify a record: who signed it, for what, and the decision made again."
)
@click.argument("reference")
@_trust_option
@click.option(
    "--max-age", metavar="DURATION", help="How old the decision may be: 90d, 12h, 30m.  [default: any age]"
)
@click.option(
    "--offline",
    metavar="DIR",
    help="Read image and records from this OCI layout, as `oras copy -r` writes one, and ask no registry; "
    "REFERENCE says what they have to be about.",
)
@click.option(
    "--denials",
    metavar="REPOSITORY",
    help="Where denials are recorded (`push --denials`): one that is newer than the ALLOW ends with 51.",
)
@shared.engine_option
@shared.limits_option
@shared.registry_options
@shared.format_option(Kind.VERIFIED)
def verify_(
    reference: str,
    trust: str | None,
    max_age: str | None,
    offline: str | None,
    denials: str | None,
    engine: str | None,
    limits: tuple[str, ...],
    registry: RegistryOptions,
    outputs: Outputs,
) -> int:
    """Verify the newest record of an image, or the record of a digest; what is wrong ends with exit code 51.

    Digests, signature, key (role, repository, window), verifier id, repository and tag, verdict, policy, age,
    the chain of the tag's records, the reports that are kept, and the decision, made again. Each failure is
    told by itself.
    """
    if trust is None:
        raise UsageError(
            "verify does not know whose signatures count",
            "--trust FILE: a trust.yaml, or a public key in PEM",
        )
    if offline is not None and denials is not None:
        raise UsageError("--offline and --denials: a copy tells nothing of denials", "leave one of them out")
    bounds = read_limits(limits, LIMITS)
    shelf, place = open_shelf(reference, registry, bounds, trust, offline)
    if not (place.tag or place.digest):
        raise UsageError(f"{place} names no image", "add a tag or a digest; audit list shows both")
    wanted = Wanted(
        at=datetime.now(UTC),
        max_age=_duration(max_age),
        denials=shelf_of_denials(denials, shelf, registry, bounds),
        offline=offline is not None,
    )
    found = verify(shelf, place, find_engine(engine), wanted, Allowance(bounds))
    return outputs.write(verified(found), errors.EXIT_RECORD if found.failures else errors.EXIT_OK)


def _duration(text: str | None) -> timedelta | None:
    if text is None:
        return None
    if (parts := _DURATION.fullmatch(text)) is None:
        raise UsageError(
            f"--max-age {printable(text)} is no duration", "a number and s, m, h, d or w, as in 90d"
        )
    return timedelta(seconds=int(parts[1]) * _SECONDS[parts[2]])


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
    shelf, place = open_shelf(reference, registry, bounds, policy.trust)
    opa = find_engine(policy.engine)
    # Here --trust says who signed records, and is no part of the policy that is tried.
    policy = replace(policy, trust=None)
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


@command.command("statement", short_help="Print a record as an in-toto statement.")
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
@_trust_option
@shared.limits_option
@shared.registry_options
def statement_(
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


def _records(shelf: Shelf, reference: Reference, allowance: Allowance) -> tuple[Listing, int]:
    """The record of an image, or all that a repository has; and the exit code of what is said of them."""
    if reference.tag or reference.digest:
        one = find(shelf, reference, allowance)
        summary, how = one.record.summary, one.standing
        found = Listing(records=(summary,), problems=(), standings={summary.digest: how})
        return found, _standing_code(how)
    found = list_records(shelf, reference, allowance)
    return found, _listing_code(found, reference)


def _replay_code(result: Replay) -> int:
    if isinstance(result, Differs):
        return errors.EXIT_DIFFERS
    return errors.EXIT_RECORD if isinstance(result, NotReplayable) else errors.EXIT_OK


def _standing_code(how: Standing) -> int:
    return errors.EXIT_RECORD if how.wrong else errors.EXIT_OK


def _listing_code(listing: Listing, reference: Reference) -> int:
    """A record for another place is usual where images are promoted, unless a tag has no other."""
    standings = listing.standings.values()
    nowhere = bool(reference.tag and standings) and all(how.elsewhere for how in standings)
    strange = any(how.unknown for how in standings)
    return errors.EXIT_RECORD if listing.problems or listing.unread or strange or nowhere else errors.EXIT_OK
