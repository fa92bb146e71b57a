"""The reports that were read: under which name each goes, and what became of every file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from pushpolicy.errors import InputError
from pushpolicy.files import real
from pushpolicy.gather.request import RawReport, Seen
from pushpolicy.model.evidence import Unread
from pushpolicy.model.text import printable
from pushpolicy.reports.capture import Capture
from pushpolicy.reports.declared import SUFFIXES
from pushpolicy.reports.facts import of_type
from pushpolicy.reports.file import bare_name
from pushpolicy.reports.format import KINDS, Facts
from pushpolicy.reports.parsing.values import text

Kind = TypeVar("Kind", bound=Facts)
# Captures that say who wrote other reports, and are none themselves.
CAPTURES = "captures"


class ReadReport(msgspec.Struct, frozen=True):
    """A file as a report of one kind of evidence, and what it says of that."""

    raw: RawReport
    facts: tuple[Facts, ...]


class Origin(msgspec.Struct, frozen=True):
    """Where a file of a part was in its job; the path is that from the job's workspace."""

    part: str
    path: str


class Reports(msgspec.Struct):
    """All reports, what went wrong by kind, and every file that was looked at.

    Attributes:
        tracks: whether git tracks a file; None where that is not known.
        captured_by: the name of the capture that says it wrote a report, by the report's SHA-256.
        origins: of the files that came with a part.
        captures: what each capture says, by its file.
        named: the first report of each kind and name.
        placed: the report of each kind and file, without links.
        alike: the reports of each kind, bytes and file name.
    """

    workspace: Path
    tracks: Callable[[Path], bool | None] = lambda _: None
    read: list[ReadReport] = []
    problems: dict[str, list[str]] = msgspec.field(default_factory=lambda: {kind: [] for kind in KINDS})
    seen: list[Seen] = []
    captured_by: dict[str, str] = {}
    origins: dict[Path, Origin] = {}
    captures: dict[Path, Capture] = {}
    named: dict[tuple[str, str], ReadReport] = {}
    placed: dict[tuple[str, Path], ReadReport] = {}
    alike: dict[tuple[str, str, str], list[ReadReport]] = {}

    def of(self, kind: str) -> list[ReadReport]:
        """The reports of one kind of evidence, in the order of their names."""
        return sorted((r for r in self.read if r.raw.kind == kind), key=lambda report: report.raw.name)

    def items(self, kind: type[Kind]) -> Iterator[tuple[str, RawReport, Kind]]:
        """What the reports of one kind of evidence say: a name, the file and the facts, for each.

        The first of a report has the report's name, those after it `name.2` and so on.
        """
        for report in self.of(kind.evidence_kind):
            for number, facts in enumerate(of_type(kind, report.facts), start=1):
                yield (report.raw.name if number == 1 else f"{report.raw.name}.{number}"), report.raw, facts

    def shown(self, path: Path) -> str:
        """A path as the evidence names it: relative to the workspace where it lies within, or PART:PATH."""
        if origin := self.origins.get(path):
            return f"{origin.part}:{origin.path}"
        absolute, root = path.absolute(), self.workspace.absolute()
        return text(absolute.relative_to(root).as_posix() if absolute.is_relative_to(root) else str(absolute))

    def names(self, path: Path) -> tuple[str, ...]:
        """What a report may be called where no name was given to it, shortest first."""
        if origin := self.origins.get(path):
            return tuple(f"{origin.part}/{name}" for name in names_of(origin.path))
        return names_of(self.shown(path))

    def place(self, path: Path) -> Path:
        """Where a file lies in the workspace, or would lie if its part had been written here."""
        origin = self.origins.get(path)
        return self.workspace / origin.path if origin else path

    def note(self, path: Path, taken_for: str | None, note: str) -> None:
        """Remember what a file was taken for."""
        self.seen.append(Seen(path=self.shown(path), taken_for=taken_for, note=note))

    def times(self) -> dict[tuple[str, str], str]:
        """The latest time that each report gives itself, by its kind and name, where it gives one."""
        return {
            (report.raw.kind, report.raw.name): max(stated, key=datetime.fromisoformat)
            for report in self.read
            if (stated := [facts.moment for facts in report.facts if facts.moment])
        }

    def unread(self) -> tuple[Unread, ...]:
        """The files that were looked at and that no kind of evidence has, by path."""
        found = {(seen.path, seen.note) for seen in self.seen if seen.taken_for is None}
        return tuple(Unread(path=path, why=note) for path, note in sorted(found))

    def fail(self, path: Path, kinds: Iterable[str], reason: str) -> None:
        """The kinds of evidence that a file may have been have failed because of it."""
        for kind in kinds:
            self.problems[kind].append(f"{printable(self.shown(path))}: {reason}")
            self.note(path, kind, f"failed: {reason}")

    def add_named(self, report: ReadReport) -> None:
        """Add a report under the name that was given to it.

        Raises:
            InputError: when another one has the name, or the file has another name already.
        """
        new = report.raw
        old = self.named.get((new.kind, new.name))
        if old and old.raw.digest != new.digest:
            where = f"{printable(self.shown(old.raw.path))} and {printable(self.shown(new.path))}"
            raise InputError(f"two {new.kind} reports are named {printable(new.name)!r}: {where}")
        twin = self.placed.get((new.kind, real(new.path)))
        if twin and twin.raw.name != new.name:
            # One run cannot stand for two that are expected.
            names = f"{printable(twin.raw.name)!r} and {printable(new.name)!r}"
            raise InputError(f"{printable(self.shown(new.path))} is named as two {new.kind} reports: {names}")
        if not old:
            self._add(report)

    def add_unnamed(self, found: Iterable[ReadReport]) -> None:
        """Add reports under the shortest names that tell them apart; a copy of one counts once."""
        fresh: list[ReadReport] = []
        for report in found:
            place = (report.raw.kind, real(report.raw.path))
            original = self.placed.get(place) or self._copied(report)
            if original is None:
                fresh.append(report)
                self._know(report, place)
            elif place not in self.placed:
                same = printable(self.shown(original.raw.path))
                self.note(report.raw.path, None, f"left out: the same bytes as {same}")
        choices = [self.names(report.raw.path) for report in fresh]
        taken = Counter((other.raw.kind, other.raw.name) for other in self.read)
        for report, names in zip(fresh, choices, strict=True):
            taken.update((report.raw.kind, name) for name in names)
        for report, names in zip(fresh, choices, strict=True):
            name = next((name for name in names if taken[report.raw.kind, name] == 1), names[-1])
            self._add(ReadReport(replace(report.raw, name=name), report.facts))

    def _know(self, report: ReadReport, place: tuple[str, Path]) -> None:
        self.placed[place] = report
        self.alike.setdefault(_likeness(report), []).append(report)

    def _add(self, report: ReadReport) -> None:
        self.read.append(report)
        self.named.setdefault((report.raw.kind, report.raw.name), report)
        self._know(report, (report.raw.kind, real(report.raw.path)))
        called = f"{report.raw.format} report {printable(report.raw.name)!r}"
        summary = "; ".join(facts.summary() for facts in report.facts)
        self.note(report.raw.path, report.raw.kind, f"{called}: {summary}" if summary else called)

    def _copied(self, report: ReadReport) -> ReadReport | None:
        """A report of the same bytes and file name that was read before; two jobs may write the same."""
        origin = self.origins.get(report.raw.path)
        for other in self.alike.get(_likeness(report), ()):
            theirs = self.origins.get(other.raw.path)
            if origin is None or theirs is None or origin.part == theirs.part:
                return other
        return None


def _likeness(report: ReadReport) -> tuple[str, str, str]:
    return report.raw.kind, report.raw.digest.hex, report.raw.path.name


def names_of(path: str) -> tuple[str, ...]:
    """What a report may be called by its path, shortest first: `unit`, `reports/unit`, the path itself."""
    folder, _, file = path.rpartition("/")
    bare = bare_name(file)
    suffixes = (suffix for suffix in SUFFIXES if bare.lower().endswith(suffix) and len(bare) > len(suffix))
    stem = bare[: len(bare) - len(next(suffixes, ""))]
    return tuple(dict.fromkeys((stem, f"{folder}/{stem}" if folder else stem, path)))
