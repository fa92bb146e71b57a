"""``pushpolicy run``: a test or scan command, captured."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pushpolicy.cli import environment, options
from pushpolicy.cli.options import limits_option, read_limits
from pushpolicy.cli.report import say
from pushpolicy.model.text import printable

if TYPE_CHECKING:
    from pushpolicy.registry import RepositoryClient
    from pushpolicy.reports.limits import Limits


@click.command("run", short_help="Run a test or scan command and capture what it did.")
@click.argument("kind", type=click.Choice(["tests", "scans"]))
@click.argument("argv", metavar="-- CMD...", nargs=-1, required=True, type=click.UNPROCESSED)
@click.option("--name", metavar="NAME", help="Name of the capture.  [default: the program's name]")
@click.option(
    "--report",
    "reports",
    multiple=True,
    metavar="GLOB",
    help="Where the command writes reports, beside the usual places; repeatable.",
)
@click.option(
    "--scanned",
    type=click.Choice(["image", "code", "config", "secret"]),
    help="What a scan looks into.  [default: image]",
)
@click.option(
    "--image",
    metavar="IMAGE",
    help="The image that a scan is given, as of `push`; {image} in CMD stands for it.",
)
@limits_option
@options.quiet_option
def command(
    kind: str,
    argv: tuple[str, ...],
    name: str | None,
    reports: tuple[str, ...],
    scanned: str | None,
    image: str | None,
    limits: tuple[str, ...],
    quiet: bool,
) -> int:
    """Run CMD in the foreground and write what it did to reports/NAME.capture.json.

    Its output, its signals and its exit code are its own (128+N when signal N ended it). Where it writes no
    report, its exit code is the evidence: one test, or one scan. A scan is about an image where --image gives
    it one, and the scanner is known.
    """
    # Imported here: the help of a command needs none of it.
    from pushpolicy.errors import UsageError
    from pushpolicy.gather.capture.record import RunRequest, run

    if scanned and kind != "scans":
        raise UsageError("--scanned says what a scan looked into; this is no scan")
    if image and (kind != "scans" or scanned not in (None, "image")):
        raise UsageError("--image is what a scan of an image is given; this is none")
    bounds = read_limits(limits)
    done = run(
        RunRequest(
            kind=kind,
            argv=argv,
            workspace=environment.workspace(),
            environ=environment.environment(),
            name=name,
            scanned=scanned,
            patterns=reports,
            limits=bounds,
            image=image,
            client=_client(image, bounds) if image else None,
        )
    )
    if done.ended.problem:
        say(f"pushpolicy: {printable(argv[0])}: {printable(done.ended.problem)}")
    if done.image_changed:
        say("warning: --image names another image now, or none; the scan counts for neither")
    if not quiet:
        wrote = ", ".join(printable(report.path) for report in done.capture.reports) or "no report"
        say(f"captured {printable(done.capture.name)}: {done.capture.outcome}; it wrote {wrote}")
    return done.ended.status


def _client(image: str, limits: Limits) -> RepositoryClient | None:
    """The repository of a docker:// IMAGE."""
    from pushpolicy.cli.registries import Registries
    from pushpolicy.cli.request import parse_source

    source = parse_source(image)
    return Registries(options.RegistryOptions(), limits).source(source.repository)[0] if source else None
