"""``pushpolicy demo``: the whole way on a sample application."""

from __future__ import annotations

from pathlib import Path

import click

from pushpolicy.cli import environment
from pushpolicy.cli.report import show
from pushpolicy.demo import Kind, Passage, run
from pushpolicy.model.text import printable


@click.command("demo", short_help="Show the whole way on a sample application.")
@click.option("--keep", metavar="DIR", help="Keep the demo's project in this folder, new or empty.")
def command(keep: str | None) -> int:
    """Show the whole way: denied, fixed, allowed, recorded, replayed, and what a stricter policy would do."""
    run(keep=Path(keep) if keep else None, environ=environment.environment(), show=_show)
    return 0


def _show(passage: Passage) -> None:
    match passage.kind:
        case Kind.TITLE:
            show(click.style(f"\n== {passage.text} ==", bold=True))
        case Kind.COMMAND:
            show(click.style(f"$ {passage.text}", fg="cyan"))
        case Kind.OUTPUT:
            for line in passage.text.splitlines():
                show(f"  {printable(line, 1000)}")
        case Kind.TEXT:
            show(passage.text)
