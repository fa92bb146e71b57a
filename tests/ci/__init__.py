"""What jobs of each CI system see, made from its vendor's documentation, and the evidence that follows.

Of each file: `base` are variables of a push to main, to which each case adds some; an empty one is not set.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).parent
SYSTEMS = sorted(path.stem for path in HERE.glob("*.json"))


class Case(NamedTuple):
    """One job: its variables, its event file or properties, and fields of the evidence by their paths."""

    system: str
    name: str
    environ: dict[str, str]
    event_file: Any
    expected: dict[str, Any]
    properties: dict[str, dict[str, str]] | None = None

    def variables(self, folder: Path) -> dict[str, str]:
        """The variables; the event file, or those of properties, lie in a folder."""
        if self.properties is not None:
            return {**self.environ, "TEAMCITY_BUILD_PROPERTIES_FILE": stored(self.properties, folder)}
        if self.event_file is None:
            return self.environ
        path = folder / "event.json"
        path.write_text(json.dumps(self.event_file))
        return {**self.environ, "GITHUB_EVENT_PATH": str(path)}


def stored(properties: dict[str, dict[str, str]], folder: Path) -> str:
    """The path of the first of two files as TeamCity writes them (java.util.Properties, store)."""
    build, configuration = folder / "build.properties", folder / "configuration.properties"
    further = {"teamcity.configuration.properties.file": str(configuration)}
    said = {build: {**further, **properties["build"]}, configuration: properties["configuration"]}
    for path, content in said.items():
        lines = (name + "=" + re.sub(r"([:=#!])", r"\\\1", value) for name, value in content.items())
        path.write_text(
            "\n".join(["#TeamCity build properties", "#Tue Nov 24 12:00:00 UTC 2026", *lines, ""])
        )
    return str(build)


def cases(system: str) -> Iterator[Case]:
    """The jobs of one system."""
    content = json.loads((HERE / f"{system}.json").read_bytes())
    for each in content["cases"]:
        environ = {name: value for name, value in {**content["base"], **each["environ"]}.items() if value}
        yield Case(
            system, each["name"], environ, each.get("event_file"), each["expected"], each.get("properties")
        )
