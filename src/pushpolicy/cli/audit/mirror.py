"""``pushpolicy audit mirror``: a copy of what registries know of decisions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

from pushpolicy import errors
from pushpolicy.audit.allowance import LIMITS, Allowance
from pushpolicy.audit.mirror.refresh import Refreshed, refresh
from pushpolicy.audit.mirror.store import Store
from pushpolicy.audit.sources import AbsentSource, RepositorySource, Source, Unreadable
from pushpolicy.cli import options as shared
from pushpolicy.cli.audit.options import sources_argument
from pushpolicy.cli.formats import Kind
from pushpolicy.cli.options import RegistryOptions, read_limits
from pushpolicy.cli.progress import telling
from pushpolicy.cli.render.audit.mirrored import Mirrored, mirrored
from pushpolicy.cli.report import Outputs
from pushpolicy.cli.shelves import open_sources
from pushpolicy.errors import InputError, RecordError, UsageError
from pushpolicy.reports.limits import Limits


@click.command("mirror", short_help="Keep a copy of what registries have, which only grows.")
@sources_argument
@click.option(
    "-o",
    "--to",
    "to",
    metavar="DIR",
    required=True,
    help="The folder of the mirror; made where it is absent. `mirror:DIR` is then a SOURCE elsewhere.",
)
@click.option(
    "--no-raw",
    is_flag=True,
    help="Leave out the raw reports that records keep: the larger part, read by verify, show --raw and "
    "replay --from raw.",
)
@shared.limits_option
@shared.registry_options
@shared.format_option(Kind.MIRRORED)
def command(
    sources: tuple[str, ...],
    to: str,
    no_raw: bool,
    limits: tuple[str, ...],
    registry: RegistryOptions,
    outputs: Outputs,
) -> int:
    """Fetch what repositories have of decisions and DIR has not: image manifests, records, what is signed.

    SOURCE is REGISTRY/REPO[:TAG|@DIGEST], REGISTRY/team/* or REGISTRY/**, oci:DIR, or @FILE with one on each
    line. Nothing is ever removed from DIR; what a registry has no more is told. What is fetched is trusted no
    more than in the registry: commands that read it check it.
    """
    bounds, store = read_limits(limits, LIMITS), Store(Path(to))
    allowance = Allowance(bounds)
    with telling(quiet=False) as tell:
        found = [
            Mirrored(source.place, _refreshed(source, store, allowance, bounds, raw=not no_raw, tell=tell))
            for source in open_sources(sources, registry, bounds)
        ]
    return outputs.write(mirrored(to, found), max(map(_code, found), default=errors.EXIT_OK))


def _refreshed(
    source: Source,
    store: Store,
    allowance: Allowance,
    limits: Limits,
    *,
    raw: bool,
    tell: Callable[[str], None],
) -> Refreshed | Unreadable:
    """What became of one source: one that cannot be read ends no other."""
    try:
        if isinstance(source, AbsentSource):
            raise source.error
        if not isinstance(source, RepositorySource):
            raise UsageError("a mirror is made of repositories", "name them as REGISTRY/REPO")
        return refresh(source.shelf, source.place, store, allowance, limits, raw=raw, tell=tell)
    except (RecordError, InputError) as error:
        return Unreadable(error.message, error.hint, error.exit_code)


def _code(found: Mirrored) -> int:
    if isinstance(found.outcome, Unreadable):
        return found.outcome.exit_code
    return errors.EXIT_RECORD if found.outcome.ignored else errors.EXIT_OK
