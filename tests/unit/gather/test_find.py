"""Where reports are looked for: all that a format declares of its files is looked at."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from pushpolicy.errors import InputError
from pushpolicy.gather.find import candidates, matches
from pushpolicy.reports.format import Format
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.recognise import FORMATS
from tests.unit.gather.samples import write


@pytest.mark.parametrize("item", FORMATS, ids=[item.name for item in FORMATS])
def test_the_places_and_suffixes_of_every_format_are_searched(tmp_path: Path, item: Format) -> None:
    modules = [f"service/api/{place}" for place in item.places if "/" in place]
    folders = ("reports", *(place for place in item.places if "/" not in place), *modules)
    files = {
        f"{folder}/x{end}{packed}" for folder in folders for end in item.suffixes for packed in ("", ".gz")
    }
    write(tmp_path, dict.fromkeys(files, ""))
    assert {path.relative_to(tmp_path).as_posix() for path in candidates(tmp_path, Limits())} == files


def test_a_pattern_names_what_cannot_be_looked_at_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, {"out/a.xml": "", "out/closed.xml": ""})
    (tmp_path / "out/absent.xml").symlink_to("nothing")
    look = Path.stat

    def stat(path: Path, **how: bool) -> os.stat_result:
        if path.name == "closed.xml":
            raise PermissionError
        return look(path, **how)

    monkeypatch.setattr(Path, "stat", stat)
    assert [path.name for path in matches(tmp_path, "out/*.xml")] == ["a.xml", "closed.xml"]


@pytest.mark.parametrize("pattern", ["out/**/*.xml", "**/*.xml", "*/closed/*.xml", "o*/**"])
def test_a_pattern_passes_over_no_folder_that_cannot_be_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pattern: str
) -> None:
    """A failing report in it would count as if it were not there."""
    write(tmp_path, {"out/a.xml": "", "out/closed/b.xml": ""})
    scan = os.scandir

    def scandir(path: Path | str) -> Iterator[os.DirEntry[str]]:
        if Path(path).name == "closed":
            raise PermissionError(errno.EACCES, "Permission denied")
        return scan(path)

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(InputError, match="out/closed cannot be listed: Permission denied"):
        matches(tmp_path, pattern)
    assert [path.name for path in matches(tmp_path, "out/*.xml")] == ["a.xml"]


def test_patterns_mean_what_they_mean_to_pathlib(tmp_path: Path) -> None:
    write(
        tmp_path,
        dict.fromkeys(["a.xml", "b/a.xml", "b/c/.d.xml", "b/c/e/[f].xml", "b/A.xml", ".g/a.xml"], ""),
    )
    (tmp_path / "b/link").symlink_to("c")
    (tmp_path / "b/self").symlink_to("self")
    for pattern in (
        "*.xml",
        "**/*.xml",
        "b/**/*.xml",
        "*/*.xml",
        "b/*/.d.xml",
        "b/*/e/*",
        "**/**/[a-e]/*",
        "b/**/e/[[]f].xml",
        "?/../*.xml",
        "a.xml/*",
        "**/absent/*",
        "B/*",
    ):
        there = {path for path in tmp_path.glob(pattern) if path.is_file()}
        assert {path for path in matches(tmp_path, pattern) if path.is_file()} == there, pattern
