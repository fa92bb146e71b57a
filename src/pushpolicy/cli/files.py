"""Files that are named on the command line, read whole and never without a bound."""

from __future__ import annotations

import errno
from pathlib import Path

from pushpolicy.files import open_regular


def read_file(path: Path, limit: int) -> bytes:
    """Read a regular file of at most `limit` bytes.

    Raises:
        OSError: when it is absent, unreadable, over the limit, or a folder, pipe or device.
    """
    with open_regular(path) as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise OSError(errno.EFBIG, f"it is over the limit of {limit} bytes")
    return content
