"""``python -m pushpolicy``, and the console script."""

from __future__ import annotations

import sys
from typing import NoReturn


def run() -> NoReturn:
    """Run the command line and exit with its code."""
    from pushpolicy.cli.main import main

    sys.exit(main())


if __name__ == "__main__":
    run()
