"""Progress of a transfer on standard error: live lines on a terminal, a plain one now and then in a log."""

from __future__ import annotations

import shutil
import sys
import threading
import time
from collections.abc import Iterator, Sequence

from pushpolicy.cli.report import say
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.push import SILENT, Progress

_LIVE_SECONDS = 0.1
# Seldom enough for a log that people read, often enough for a CI system that ends silent jobs.
_LOG_SECONDS = 5.0
# Large blobs are few at a time; small ones come and go faster than anybody reads.
_MOST_LINES = 8
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def progress(*, quiet: bool) -> Progress:
    """What suits standard error: live lines, log lines, or nothing."""
    if quiet:
        return SILENT
    return LiveProgress() if sys.stderr.isatty() else LogProgress()


class _Counting:
    """Counts what several threads report, and shows it every so many seconds."""

    def __init__(self, every: float) -> None:
        self._every = every
        self._lock = threading.Lock()
        self._packed = 0
        self.transfer_started(())

    def transfer_started(self, blobs: Sequence[Descriptor]) -> None:
        """Begin to count anew."""
        self._expected = {blob.digest: blob.size for blob in blobs}
        self._sent: dict[Descriptor, int] = {}
        self._since: dict[Descriptor, float] = {}
        self._done = self._there = 0
        self._start = self._shown = time.monotonic()

    def packing_advanced(self, count: int) -> None:
        """Add to what was compressed."""
        with self._lock:
            self._packed += count
            self._show_now_and_then()

    def blob_started(self, blob: Descriptor) -> None:
        """A blob that is sent again starts from zero again."""
        with self._lock:
            self._sent[blob] = 0
            self._since[blob] = time.monotonic()

    def blob_advanced(self, blob: Descriptor, count: int) -> None:
        """Add to the blob's count."""
        with self._lock:
            self._sent[blob] += count
            self._show_now_and_then()

    def blob_done(self, blob: Descriptor, *, sent: bool) -> None:
        """Count the blob as there."""
        with self._lock:
            self._done += 1
            self._since.pop(blob, None)
            if sent:
                self._sent[blob] = blob.size
            else:
                self._there += blob.size
            self._show_now_and_then()

    def transfer_ended(self) -> None:
        """Nothing more comes."""

    def _show_now_and_then(self) -> None:
        if time.monotonic() - self._shown >= self._every:
            self._shown = time.monotonic()
            self._show()

    def _show(self) -> None:
        raise NotImplementedError

    def _total(self) -> str:
        moved = sum(self._sent.values())
        rate = (moved if self._expected else self._packed) / max(time.monotonic() - self._start, 0.001)
        if not self._expected:
            return f"compressing: {size(self._packed)} of layers, {size(int(rate))}/s"
        blobs = f"{self._done} of {len(self._expected)} blobs"
        done = f"{size(moved + self._there)} of {size(sum(self._expected.values()))}"
        return f"pushing: {blobs}, {done}, {size(int(rate))}/s"

    def _under_way(self) -> Iterator[str]:
        for blob, since in self._since.items():
            sent = self._sent[blob]
            rate = sent / max(time.monotonic() - since, 0.001)
            share = sent * 100 // max(blob.size, 1)
            done = f"{size(sent)} of {size(blob.size)}"
            yield f"  {blob.digest.hex[:12]}  {share:3}%  {done}, {size(int(rate))}/s"


class LogProgress(_Counting):
    """A line every few seconds; none for a short transfer."""

    def __init__(self, every: float = _LOG_SECONDS) -> None:
        super().__init__(every)

    def _show(self) -> None:
        say(self._total())


class LiveProgress(_Counting):
    """A line for each blob that is under way and one for all, drawn over the ones before."""

    def __init__(self, every: float = _LIVE_SECONDS) -> None:
        self._drawn = 0
        super().__init__(every)

    def transfer_ended(self) -> None:
        """Remove the lines, so that the report starts on an empty one."""
        with self._lock:
            self._draw([])

    def _show(self) -> None:
        under_way = list(self._under_way())
        hidden = len(under_way) - _MOST_LINES
        more = [f"  and {hidden} more"] if hidden > 0 else []
        self._draw([*under_way[:_MOST_LINES], *more, self._total()])

    def _draw(self, lines: Sequence[str]) -> None:
        # A line that wraps would be two, and the cursor would go up too little.
        width = shutil.get_terminal_size().columns - 1
        up = f"\x1b[{self._drawn}A" if self._drawn else ""
        say(f"{up}\r\x1b[J" + "".join(f"{line[:width]}\n" for line in lines), end="")
        self._drawn = len(lines)


def size(number: int) -> str:
    """A number of bytes as people write it: ``31.0 MiB``."""
    value = float(number)
    for unit in _UNITS:
        if value < 1024 or unit == _UNITS[-1]:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    raise AssertionError("unreachable")
