"""CONTRIBUTING.md's map is of this tree: what it names is there, and every folder is on it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
NO_SUBJECT = {"__init__.py", "__main__.py", "__pycache__"}


def places() -> Iterator[str]:
    """The paths in the first column, `{a,b}` written out."""
    table = PAGE.partition("| where | what |")[2].partition("\n\n")[0]
    for row in table.splitlines()[2:]:
        for path in re.findall(r"`([^`]+)`", row.split("|")[1]):
            before, brace, rest = path.partition("{")
            inner, _, after = rest.partition("}")
            yield from (before + each + after for each in inner.split(",")) if brace else (path,)


def test_what_is_named_is_there() -> None:
    named = list(places())
    assert len(named) > 30
    assert [path for path in named if not (ROOT / path).exists()] == []
    assert [path for path in named if path.endswith("/") != (ROOT / path).is_dir()] == []


def test_every_part_of_the_program_and_every_folder_of_tests_is_named() -> None:
    parts = [
        *(ROOT / "src/pushpolicy").iterdir(),
        *(each for each in (ROOT / "tests").iterdir() if each.is_dir()),
    ]
    there = {
        each.relative_to(ROOT).as_posix() + ("/" if each.is_dir() else "")
        for each in parts
        if each.name not in NO_SUBJECT and (each.is_dir() or each.suffix == ".py")
    }
    assert there - set(places()) == set()
