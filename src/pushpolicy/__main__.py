"""``python -m pushpolicy``, and the console script."""

from __future__ import annotations

import signal
import sys
from typing import NoReturn

from pushpolicy.errors import EXIT_INTERRUPTED


def run() -> NoReturn:
    """Run the command line and exit with its code.

    Being told to end (SIGTERM, as CI systems cancel a job) is an interrupt: what was begun is cleared away.
    """
    try:
        if signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
            signal.signal(signal.SIGTERM, _interrupt)
        from pushpolicy.cli.main import main

        sys.exit(main())
    except KeyboardInterrupt:
        # Before `main` could say so, or while it did.
        sys.exit(EXIT_INTERRUPTED)


def _interrupt(*_: object) -> NoReturn:
    # A second one ends it at once, whatever it waits for.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    raise KeyboardInterrupt


if __name__ == "__main__":
    run()
