"""``pushpolicy audit export``: records as files."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import click

from pushpolicy import errors
from pushpolicy.audit.allowance import LIMITS, Allowance
from pushpolicy.audit.export.folders import beside, writing
from pushpolicy.audit.export.format import Part
from pushpolicy.audit.export.layouts import write_layouts
from pushpolicy.audit.export.parquet import check_duckdb, write_tables
from pushpolicy.audit.export.write import Writer
from pushpolicy.audit.sources import Source, Unreadable, of_each
from pushpolicy.cli import options as shared
from pushpolicy.cli.audit.options import sources_argument, trust_option
from pushpolicy.cli.formats import Kind
from pushpolicy.cli.options import RegistryOptions, read_limits
from pushpolicy.cli.render.audit.export import exported
from pushpolicy.cli.report import Outputs
from pushpolicy.cli.shelves import open_sources
from pushpolicy.errors import UsageError


@click.command("export", short_help="Write records into files, for SQL and for audit without a registry.")
@sources_argument
@click.option("-o", "--output", metavar="DIR", required=True, help="The folder that is written.")
@click.option(
    "--as",
    "form",
    type=click.Choice(["jsonl", "parquet", "oci"]),
    default="jsonl",
    show_default=True,
    help="jsonl: whole records, which `export:DIR` reads; parquet: tables, for SQL alone; oci: image "
    "layouts, which `mirror:DIR` and other programs read.",
)
@click.option("--append", is_flag=True, help="Go on with the export that is in DIR: add what is new.")
@click.option("--raw", is_flag=True, help="With the raw reports that records keep.")
@trust_option
@shared.limits_option
@shared.registry_options
@shared.format_option(Kind.EXPORT)
def command(
    sources: tuple[str, ...],
    output: str,
    form: str,
    append: bool,
    raw: bool,
    trust: str | None,
    limits: tuple[str, ...],
    registry: RegistryOptions,
    outputs: Outputs,
) -> int:
    """Write the records of each SOURCE into DIR, for SQL, and as a SOURCE itself: `export:DIR`.

    Each record is read and checked before it is written; what is not valid is told, and the exit code is 51.
    """
    if (append and form != "jsonl") or (raw and form == "parquet"):
        hint = (
            f"keep an export as jsonl, and make the other of it: `audit export export:DIR -o NEW --as {form}`"
        )
        raise UsageError(f"--as {form} does not go with {'--append' if append else '--raw'}", hint)
    bounds, folder = read_limits(limits, LIMITS), Path(output)
    run = _Run(open_sources(sources, registry, bounds, trust), Allowance(bounds))
    if form == "jsonl":
        with writing(folder, append=append, raw=raw, verified=trust is not None) as writer:
            run.fill(writer)
    else:
        if form == "parquet":
            check_duckdb(folder)
        with beside(folder) as made:
            with writing(made, raw=raw, verified=trust is not None) as writer:
                run.fill(writer)
            if form == "parquet":
                write_tables(made, writer.sizes, folder)
            else:
                write_layouts(made, folder)
    return outputs.write(exported(output, writer.header, run.parts), run.code)


class _Run:
    """Reads sources into an export.

    Attributes:
        parts: what was written.
        code: the exit code.
    """

    def __init__(self, sources: Iterable[Source], allowance: Allowance) -> None:
        self._sources, self._allowance = sources, allowance
        self.parts, self.code = list[Part](), errors.EXIT_OK

    def fill(self, writer: Writer) -> None:
        """Write all of them; one that cannot be read ends no other.

        Raises:
            RecordError, InputError: when there is but one, and it cannot be read.
        """
        for source, part in of_each(self._sources, lambda each: (writer.add(each, self._allowance),)):
            if isinstance(part, Unreadable):
                writer.fail(source, part.reason)
                self.code = max(self.code, part.exit_code)
            else:
                self.parts.append(part)
                if part.problems or part.unread:
                    self.code = errors.EXIT_RECORD
        writer.end()
