"""``python -m pushpolicy``, and the console script."""

from __future__ import annotations

import io
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from pushpolicy.errors import EXIT_INTERRUPTED, EXIT_USAGE

_READ_FILES = (["push"], ["check"], ["gather"])


def run() -> NoReturn:
    """Run the command line and exit with its code.

    Being told to end (SIGTERM, as CI systems cancel a job) is an interrupt: what was begun is cleared away.
    """
    code = EXIT_INTERRUPTED
    # An interrupt may come before `main` could say so, or while it did.
    with suppress(KeyboardInterrupt):
        if sys.platform == "win32":
            sys.stderr.write("pushpolicy: Windows is not supported; run it on Linux or macOS, or in WSL\n")
            sys.exit(EXIT_USAGE)
        _open_closed_streams()
        _speak_ascii()
        if signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
            signal.signal(signal.SIGTERM, _interrupt)
        if sys.argv[1:] and not sys.argv[1].startswith("-"):
            _import_msgspec()
        if sys.argv[1:2] in _READ_FILES:
            _start_reader()
        from pushpolicy.cli.main import main

        code = main()
    # Without finalising: a thread that is in OpenSSL at that time, reading certificates, would crash.
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


def _interrupt(*_: object) -> NoReturn:
    # A second one ends it at once, whatever it waits for.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    raise KeyboardInterrupt


def _open_closed_streams() -> None:
    """Put something into the place of a closed standard stream: the next file would be opened there.

    It can only be read, so that what is to be written fails, and is not lost without a word.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            # The lowest number that is free, which is this one.
            os.open(os.devnull, os.O_RDONLY)
            setattr(sys, name, open(number, "w" if number else "r", closefd=False))  # noqa: SIM115


def _speak_ascii() -> None:
    """Write UTF-8 where a variable (PYTHONIOENCODING) chose an encoding that cannot write what we say."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            try:
                understood = "a:\n".encode(stream.encoding, "backslashreplace") == b"a:\n"
            except (LookupError, UnicodeError):
                understood = False
            if not understood:
                stream.reconfigure(encoding="utf-8", errors="backslashreplace")


def _import_msgspec() -> None:
    """Import what every command uses, without what it imports where that is there, and needs for old Pythons.

    It would be 3 ms of each start, and 10 ms before the process that reads reports is begun.
    """
    sys.modules["typing_extensions"] = None  # type: ignore[assignment]
    try:
        import msgspec  # noqa: F401
    finally:
        del sys.modules["typing_extensions"]


def _start_reader() -> None:
    """Start the process that reads foreign files, before this one knows anything that they could want."""
    # In a folder that was deleted Python 3.13.0 cannot import socket; the command tells.
    with suppress(FileNotFoundError):
        Path.cwd()
        from pushpolicy.reports import reader

        reader.start()


if __name__ == "__main__":
    run()
