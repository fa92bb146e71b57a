"""``pushpolicy audit replay``: decided again from the record alone, or by another policy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

import click

from pushpolicy.audit.allowance import LIMITS, Allowance
from pushpolicy.audit.sources import (
    DenialSource,
    NewestSource,
    RepositorySource,
    Source,
    read_all,
)
from pushpolicy.cli import options as shared
from pushpolicy.cli.audit import what_if
from pushpolicy.cli.audit.again import Deciding, kept_in
from pushpolicy.cli.audit.cluster import ClusterOptions, answering, cluster_options
from pushpolicy.cli.audit.options import Decided, engine_of, sources_argument
from pushpolicy.cli.formats import Kind
from pushpolicy.cli.options import PolicyOptions, RegistryOptions, read_limits
from pushpolicy.cli.report import Outputs
from pushpolicy.cli.shelves import open_sources, shelf_of_denials
from pushpolicy.errors import UsageError
from pushpolicy.model.text import first_of
from pushpolicy.reports.limits import Limits


@click.command("replay", short_help="Decide again from the record alone, or try a policy.")
@sources_argument
@shared.policy_options
@what_if.trial_options
@click.option(
    "--denials",
    metavar="REPOSITORY",
    help="Where denials are recorded (`push --denials`): they are part of the history, too.",
)
@click.option(
    "--from",
    "made_from",
    type=click.Choice(["evidence", "raw"]),
    default="evidence",
    show_default=True,
    help="What is decided on: the recorded evidence, or what comes of the recorded raw reports when they are "
    "read again.",
)
@click.option(
    "--resume",
    metavar="FILE",
    help="Keep results in this file as they come, and evaluate nothing again that is in it: the same command "
    "goes on where one was interrupted.",
)
@cluster_options
@shared.limits_option
@shared.registry_options
@shared.format_option(Kind.REPLAY, Kind.WHAT_IF)
def command(
    sources: tuple[str, ...],
    policy: PolicyOptions,
    trial: what_if.TrialOptions,
    denials: str | None,
    made_from: str,
    resume: str | None,
    cluster: ClusterOptions,
    limits: tuple[str, ...],
    registry: RegistryOptions,
    outputs: Outputs,
) -> int:
    """Decide again from the record alone; with --policy, --settings or --waivers, say what they would change.

    A SOURCE without tag and digest is every record of the repository; else it is the newest of that image.
    """
    bounds, now = read_limits(limits, LIMITS), datetime.now(UTC)
    subject = first_of(sources, 3)
    opened = open_sources(sources, registry, bounds, policy.trust)
    opa = engine_of(policy.engine, bounds)
    history = Decided(read_all(_with_denials(opened, denials, registry, bounds), Allowance(bounds)))
    from_raw = made_from == "raw"
    if from_raw and resume is not None:
        raise UsageError("--from raw and --resume: only what is decided on recorded evidence is kept")
    with answering(cluster, policy.engine, opa) as answers:
        if tried := what_if.trial_of(policy, trial, opa, answers):
            if resume is not None or from_raw:
                raise UsageError(
                    "--resume and --from raw are of what is decided again, not of another policy",
                    "leave them out",
                )
            return what_if.Trying(history, tried, trial).report(outputs, subject, now)
        asked = {"sources": sources, "denials": denials, "records": registry.records, "limits": limits}
        with kept_in(resume, opa, asked, policy.trust) as kept:
            raw = bounds if from_raw else None
            return Deciding(history, opa, kept, answers, raw).report(outputs, subject, now)


def _with_denials(
    sources: Iterable[Source], denials: str | None, registry: RegistryOptions, limits: Limits
) -> Iterator[Source]:
    """The newest record where a tag or an image is named, else all; and the denials of each source."""
    for source in sources:
        if not isinstance(source, RepositorySource):
            yield source
            continue
        shelf, place = source
        yield NewestSource(shelf, place) if place.tag or place.digest else source
        apart = shelf_of_denials(denials, shelf, registry, limits)
        # Where the records are, too, its denials are among them.
        if apart and apart.records.repository != shelf.records.repository:
            yield DenialSource(apart, place)
