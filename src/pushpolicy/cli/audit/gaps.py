"""``pushpolicy audit gaps``: what has no valid record."""

from __future__ import annotations

import click

from pushpolicy import errors
from pushpolicy.audit.allowance import LIMITS, Allowance
from pushpolicy.audit.gap import Kind as Gaps
from pushpolicy.audit.gaps import examine
from pushpolicy.audit.shelf import Shelf
from pushpolicy.audit.sources import RepositorySource, Source, all_of
from pushpolicy.cli import environment
from pushpolicy.cli import options as shared
from pushpolicy.cli.audit.options import at_option, sources_argument, trust_option
from pushpolicy.cli.formats import Kind
from pushpolicy.cli.options import RegistryOptions, read_limits
from pushpolicy.cli.render.audit.gaps import Looked, gaps
from pushpolicy.cli.report import Outputs
from pushpolicy.cli.shelves import open_sources, shelf_of_denials
from pushpolicy.errors import UsageError

_KINDS = click.Choice([str(kind) for kind in Gaps])


@click.command("gaps", short_help="Find tags and images without a valid record.")
@sources_argument
@trust_option
@click.option(
    "--only", multiple=True, type=_KINDS, metavar="KIND", help="Tell gaps of this kind; repeatable."
)
@click.option(
    "--ignore", multiple=True, type=_KINDS, metavar="KIND", help="Count none of this kind; repeatable."
)
@click.option(
    "--denials",
    metavar="REPOSITORY",
    help="Where denials are recorded (`push --denials`): an image that was denied since is a gap.",
)
@at_option
@shared.limits_option
@shared.registry_options
@shared.format_option(Kind.GAPS)
def command(
    sources: tuple[str, ...],
    trust: str | None,
    only: tuple[str, ...],
    ignore: tuple[str, ...],
    denials: str | None,
    at: str | None,
    limits: tuple[str, ...],
    registry: RegistryOptions,
    outputs: Outputs,
) -> int:
    """Find every tag and image without a valid record; one ends with exit code 51.

    Told are tags that were pushed around the gate, moved or copied since, images that were denied since,
    records that are no approval (not anchored, observed only, loosened), waivers that have ended, and what
    should have been a record. KIND is one of what the report names, docs/audit.md has them all.
    """
    if only and ignore:
        raise UsageError("--only and --ignore: each says what counts", "leave one of them out")
    bounds = read_limits(limits, LIMITS)
    allowance, now = Allowance(bounds), environment.parse_time(at)
    counting = {Gaps(name) for name in only} or set(Gaps) - {Gaps(name) for name in ignore}

    def denied(source: Source) -> Shelf | None:
        if denials is None:
            return None
        if not isinstance(source, RepositorySource):
            raise UsageError(
                f"--denials and {source.place.repository}: its images are not there to be compared with",
                "name the repository itself, not a copy of it",
            )
        return shelf_of_denials(denials, source.shelf, registry, bounds)

    opened = open_sources(sources, registry, bounds, trust)
    examined, unreadable = all_of(opened, lambda each: examine(each, now, allowance, denied(each)))
    report = Looked(at=now, examined=examined, unreadable=unreadable, counting=frozenset(counting))
    own = errors.EXIT_RECORD if report.is_failing else errors.EXIT_OK
    return outputs.write(gaps(report), max([own, *(failure.exit_code for failure in unreadable)]))
