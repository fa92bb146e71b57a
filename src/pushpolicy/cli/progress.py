"""Progress of a transfer on standard error: one live line on a terminal, nothing in a log."""

from __future__ import annotations

import sys
import threading
import time

from pushpolicy.cli.report import say
from pushpolicy.model.descriptor import Descriptor

_EVERY_SECONDS = 0.1
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


class TerminalProgress:
    """Shows how much is sent, of how much, and how fast; several threads may report."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sent: dict[Descriptor, int] = {}
        self._start = self._shown = time.monotonic()

    def blob_started(self, blob: Descriptor) -> None:
        """A blob that is sent again starts from zero again."""
        with self._lock:
            self._sent[blob] = 0

    def blob_advanced(self, blob: Descriptor, count: int) -> None:
        """Add to the blob's count and refresh the line now and then."""
        with self._lock:
            self._sent[blob] += count
            if time.monotonic() - self._shown >= _EVERY_SECONDS:
                self._show()

    def blob_done(self, blob: Descriptor, *, sent: bool) -> None:
        """Count the blob as there, whether it was sent now or before."""
        del sent
        with self._lock:
            self._sent[blob] = blob.size
            self._show()

    def clear(self) -> None:
        """Remove the line, so that the report starts on an empty one."""
        say("\r\x1b[K", end="")

    def _show(self) -> None:
        self._shown = time.monotonic()
        done = sum(self._sent.values())
        rate = done / max(self._shown - self._start, 0.001)
        total = sum(blob.size for blob in self._sent)
        line = f"pushing {len(self._sent)} blobs: {size(done)} of {size(total)}, {size(int(rate))}/s"
        say(f"\r\x1b[K{line}", end="")


def on_terminal() -> bool:
    """Whether standard error is a terminal that a live line makes sense on."""
    return sys.stderr.isatty()


def size(number: int) -> str:
    """A number of bytes as people write it: ``31.0 MiB``."""
    value = float(number)
    for unit in _UNITS:
        if value < 1024 or unit == _UNITS[-1]:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    raise AssertionError("unreachable")
