"""What continuous integration says of the Pythons that this machine has, and of those that it has not."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

PATH = Path(__file__).parents[2] / ".ci/pythons.py"


@pytest.fixture
def pythons(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("pythons", PATH)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "pythons", module)  # which its classes look for
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def project(pythons: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Make a project that promises these releases."""

    def make(*promised: str) -> None:
        lines = [f'"{pythons.CLASSIFIER}{release}"' for release in promised]
        (tmp_path / "pyproject.toml").write_text(f"[project]\nclassifiers = [{', '.join(lines)}]\n")
        monkeypatch.setattr(pythons, "ROOT", tmp_path)

    return make


def test_a_release_that_is_here_and_not_promised_is_a_failure(
    pythons: ModuleType, project: Callable[..., None]
) -> None:
    project("3.11", "3.12")
    rows = {row.python: row for row in pythons._absent({"3.11", "3.13"})}
    assert rows["3.13"].failed
    assert "no classifier" in rows["3.13"].result
    assert {name for name, row in rows.items() if row.failed} == {"3.13"}
    assert {name for name, row in rows.items() if row.ran == "not run"} == {"3.12", "3.14"}


def test_each_python_is_run_and_printed(
    pythons: ModuleType,
    project: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    project("3.11", "3.12", "3.13")
    default = pythons.Python(Path("/a/python"), "3.12.1", "/a")
    others = [default, pythons.Python(Path("/b/python"), "3.11.2", "/b")]
    monkeypatch.setattr(pythons, "_default", lambda: default)
    monkeypatch.setattr(pythons, "_others", lambda: others)
    ran: list[list[str]] = []

    fails = False

    def run(argv: list[str]) -> tuple[bool, str]:
        ran.append(argv)
        return fails and "VENV=.venv-3.11.2" in argv, "7 passed"

    monkeypatch.setattr(pythons, "_run", run)
    assert pythons.main() == 0
    assert [argv[:2] for argv in ran] == [["make", "test"]] * 2
    assert ran[0] == ["make", "test"]
    assert ran[1][2:4] == ["VENV=.venv-3.11.2", "PYTHON=/b/python"]
    table = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in table] == ["3.12.1", "3.11.2", "3.13", "3.14"]
    assert "not here, not promised" in table[-1]

    fails = True
    assert pythons.main() == 1, "it failed again when it ran alone"
    assert "FAILED, 7 passed, run again alone: 7 passed" in capsys.readouterr().out
