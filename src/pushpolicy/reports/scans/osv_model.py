"""The parts of OSV-Scanner's packages, and of the OSV records in them (OSV schema 1.x), that are read."""

from __future__ import annotations

import msgspec


class Event(msgspec.Struct, gc=False):
    """A point of a version range."""

    fixed: str | None = None


class Range(msgspec.Struct, gc=False):
    """Versions, or commits where the type is GIT."""

    type: str | None = None
    events: list[Event] | None = None


class AffectedPackage(msgspec.Struct, gc=False):
    """A package that a record is about; its purl has no version."""

    name: str | None = None
    ecosystem: str | None = None
    purl: str | None = None


class Affected(msgspec.Struct, gc=False):
    """A package, and the versions of it, that a record is about."""

    package: AffectedPackage | None = None
    ranges: list[Range] | None = None


class DatabaseSpecific(msgspec.Struct, gc=False):
    """What a database adds; only GitHub's and those made of it have a word for severity."""

    severity: object = None


class Record(msgspec.Struct, gc=False):
    """One advisory of one database."""

    id: str
    aliases: list[str] | None = None
    summary: str | None = None
    details: str | None = None
    affected: list[Affected] | None = None
    database_specific: DatabaseSpecific | None = None


class Analysis(msgspec.Struct, gc=False):
    """Whether the scanner found the flawed code to be called, and the distribution the flaw to matter."""

    called: bool = True
    unimportant: bool = False


class Group(msgspec.Struct, gc=False):
    """Records of one flaw; `max_severity` is a CVSS score as text, or empty."""

    ids: list[str]
    aliases: list[str] | None = None
    max_severity: str | None = None
    experimental_analysis: dict[str, Analysis] | None = None


class Package(msgspec.Struct, gc=False):
    """A package that was found."""

    name: str | None = None
    version: str | None = None
    ecosystem: str | None = None
    commit: str | None = None


class Packages(msgspec.Struct, gc=False):
    """A package, its records and their groups."""

    package: Package
    vulnerabilities: list[Record] | None = None
    groups: list[Group] | None = None
