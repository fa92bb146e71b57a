"""What a configuration may name: files of its own checkout.

What is read is stored with the record, and the configuration is part of the checkout that is judged: it
must not pick the files of whoever runs the push.
"""

from __future__ import annotations

from pathlib import Path

from pushpolicy.errors import UsageError
from pushpolicy.gather.find import matches
from pushpolicy.gather.request import NamedEvidence


def refuse_outside(named: NamedEvidence, workspace: Path) -> None:
    """Check what a configuration names; an option may name any file.

    Raises:
        UsageError: when a file lies outside of the workspace, also by a link.
    """
    if named.configuration is None:
        return
    path = Path(named.path)
    # Looked at first: a pattern over the whole file system is not even followed.
    leads_out = path.is_absolute() or ".." in path.parts
    if leads_out or not all(_lies_in(workspace, found) for found in matches(workspace, named.path)):
        raise UsageError(
            f"{named.shown} lies outside of the checkout",
            "a configuration names files of its checkout; --evidence names others",
        )


def _lies_in(workspace: Path, path: Path) -> bool:
    return path.resolve().is_relative_to(workspace.resolve())
