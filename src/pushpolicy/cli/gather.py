"""``pushpolicy gather``: the evidence document, without a decision; or a part of it, for another job."""

from __future__ import annotations

from pathlib import Path

import click

from pushpolicy.cli import options as shared
from pushpolicy.cli.formats import FORMATS, Kind, Report
from pushpolicy.cli.gathering import seen_lines
from pushpolicy.cli.options import GatherOptions, PolicyOptions, PushOptions, RegistryOptions, SourceOptions
from pushpolicy.cli.part import write
from pushpolicy.cli.policies import read_policy
from pushpolicy.cli.report import Output, Outputs, say
from pushpolicy.cli.request import push_requests
from pushpolicy.errors import UsageError
from pushpolicy.pipeline import collect


@click.command("gather", short_help="Print the evidence document.")
@click.argument("image", required=False)
@click.argument("target", required=False)
@shared.gather_options
@shared.registry_options
@shared.source_options
@click.option(
    "--part",
    "part",
    metavar="NAME",
    help="Write the reports of this job to -o FILE, for the job that pushes. Needs no TARGET, and an IMAGE "
    "only where there is no commit.",
)
@click.option(
    "--identity",
    "is_signed",
    is_flag=True,
    help="With --part: let the CI system say whose it is, by an identity token of this job for this part "
    "alone (GitHub). It lies in the file until it ends, in minutes or hours.",
)
@shared.trust_option
@click.option("-o", "--output", metavar="FILE", help="Write the document, or the part, to this file.")
@shared.format_option(Kind.GATHERED, default=None, envvar=None)
@shared.quiet_option
def command(
    image: str | None,
    target: str | None,
    gathering: GatherOptions,
    registry: RegistryOptions,
    source: SourceOptions,
    part: str | None,
    is_signed: bool,
    trust: str | None,
    output: str | None,
    outputs: Outputs,
    quiet: bool,
) -> int:
    """Print what is known about IMAGE before a push to TARGET, as one canonical JSON document.

    What every file was taken for is told on standard error; --format text prints only that.
    """
    policy = PolicyOptions(trust=trust)
    options = PushOptions(gathering=gathering, policy=policy, registry=registry, source=source)
    if is_signed and part is None:
        raise UsageError("--identity is of a part", "write --part NAME -o FILE beside it, or leave it out")
    if part is not None and outputs.asked:
        raise UsageError("--part writes a part, which has no --format", "leave --format out")
    if part is not None:
        seen = write(part, output, image, target, options, is_signed=is_signed)
    elif image is None or target is None:
        raise UsageError("IMAGE and TARGET are missing", "or --part NAME -o FILE, for the reports of one job")
    else:
        deciding = read_policy(gathering.config, policy)
        (request,) = push_requests(deciding, image, target, options)
        gathered = collect(request)
        seen = gathered.seen
        if output is not None or not outputs.asked:
            outputs.ask([Output(FORMATS["json"], Path(output) if output else None)])
        outputs.write(Report(Kind.GATHERED, lambda: seen_lines(seen), gathered.evidence.document))
    if not quiet:
        for line in seen_lines(seen):
            say(line)
    return 0
