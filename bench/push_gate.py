"""The whole of `pushpolicy push`, which also notes the peak memory of this process without its children.

python -m bench.push_gate FILE IMAGE TARGET [OPTION]...
"""

from __future__ import annotations

import resource
import sys
from pathlib import Path

from pushpolicy.cli.main import main as run


def main() -> int:
    note, *arguments = sys.argv[1:]
    code = run(["push", *arguments])
    Path(note).write_text(str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))
    return code


if __name__ == "__main__":
    sys.exit(main())
