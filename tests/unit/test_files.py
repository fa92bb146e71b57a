"""Files are opened without waiting for anybody, and written whole or not at all."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import pytest

from pushpolicy.files import NotRegularError, is_file, is_folder, open_regular, real, write_whole


def test_a_regular_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"content")
    (tmp_path / "link").symlink_to(path)
    for name in (path, tmp_path / "link"):
        with open_regular(name) as file:
            assert file.read() == b"content"


def test_what_is_no_regular_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    before = len(list(Path("/dev/fd").iterdir()))
    for path in (tmp_path / "pipe", tmp_path, Path("/dev/null")):
        with pytest.raises(NotRegularError, match="it is not a regular file"):
            open_regular(path)
    assert len(list(Path("/dev/fd").iterdir())) == before


@pytest.mark.parametrize("name", ["absent", "a\0b", "x" * 300])
def test_a_name_that_no_file_has(name: str, tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r".") as error:
        open_regular(f"{tmp_path}/{name}")
    assert error.value.strerror


@pytest.mark.parametrize("temporary", [None, ".own.tmp"])
def test_a_file_is_replaced_whole(temporary: str | None, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"before")
    with write_whole(path, tmp_path / temporary if temporary else None) as file:
        file.write(b"after")
        file.flush()
        assert path.read_bytes() == b"before"
    assert path.read_bytes() == b"after"
    assert list(tmp_path.iterdir()) == [path]


def test_a_failure_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"before")
    with suppress(KeyboardInterrupt), write_whole(path) as file:
        file.write(b"half")
        raise KeyboardInterrupt
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


def test_nothing_is_told_of_a_link_that_leads_nowhere(tmp_path: Path) -> None:
    for name, target in (("circle", "circle"), ("long", "a" * 300), ("absent", "b")):
        link = tmp_path / name
        link.symlink_to(target)
        assert not is_file(link)
        assert not is_folder(link)
        assert real(link).parent == real(tmp_path)
    (tmp_path / "here").symlink_to(tmp_path)
    assert is_folder(tmp_path / "here")
    assert real(tmp_path / "here") == real(tmp_path)
