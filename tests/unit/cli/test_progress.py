"""What a transfer shows on standard error, line by line."""

from __future__ import annotations

import io
import re
import sys

import pytest

from pushpolicy.cli.progress import LiveProgress, LogProgress, progress, size
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest
from pushpolicy.push import SILENT, Progress

MIB = 1024 * 1024
BLOBS = [
    Descriptor(media_type="x/y", digest=Digest.of(b"%d" % number), size=number * MIB) for number in (1, 2, 3)
]


def transfer(shown: Progress) -> None:
    """One blob is there, one is sent, one is sent again after half of it."""
    there, small, large = BLOBS
    shown.transfer_started(BLOBS)
    shown.blob_done(there, sent=False)
    for blob, steps in ((small, 2), (large, 1), (large, 3)):
        shown.blob_started(blob)
        for _ in range(steps):
            shown.blob_advanced(blob, MIB)
    shown.blob_done(small, sent=True)
    shown.blob_done(large, sent=True)
    shown.transfer_ended()


def test_a_log_has_plain_lines(capsys: pytest.CaptureFixture[str]) -> None:
    transfer(LogProgress(every=0))
    out, err = capsys.readouterr()
    assert out == ""
    assert err.isascii()
    lines = err.splitlines()
    assert re.fullmatch(r"pushing: 1 of 3 blobs, 1\.0 MiB of 6\.0 MiB, 0 B/s", lines[0])
    assert re.fullmatch(r"pushing: 3 of 3 blobs, 6\.0 MiB of 6\.0 MiB, \d+\.\d .iB/s", lines[-1])
    assert all(line.isprintable() for line in lines)


def test_packing_comes_before(capsys: pytest.CaptureFixture[str]) -> None:
    shown = LogProgress(every=0)
    shown.packing_advanced(MIB)
    shown.packing_advanced(MIB)
    transfer(shown)
    lines = capsys.readouterr().err.splitlines()
    assert re.fullmatch(r"compressing: 2\.0 MiB of layers, \d+\.\d .iB/s", lines[1])
    assert lines[2].startswith("pushing: ")


def test_a_short_transfer_leaves_no_line_in_a_log(capsys: pytest.CaptureFixture[str]) -> None:
    transfer(LogProgress())
    assert capsys.readouterr() == ("", "")


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What a terminal gets; elsewhere escapes are stripped."""
    written = io.StringIO()
    monkeypatch.setattr("pushpolicy.cli.progress.say", lambda line, end: written.write(line + end))
    return written


def test_a_terminal_shows_each_blob_under_way(terminal: io.StringIO) -> None:
    transfer(LiveProgress(every=0))
    err = terminal.getvalue()
    name = BLOBS[2].digest.hex[:12]
    assert re.search(rf"  {name}   33%  1\.0 MiB of 3\.0 MiB, ", err)
    assert re.search(r"pushing: 2 of 3 blobs, 4\.0 MiB of 6\.0 MiB, ", err) is None
    assert screen(err) == []


def test_a_terminal_shows_only_so_many_lines(terminal: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    shown = LiveProgress(every=0)
    blobs = [Descriptor(media_type="x/y", digest=Digest.of(b"%d" % n), size=MIB) for n in range(12)]
    shown.transfer_started(blobs)
    for blob in blobs:
        shown.blob_started(blob)
        shown.blob_advanced(blob, 1)
    lines = screen(terminal.getvalue())
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
    ("quiet", "terminal", "kind"),
    [
        (True, True, type(SILENT)),
        (True, False, type(SILENT)),
        (False, True, LiveProgress),
        (False, False, LogProgress),
    ],
)
def test_what_suits_standard_error(
    quiet: bool, terminal: bool, kind: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(stream, "isatty", lambda: terminal, raising=False)
    monkeypatch.setattr(sys, "stderr", stream)
    assert type(progress(quiet=quiet)) is kind


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (MIB, "1.0 MiB"), (2**50, "1024.0 TiB")],
)
def test_sizes(number: int, text: str) -> None:
    assert size(number) == text
