"""``pushpolicy schema``: the JSON Schemas, for editors and for whoever reads the documents."""

from __future__ import annotations

from pathlib import Path

import click

from pushpolicy.cli.report import say, show, write_stdout
from pushpolicy.errors import UsageError
from pushpolicy.evaluate.sources import policies
from pushpolicy.model.text import printable

EXAMPLE = "example"
NAMES = ("evidence", "decision", "config", "settings", "waivers", "enforcement", "trust", "examples")


def read_schema(name: str) -> str:
    """The text of a schema, version 1, or of the example.

    Raises:
        PolicyError: when the installation is not complete.
    """
    file = "evidence.v1.example.json" if name == EXAMPLE else f"{name}.v1.json"
    return (policies() / "schema" / file).read_text("utf-8")


@click.command("schema", short_help="Print the JSON Schema of a document.")
@click.argument("name", metavar="[NAME]", type=click.Choice([*NAMES, EXAMPLE]), required=False)
@click.option("--write", "folder", metavar="DIR", help="Write all that an editor needs into a folder.")
def command(name: str | None, folder: str | None) -> int:
    """Print the JSON Schema of the evidence, the decision, pushpolicy.yaml (config), or a file of a policy.

    `example` is no schema but an evidence document in which every kind is collected, to try rules on:
    pushpolicy schema example > evidence.json. `examples` is the schema of the examples.yaml of rules.

    NAME is evidence (without one), decision, config, settings, waivers, enforcement, trust, examples or
    example.

    With --write, DIR gets all of them, and the Rego that rules can import: for YAML language servers, and for
    opa check --schema. docs/editors.md says how.
    """
    if folder is None:
        write_stdout(read_schema(name or "evidence"))
        return 0
    if name is not None:
        raise UsageError("--write writes all schemas", f"leave {name} out")
    from pushpolicy.evaluate.authoring.editors import write_all

    for file in write_all(Path(folder)):
        show(printable(str(file)))
    say("docs/editors.md says what an editor makes of them")
    return 0
