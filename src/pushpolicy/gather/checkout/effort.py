"""What comparing a checkout with its commit may take; one account for all threads and submodules."""

from __future__ import annotations

import time

from pushpolicy.gather.checkout.program import GitError

# A million files, each held against ten patterns that it may match: some seconds.
MAX_TRIES = 10_000_000


class Effort:
    """Seconds, and patterns that are held against paths.

    Args:
        seconds: from now on.
    """

    def __init__(self, seconds: float) -> None:
        self._deadline = time.monotonic() + seconds
        self._left = MAX_TRIES

    def check(self) -> None:
        """See that there is time left.

        Raises:
            GitError: when there is none.
        """
        if time.monotonic() > self._deadline:
            raise GitError("to compare the files of the checkout took too long")

    def spend(self, tries: int) -> None:
        """Count patterns that are held against a path.

        Raises:
            GitError: when they are too many, or there is no time left.
        """
        self._left -= tries
        if self._left < 0:
            raise GitError(
                f"its files and the patterns of .gitattributes and sparse-checkout are too many: over "
                f"{MAX_TRIES} comparisons"
            )
        self.check()

    def stop(self) -> None:
        """Have every thread end at its next check."""
        self._deadline = 0
