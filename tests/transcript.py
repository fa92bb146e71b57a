"""A page that is a transcript: files, each under its path, and consoles with commands and what they say.

`python -m tests.transcript PAGE` writes what the commands say now into the page.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

_STEP = re.compile(
    r"^`(?P<path>[^`\n]+)`:\n\n```\w+\n(?P<text>.*?)```|^```console\n(?P<console>.*?)```",
    re.MULTILINE | re.DOTALL,
)
_DIGEST = re.compile(r"(sha256:)[0-9a-f]{64}")


def played(page: str, folder: Path) -> str:
    """The page as it would be: its files written into a folder, its commands run there."""

    def play(step: re.Match[str]) -> str:
        if step["path"]:
            file = folder / step["path"]
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(step["text"], encoding="utf-8")
            return step[0]
        return (
            "```console\n" + "".join(_said(command, folder) for command in commands(step["console"])) + "```"
        )

    return _STEP.sub(play, page)


def commands(console: str) -> Iterator[str]:
    """The command lines of a console."""
    return (line.removeprefix("$ ") for line in console.splitlines() if line.startswith("$ "))


def _said(command: str, folder: Path) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {"PATH": path, "HOME": str(folder), "LC_ALL": "C.UTF-8"}
    ran = subprocess.run(
        ["sh", "-c", command],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
    )
    return f"$ {command}\n" + _DIGEST.sub(r"\1…", ran.stdout)


if __name__ == "__main__":
    document = Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as place:
        document.write_text(played(document.read_text("utf-8"), Path(place)), "utf-8")
