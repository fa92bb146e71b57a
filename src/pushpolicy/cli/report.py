"""Where reports go: ``--format FORMAT[=FILE]``, standard output by default; and what is said beside them."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TextIO

import click

from pushpolicy.cli import environment
from pushpolicy.cli.formats import FORMATS, Format, Kind, Report
from pushpolicy.errors import EXIT_OK, InputError, PushPolicyError, UsageError
from pushpolicy.files import is_file
from pushpolicy.model.text import printable

if TYPE_CHECKING:
    from pushpolicy.registry.credentials import Credential

_REPLACING = "give another file, or name it with --format, which replaces it"
NOTHING_LOST = "what was decided and published stands; give another file"
# Those of this process's registries, which see them and may say them back.
_in_use: list[Credential] = []


class Output(NamedTuple):
    """One report asked for.

    Attributes:
        path: the file it goes to; None for standard output.
        replaces: whether what is in that file may go.
    """

    format: Format
    path: Path | None
    replaces: bool = True

    @classmethod
    def parse(cls, text: str, kinds: Collection[Kind] = (), *, replaces: bool = True) -> Output:
        """Read ``FORMAT`` or ``FORMAT=FILE``, for a command that reports these kinds.

        Args:
            text: as it was given.
            kinds: what is reported.
            replaces: not for a variable: an earlier step could name a file of the checkout, or of the image.

        Raises:
            UsageError: for an unknown format, one that cannot say this, a file that could not be written, or
                a page on a terminal.
        """
        name, _, path = text.partition("=")
        usable = [known for known, item in FORMATS.items() if item.kinds.issuperset(kinds)]
        if name not in usable:
            fault = "does not fit this command" if name in FORMATS else "is not known"
            raise UsageError(f"--format {name!r} {fault}", f"use one of {', '.join(usable)}")
        if "=" in text and not path:
            raise UsageError(f"--format {text!r} names no file")
        if name == "html" and not path and sys.stdout is not None and sys.stdout.isatty():
            raise UsageError(
                "--format html: a page is for a browser, not for a terminal", "--format html=FILE"
            )
        if path and not os.access(Path(path).absolute().parent, os.W_OK):
            raise UsageError(f"--format {text!r}: the folder of that file cannot be written")
        if path and not replaces and is_file(path) and Path(path).stat().st_size:
            raise UsageError(f"{path} is there already, and a variable replaces no file", _REPLACING)
        return cls(FORMATS[name], Path(path) if path else None, replaces)


class Outputs:
    """Where one run reports to, and the error that it ends with. Each place is written at most once."""

    def __init__(self) -> None:
        self._asked: tuple[Output, ...] = ()
        self._written = set[Path | None]()

    @property
    def asked(self) -> tuple[Output, ...]:
        """What was asked for, before any work was done."""
        return self._asked

    @property
    def streams(self) -> bool:
        """Whether the report is read once, as it comes."""
        return len(self._asked) == 1 and self._asked[0].format.streams

    def asks(self, name: str) -> bool:
        """Whether a report is asked for in the format of this name."""
        return any(output.format is FORMATS[name] for output in self._asked)

    def asks_only(self, name: str) -> bool:
        """Whether reports are asked for in no other format than this."""
        return all(output.format is FORMATS[name] for output in self._asked)

    def ask(self, outputs: Iterable[Output]) -> None:
        """Ask for more reports.

        Raises:
            UsageError: when two are for one place.
        """
        asked = (*self._asked, *outputs)
        if len({output.path for output in asked}) != len(asked):
            raise UsageError(
                "--format: two reports for one place", "give one of them a file: --format json=FILE"
            )
        self._asked = asked

    def again(self) -> Outputs:
        """The same for a further run, which writes each place anew; a file that this one wrote is its own."""
        outputs = Outputs()
        written = self._written
        outputs.ask(each._replace(replaces=each.replaces or each.path in written) for each in self._asked)
        return outputs

    def write(self, report: Report, code: int | Callable[[], int] = EXIT_OK) -> int:
        """Write the report in each format that was asked for, and return the exit code that it explains.

        A `code` that is no success stands, whether or not the report can be written.

        Args:
            report: what there is to say.
            code: the exit code; what gives it, where that is known only when all was written.

        Raises:
            InputError: when it cannot be written, and the code is that of a success.
        """
        return self._report(report, self._asked, code if callable(code) else lambda: code)

    def fail(self, report: Report, code: int) -> None:
        """Write the error that the run ends with, where no report was written before."""
        asked = tuple(
            output
            for output in self._asked
            if report.kind in output.format.kinds and output.path not in self._written
        )
        self._report(report, asked, lambda: code)

    def _report(self, report: Report, asked: Iterable[Output], code: Callable[[], int]) -> int:
        contents = [(output, output.format.render(report)) for output in asked]
        for output, parts in contents:
            self._written.add(output.path)
            try:
                _write(output, map(_unsaid, parts))
            except InputError as error:
                if code() == EXIT_OK:
                    raise
                say(f"pushpolicy: {printable(error.message, 400)}")
        if contents and all(output.format.of_rows for output, _ in contents):
            for line in report.as_table().beside():
                say(line)
        return code()


def fail(outputs: Outputs, error: PushPolicyError) -> int:
    """Tell an expected failure as `fail_with` does; returns its exit code."""
    return fail_with(outputs, error.exit_code, error.message, _advice(error))


def fail_with(outputs: Outputs, code: int, message: str, hint: str | None) -> int:
    """Tell an error on standard error, and in the formats that were asked for; returns the exit code."""
    message, hint = complain(message, hint)
    if outputs.asked:
        from pushpolicy.cli.render.error import failure

        try:
            outputs.fail(failure(code, message, hint), code)
        except Exception as error:  # noqa: BLE001 - the error above is what the run ends with
            say(f"pushpolicy: it could not be reported in the format asked for: {type(error).__name__}")
    return code


def complain(message: str, hint: str | None) -> tuple[str, str | None]:
    """Tell what is wrong, and what to do, on standard error; returns both as they were told."""
    lines = [printable(line, 1000) for line in without_secrets(message).split("\n")]
    hint = printable(without_secrets(hint), 1000) if hint else None
    for line in lines:
        say(f"pushpolicy: {line}")
    if hint:
        say(f"  -> {hint}")
    return "\n".join(lines), hint


def _advice(error: PushPolicyError) -> str | None:
    """What to do about it. Where no file can be opened any more, that is the cause, whatever step it was."""
    below: BaseException | None = error
    while below is not None:
        if isinstance(below, OSError) and below.errno in (errno.EMFILE, errno.ENFILE):
            return "raise the limit on open files (ulimit -n), or that of the system"
        below = below.__cause__ or below.__context__
    return error.hint


def _write(output: Output, parts: Iterable[str]) -> None:
    path = output.path
    if path is None:
        all(map(write_stdout, parts))  # no further than somebody reads
        return
    try:
        # Without waiting: a variable may name a pipe that nobody reads.
        flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK
        descriptor = os.open(path, flags | (os.O_TRUNC if output.replaces else 0), 0o666)
        os.set_blocking(descriptor, True)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            if os.fstat(descriptor).st_size and not output.replaces:
                raise InputError(f"{path} is there already, and a variable replaces no file", NOTHING_LOST)
            file.writelines(map(click.unstyle, parts))
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}", NOTHING_LOST) from error


def write_stdout(content: str | bytes) -> bool:
    """Print; a reader that went away (``| head``) does not change what was decided.

    Returns:
        whether there is still one.

    Raises:
        InputError: when standard output cannot be written for another reason.
    """
    try:
        click.echo(content, nl=False)
        sys.stdout.flush()
    except BrokenPipeError:
        _discard(sys.stdout)
        return False
    except OSError as error:
        _discard(sys.stdout)
        raise InputError(f"standard output cannot be written: {error.strerror}", NOTHING_LOST) from error
    return True


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


def hide(credential: Credential) -> None:
    """Have what this credential holds replaced too."""
    _in_use.append(credential)


def holds_credential(variable: str, value: str) -> bool:
    """Whether a variable has a credential in use, however that is spelt in it, or is where it was found."""
    return any(each.variable == variable for each in _in_use) or _unsaid(value) != value


def without_secrets(text: str) -> str:
    """The text with every secret value replaced by its name, however it is spelt.

    It is the last look at what leaves on standard error: messages quote arguments, registries and libraries.
    The secrets are those of the environment and of the credentials in use.
    """
    return _without(text, environment.environment())


def _unsaid(text: str) -> str:
    """A report without the credentials in use: a registry can say what it was shown, in a tag or a realm."""
    return _without(text, {}) if any(credential.secrets for credential in _in_use) else text


def _without(text: str, environ: Mapping[str, str]) -> str:
    # Imported here: only a failure needs it, or a credential.
    from pushpolicy.gather.secrets.search import secret_values, spellings

    values = [secret_values(environ, credential) for credential in (None, *_in_use)]
    called = {
        spelling.decode("utf-8", "surrogateescape"): name
        for found in values
        for value, name in found.items()
        for spelling in spellings(value)
    }
    # A secret may be a part of another one.
    for spelling in sorted(called, key=len, reverse=True):
        text = text.replace(spelling, f"<{called[spelling]}>")
    return text
