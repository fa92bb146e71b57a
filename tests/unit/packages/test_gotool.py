"""Programs compiled from Go modules: the same bytes wherever they are built, and built only once."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest

import gotool

GO_MOD = "module pushpolicy.example/hello\n\ngo 1.25\n\ntool pushpolicy.example/hello\n"
SOURCE = 'package main\n\nfunc main() { println("hello") }\n'


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A cache of this test's own."""
    monkeypatch.setenv("PUSHPOLICY_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def _module(folder: Path) -> Path:
    folder.mkdir()
    (folder / "go.mod").write_text(GO_MOD)
    (folder / "go.sum").write_text("")
    (folder / "main.go").write_text(SOURCE)
    return folder


def _keep(module: Path, content: bytes) -> Path:
    """Put a program where an earlier build would have left it."""
    program = gotool._entry(module) / "hello"
    program.parent.mkdir(parents=True)
    program.write_bytes(content)
    note = {"sha256": hashlib.sha256(content).hexdigest(), "go": "go1.26.0"}
    (program.parent / "build.json").write_text(json.dumps(note))
    return program


def test_two_folders_give_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if gotool.find_go("1.25") is None:
        pytest.skip("no Go here: everything was built by an earlier run")
    first = gotool.build(_module(tmp_path / "first"))
    assert gotool.cached(tmp_path / "first") == first
    monkeypatch.setenv("PUSHPOLICY_CACHE", str(tmp_path / "other"))
    monkeypatch.setenv("GOFLAGS", "-ldflags=-X=main.other=1")
    second = gotool.build(_module(tmp_path / "second"))
    assert first.path != second.path
    assert first.path.read_bytes() == second.path.read_bytes()


def test_what_was_built_needs_no_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = _module(tmp_path / "hello")
    program = _keep(module, b"an earlier build")
    monkeypatch.setattr(gotool, "find_go", lambda minimum: None)
    assert gotool.build(module).path == program


def test_a_changed_program_is_not_used(tmp_path: Path) -> None:
    module = _module(tmp_path / "hello")
    _keep(module, b"an earlier build").write_bytes(b"something else")
    assert gotool.cached(module) is None


def test_another_go_mod_is_another_program(tmp_path: Path) -> None:
    module = _module(tmp_path / "hello")
    _keep(module, b"an earlier build")
    (module / "go.mod").write_text(GO_MOD.replace("1.25", "1.26"))
    assert gotool.cached(module) is None


def test_an_experiment_is_asked_for_by_the_go_mod_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOEXPERIMENT", "greenteagc")
    module = _module(tmp_path / "hello")
    assert gotool._experiment(module) == {}
    assert "GOEXPERIMENT" not in gotool._environment(module)
    (module / "go.mod").write_text(GO_MOD.replace("tool ", "// GOEXPERIMENT=jsonv2\ntool "))
    assert gotool._experiment(module) == {"GOEXPERIMENT": "jsonv2"}


def test_without_go_it_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(gotool, "find_go", lambda minimum: None)
    assert gotool.main([str(_module(tmp_path / "hello"))]) == 1
    assert "needs Go 1.25 or newer" in capsys.readouterr().err


def test_a_go_that_is_too_old_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = tmp_path / "bin" / "go"
    old.parent.mkdir()
    old.write_text("#!/bin/sh\necho go1.24.9\n")
    old.chmod(0o755)
    monkeypatch.setattr(shutil, "which", lambda name: str(old))
    assert gotool.find_go("1.24") == old
    assert gotool.find_go("1.25") != old


def test_the_cache_is_beside_the_sources_when_home_takes_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PUSHPOLICY_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "home").write_text("a file where a folder should be")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert gotool.cache_folder(tmp_path / "module") == tmp_path / "module" / ".cache"
    monkeypatch.setenv("HOME", "")
    assert gotool.cache_folder(tmp_path / "module") == tmp_path / "module" / ".cache"
