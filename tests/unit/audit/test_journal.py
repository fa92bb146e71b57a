"""What was seen of a repository's tags, kept line by line."""

from __future__ import annotations

from pathlib import Path

import pytest

from pushpolicy.audit.mirror.journal import Journal, Seen
from pushpolicy.errors import RecordError
from pushpolicy.model.digest import Digest

ONE, TWO = Digest.of(b"one"), Digest.of(b"two")
AT, LATER = "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.jsonl"


def test_what_was_added_is_read(path: Path) -> None:
    journal = Journal.read(path)
    journal.add(AT, tags={"1.0": ONE, "1.1": ONE}, complete=True)
    journal.add(LATER, tags={"1.0": None}, gone=[TWO])
    for each in (journal, Journal.read(path)):
        assert each.tags == {"1.0": [Seen(AT, ONE), Seen(LATER, None)], "1.1": [Seen(AT, ONE)]}
        assert (each.now("1.0"), each.now("1.1"), each.now("2")) == (None, ONE, None)
        assert (each.complete, dict(each.gone)) == (AT, {TWO: LATER})
        assert each.newly({"1.0": ONE, "1.1": ONE, "2": None}) == {"1.0": ONE}
    Journal.read(path).add(LATER, back=[TWO])
    assert not Journal.read(path).gone


def test_half_a_line_at_the_end_is_what_a_killed_run_left(path: Path) -> None:
    Journal.read(path).add(AT, tags={"1.0": ONE})
    whole = path.read_bytes()
    for cut in range(1, 40):
        path.write_bytes(whole + b'{"at":"2026-01-02T00:00:00Z","tag":"1.1"'[:cut])
        journal = Journal.read(path)
        assert list(journal.tags) == ["1.0"]
        journal.add(LATER, tags={"1.2": TWO})
        assert list(Journal.read(path).tags) == ["1.0", "1.2"]


@pytest.mark.parametrize(
    "line",
    [
        b"x",
        b"[]",
        b'{"at":"yesterday","tag":"1.0"}',
        b'{"at":"2026-01-01T00:00:00","complete":true}',
        b'{"at":"2026-01-01T00:00:00Z"}',
        b'{"at":"2026-01-01T00:00:00Z","tag":"../x"}',
        b'{"at":"2026-01-01T00:00:00Z","tag":"1.0","names":"sha256:x"}',
        b'{"at":"2026-01-01T00:00:00Z","tag":"1.0","tag":"1.1"}',
        b'{"at":"2026-01-01T00:00:00Z","complete":true,"other":1}',
        b"x" * 5000,
    ],
)
def test_a_line_that_is_damaged_is_refused(line: bytes, path: Path) -> None:
    Journal.read(path).add(AT, tags={"1.0": ONE})
    path.write_bytes(path.read_bytes() + line + b"\n")
    with pytest.raises(RecordError, match="line 2 is malformed"):
        Journal.read(path)
