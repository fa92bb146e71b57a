"""The checkout that is judged, as far as policies and keys depend on it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pushpolicy.cli import environment
from pushpolicy.files import real, work_trees_around


class Checkout:
    """The checkout that is judged, asked only where a policy or a wish of the configuration depends on it."""

    @property
    def roots(self) -> Sequence[Path]:
        """The tops of all work trees that the workspace lies in; without one, the workspace."""
        workspace = real(environment.workspace())
        return work_trees_around(workspace) or [workspace]

    def may_track(self, path: Path) -> bool:
        """Whether the commit of one of them has something at this path, or that cannot be found out."""
        from pushpolicy.gather.checkout import may_be_in_head

        return any(may_be_in_head(root, path, environment.environment()) for root in self.roots)

    def unproven(self, path: Path, content: bytes) -> str | None:
        """Why these bytes of a file are not those of the judged commit; None where they are."""
        from pushpolicy.gather.checkout import FileState, state_in_head

        return {
            FileState.TRACKED: None,
            FileState.DIFFERS: f"{path} is not as HEAD has it",
            FileState.UNTRACKED: f"git does not track {path}",
        }[state_in_head(environment.workspace(), path, content, environment.environment())]
