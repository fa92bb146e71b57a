"""``pushpolicy run``: a test or scan command, captured."""

from __future__ import annotations

import click

from pushpolicy.cli import environment, options
from pushpolicy.cli.limits import limits_option, read_limits
from pushpolicy.cli.report import say
from pushpolicy.model.text import printable


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
@limits_option
@options.quiet_option
def command(
    kind: str,
    argv: tuple[str, ...],
    name: str | None,
    reports: tuple[str, ...],
    scanned: str | None,
    limits: tuple[str, ...],
    quiet: bool,
) -> int:
    """Run CMD in the foreground and write what it did to reports/NAME.capture.json.

    Its output, its signals and its exit code are its own (128+N when signal N ended it). Where it writes no
    report, its exit code is the evidence: one test, or one scan.
    """
    # Imported here: the help of a command needs none of it.
    from pushpolicy.errors import UsageError
    from pushpolicy.gather.capture.record import RunRequest, run

    if scanned and kind != "scans":
        raise UsageError("--scanned says what a scan looked into; this is no scan")
    done = run(
        RunRequest(
            kind=kind,
            argv=argv,
            workspace=environment.workspace(),
            environ=environment.environment(),
            name=name,
            scanned=scanned,
            patterns=reports,
            limits=read_limits(limits),
        )
    )
    if done.ended.problem:
        say(f"pushpolicy: {printable(argv[0])}: {printable(done.ended.problem)}")
    if not quiet:
        wrote = ", ".join(printable(report.path) for report in done.capture.reports) or "no report"
        say(f"captured {printable(done.capture.name)}: {done.capture.outcome}; it wrote {wrote}")
    return done.ended.status
