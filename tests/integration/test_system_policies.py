"""The Rego of the decision and of the rules, by their own tests: all of it covered."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.policies import ROOT


def test_the_policies_pass_and_are_covered(opa: Path) -> None:
    command: list[str | Path] = [
        opa,
        "test",
        "--fail-on-empty",
        "--coverage",
        "--threshold",
        "100",
        "--ignore=*.yaml",
        ROOT / "policies" / "system",
        ROOT / "policies" / "server",
        ROOT / "policies" / "rules",
    ]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout[-2000:] + result.stderr
