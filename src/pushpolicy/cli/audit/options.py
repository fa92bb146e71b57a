"""What the commands of ``pushpolicy audit`` have in common: options, and exit codes."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import click

from pushpolicy import errors
from pushpolicy.audit.standing import Standing
from pushpolicy.audit.walk import Problem, Unread
from pushpolicy.model.reference import Reference

trust_option = click.option(
    "--trust",
    metavar="FILE",
    help="Whose signatures count: a trust.yaml, or a public key in PEM. Nothing is parsed of a record that "
    "none of them vouches for.",
)

at_option = click.option("--at", metavar="TIME", help="As of this time instead of now.")

sources_argument = click.argument("sources", metavar="SOURCE...", nargs=-1, required=True)


def code_of(standings: Collection[Standing], ignored: Sequence[Problem | Unread], place: Reference) -> int:
    """What a record is about is said first; where that is not what was asked, it is none that counts.

    A record for another place is usual where images are promoted, unless an image or a tag has no other.
    """
    nowhere = bool(place.tag or place.digest) and all(how.elsewhere for how in standings)
    strange = any(how.unknown for how in standings)
    is_wrong = ignored or strange or (standings and nowhere)
    return errors.EXIT_RECORD if is_wrong else errors.EXIT_OK
