"""The parts of GitLab's security reports that are read (security-report-schemas 2.x to 15.x)."""

from __future__ import annotations

import msgspec


class Named(msgspec.Struct, gc=False):
    """A scanner or an analyzer."""

    id: str | None = None
    name: str | None = None
    version: str | None = None


class Message(msgspec.Struct, gc=False):
    """What the analyzer reports of its run."""

    level: str | None = None
    value: str | None = None


class ScanBlock(msgspec.Struct, gc=False):
    """How the run went; times are in UTC and say no zone."""

    type: str | None = None
    status: str | None = None
    start_time: str | None = None
    end_time: str | None = None
    scanner: Named | None = None
    analyzer: Named | None = None
    messages: list[Message] | None = None


class Identifier(msgspec.Struct, gc=False):
    """A name of the flaw or of the rule; the first is the primary one."""

    type: str | None = None
    name: str | None = None
    value: str | None = None


class Package(msgspec.Struct, gc=False):
    """A package by its name."""

    name: str | None = None


class Dependency(msgspec.Struct, gc=False):
    """A package and its version."""

    package: Package | None = None
    version: str | None = None


class Location(msgspec.Struct, gc=False):
    """Where it is: in an image, in a dependency, or on a line of a file."""

    image: str | None = None
    file: str | None = None
    start_line: int | None = None
    dependency: Dependency | None = None


class Flag(msgspec.Struct, gc=False):
    """What an analyzer thinks of a finding."""

    type: str | None = None


class Vulnerability(msgspec.Struct, gc=False):
    """One finding of any type of scan."""

    location: Location | None = None
    identifiers: list[Identifier] | None = None
    category: str | None = None
    cve: str | None = None
    name: str | None = None
    message: str | None = None
    description: str | None = None
    severity: str | None = None
    solution: str | None = None
    scanner: Named | None = None
    flags: list[Flag] | None = None


class Report(msgspec.Struct, gc=False):
    """The whole document."""

    version: str
    vulnerabilities: list[Vulnerability]
    scan: ScanBlock | None = None
