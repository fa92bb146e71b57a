"""Captures a command: first that it was started, then how it ended."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path, PurePath

import msgspec

from pushpolicy.errors import InputError, UsageError
from pushpolicy.files import write_whole
from pushpolicy.gather.capture import marks, process, written
from pushpolicy.gather.capture.image import is_pinned, resolve
from pushpolicy.gather.capture.mask import masked
from pushpolicy.gather.runs import run_here
from pushpolicy.gather.secrets import is_secret_name
from pushpolicy.model.redacted import Redacted
from pushpolicy.model.text import printable
from pushpolicy.registry import RepositoryClient
from pushpolicy.reports.capture import SCHEMA, SUFFIX, Capture, CapturedImage, parse
from pushpolicy.reports.file import open_report
from pushpolicy.reports.format import ReportError
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.parsing.values import format_time, text

IMAGE = "{image}"
FOLDER = "reports"  # one of the usual places
_MAX_SIZE = 16 * 1024 * 1024
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class RunRequest(Redacted, frozen=True, kw_only=True):
    """A command to capture.

    Attributes:
        kind: tests or scans.
        name: of the capture; None for the program's name.
        scanned: for a scan, what it looks into.
        patterns: globs of reports, beside the usual places.
        workspace: the current folder; paths start here.
        image: the IMAGE argument of what a scan is given, for which ``{image}`` stands in argv.
        client: the repository that it names, where it is in a registry.
    """

    hidden_fields = frozenset({"environ"})

    kind: str
    argv: tuple[str, ...]
    workspace: Path
    environ: Mapping[str, str]
    name: str | None = None
    scanned: str | None = None
    patterns: tuple[str, ...] = ()
    limits: Limits = msgspec.field(default_factory=Limits)
    image: str | None = None
    client: RepositoryClient | None = None


class Captured(msgspec.Struct, frozen=True, kw_only=True):
    """The file, what it says, and how the command ended; whether the image was another one then."""

    path: Path
    image_changed: bool = False
    capture: Capture
    ended: process.Ended


def run(request: RunRequest) -> Captured:
    """Run a command and capture it.

    Raises:
        UsageError: when the name is malformed, or is that of another command's capture; when an image is
            given and stands nowhere in the command.
        InputError: when the capture cannot be written. What was written before the command ran then says
            that it has not ended, which is no pass.
    """
    image = _given(request)
    argv = [each.replace(IMAGE, image.argument) for each in request.argv] if image else list(request.argv)
    started = _started(request, argv, image)
    path = request.workspace / FOLDER / f"{started.name}{SUFFIX}"
    _refuse_other(path, started)
    before = marks(request.workspace, request.patterns, request.limits)
    _write(path, started)
    # What is for pushpolicy alone (PUSHPOLICY_PASSWORD, _SIGNING_KEY, _JOBS_TOKEN) is none of the command's.
    environ = {
        name: value
        for name, value in request.environ.items()
        if not (name.startswith("PUSHPOLICY_") and is_secret_name(name))
    }
    ended = process.run(argv, environ)
    after = marks(request.workspace, request.patterns, request.limits)
    changed = False
    if image is not None and not is_pinned(image):
        try:
            changed = resolve(request.image or "", request.environ, request.client) != image
        except (InputError, UsageError):
            changed = True  # it is gone
    capture = msgspec.structs.replace(
        started,
        ended=_now(),
        exit_code=ended.exit_code,
        signal=ended.signal,
        reports=written(request.workspace, before, after, request.limits),
        image=None if changed else image,
    )
    _write(path, capture)
    return Captured(path=path, capture=capture, ended=ended, image_changed=changed)


def _given(request: RunRequest) -> CapturedImage | None:
    if request.image is None:
        return None
    if not any(IMAGE in argument for argument in request.argv):
        raise UsageError(
            f"--image: {IMAGE} stands nowhere in the command", "write it where the command names the image"
        )
    return resolve(request.image, request.environ, request.client)


def _started(request: RunRequest, argv: list[str], image: CapturedImage | None) -> Capture:
    name = request.name or re.sub(r"[^A-Za-z0-9._-]", "-", PurePath(request.argv[0]).name).lstrip("._-")[:100]
    if not _NAME.fullmatch(name):
        hint = "a name has letters, digits and . _ -, at most 100"
        raise UsageError(f"--name {printable(name)!r} cannot be the name of a capture", hint)
    here = run_here(request.workspace, request.environ)
    stated = {"scanned": request.scanned, "commit": here.commit, "run": here.run, "attempt": here.attempt}
    return msgspec.convert(
        {
            "schema": SCHEMA,
            "kind": request.kind,
            "name": name,
            "argv": [text(argument) for argument in masked(argv, request.environ)],
            "started": _now(),
            "image": image,
            **{key: value for key, value in stated.items() if value is not None},
        },
        Capture,
    )


def _now() -> str:
    return format_time(datetime.now(UTC).replace(microsecond=0))


def _refuse_other(path: Path, started: Capture) -> None:
    """A later command must not hide what an earlier one said; the same one, run again, may."""
    if not path.exists():
        return
    try:
        with open_report(path, _MAX_SIZE) as file:
            earlier = parse(file.content())
        same = (earlier.kind, earlier.argv, earlier.scanned) == (started.kind, started.argv, started.scanned)
    except ReportError:
        same = False
    if not same:
        raise UsageError(
            f"{printable(str(path.relative_to(path.parents[1])))} is the capture of another command",
            "give this one a name of its own (--name NAME), or remove that file",
        )


def _write(path: Path, capture: Capture) -> None:
    """Write the file whole or not at all."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with write_whole(path) as file:
            file.write(capture.content())
    except OSError as error:
        hint = "what is there does not count as a pass; make room and run the command again"
        raise InputError(f"{printable(str(path))}: cannot be written: {error.strerror}", hint) from error
