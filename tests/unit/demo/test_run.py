"""What `demo.run` refuses before it starts."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from pushpolicy import demo
from pushpolicy.errors import UsageError


def refuse(passage: demo.Passage) -> None:
    pytest.fail(f"the demo started: {passage}")


@pytest.mark.parametrize("module", ["pytest", "bandit", "sarif_om"])
def test_a_missing_tool_is_named_with_what_to_install(monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UsageError, match="the demo needs") as caught:
        demo.run(keep=None, environ=os.environ, show=refuse)
    assert caught.value.hint == "pip install pytest 'bandit[sarif]'"
    assert "\n" not in caught.value.message


def test_git_is_needed(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="needs git"):
        demo.run(keep=None, environ={"PATH": str(tmp_path)}, show=refuse)


def test_a_folder_in_use_is_not_written_to(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("chapter 1")
    with pytest.raises(UsageError, match="not empty"):
        demo.run(keep=tmp_path, environ=os.environ, show=refuse)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_file_is_not_a_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="--keep"):
        demo.run(keep=tmp_path / "file", environ=os.environ, show=refuse)
