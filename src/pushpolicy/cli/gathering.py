"""From options and configuration to what gather is asked, and back to notes on what it saw."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from pushpolicy.cli import environment
from pushpolicy.cli.config import Config
from pushpolicy.cli.options import RegistryOptions
from pushpolicy.cli.report import say
from pushpolicy.errors import InputError, UsageError
from pushpolicy.files import is_file
from pushpolicy.gather import Asking, NamedEvidence, Seen
from pushpolicy.http.addresses import origin
from pushpolicy.http.proxies import Proxies
from pushpolicy.http.settings import Settings
from pushpolicy.model.text import printable
from pushpolicy.reports.format import KINDS

# Where http is spoken too: it does not leave the machine.
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_KINDS = (*KINDS, "extra", "part")


def named_evidence(options: Iterable[str], config: Config) -> tuple[NamedEvidence, ...]:
    """The reports that were named: by ``--evidence``, then by the configuration.

    Raises:
        UsageError: when an option has no known form.
    """
    return tuple(_parse(text) for text in options) + config.reports


def _parse(text: str) -> NamedEvidence:
    """Read ``KIND[.NAME]=PATH``, or a bare path or glob."""
    kind_name, separator, path = text.partition("=")
    kind, _, name = kind_name.partition(".")
    if not separator or kind not in _KINDS:
        if separator and "/" not in kind_name and "*" not in kind_name:
            raise UsageError(
                f"--evidence {text!r}: {kind!r} is no kind of evidence", f"use {', '.join(_KINDS)}, or a path"
            )
        return NamedEvidence(kind=None, name=None, path=text)
    if not path:
        raise UsageError(f"--evidence {text!r} names no path")
    return NamedEvidence(kind=kind, name=name or None, path=path)


def named_parts(paths: Iterable[str]) -> tuple[NamedEvidence, ...]:
    """What ``--part FILE`` names."""
    return tuple(NamedEvidence(kind="part", name=None, path=path) for path in paths)


def git_program(option: str | None) -> Path | None:
    """The program that ``--git`` names.

    Raises:
        InputError: when it is absent.
    """
    if option is not None and not is_file(option):
        raise InputError(
            f"--git {printable(option)}: there is no such program", "name the git program itself"
        )
    return Path(option) if option is not None else None


def public_variables(names: Iterable[str]) -> frozenset[str]:
    """The variables that ``--not-secret`` names.

    Raises:
        UsageError: when one is not set. It is not quoted: a value may stand there by mistake.
    """
    given = frozenset(names)
    if not given <= environment.environment().keys():
        hint = "give the name of the variable, without $ and never its value"
        raise UsageError("--not-secret names a variable that is not set", hint)
    return given


def asked_jobs(option: str | None, registry: RegistryOptions) -> Asking | None:
    """Whom ``--jobs`` asks, if anybody; further authorities are those of ``--ca-file``.

    Raises:
        UsageError: when it is no address that a token may be sent to.
    """
    if option is None:
        return None
    settings = Settings(
        ca_file=Path(registry.ca_file) if registry.ca_file else None,
        proxies=Proxies.from_environ(environment.environment()),
    )
    if option == "api":
        return Asking(settings=settings)
    try:
        scheme, host, _ = origin(option)
    except ValueError:
        scheme, host = "", ""
    if "?" in option or "#" in option or (scheme != "https" and host not in _LOOPBACK):
        hint = "write --jobs api, or the API's address: https://api.github.com, https://HOST/api/v4"
        # It is not quoted: a token may stand in it.
        raise UsageError("--jobs names no address to ask", hint)
    return Asking(address=option, settings=settings)


def note_seen(seen: Iterable[Seen]) -> None:
    """Say on standard error which files were read and what each was taken for."""
    for item in seen:
        if item.taken_for:
            say(f"read {printable(item.path)}: {printable(item.taken_for)} {printable(item.note)}")


def seen_lines(seen: Iterable[Seen]) -> Iterator[str]:
    """What every file was taken for, what was counted in it, or why it was left out."""
    rows = [(printable(item.path, 60), item.taken_for or "-", printable(item.note, 400)) for item in seen]
    if not rows:
        yield "no file was named, and none is in the usual places (`pushpolicy doctor` lists them)"
        return
    rows.insert(0, ("FILE", "TAKEN FOR", "WHAT WAS COUNTED, OR WHY NOT"))
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    for path, taken_for, note in rows:
        yield f"{path:<{widths[0]}}  {taken_for:<{widths[1]}}  {note}"
