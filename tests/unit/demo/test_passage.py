"""How output is made to fit a terminal."""

from __future__ import annotations

from pathlib import Path

import pytest

from pushpolicy.demo.passage import Kind, Passage, fitted, ran
from pushpolicy.demo.shell import COLUMNS, Shell, UnexpectedExitError


def test_digests_are_shortened_and_nothing_else_is() -> None:
    digest = "sha256:" + "0123456789ab" + "c" * 52
    assert fitted(f"pushed {digest}.") == "pushed sha256:0123456789ab…."
    assert fitted(f"{digest}d") == f"{digest}d"


def test_long_lines_are_folded_below_their_start() -> None:
    folded = fitted("  - " + "word " * 20).splitlines()
    assert len(folded) == 2
    assert all(len(line) <= COLUMNS for line in folded)
    assert folded[0].startswith("  - word")
    assert folded[1].startswith("      word")


def test_what_is_left_out_is_counted() -> None:
    output = "\n".join(f"line {number}" for number in range(10))
    assert fitted(output, rows=10) == output
    assert fitted(output, rows=3) == "line 0\nline 1\n... and 8 more lines"


def test_a_folded_line_is_shown_whole_or_not_at_all() -> None:
    long = "word " * 20
    assert fitted(f"one\n{long}\nlast", rows=3) == "one\n... and 2 more lines"


def test_empty_lines_stay() -> None:
    assert fitted("one\n\ntwo\n") == "one\n\ntwo"


def test_a_silent_command_shows_no_output(tmp_path: Path) -> None:
    told = list(ran(Shell.of(tmp_path, {"PATH": "/usr/bin:/bin"}), "true"))
    assert told == [Passage(kind=Kind.COMMAND, text="true")]


def test_an_unexpected_end_is_shown_whole_before_it_stops_the_story(tmp_path: Path) -> None:
    shell = Shell.of(tmp_path, {"PATH": "/usr/bin:/bin"})
    passages = ran(shell, "sh -c 'echo a; echo b; exit 3'", rows=1)
    assert [next(passages).kind, next(passages).text] == [Kind.COMMAND, "a\nb"]
    with pytest.raises(UnexpectedExitError):
        next(passages)
