"""The Rego of the decision itself, by its own tests: all of it covered."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.policies import ROOT


def test_the_system_policies_pass_and_are_covered(opa: Path) -> None:
    command: list[str | Path] = [
        opa,
        "test",
        "--fail-on-empty",
        "--coverage",
        "--threshold",
        "100",
        ROOT / "policies" / "system",
    ]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout[-2000:] + result.stderr
