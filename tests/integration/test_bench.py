"""What the benchmarks decide on has to be allowed: they take any other end for a failure."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench import history, policy
from bench.documents import evidence
from pushpolicy import errors
from pushpolicy.cli.main import main
from pushpolicy.engines import LocalOpa
from pushpolicy.evaluate import PACK, evaluate, load_policy
from tests.programs import tool


def test_the_documents_of_the_benchmarks_are_allowed(opa: Path) -> None:
    engine = LocalOpa(opa)
    assert evaluate(load_policy([PACK], engine), evidence(5), engine).allowed


def test_the_benchmark_of_policies_compares_what_all_decide(capsys: pytest.CaptureFixture[str]) -> None:
    """Each command has to end as it should, or the benchmark does not print its line."""
    tool("conftest")
    policy.main(["--rounds", "1", "--rules", "2", "--findings", "3", "--waivers", "4"])
    lines = [
        line for line in capsys.readouterr().out.splitlines() if line.startswith(("| 2 |", "| 3 |", "| 4 |"))
    ]
    assert [line.count("|") for line in lines] == [7, 7, 5]


@pytest.mark.parametrize("kind", ["own", "pack"])
def test_the_history_that_is_measured_is_reproduced(kind: str, tmp_path: Path) -> None:
    history.write(tmp_path / "history", 12, 5, kind)
    told = f"json={tmp_path / 'json'}"
    assert main(["audit", "replay", f"export:{tmp_path / 'history'}", "--format", told]) == errors.EXIT_OK
    found = json.loads((tmp_path / "json").read_text())["replays"]
    assert [each["result"] for each in found] == ["reproduced"] * 12
