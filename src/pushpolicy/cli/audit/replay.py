"""``pushpolicy audit replay``: decided again from the record alone, or by another policy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

import click
from msgspec.structs import replace

from pushpolicy import errors
from pushpolicy.audit.allowance import LIMITS, Allowance
from pushpolicy.audit.history import each_record, find
from pushpolicy.audit.replay import Differs, NotReplayable, Replay, replays
from pushpolicy.audit.shelf import Shelf
from pushpolicy.audit.walk import Opened, Problem, Read, Unread
from pushpolicy.audit.what_if import Direction, effects, what_if
from pushpolicy.cli import options as shared
from pushpolicy.cli.audit.options import code_of
from pushpolicy.cli.formats import Kind
from pushpolicy.cli.options import PolicyOptions, RegistryOptions, read_limits
from pushpolicy.cli.policies import load
from pushpolicy.cli.render.audit import replay as render
from pushpolicy.cli.report import Outputs
from pushpolicy.cli.shelves import open_shelf
from pushpolicy.engines import find_engine
from pushpolicy.model.reference import Reference

_FAILING = {
    "any": frozenset({Direction.STRICTER, Direction.LOOSER, Direction.BOTH}),
    "stricter": frozenset({Direction.STRICTER, Direction.BOTH}),
    "looser": frozenset({Direction.LOOSER, Direction.BOTH}),
    "none": frozenset[Direction](),
}


@click.command("replay", short_help="Decide again from the record alone, or try a policy.")
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
def command(
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
    ignored = list[Problem | Unread]()
    records = _counting(_read(shelf, place, allowance), ignored)
    if other is not None:
        told = sorted(effects(records, other, opa), key=_newest_first, reverse=True)
        changed = what_if(each for _, each in told)
        failing = errors.EXIT_DIFFERS if changed.direction in _FAILING[fail_on] else errors.EXIT_OK
        own = errors.EXIT_RECORD if changed.not_replayable else failing
        standings = {each.summary.digest: each.standing for each, _ in told}
        report = render.effect(changed, standings, ignored)
        return outputs.write(report, max(code_of(standings.values(), ignored, place), own))
    found = sorted(replays(records, opa), key=_newest_first, reverse=True)
    standings = {each.summary.digest: each.standing for each, _ in found}
    results = [each for _, each in found]
    code = max([code_of(standings.values(), ignored, place), *map(_replay_code, results)])
    return outputs.write(render.replays(results, standings, ignored), code)


def _read(shelf: Shelf, place: Reference, allowance: Allowance) -> Iterable[Read]:
    """The record of an image, or all that a repository has."""
    if place.tag or place.digest:
        return [find(shelf, place, allowance)]
    return each_record(shelf, place, allowance)


def _counting(found: Iterable[Read], ignored: list[Problem | Unread]) -> Iterator[Opened]:
    """The records that count; what does not is put aside."""
    for each in found:
        if isinstance(each, Opened):
            yield each
        else:
            ignored.append(each)


def _newest_first(told: tuple[Opened, object]) -> tuple[datetime, str]:
    summary = told[0].summary
    return summary.moment, str(summary.digest)


def _replay_code(result: Replay) -> int:
    if isinstance(result, Differs):
        return errors.EXIT_DIFFERS
    return errors.EXIT_RECORD if isinstance(result, NotReplayable) else errors.EXIT_OK
