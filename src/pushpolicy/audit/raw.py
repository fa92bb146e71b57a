"""The evidence of a record, made again of the raw reports that it keeps (``--from raw``).

What gather made of a report file is made of it anew, by this program's own readers: test reports, coverage,
scans and SBOMs, each bound to the recorded image. What else the evidence says stands as it is recorded: no
raw report holds it. Where something comes out otherwise, another version of pushpolicy reads it otherwise, or
the evidence was not made of these files.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from pushpolicy.audit.walk import Opened
from pushpolicy.errors import InputError, UsageError
from pushpolicy.evaluate import validate_evidence as validate
from pushpolicy.gather import sbom, scans, suites
from pushpolicy.gather.capture import capture_of, join
from pushpolicy.gather.image import Statements
from pushpolicy.gather.names import Origin, ReadReport, Reports
from pushpolicy.gather.request import Expected, RawReport
from pushpolicy.gather.vouch import Witnesses
from pushpolicy.model.digest import Digest
from pushpolicy.model.document import Document, plain
from pushpolicy.model.evidence import ImageEvidence
from pushpolicy.model.reference import Repository
from pushpolicy.model.text import first_of, printable
from pushpolicy.records import format as names
from pushpolicy.records.kept import kept_report
from pushpolicy.records.typed import read_typed
from pushpolicy.reports.declared import BrokenReportError, NotAReport
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.reader import read

# The evidence that is made of report files, and of each entry what other steps add.
_LISTS = {
    "tests": (("reports",), frozenset[str]()),
    "coverage": (("coverage", "reports"), frozenset[str]()),
    "scans": (("items",), frozenset({"empty_by", "not_empty"})),
    "sbom": (("items",), frozenset({"verified", "verified_by", "unverified"})),
}
_OF_FINDINGS = frozenset({"vex", "joined"})
_KINDS = frozenset({*_LISTS, "captures"})


class NotPossibleError(Exception):
    """A report that the evidence was made of is not there, or is none any more."""


class Renewed(NamedTuple):
    """What came out.

    Attributes:
        evidence: the recorded one, with the entries that came out otherwise.
        reports: how many were read again.
        other: the entries that came out otherwise, in words.
    """

    evidence: Document
    reports: int
    other: tuple[str, ...]

    @property
    def says(self) -> str:
        """In one line."""
        told = f"{self.reports} raw reports, read again"
        return f"{told}: the same evidence" if not self.other else f"{told}: other {first_of(self.other, 5)}"


def renewed(opened: Opened, limits: Limits) -> Renewed:
    """Make the evidence of a record again.

    Raises:
        NotPossibleError: saying why it cannot be made.
    """
    value = opened.record.evidence.value
    with tempfile.TemporaryDirectory(prefix="pushpolicy-raw-") as folder:
        reports = _read(opened, Path(folder), limits)
        fresh = _made(reports, value, limits)
    changed, other = dict(value), list[str]()
    for kind, (path, added) in _LISTS.items():
        section = "tests" if kind == "coverage" else kind
        was, now = _entries(value.get(section), path), _entries(fresh[section], path)
        entries = dict(_other(was, now, added))
        if entries:
            if any(each.get("origin", "file") != "file" for each in value.get(kind, {}).get("items", ())):
                raise NotPossibleError(f"it has a {kind} of the image itself, which no record keeps")
            other += [f"{kind} {printable(name)}" for name, _ in entries]
            changed[section] = _with(changed[section], fresh[section], path, entries)
    evidence = Document.of(changed) if other else opened.record.evidence
    try:
        validate(evidence)
    except InputError as error:
        raise NotPossibleError(error.message) from error
    return Renewed(evidence, len(reports.read), tuple(sorted(other)))


def _read(opened: Opened, folder: Path, limits: Limits) -> Reports:
    """Every report that evidence was made of, under the name that it had."""
    summary = opened.summary
    layers = {layer.annotations[names.REPORT_DIGEST]: layer for layer in summary.reports}
    listed = [each for each in opened.record.evidence.value["reports"] if each["kind"] in _KINDS]
    if absent := [each["name"] for each in listed if f"sha256:{each['sha256']}" not in layers]:
        raise NotPossibleError(f"of {len(listed)} raw reports {len(absent)} are kept by their digests alone")
    reports = Reports(folder)
    for number, each in enumerate(listed):
        path = _place(folder, number, each, reports)
        try:
            with path.open("wb") as file:
                file.writelines(kept_report(opened.shelf.records, layers[f"sha256:{each['sha256']}"]))
            reports.read.append(_report(path, each, limits))
        except (ValueError, OSError, NotAReport, BrokenReportError) as error:
            name = printable(f"{each['kind']} {each['name']}")
            raise NotPossibleError(f"{name} cannot be read again: {printable(str(error), 300)}") from error
    captures = [report for report in reports.read if capture_of(report)]
    try:
        join(reports, captures, limits)
    except (InputError, UsageError) as error:
        raise NotPossibleError(error.message) from error
    return reports


def _place(folder: Path, number: int, listed: Mapping[str, Any], reports: Reports) -> Path:
    """A place for a file: captures name others by their paths, which lead nowhere else."""
    name = str(listed["path"])
    part = listed.get("part")
    if part is not None:
        name = name.removeprefix(f"{part}:")
    path = folder / str(number) / (Path(name).name or "report")
    path.parent.mkdir()
    reports.origins[path] = Origin(part or "", name)
    return path


def _report(path: Path, listed: Mapping[str, Any], limits: Limits) -> ReadReport:
    file = read(path, limits)
    kind = listed["kind"]
    facts = file.by_kind().get(kind)
    if facts is None and kind == "captures":
        facts = next(iter(file.by_kind().values()), None)
    if facts is None or file.format.name != listed["format"]:
        raise ValueError(f"it is read as {file.format.name}, and was as {listed['format']}")
    raw = RawReport(
        name=listed["name"],
        path=path,
        kind=kind,
        format=listed["format"],
        digest=Digest("sha256", listed["sha256"]),
        size=listed["size"],
        media_type=file.format.media_type,
    )
    return ReadReport(raw, facts)


def _made(reports: Reports, value: Mapping[str, Any], limits: Limits) -> dict[str, Any]:
    """The sections of the evidence, by gather's own functions."""
    image = read_typed(ImageEvidence, value["image"], "image")
    target = value["target"]
    repository = Repository(registry=target["registry"], path=target["repository"])
    at = datetime.fromisoformat(value["evaluated_at"])
    witnesses = Witnesses(keys={}, repository=repository, at=at)
    commit = value["source"].get("commit")
    found = {
        "tests": suites.evidence(reports, Expected()),
        "scans": scans.evidence(reports, (), image, commit),
        "sbom": sbom.evidence(reports, Statements(), image, limits, witnesses),
    }
    made: dict[str, Any] = plain(found)
    return made


def _entries(section: Any, path: Iterable[str]) -> list[dict[str, Any]]:
    """The entries of a section that are made of files."""
    for key in path:
        section = section.get(key) if isinstance(section, dict) else None
    return [each for each in section or [] if each.get("origin", "file") == "file"]


def _other(
    was: list[dict[str, Any]], now: list[dict[str, Any]], added: frozenset[str]
) -> Iterator[tuple[tuple[str, str], dict[str, Any] | None]]:
    """Those that came out otherwise, by name and digest; None where none came out."""
    before, after = (_by_name(entries) for entries in (was, now))
    for key in sorted(before.keys() | after.keys()):
        old, new = before.get(key), after.get(key)
        if old is None or new is None or _bare(old, added) != _bare(new, added):
            yield key, new and _like(new, old or {}, added)


def _by_name(entries: Iterable[dict[str, Any]]) -> dict[tuple[str, str], dict[str, Any]]:
    return {(each["name"], each["sha256"]): each for each in entries}


def _bare(entry: Mapping[str, Any], added: frozenset[str]) -> bytes:
    """An entry without what other steps add to it."""
    value = {name: content for name, content in entry.items() if name not in added}
    if "findings" in value:
        value["findings"] = [
            {name: content for name, content in finding.items() if name not in _OF_FINDINGS}
            for finding in value["findings"]
        ]
    return Document.of(value).content


def _like(new: dict[str, Any], old: Mapping[str, Any], added: frozenset[str]) -> dict[str, Any]:
    """The new entry with what other steps added to the old one."""
    known = {_finding(each): each for each in old.get("findings", ())}
    findings = [
        each | {name: held[name] for name in _OF_FINDINGS & held.keys()}
        for each in new.get("findings", ())
        for held in (known.get(_finding(each), {}),)
    ]
    kept = {name: old[name] for name in added & old.keys()}
    return new | kept | ({"findings": findings} if "findings" in new else {})


def _finding(finding: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(finding.get(name) for name in ("id", "kind", "package", "version", "purl"))


def _with(
    section: dict[str, Any],
    fresh: Mapping[str, Any],
    path: tuple[str, ...],
    entries: Mapping[tuple[str, str], dict[str, Any] | None],
) -> dict[str, Any]:
    """A section with other entries, and the sums that were made of them; its status is as recorded."""
    if len(path) > 1:
        inner = _with(section.get(path[0]) or {}, fresh.get(path[0]) or {}, path[1:], entries)
        return {**section, path[0]: inner}
    found = [each for each in section.get(path[0], ()) if (each["name"], each["sha256"]) not in entries]
    ordered = sorted([*found, *filter(None, entries.values())], key=lambda each: str(each["name"]))
    stated = {name: content for name, content in section.items() if name in ("status", "reason")}
    return {**section, **fresh, **stated, path[0]: ordered}
