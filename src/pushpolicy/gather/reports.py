"""The reports that were read: under which name each goes, and what became of every file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pushpolicy.errors import InputError
from pushpolicy.gather.request import RawReport, Seen
from pushpolicy.gather.values import text
from pushpolicy.model.text import printable

KINDS = ("tests", "scans")
_ENDS = (".sarif.json", ".junit.xml", ".trivy.json", ".xml", ".json", ".sarif")


@dataclass(frozen=True, slots=True)
class ReadReport:
    """One report: the file, and what its format's reader made of it."""

    raw: RawReport
    content: Any = field(repr=False)


@dataclass(slots=True)
class Reports:
    """All reports, what went wrong by kind, and every file that was looked at."""

    workspace: Path
    read: list[ReadReport] = field(default_factory=list)
    problems: dict[str, list[str]] = field(default_factory=lambda: {kind: [] for kind in KINDS})
    seen: list[Seen] = field(default_factory=list)

    def of(self, kind: str) -> list[ReadReport]:
        """The reports of one kind, in the order of their names."""
        return sorted((r for r in self.read if r.raw.kind == kind), key=lambda report: report.raw.name)

    def shown(self, path: Path) -> str:
        """A path as the evidence names it: relative to the workspace where it lies within."""
        absolute, root = path.absolute(), self.workspace.absolute()
        return text(absolute.relative_to(root).as_posix() if absolute.is_relative_to(root) else str(absolute))

    def note(self, path: Path, taken_for: str | None, note: str) -> None:
        """Remember what a file was taken for."""
        self.seen.append(Seen(path=self.shown(path), taken_for=taken_for, note=note))

    def fail(self, path: Path, kind: str, reason: str) -> None:
        """A kind of evidence has failed because of a file."""
        self.problems[kind].append(f"{printable(self.shown(path))}: {reason}")
        self.note(path, kind, f"failed: {reason}")

    def add_named(self, report: ReadReport) -> None:
        """Add a report under the name that was given to it.

        Raises:
            InputError: when another one has the name, or the file has another name already.
        """
        known = [other for other in self.read if other.raw.kind == report.raw.kind]
        for other in known:
            self._refuse_clash(report.raw, other.raw)
        if all(other.raw.name != report.raw.name for other in known):
            self._add(report)

    def add_unnamed(self, found: Iterable[ReadReport]) -> None:
        """Add reports under the shortest names that tell them apart; a copy of one counts once."""
        fresh: list[ReadReport] = []
        for report in found:
            original = _original(report, [*self.read, *fresh])
            if original is None:
                fresh.append(report)
            elif original.raw.path.resolve() != report.raw.path.resolve():
                same = printable(self.shown(original.raw.path))
                self.note(report.raw.path, None, f"left out: the same bytes as {same}")
        choices = [names_of(self.shown(report.raw.path)) for report in fresh]
        taken = Counter((other.raw.kind, other.raw.name) for other in self.read)
        for report, names in zip(fresh, choices, strict=True):
            taken.update((report.raw.kind, name) for name in names)
        for report, names in zip(fresh, choices, strict=True):
            name = next((name for name in names if taken[report.raw.kind, name] == 1), names[-1])
            self._add(ReadReport(replace(report.raw, name=name), report.content))

    def _add(self, report: ReadReport) -> None:
        self.read.append(report)
        name = printable(report.raw.name)
        self.note(report.raw.path, report.raw.kind, f"{report.raw.format} report {name!r}")

    def _refuse_clash(self, new: RawReport, old: RawReport) -> None:
        if new.name == old.name and new.digest != old.digest:
            where = f"{printable(self.shown(old.path))} and {printable(self.shown(new.path))}"
            raise InputError(f"two {new.kind} reports are named {printable(new.name)!r}: {where}")
        if new.name != old.name and new.path.resolve() == old.path.resolve():
            # One run cannot stand for two that are expected.
            names = f"{printable(old.name)!r} and {printable(new.name)!r}"
            raise InputError(f"{printable(self.shown(new.path))} is named as two {new.kind} reports: {names}")


def names_of(path: str) -> tuple[str, ...]:
    """What a report may be called by its path, shortest first: `unit`, `reports/unit`, the path itself."""
    folder, _, file = path.rpartition("/")
    end = next((end for end in _ENDS if file.lower().endswith(end) and len(file) > len(end)), "")
    stem = file[: len(file) - len(end)]
    return tuple(dict.fromkeys((stem, f"{folder}/{stem}" if folder else stem, path)))


def _original(report: ReadReport, others: Iterable[ReadReport]) -> ReadReport | None:
    """The same file read before, or one of the same bytes and file name."""
    for other in others:
        same_bytes = (other.raw.kind, other.raw.digest) == (report.raw.kind, report.raw.digest)
        if same_bytes and other.raw.path.name == report.raw.path.name:
            return other
        if other.raw.path.resolve() == report.raw.path.resolve():
            return other
    return None
