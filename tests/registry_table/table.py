"""All scenarios on a registry, in a process of its own, beside what is expected."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from pushpolicy.demo.shell import Shell
from tests import workspace
from tests.registry_table.scenarios import SCENARIOS, Scenarios, run_here
from tests.registry_table.subjects import running
from tests.workspace import Workspace

EXPECTED = Path(__file__).with_name("expected.md")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What came of a registry: a cell for each scenario, and the words of those that ended with an error."""

    name: str
    cells: Mapping[str, str]
    complaints: Mapping[str, str]

    def differences(self, expected: Mapping[str, str]) -> list[str]:
        """Where it is not as expected, with the words that were said."""
        return [
            f"{self.name}, {name}: expected {expected.get(name)}, got {cell}: {self.complaints.get(name, '')}"
            for name, cell in self.cells.items()
            if cell != expected.get(name)
        ]


def measure(name: str, project: Shell) -> Row | str:
    """Run all scenarios on the registry of this name, with a copy of the project (`workspace.build`).

    To be called in a process that does nothing else: a command changes the folder and the environment.

    Returns:
        the row; a text that says why there is none, when the registry cannot be had here.
    """
    try:
        return _measured(name, project)
    except (pytest.skip.Exception, pytest.fail.Exception) as unavailable:
        return f"{name}: {unavailable}"


def _measured(name: str, project: Shell) -> Row:
    with tempfile.TemporaryDirectory() as place, running(name, Path(place, "registry")) as subject:
        folder, environ = workspace.copied(project, Path(place))
        scenarios = Scenarios(subject, Workspace(folder=folder, environ=environ, run_here=run_here))
        return Row(name=name, cells=dict(scenarios.run()), complaints=scenarios.complaints)


def expected() -> dict[str, dict[str, str]]:
    """The table that was written down before, by registry and scenario."""
    rows = [
        [cell.strip() for cell in line.strip().strip("|").split("|")]
        for line in EXPECTED.read_text().splitlines()
        if line.startswith("|") and not line.startswith("| ---")
    ]
    names, *rest = rows
    return {row[0]: dict(zip(names[1:], row[1:], strict=True)) for row in rest}


def rendered(rows: Sequence[Row]) -> list[str]:
    """The table, as `expected.md` has it."""
    lines = [["registry", *SCENARIOS], *([row.name, *row.cells.values()] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    lines.insert(1, ["-" * width for width in widths])
    return [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |"
        for line in lines
    ]
