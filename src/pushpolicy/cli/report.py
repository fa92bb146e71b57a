"""Where reports go: ``--format text|json[=FILE]``, standard output by default."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple, TextIO

import click

from pushpolicy.errors import EXIT_OK, InputError, UsageError
from pushpolicy.model.text import printable

FORMATS = ("text", "json")
NOTHING_LOST = "what was decided and published stands; give another file"


class Output(NamedTuple):
    """One report asked for: its format, and the file it goes to (None: standard output)."""

    format: str
    path: Path | None

    @classmethod
    def parse(cls, text: str) -> Output:
        """Read ``text``, ``json`` or ``json=FILE``.

        Raises:
            UsageError: for an unknown format or a file that could not be written.
        """
        name, _, path = text.partition("=")
        if name not in FORMATS:
            raise UsageError(f"--format {name!r} is not known", f"use one of {', '.join(FORMATS)}")
        if "=" in text and not path:
            raise UsageError(f"--format {text!r} names no file")
        if path and not os.access(Path(path).absolute().parent, os.W_OK):
            raise UsageError(f"--format {text!r}: the folder of that file cannot be written")
        return cls(name, Path(path) if path else None)


def outputs(formats: Iterable[str]) -> tuple[Output, ...]:
    """The reports asked for by the options, checked before any work is done; text when none is.

    Raises:
        UsageError: for an unknown format, or two reports for one place.
    """
    result = tuple(Output.parse(text) for text in formats) or (Output("text", None),)
    if len({output.path for output in result}) != len(result):
        raise UsageError("--format: two reports for one place", "give one of them a file: --format json=FILE")
    return result


def write_reports(
    wanted: Iterable[Output],
    *,
    text: Callable[[], Iterable[str]],
    json: Callable[[], bytes],
    code: int = EXIT_OK,
) -> int:
    """Write each report that was asked for, and return the exit code that they explain.

    A `code` that is no success stands, whether or not they can be written.

    Raises:
        InputError: when one cannot be written, and the code is that of a success.
    """
    for output in wanted:
        try:
            if output.format == "json":
                _write(output.path, json().decode() + "\n")
            else:
                _write(output.path, "".join(f"{line}\n" for line in text()))
        except InputError as error:
            if code == EXIT_OK:
                raise
            say(f"pushpolicy: {printable(error.message, 400)}")
    return code


def _write(path: Path | None, content: str) -> None:
    if path is None:
        write_stdout(content)
        return
    try:
        path.write_text(click.unstyle(content), encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}", NOTHING_LOST) from error


def write_stdout(content: str) -> None:
    """Print; a reader that went away (``| head``) does not change what was decided.

    Raises:
        InputError: when standard output cannot be written for another reason.
    """
    try:
        click.echo(content, nl=False)
        sys.stdout.flush()
    except BrokenPipeError:
        _discard(sys.stdout)
    except OSError as error:
        _discard(sys.stdout)
        raise InputError(f"standard output cannot be written: {error.strerror}", NOTHING_LOST) from error


def show(line: str) -> None:
    """Print a line, as `write_stdout` does."""
    write_stdout(f"{line}\n")


def say(line: str, *, end: str = "\n", color: str | None = None) -> None:
    """Talk on standard error; whether anybody listens does not change what is done."""
    try:
        # Without a colour nothing is to be reset: a terminal's log would keep the escape.
        click.echo(click.style(line, fg=color) if color else line, nl=False, err=True)
        click.echo(end, nl=False, err=True)
    except OSError:
        _discard(sys.stderr)


def draw(text: str) -> None:
    """Write on a terminal: what moves the cursor is no colour, and not left out with them (NO_COLOR)."""
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except OSError:
        _discard(sys.stderr)


def _discard(stream: TextIO) -> None:
    """Point a stream elsewhere, or the interpreter complains once more while it exits."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
