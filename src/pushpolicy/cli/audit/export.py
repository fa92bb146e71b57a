"""``pushpolicy audit export``: records as files."""

from __future__ import annotations

from pathlib import Path

import click

from pushpolicy import errors
from pushpolicy.audit.allowance import LIMITS, Allowance
from pushpolicy.audit.export.format import Part
from pushpolicy.audit.export.write import writing
from pushpolicy.cli import options as shared
from pushpolicy.cli.audit.options import sources_argument, trust_option
from pushpolicy.cli.formats import Kind
from pushpolicy.cli.options import RegistryOptions, read_limits
from pushpolicy.cli.render.audit.export import exported
from pushpolicy.cli.report import Outputs
from pushpolicy.cli.shelves import open_sources
from pushpolicy.errors import InputError, RecordError


@click.command("export", short_help="Write records into files, for SQL and for audit without a registry.")
@sources_argument
@click.option("-o", "--output", metavar="DIR", required=True, help="The folder that is written.")
@click.option("--append", is_flag=True, help="Go on with the export that is in DIR: add what is new.")
@click.option("--raw", is_flag=True, help="With the raw reports that records keep.")
@trust_option
@shared.limits_option
@shared.registry_options
@shared.format_option(Kind.EXPORT)
def command(
    sources: tuple[str, ...],
    output: str,
    append: bool,
    raw: bool,
    trust: str | None,
    limits: tuple[str, ...],
    registry: RegistryOptions,
    outputs: Outputs,
) -> int:
    """Write the records of each SOURCE into DIR, where `export:DIR` is a SOURCE itself.

    Each record is read and checked before it is written; what is not valid is told, and the exit code is 51.
    """
    bounds = read_limits(limits, LIMITS)
    allowance, written = Allowance(bounds), list[Part]()
    found = open_sources(sources, registry, bounds, trust)
    failed = list[InputError | RecordError]()
    with writing(Path(output), append=append, raw=raw, verified=trust is not None) as writer:
        for source in found:
            try:
                written.append(writer.add(source, allowance))
            except (RecordError, InputError) as error:
                writer.fail(source, error.message)
                failed.append(error)
        if failed and not written and len(sources) == 1:
            raise failed[0]
        header = writer.end()
    code = max([errors.EXIT_OK, *(error.exit_code for error in failed)])
    if any(part.problems or part.unread for part in written):
        code = errors.EXIT_RECORD
    return outputs.write(exported(output, header, written), code)
