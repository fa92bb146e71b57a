"""``pushpolicy gather``: the evidence document, without a decision; or a part of it, for another job."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from pushpolicy.cli import options
from pushpolicy.cli.gathering import show_seen
from pushpolicy.cli.part import write
from pushpolicy.cli.policies import read_judge
from pushpolicy.cli.report import NOTHING_LOST, write_stdout
from pushpolicy.cli.request import push_request
from pushpolicy.errors import InputError, UsageError
from pushpolicy.pipeline import collect


@click.command("gather", short_help="Print the evidence document.")
@click.argument("image", required=False)
@click.argument("target", required=False)
@options.gather_options
@options.registry_options
@options.source_options
@click.option(
    "--part",
    "part",
    metavar="NAME",
    help="Write the reports of this job to -o FILE, for the job that pushes. Needs no TARGET, and an IMAGE "
    "only where there is no commit.",
)
@click.option("-o", "--output", metavar="FILE", help="Write the document, or the part, to this file.")
@options.quiet_option
def command(
    image: str | None, target: str | None, part: str | None, output: str | None, quiet: bool, **given: Any
) -> int:
    """Print what is known about IMAGE before a push to TARGET, as one canonical JSON document.

    What every file was taken for is told on standard error.
    """
    if part is not None:
        seen = write(part, output, image=image, target=target, **given)
    elif image is None or target is None:
        raise UsageError("IMAGE and TARGET are missing", "or --part NAME -o FILE, for the reports of one job")
    else:
        judge = read_judge(given.pop("config"))
        gathered = collect(push_request(judge, image, target=target, **given))
        seen = gathered.seen
        _write(output, gathered.evidence.document().content.decode() + "\n")
    if not quiet:
        show_seen(seen)
    return 0


def _write(output: str | None, content: str) -> None:
    if output is None:
        write_stdout(content)
        return
    try:
        Path(output).write_text(content, encoding="utf-8")
    except OSError as error:
        raise InputError(f"{output}: cannot be written: {error.strerror}", NOTHING_LOST) from error
