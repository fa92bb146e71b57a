"""Writes docs/ci-fields.md from the tables of the CI systems, so that it says what is read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pushpolicy.gather.ci import SYSTEMS
from pushpolicy.gather.ci.readings import plain
from pushpolicy.gather.ci.table import Source, System

DOCUMENT = Path("docs/ci-fields.md")
_INTRODUCTION = """\
# What is read of each CI system

Written by `make index` from `src/pushpolicy/gather/ci`; edit the tables there. [ci.md](ci.md) says how to
push from each, and what pushpolicy makes of it.

Everything is *asserted*: as the variables and the event file of the job say, unless the job's identity token
says the same ([identity.md](identity.md)). Where a field has several
sources, those that speak have to say the same; where two differ, the evidence `ci` has failed and names both.
The tables are made from the vendors' documentation; none was seen live yet.
"""


def markdown() -> str:
    """The whole document."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield _INTRODUCTION
    for system in SYSTEMS:
        yield f"## {system.title}\n"
        yield f"- provider: `{system.name}`; found by: {', '.join(map(str, system.marks))}"
        yield f"- source of the table: <{system.document}>"
        yield f"- what it takes: {system.advice}"
        yield f"- events: {_events(system)}"
        if system.untrusted:
            yield f"- never a push, since anybody can cause them: {_code(*sorted(system.untrusted))}"
        yield "\n| field | source | read as |"
        yield "| --- | --- | --- |"
        for field, sources in system.fields.items():
            for source in sources:
                yield f"| `{field}` | {_source(system, source)} | {_reading(source)} |"
        if system.run_url:
            yield f"| `run.url` | `{system.run_url}` | with the variables in braces |"
        yield ""


def _events(system: System) -> str:
    told = [f"`{raw}` is {event}" for raw, event in system.events.items()]
    if system.quiet != "other":
        told.append(f"where none is told, {system.quiet}")
    return ", ".join([*told, "every other one is other"] if system.events else told)


def _source(system: System, source: Source) -> str:
    where = f"{system.payload_name}: `{source.name}`" if source.in_payload else f"`{source.name}`"
    return where + (f", where {' and '.join(map(str, source.when))}" if source.when else "")


def _reading(source: Source) -> str:
    if source.reading is plain:
        return "As it is"
    said = (source.reading.__doc__ or "").strip().partition("\n")[0]
    return said.rstrip(".")


def _code(*names: str) -> str:
    return ", ".join(f"`{name}`" for name in names)


def write() -> None:
    """Write the document below the current folder, the checkout of pushpolicy."""
    DOCUMENT.write_text(markdown(), encoding="utf-8")


if __name__ == "__main__":
    write()
