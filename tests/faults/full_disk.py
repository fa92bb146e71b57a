"""Push to an OCI layout on a disk of one page, of two, and so on, until the image fits.

    unshare --mount python -m tests.faults.full_disk FOLDER

It mounts file systems in memory below the folder, so it needs a mount namespace of its own. Prints, for each
number of pages, the exit code that a push ended with there.
"""

from __future__ import annotations

import subprocess
import sys
from itertools import count
from pathlib import Path

from tests.faults.disks import PAGE, push, require_consistent

_ENOUGH = "64m"


def main() -> None:
    """Raises AssertionError when a push ends as it must not, or leaves what it must not."""
    disk = Path(sys.argv[1], "disk")
    disk.mkdir()
    for pages in count(1):
        _mount(disk, f"size={pages * PAGE}")
        layout = disk / "layout"
        code = push(layout)
        print(pages, code, flush=True)
        require_consistent(layout)
        _mount(disk, f"remount,size={_ENOUGH}")
        assert push(layout) == 0
        require_consistent(layout)
        subprocess.run(["umount", str(disk)], check=True)
        if code == 0:
            return


def _mount(disk: Path, options: str) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", str(disk)], check=True)


if __name__ == "__main__":
    main()
