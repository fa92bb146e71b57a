"""Progress on standard error: live lines on a terminal, a plain one now and then in a log.

What is reported is only counted; a thread shows it, so that a line comes too where nothing moves.
"""

from __future__ import annotations

import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

from pushpolicy.cli import environment
from pushpolicy.cli.report import draw, say
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest
from pushpolicy.model.text import printable
from pushpolicy.push import SILENT, Progress

_LIVE_SECONDS = 0.1
# Seldom enough for a log that people read, often enough for a CI system that ends silent jobs.
_LOG_SECONDS = 5.0
_LAST_SECONDS = 2.0
# Large blobs are few at a time; small ones come and go faster than anybody reads.
_MOST_LINES = 8
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


@contextmanager
def progress(*, quiet: bool) -> Iterator[Progress]:
    """What suits standard error, as long as the context lasts: live lines, log lines, or nothing."""
    if quiet:
        yield SILENT
        return
    shown = LiveProgress() if _is_live() else LogProgress()
    with shown.running():
        yield shown


@contextmanager
def telling(*, quiet: bool) -> Iterator[Callable[[str], None]]:
    """What says how far something is, for as long as the context lasts: on a terminal, else nowhere."""
    if quiet or not _is_live():
        yield lambda _: None
        return
    shown = LiveProgress()
    with shown.running():
        yield shown.tell


def _is_live() -> bool:
    """Whether lines can be drawn anew. CI systems give a job a terminal too, and keep all that is drawn."""
    given, terminal = environment.environment(), sys.stderr is not None and sys.stderr.isatty()
    return terminal and not given.get("CI") and given.get("TERM") != "dumb"


class _Counting:
    """Counts what several threads report (a `Progress`); `show` shows it."""

    every = _LOG_SECONDS

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._forget("starting")

    @contextmanager
    def running(self) -> Iterator[None]:
        """Show it every so many seconds."""
        # A daemon: an interrupt ends the program, whoever reads standard error.
        thread = threading.Thread(target=self._keep_showing, daemon=True)
        with suppress(RuntimeError):  # the system gives no more: nothing is shown
            thread.start()
        try:
            yield
        finally:
            self._ended.set()
            if thread.ident is not None:
                # Not for ever: it may be writing to somebody who does not read.
                thread.join(_LAST_SECONDS)

    def step(self, name: str) -> None:
        """Begin with something else, of which no bytes are counted."""
        with self._lock:
            self._forget(name)

    def tell(self, name: str) -> None:
        """The same thing goes on, and is called otherwise."""
        with self._lock:
            self._step = name

    def note(self, text: str) -> None:
        """Say it at once."""
        with self._lock:
            self._clear()
            say(f"note: {printable(text, 400)}", color="yellow")

    def transfer_started(self, blobs: Sequence[Descriptor]) -> None:
        """Begin to count what is sent."""
        with self._lock:
            self._forget("pushing")
            self._expected.update((blob.digest, blob.size) for blob in blobs)

    def compression_advanced(self, count: int) -> None:
        """Add to what was compressed."""
        with self._lock:
            self._compressed += count

    def blob_started(self, blob: Descriptor) -> None:
        """A blob that is sent again starts from zero again."""
        with self._lock:
            self._sent[blob] = 0
            self._since[blob] = time.monotonic()

    def blob_advanced(self, blob: Descriptor, count: int) -> None:
        """Add to the blob's count."""
        with self._lock:
            self._sent[blob] += count

    def blob_done(self, blob: Descriptor, *, sent: bool) -> None:
        """Count the blob as there."""
        with self._lock:
            self._done += 1
            self._since.pop(blob, None)
            if sent:
                self._sent[blob] = blob.size
            else:
                self._there += blob.size

    def show(self) -> None:
        """Say how far it is."""
        with self._lock:
            self._show()

    def _forget(self, step: str) -> None:
        self._step = step
        self._expected: dict[Digest, int] = {}
        self._sent: dict[Descriptor, int] = {}
        self._since: dict[Descriptor, float] = {}
        self._compressed = self._done = self._there = 0
        self._start = time.monotonic()

    def _keep_showing(self) -> None:
        while not self._ended.wait(self.every):
            self.show()

    def _show(self) -> None:
        raise NotImplementedError

    def _clear(self) -> None:
        """Leave an empty line for what is said."""

    def _total(self) -> str:
        seconds = time.monotonic() - self._start
        if not self._expected and not self._compressed:
            return f"{self._step}: {seconds:.0f} s"
        moved = sum(self._sent.values())
        rate = size(int((moved or self._compressed) / max(seconds, 0.001)))
        if not self._expected:
            return f"compressing: {size(self._compressed)} of layers, {rate}/s"
        blobs = f"{self._done} of {len(self._expected)} blobs"
        done = f"{size(moved + self._there)} of {size(sum(self._expected.values()))}"
        return f"{self._step}: {blobs}, {done}, {rate}/s"

    def _under_way(self) -> Iterator[str]:
        for blob, since in self._since.items():
            sent = self._sent[blob]
            rate = sent / max(time.monotonic() - since, 0.001)
            share = sent * 100 // max(blob.size, 1)
            done = f"{size(sent)} of {size(blob.size)}"
            yield f"  {blob.digest.hex[:12]}  {share:3}%  {done}, {size(int(rate))}/s"


class LogProgress(_Counting):
    """A line every few seconds; none for a short push."""

    def _show(self) -> None:
        say(self._total())


class LiveProgress(_Counting):
    """A line for each blob that is under way and one for all, drawn over the ones before."""

    every = _LIVE_SECONDS

    def __init__(self) -> None:
        self._drawn = 0
        super().__init__()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Remove the lines at the end, so that the report starts on an empty one."""
        try:
            with super().running():
                yield
        finally:
            self._clear()

    def _clear(self) -> None:
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
        draw(f"{up}\r\x1b[J" + "".join(f"{line[:width]}\n" for line in lines))
        self._drawn = len(lines)


def size(number: int) -> str:
    """A number of bytes as people write it: ``31.0 MiB``."""
    value = float(number)
    for unit in _UNITS:
        if value < 1024 or unit == _UNITS[-1]:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    raise AssertionError("unreachable")
