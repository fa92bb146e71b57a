"""What a transfer shows on standard error, line by line."""

from __future__ import annotations

import io
import re
import sys
import time

import pytest

from pushpolicy.cli.progress import LiveProgress, LogProgress, progress, size
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest
from pushpolicy.push import SILENT

MIB = 1024 * 1024
BLOBS = [
    Descriptor(media_type="x/y", digest=Digest.of(b"%d" % number), size=number * MIB) for number in (1, 2, 3)
]


def transfer(shown: LogProgress | LiveProgress) -> None:
    """One blob is there, one is sent, one is sent again after half of it."""
    there, small, large = BLOBS
    shown.transfer_started(BLOBS)
    shown.blob_done(there, sent=False)
    shown.show()
    for blob, steps in ((small, 2), (large, 1), (large, 3)):
        shown.blob_started(blob)
        for _ in range(steps):
            shown.blob_advanced(blob, MIB)
            shown.show()
    shown.blob_done(small, sent=True)
    shown.blob_done(large, sent=True)
    shown.show()


def test_a_log_has_plain_lines(capsys: pytest.CaptureFixture[str]) -> None:
    transfer(LogProgress())
    out, err = capsys.readouterr()
    assert out == ""
    assert err.isascii()
    lines = err.splitlines()
    assert re.fullmatch(r"pushing: 1 of 3 blobs, 1\.0 MiB of 6\.0 MiB, 0 B/s", lines[0])
    assert re.fullmatch(r"pushing: 3 of 3 blobs, 6\.0 MiB of 6\.0 MiB, \d+\.\d .iB/s", lines[-1])
    assert all(line.isprintable() for line in lines)


def test_every_step_has_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    shown = LogProgress()
    shown.step("reading the image")
    shown.show()
    shown.compression_advanced(MIB)
    shown.compression_advanced(MIB)
    shown.show()
    shown.step("deciding")
    shown.show()
    transfer(shown)
    shown.step("reading it back")
    shown.show()
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "reading the image: 0 s"
    assert re.fullmatch(r"compressing: 2\.0 MiB of layers, \d+\.\d .iB/s", lines[1])
    assert lines[2] == "deciding: 0 s"
    assert lines[3].startswith("pushing: ")
    assert lines[-1] == "reading it back: 0 s"


@pytest.mark.parametrize("shown", [LogProgress(), LiveProgress()])
def test_a_note_has_a_line_of_its_own(
    shown: LogProgress | LiveProgress, capsys: pytest.CaptureFixture[str]
) -> None:
    shown.step("deciding")
    shown.show()
    shown.note("look\x1b[2J")
    shown.show()
    lines = [line for line in re.split(r"\n|\x1b\[1A\r\x1b\[J|\r\x1b\[J", capsys.readouterr().err) if line]
    assert lines == ["deciding: 0 s", "note: look\\x1b[2J", "deciding: 0 s"]


def test_a_line_comes_where_nothing_moves(capsys: pytest.CaptureFixture[str]) -> None:
    shown = LogProgress()
    shown.every = 0.02
    with shown.running():
        shown.transfer_started(BLOBS)
        shown.blob_started(BLOBS[0])
        wait_for(capsys, lines=3)
    seen = capsys.readouterr().err
    time.sleep(0.1)
    assert capsys.readouterr().err == "", f"nothing comes after the end; before it there was {seen!r}"


def wait_for(capsys: pytest.CaptureFixture[str], lines: int) -> None:
    end, seen = time.monotonic() + 20, ""
    while seen.count("\n") < lines:
        assert time.monotonic() < end, seen
        time.sleep(0.01)
        seen += capsys.readouterr().err
    assert set(seen.splitlines()) == {"pushing: 0 of 3 blobs, 0 B of 6.0 MiB, 0 B/s"}


def test_a_short_push_leaves_no_line_in_a_log(capsys: pytest.CaptureFixture[str]) -> None:
    with progress(quiet=False) as shown:
        shown.step("reading the image")
        shown.transfer_started(BLOBS)
    assert capsys.readouterr() == ("", "")


def terminal(monkeypatch: pytest.MonkeyPatch, *, is_one: bool = True) -> io.StringIO:
    """Standard error as a terminal; called in the test, because pytest puts its own back before it."""
    written = io.StringIO()
    monkeypatch.setattr(written, "isatty", lambda: is_one, raising=False)
    monkeypatch.setattr(sys, "stderr", written)
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    return written


def test_a_terminal_shows_each_blob_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    written = terminal(monkeypatch)
    with progress(quiet=False) as shown:
        assert isinstance(shown, LiveProgress)
        transfer(shown)
    err = written.getvalue()
    name = BLOBS[2].digest.hex[:12]
    assert re.search(rf"  {name}   33%  1\.0 MiB of 3\.0 MiB, ", err)
    assert re.search(r"pushing: 2 of 3 blobs, 4\.0 MiB of 6\.0 MiB, ", err) is None
    assert screen(err) == []


def test_a_terminal_shows_only_so_many_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    written = terminal(monkeypatch)
    monkeypatch.setenv("COLUMNS", "40")
    shown = LiveProgress()
    blobs = [Descriptor(media_type="x/y", digest=Digest.of(b"%d" % n), size=MIB) for n in range(12)]
    shown.transfer_started(blobs)
    for blob in blobs:
        shown.blob_started(blob)
        shown.blob_advanced(blob, 1)
        shown.show()
    lines = screen(written.getvalue())
    assert len(lines) == 10
    assert lines[8] == "  and 4 more"
    assert lines[9].startswith("pushing: 0 of 12 blobs")
    assert all(len(line) < 40 for line in lines)


def screen(text: str) -> list[str]:
    """The lines that a terminal shows in the end."""
    lines: list[str] = []
    for part in re.split(r"(?=\x1b\[\d+A)|(?=\r)", text):
        if found := re.match(r"\x1b\[(\d+)A", part):
            del lines[-int(found[1]) :]
            continue
        lines += part.removeprefix("\r").removeprefix("\x1b[J").splitlines()
    return lines


@pytest.mark.parametrize(
    ("quiet", "is_terminal", "variables", "kind"),
    [
        (True, True, {}, type(SILENT)),
        (True, False, {}, type(SILENT)),
        (False, True, {}, LiveProgress),
        (False, True, {"CI": "true"}, LogProgress),
        (False, True, {"TERM": "dumb"}, LogProgress),
        (False, False, {}, LogProgress),
    ],
)
def test_what_suits_standard_error(
    quiet: bool,
    is_terminal: bool,
    variables: dict[str, str],
    kind: type,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal(monkeypatch, is_one=is_terminal)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with progress(quiet=quiet) as shown:
        assert type(shown) is kind


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (MIB, "1.0 MiB"), (2**50, "1024.0 TiB")],
)
def test_sizes(number: int, text: str) -> None:
    assert size(number) == text
