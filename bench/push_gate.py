"""The whole of `pushpolicy push`, which also notes the peak memory of this process and of its largest child.

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
    peaks = [resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    Path(note).write_text(" ".join(map(str, peaks)))
    return code


if __name__ == "__main__":
    sys.exit(main())
