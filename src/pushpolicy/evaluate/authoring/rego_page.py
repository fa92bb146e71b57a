"""What rules can call, as a page for people: docs/rego.md, from lib and the builtins that are removed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

from pushpolicy.evaluate.authoring.markdown import row
from pushpolicy.evaluate.bundle import REMOVED
from pushpolicy.evaluate.removed import instead
from pushpolicy.evaluate.sources import policies
from pushpolicy.model import strict_yaml

DOCUMENT = Path("docs/rego.md")
_INTRODUCTION = """\
# What rules can call

Written by `make index` from `policies/system/lib` and the table of removed builtins.

Rules are Rego of OPA 1.22 with `import rego.v2`. There `not` also holds where what it asks about is
absent, and `$"{a} of {b}"` is a text with values in it. All of
[OPA's builtins](https://www.openpolicyagent.org/docs/policy-reference/builtins) are there but those below;
[rules.md](rules.md#what-does-not-load) says which uses of them do not load.

A builtin that cannot take what it is given, such as `to_number` a user that is called app, ends the whole
decision with 30. Let the rule ask first: ``regex.match(`^[0-9]+$`, uid)``.

A rule cannot import another one. What several share is copied, or a setting of each.
"""
_WHY = """\
## Builtins that are removed

A decision rests on the evidence alone, so that it is the same on every machine and years later. Nothing is
there that reads a clock, a time zone, chance, the environment or the network. `pushpolicy policy check` says
the same where a rule calls one.
"""
_BLOCK = re.compile(
    r"^# METADATA\n((?:#.*\n)+)(?:package (?P<package>\S+)|(?P<call>\w+\([^)]*\)))", re.MULTILINE
)


def rego_page() -> str:
    """The whole page."""
    return "\n".join(_lines()) + "\n"


def helpers() -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Each function of lib: its package, how it is called, and its METADATA with an example that is true."""
    for file in sorted((policies() / "system" / "lib").rglob("*.rego")):
        package = ""
        for found in _BLOCK.finditer(file.read_text("utf-8")):
            package = found["package"] or package
            if found["call"]:
                yield package, found["call"], _metadata(found[1])


def _metadata(block: str) -> Mapping[str, Any]:
    lines = (line.removeprefix("#").removeprefix(" ") for line in block.splitlines())
    value: dict[str, Any] = strict_yaml.read("\n".join(lines).encode())
    return value


def _lines() -> Iterator[str]:
    yield _INTRODUCTION
    for package, calls in groupby(helpers(), key=lambda each: each[0]):
        name = package.rpartition(".")[2]
        yield f"## lib: {name}\n"
        yield f"`import data.{package}`, then:\n"
        yield row("call", "", "example, true of `pushpolicy schema example`")
        yield row(*["---"] * 3)
        for _, call, metadata in calls:
            yield row(f"`{name}.{call}`", metadata["title"], f"`{metadata['custom']['example']}`")
        yield ""
    yield _WHY
    yield row("removed", "instead")
    yield row("---", "---")
    for text, builtins in groupby(sorted(REMOVED, key=lambda each: (instead(each), each)), key=instead):
        yield row(", ".join(f"`{each}`" for each in builtins), text)
