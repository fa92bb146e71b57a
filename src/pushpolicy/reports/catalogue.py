"""Writes docs/formats.md and declared.json from the one table of formats, so that they say what it does."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from importlib import reload
from inspect import cleandoc
from pathlib import Path

import msgspec

from pushpolicy.model.evidence import NEVER_STORED
from pushpolicy.reports import declared
from pushpolicy.reports.file import COMPRESSED_SUFFIXES
from pushpolicy.reports.format import KINDS, Format
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.recognise import FORMATS

DOCUMENT = Path("docs/formats.md")
_INTRODUCTION = """\
# Report formats

Written by `make index` from `src/pushpolicy/reports`; edit the formats there.

A file is recognised by its content, whatever its name is. Its name matters where that fails: a file whose
name promises a format, and that is malformed, empty, a symbolic link or pipe, or no text of its format's
family (a message, a table or a web page where JSON or XML belongs), is a failed report, and its kind of
evidence has failed. So is one that holds what betrays the format of its name, and not where it belongs, as a
report within a list. Well-formed text that says something else is told in `unread[]`, as is every other file
that was looked at and is no evidence.

A file of the commit is no result of this run: what git tracks is read where it is named (and denied by the
rule reports_of_this_run), and never found, VEX documents and baselines of detect-secrets excepted.

Files are looked for in these folders of the checkout, with all that is in them: {places}.
In every module, up to five folders deep: {modules}.
In the checkout itself: files whose name promises a format.
A folder that tools fill (`.git`, `node_modules`, `vendor`, `.venv` ...) is not entered. What may hold
any report and cannot be looked into fails every kind: a link in place of a usual folder, unless it leads
to one of these, and a folder or file that this user may not read. A link to a report that is not found
itself fails the kind of that.

There the ends that are looked at are {suffixes}, also compressed ({compressed}: gzip, or a zip archive
of exactly one file). `--evidence` names any other file.
UTF-8 with or without a byte order mark and UTF-16 with one are read.
"""


def by_kind() -> dict[str, list[Format]]:
    """The formats of each kind that a file may be of, in the order of the table."""
    return {kind: [item for item in FORMATS if item.kind == kind] for kind in KINDS}


def told(item: Format) -> str:
    """The format's documentation, as one paragraph of Markdown.

    It is the docstring of its `read`, or the module's where that has none: a module of several formats is
    about the first.
    """
    document = item.read.__doc__ or sys.modules[item.read.__module__].__doc__ or ""
    return " ".join(document.replace("``", "`").split())


def markdown() -> str:
    """The whole document."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield _INTRODUCTION.format(
        places=_code(*sorted(declared.PLACES)),
        modules=_code(*declared.MODULE_PLACES),
        suffixes=_code(*_shortest(declared.SUFFIXES)),
        compressed=_code(*COMPRESSED_SUFFIXES),
    )
    for kind, items in by_kind().items():
        yield f"## {kind}\n"
        for item in items:
            yield f"### {item.name}\n"
            yield f"{told(item)}\n"
            yield f"- names that promise it: {_code(*item.file_names)}"
            yield f"- told in a broken file by: {_code(*(mark.decode() for mark in item.marks))}"
            if item.also:
                yield f"- may also be evidence of: {', '.join(item.also)}"
            stored = f"stored as: {_code(item.media_type)}"
            yield f"- {'never stored' if item.kind == NEVER_STORED else stored}\n"
    yield from _limits()


def _limits() -> Iterator[str]:
    yield "## Limits\n"
    yield "`--limit NAME=VALUE` replaces one. What is over a limit fails its kind of evidence."
    yield "It is never cut short.\n"
    yield "| name | default | bounds |"
    yield "| --- | --- | --- |"
    bounds = _attributes(Limits.__doc__ or "")
    for item in msgspec.structs.fields(Limits):
        yield f"| `{item.name.replace('_', '-')}` | {item.default} | {bounds[item.name]} |"


def _shortest(suffixes: Iterable[str]) -> list[str]:
    """Those that do not end with another: of `.sarif.json` and `.json` the second says it all."""
    known = set(suffixes)
    return sorted(
        each for each in known if not any(each != other and each.endswith(other) for other in known)
    )


def _attributes(document: str) -> dict[str, str]:
    """What stands as ``name: text`` under a docstring's attributes."""
    lines = cleandoc(document).partition("Attributes:")[2]
    found = (entry.partition(": ") for entry in re.split(r"\n {4}(?! )", lines)[1:])
    return {name: " ".join(text.split()).rstrip(".") for name, _, text in found}


def _code(*names: str) -> str:
    return ", ".join(f"`{name}`" for name in names)


def write() -> None:
    """Write declared.json, and from it the document below the current folder, the checkout of pushpolicy."""
    declared.write(FORMATS)
    reload(declared)
    DOCUMENT.parent.mkdir(exist_ok=True)
    DOCUMENT.write_text(markdown(), encoding="utf-8")


if __name__ == "__main__":
    write()
