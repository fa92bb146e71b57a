"""Scan two images with Syft, Grype and Trivy, judge what they write, and print the table.

    python -m tests.interop [--keep FOLDER]

Needs the programs that `make interop` builds, and no network.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests import workspace
from tests.interop import databases
from tests.interop.images import CLEAN, PLANTED, Contents, build
from tests.interop.judging import Judged, judge
from tests.interop.outputs import OUTPUTS, write
from tests.interop.platforms import wrong_platforms
from tests.interop.programs import Programs
from tests.interop.table import table


def main() -> int:
    """Measure and print.

    Returns:
        1 when anything is not as it has to be.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.interop", description=__doc__.partition("\n")[0])
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="an empty folder to leave the files in")
    given = parser.parse_args()
    start = time.monotonic()
    if given.keep:
        planted, clean, wrong = measure(given.keep.resolve())
    else:
        with tempfile.TemporaryDirectory(prefix="pushpolicy-interop-") as folder:
            planted, clean, wrong = measure(Path(folder).resolve())
    print("\n".join(table(planted, clean)))
    print(f"\n{len(OUTPUTS)} kinds of file about two images in {time.monotonic() - start:.0f} s.")
    for text in wrong:
        print(f"- {text}")
    return 1 if wrong else 0


def measure(folder: Path) -> tuple[list[Judged], list[Judged], list[str]]:
    """What became of every file about the image with flaws and about the one without, and what is wrong."""
    for name in ("project", "programs"):
        (folder / name).mkdir(parents=True)
    programs = Programs(folder=folder / "programs")
    databases.feed_grype(programs, programs.folder)
    databases.feed_trivy(programs, programs.folder)
    shell = workspace.build(folder / "project")
    (shell.folder / "reports/trivy-sample.json").unlink()
    judged = []
    for contents in (PLANTED, CLEAN):
        build(shell, contents)
        files = _written(contents, programs, folder)
        scan = files[next(each.file for each in OUTPUTS if each.format == "trivy")]
        judged.append([judge(each, files[each.file], contents, shell, scan) for each in OUTPUTS])
    wrong = [text for each in (*judged[0], *judged[1]) for text in each.wrong]
    return judged[0], judged[1], [*wrong, *wrong_platforms(programs, shell)]


def _written(contents: Contents, programs: Programs, folder: Path) -> dict[str, Path]:
    outputs = folder / contents.name
    outputs.mkdir()
    image = folder / "project" / contents.name
    return {each.file: write(each, programs, image, outputs) for each in OUTPUTS}


if __name__ == "__main__":
    sys.exit(main())
