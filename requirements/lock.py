"""Resolve the lock files beside this script: `make lock`.

Each holds every package with the hashes of its files, for Python 3.11 and newer on Linux and macOS, and
names no registry, so that an install takes them from whatever registry its machine is set up for.
"""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from pathlib import Path

HERE = Path(__file__).parent
# Which dependency groups of pyproject.toml go into which file; PROJECT adds pushpolicy's dependencies.
PROJECT = "project"
FILES = {
    "demo": (PROJECT, "build", "demo"),
    "test": (PROJECT, "build", "demo", "test", "check"),
    "go": ("go",),
    "lock": ("lock",),
}
OPTIONS = (
    "--universal",
    "--python-version=3.11",
    "--generate-hashes",
    "--no-emit-index-url",
    "--no-header",
    "--quiet",
)


def lock(name: str, contents: tuple[str, ...]) -> None:
    """Write one lock file; what is locked stays unless a newer version is asked for with `--upgrade`."""
    uv = Path(sysconfig.get_path("scripts"), "uv")
    groups = [f"--group={group}" for group in contents if group != PROJECT]
    project = ["pyproject.toml"] if PROJECT in contents else []
    output = f"requirements/{name}.txt"
    argv = [str(uv), "pip", "compile", *OPTIONS, *sys.argv[1:], *project, *groups, "--output-file", output]
    subprocess.run(argv, cwd=HERE.parent, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    for name, contents in FILES.items():
        lock(name, contents)
