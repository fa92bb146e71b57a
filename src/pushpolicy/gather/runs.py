"""Which run a capture or a part is of: a report of another run says nothing about this one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from pushpolicy.gather import ci
from pushpolicy.gather.checkout import head
from pushpolicy.model.evidence import CiEvidence
from pushpolicy.model.text import printable


class RunOf(msgspec.Struct, frozen=True, kw_only=True):
    """The commit, and the CI system's run and attempt; each None where nothing tells it."""

    commit: str | None = None
    run: str | None = None
    attempt: int | None = None

    def difference(self, other: RunOf) -> str | None:
        """In what another one is not the same, as a message says it; None where it is."""
        for name in self.__struct_fields__:
            here, there = getattr(self, name), getattr(other, name)
            if here != there:
                said = [printable(str(each)) if each is not None else f"no {name}" for each in (there, here)]
                return f"it is of {name} {said[0]}, and this is {said[1]}".replace(
                    f"{name} no {name}", f"no {name}"
                )
        return None


def run_of(commit: str | None, context: CiEvidence) -> RunOf:
    """This run: the commit that is checked out, else the CI system's."""
    run = context.run
    return RunOf(
        commit=commit or context.commit, run=run.id if run else None, attempt=run.attempt if run else None
    )


def run_here(workspace: Path, environ: Mapping[str, str], program: Path | None = None) -> RunOf:
    """This run, of a command that judges no checkout."""
    return run_of(head(workspace, environ, program), ci.evidence(environ))
