"""``pushpolicy schema``: the JSON Schemas, for editors and for whoever reads the documents."""

from __future__ import annotations

import click

from pushpolicy.cli.report import write_stdout
from pushpolicy.evaluate.sources import policies

NAMES = ("evidence", "decision", "config", "settings", "waivers", "enforcement", "trust")


def read_schema(name: str) -> str:
    """The text of a schema, version 1.

    Raises:
        PolicyError: when the installation is not complete.
    """
    return (policies() / "schema" / f"{name}.v1.json").read_text("utf-8")


@click.command("schema", short_help="Print the JSON Schema of a document.")
@click.argument("name", type=click.Choice(NAMES), default="evidence")
def command(name: str) -> int:
    """Print the JSON Schema of the evidence, the decision, pushpolicy.yaml, or a data file of a policy."""
    write_stdout(read_schema(name))
    return 0
