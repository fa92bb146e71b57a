"""``pushpolicy audit``: what was decided, shown and decided again; one file for each command."""

from __future__ import annotations

import click

from pushpolicy.cli.groups import LazyGroup

_COMMANDS = {
    "list": "List every recorded decision.",
    "show": "Show one record.",
    "diff": "Say how two decisions differ.",
    "verify": "Verify a record: who signed it, for what, and the decision made again.",
    "replay": "Decide again from the record alone, or try a policy.",
    "export": "Write records into files, for SQL and for audit without a registry.",
    "fleet": "Say which policy each repository was decided by last, and who lags behind.",
    "gaps": "Find tags and images without a valid record.",
    "mirror": "Keep a copy of what registries have, which only grows.",
    "impact": "Find the published images that have a flaw or a package.",
    "statement": "Print a record as an in-toto statement.",
}


@click.group(
    "audit",
    cls=LazyGroup,
    package=__name__,
    lazy=_COMMANDS,
    short_help="List, show, verify and replay past decisions; try a policy on them.",
)
def command() -> None:
    """Look at past decisions. Nothing here writes to a repository; mirror writes a folder.

    REFERENCE is REGISTRY/REPO or oci:DIR, with :TAG or @DIGEST for one image or record. SOURCE is that, a
    glob over a registry ('REGISTRY/team/**'), export:DIR, mirror:DIR, or @FILE with one on each line.
    """
