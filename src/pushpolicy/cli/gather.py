"""``pushpolicy gather``: the evidence document, without a decision."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from pushpolicy.cli import options
from pushpolicy.cli.gathering import note_seen
from pushpolicy.cli.report import NOTHING_LOST, write_stdout
from pushpolicy.cli.request import push_request
from pushpolicy.errors import InputError
from pushpolicy.pipeline import collect


@click.command("gather", short_help="Print the evidence document.")
@click.argument("image")
@click.argument("target")
@options.gather_options
@options.registry_options
@click.option("-o", "--output", metavar="FILE", help="Write the document to this file.")
@options.quiet_option
def command(image: str, output: str | None, quiet: bool, **given: Any) -> int:
    """Print what is known about IMAGE before a push to TARGET, as one canonical JSON document."""
    gathered = collect(push_request(image, policies=(), engine=None, **given))
    if not quiet:
        note_seen(gathered.seen)
    content = gathered.evidence.document().content.decode() + "\n"
    if output is None:
        write_stdout(content)
        return 0
    try:
        Path(output).write_text(content, encoding="utf-8")
    except OSError as error:
        raise InputError(f"{output}: cannot be written: {error.strerror}", NOTHING_LOST) from error
    return 0
