"""``pushpolicy audit impact``: which published images have a flaw or a package."""

from __future__ import annotations

import click

from pushpolicy import errors
from pushpolicy.audit.allowance import LIMITS, Allowance
from pushpolicy.audit.impact import Asked, impact
from pushpolicy.audit.sources import Unreadable
from pushpolicy.cli import environment
from pushpolicy.cli import options as shared
from pushpolicy.cli.audit.options import at_option, trust_option
from pushpolicy.cli.formats import Kind
from pushpolicy.cli.options import RegistryOptions, read_limits
from pushpolicy.cli.render.audit.impact import report
from pushpolicy.cli.report import Outputs
from pushpolicy.cli.shelves import open_sources
from pushpolicy.errors import UsageError
from pushpolicy.model.text import printable


@click.command("impact", short_help="Find the published images that have a flaw or a package.")
@click.argument("arguments", metavar="[ID]... SOURCE...", nargs=-1, required=True)
@click.option(
    "--package",
    "packages",
    multiple=True,
    metavar="PURL",
    help="Find a package: a glob over package URLs, as pkg:npm/left-pad or 'pkg:maven/org.apache.*'; without "
    "@VERSION, all versions; repeatable.",
)
@click.option("--id", "ids", multiple=True, metavar="ID", help="An ID that has : or / in it; repeatable.")
@trust_option
@at_option
@shared.limits_option
@shared.registry_options
@shared.format_option(Kind.IMPACT)
def command(
    arguments: tuple[str, ...],
    packages: tuple[str, ...],
    ids: tuple[str, ...],
    trust: str | None,
    at: str | None,
    limits: tuple[str, ...],
    registry: RegistryOptions,
    outputs: Outputs,
) -> int:
    """Find every published image whose evidence has a flaw or a package, and what became of its tags.

    ID is CVE-2021-44228, GHSA-... or what else a scan called it, in any case; all its names count. What has
    neither : nor / in it, and does not begin with @, is an ID.

    Told is whether a tag names the image still, how it was let through, and since when it is known here. It
    is a question: what it finds is no failure.
    """
    named = tuple(each for each in arguments if not _is_source(each))
    sources = tuple(filter(_is_source, arguments))
    asked = Asked(ids=(*named, *ids), globs=packages)
    if not (asked.ids or asked.globs):
        raise UsageError("impact does not know what to look for", "name a CVE, or a package by --package")
    if not sources:
        raise UsageError(
            f"{printable(named[-1] if named else '')} is no SOURCE: it names no registry",
            "write REGISTRY/REPO, a glob as 'REGISTRY/team/**', oci:DIR, export:DIR or mirror:DIR",
        )
    for glob in packages:
        if not _may_fit(glob):
            raise UsageError(
                f"--package {printable(glob)}: a package URL begins with pkg:",
                f"write pkg:npm/NAME or the like, or 'pkg:**/{printable(glob)}' for every kind",
            )
    now, bounds = environment.parse_time(at), read_limits(limits, LIMITS)
    told = impact(open_sources(sources, registry, bounds, trust), asked, Allowance(bounds))
    codes = [each.exit_code if isinstance(each, Unreadable) else errors.EXIT_RECORD for each in told.ignored]
    return outputs.write(report(asked, told, now), max(codes, default=errors.EXIT_OK))


def _may_fit(glob: str) -> bool:
    """Whether any package URL fits: of a name alone, that no image has it would be no answer."""
    return glob.startswith(("pkg:", "*", "?", "["))


def _is_source(text: str) -> bool:
    return "/" in text or ":" in text or text.startswith("@")
