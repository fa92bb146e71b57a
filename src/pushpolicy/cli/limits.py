"""``--limit NAME=VALUE``: the bounds on what is read."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

import click
from msgspec.structs import replace

from pushpolicy.errors import UsageError

if TYPE_CHECKING:
    from pushpolicy.reports.limits import Limits  # a command's help needs no struct

_UNITS = {"": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}
_VALUE = re.compile(r"([1-9][0-9]{0,14})(KiB|MiB|GiB|)", re.ASCII)

limits_option = click.option(
    "--limit",
    "limits",
    multiple=True,
    metavar="NAME=VALUE",
    help="A bound on what is read; repeatable. Of one report: max-report-size, max-unpacked-ratio, "
    "max-seconds, max-findings, max-cases, max-depth, max-text, max-token; of the run: max-files, "
    "max-extra-size, max-searched, max-run-seconds, max-memory, max-image-size. Sizes are bytes, also "
    "as 64MiB; docs/formats.md explains each.",
)


def read_limits(options: Iterable[str]) -> Limits:
    """The limits, with those replaced that the options name.

    Raises:
        UsageError: when an option names no limit, or no positive number.
    """
    from pushpolicy.reports.limits import Limits

    known = Limits.__struct_fields__
    given: dict[str, int] = {}
    for text in options:
        name, _, value = text.partition("=")
        key, match = name.replace("-", "_"), _VALUE.fullmatch(value)
        if key not in known:
            names = ", ".join(each.replace("_", "-") for each in known)
            raise UsageError(f"--limit {text!r} names no limit", f"the limits are {names}")
        if match is None:
            raise UsageError(
                f"--limit {text!r}: the value is no positive number", "as in max-report-size=64MiB"
            )
        given[key] = int(match[1]) * _UNITS[match[2]]
    return replace(Limits(), **given)
