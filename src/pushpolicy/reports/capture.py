"""The capture ``pushpolicy.capture/v1``: what `pushpolicy run` wrote of a command, and how it is recognised.

A capture without `ended` was written before the command ran: it, or the capture of it, did not come to an
end. The document is pushpolicy's own, so what JSON readers disagree on is refused in it.
"""

from __future__ import annotations

import re
import shlex
from pathlib import PurePath, PurePosixPath
from typing import Literal

import msgspec

from pushpolicy.model import canonical
from pushpolicy.model.document import Exact
from pushpolicy.model.evidence import Finding, Scanner, Severity
from pushpolicy.model.text import printable
from pushpolicy.reports.facts import ScanFacts, SuiteFacts
from pushpolicy.reports.format import Facts, Format, Head, Identity, ReportBytes, ReportError
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.parsing.jsondoc import utf8
from pushpolicy.reports.parsing.values import brief, utc
from pushpolicy.reports.scanners import Meaning, meaning
from pushpolicy.reports.suites import Tally

SCHEMA = "pushpolicy.capture/v1"
SUFFIX = ".capture.json"
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")


class Written(Exact, frozen=True, kw_only=True):
    """One report that the command wrote: its path from the folder of the run, and its bytes' digest."""

    path: str
    sha256: str
    size: int


class CapturedImage(Exact, frozen=True, kw_only=True):
    """The image that a scan looked into, as it was resolved before the command ran, and again after it.

    Attributes:
        reference: the IMAGE argument.
        argument: what stands in the command for ``{image}``.
        digest: of its manifest or index, where the source has one.
        image_id: as the daemon calls it, else the digest of its config.
        diff_ids: all its layers, uncompressed, in order.
    """

    reference: str
    argument: str
    digest: str | None = None
    image_id: str
    diff_ids: tuple[str, ...]

    @property
    def where(self) -> str:
        """Whether it is in a daemon, a registry or a file."""
        places = {"docker-daemon:": "daemon", "docker://": "registry"}
        return next((place for prefix, place in places.items() if self.reference.startswith(prefix)), "file")


class Capture(Exact, frozen=True, kw_only=True):
    """What a command did.

    Attributes:
        kind: tests or scans.
        name: of the capture, unique within its folder.
        argv: the command, with secrets masked.
        started, ended: RFC 3339 in UTC.
        exit_code: None while it runs, and when a signal ended it.
        signal: the signal that ended it, as SIGSEGV.
        scanned: for a scan, what it looked into: image, code, config or secret.
        reports: what it wrote, as far as pushpolicy knows the format.
        image: the one it was given to scan; None where none was, or where another had its name afterwards.
        commit: that was checked out, else the CI system's.
        run, attempt: of the CI system.
    """

    schema: Literal["pushpolicy.capture/v1"]
    kind: Literal["tests", "scans"]
    name: str
    argv: tuple[str, ...]
    started: str
    ended: str | None = None
    exit_code: int | None = None
    signal: str | None = None
    scanned: Literal["image", "code", "config", "secret"] | None = None
    reports: tuple[Written, ...] = ()
    image: CapturedImage | None = None
    commit: str | None = None
    run: str | None = None
    attempt: int | None = None

    @property
    def passed(self) -> bool:
        """Whether the command came to its end and said that all is well."""
        return self.ended is not None and self.exit_code == 0

    @property
    def outcome(self) -> str:
        """How it ended, in words."""
        if self.ended is None:
            return "it has not ended"
        return (
            f"it was ended by {self.signal}" if self.signal else f"it ended with exit code {self.exit_code}"
        )

    def content(self) -> bytes:
        """The canonical document."""
        return canonical.encode(msgspec.to_builtins(self) | {"schema": self.schema})


class CaptureFacts(Facts, frozen=True):
    """A capture as a report: what the exit code says where the command wrote no report of its own."""

    capture: Capture

    def summary(self) -> str:
        """As ``pytest: it ended with exit code 1``."""
        return f"{printable(self.capture.argv[0], 60)}: {self.capture.outcome}"

    def result(self) -> Facts:
        """The exit code as facts of the capture's kind."""
        raise NotImplementedError


class SuiteCapture(CaptureFacts, frozen=True):
    """The capture of a command that tests."""

    evidence_kind = "tests"

    def result(self) -> Facts:
        """One case, named after the command, which passed if and only if it ended with 0."""
        capture, tally = self.capture, Tally(Limits())
        tally.add("passed" if capture.passed else "failed")
        if not capture.passed:
            tally.fail(shlex.join(capture.argv), "failure", capture.outcome)
        return SuiteFacts(
            totals=tally.totals(), failures=tuple(tally.failures), timestamp=utc(capture.started)
        )


class ScanCapture(CaptureFacts, frozen=True):
    """The capture of a command that scans."""

    evidence_kind = "scans"

    def result(self) -> Facts:
        """No finding where it ended with 0, else one: the command does not say which.

        It is about an image only where the command is known to look for vulnerabilities in the one that it
        was given, and to say by its exit code whether it found any; then the finding may be critical.
        """
        capture = self.capture
        kind = capture.scanned or "image"
        told = self._meaning() if kind == "image" else None
        finding = Finding(
            id=f"exit-code/{capture.name}",
            severity=Severity.CRITICAL if told else Severity.UNKNOWN,
            kind="exit-code",
            title=brief(f"{shlex.join(capture.argv)}: {capture.outcome}"),
        )
        name = told.scanner if told else PurePath(capture.argv[0]).name or capture.argv[0]
        return ScanFacts(
            scanner=Scanner(name=name),
            kind=kind,
            identity=_identity(capture.image) if told and capture.image else Identity(),
            findings=() if capture.passed else (finding,),
            filters=told.filters if told else None,
            looked_for=("vulnerabilities",) if told else ("unsaid",),
            at=utc(capture.started),
        )

    def _meaning(self) -> Meaning | None:
        capture, image = self.capture, self.capture.image
        told = meaning(capture.argv, image.argument, image.where) if image else None
        return told if told and capture.exit_code in {0, *told.found} else None


def _identity(image: CapturedImage) -> Identity:
    return Identity(
        name=image.reference,
        digests=(image.digest,) if image.digest else (),
        image_id=image.image_id,
        diff_ids=image.diff_ids,
        captured=True,
    )


def parse(content: bytes) -> Capture:
    """Read a capture.

    Raises:
        ReportError: when it is malformed, or contradicts itself.
    """
    try:
        capture = msgspec.convert(canonical.decode(utf8(content)), Capture)
    except (ValueError, RecursionError) as error:
        raise ReportError(f"it is no capture: {printable(str(error))}") from error
    problem = _contradiction(capture)
    if problem:
        raise ReportError(f"it is no capture: {problem}")
    return capture


def _contradiction(capture: Capture) -> str | None:
    if not capture.name or not capture.argv:
        return "its name or argv is empty"
    ways = (capture.exit_code is not None) + (capture.signal is not None)
    if ways != (capture.ended is not None):
        return "an ended command has either an exit code or a signal, and one that has not ended has neither"
    image = capture.image
    if image and not (image.argument and all(map(_DIGEST.fullmatch, filter(None, _digests(image))))):
        return "its image is not named, or a digest of it is none"
    if any(utc(time) is None for time in (capture.started, capture.ended) if time is not None):
        return "a time is not RFC 3339 with a zone"
    outside = (written.path for written in capture.reports if not _within(written.path))
    return next((f"{printable(path)} leads out of the folder" for path in outside), None)


def _digests(image: CapturedImage) -> tuple[str | None, ...]:
    return (image.digest, image.image_id, *image.diff_ids)


def _within(path: str) -> bool:
    plain = PurePosixPath(path)
    return bool(plain.parts) and "\0" not in path and not plain.is_absolute() and ".." not in plain.parts


def _read(report: ReportBytes, limits: Limits) -> tuple[Facts, ...]:
    capture = parse(report.content())
    if len(capture.reports) > limits.max_files:
        raise ReportError(f"its {len(capture.reports)} reports are over the limit of {limits.max_files}")
    return (SuiteCapture(capture) if capture.kind == "tests" else ScanCapture(capture),)


def _recognise(head: Head) -> bool:
    return not head.is_array and head.keys.get("schema", b"").startswith(b'"pushpolicy.capture/')


FORMAT = Format(
    name="capture",
    kind="tests",
    also=("scans",),
    media_type="application/vnd.pushpolicy.capture.v1+json",
    suffixes=(SUFFIX, ".json"),
    file_names=(f"*{SUFFIX}",),
    marks=(b'"pushpolicy.capture/v1"',),
    recognise=_recognise,
    read=_read,
)
