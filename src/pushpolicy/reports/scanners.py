"""What the exit code of a scanner's command says about an image, of the scanners that are known.

A command line is understood whole or not at all: an option that is not listed may turn the scan into another
one. Sources: docs.docker.com "docker scout cves", trivy.dev "trivy image", oss.anchore.com "grype",
docs.snyk.io "snyk container test".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum, auto
from pathlib import PurePath

import msgspec

from pushpolicy.model.evidence import Severity


class _Is(Enum):
    """What an option is."""

    PLAIN = auto()  # says nothing about what is looked for
    PLAIN_VALUE = auto()
    LESS = auto()  # leaves findings out, and the evidence says so
    EXIT = auto()  # findings become the exit code
    EXIT_CODE = auto()  # they become this one
    SEVERITIES = auto()  # only findings of these count
    AT_LEAST = auto()  # only findings of this severity and above count
    SCANNERS = auto()  # what is looked for
    TARGET = auto()  # names what is scanned


_VALUED = frozenset({_Is.PLAIN_VALUE, _Is.EXIT_CODE, _Is.SEVERITIES, _Is.AT_LEAST, _Is.SCANNERS, _Is.TARGET})


class _Scanner(msgspec.Struct, frozen=True, kw_only=True):
    """One scanner.

    Attributes:
        name: as a policy accepts it.
        commands: what its command line begins with.
        options: those that are known.
        needs: the kind of option without which its exit code says nothing about findings.
        found: the exit codes that mean findings, where no option says it.
        targets: what may stand before the image, by where that is: in a daemon, a registry or a file.
    """

    name: str
    commands: tuple[tuple[str, ...], ...]
    options: Mapping[str, _Is]
    needs: _Is | None
    found: frozenset[int]
    targets: Mapping[str, frozenset[str]]


class Meaning(msgspec.Struct, frozen=True, kw_only=True):
    """What a command looks for.

    Attributes:
        scanner: its name.
        found: the exit codes that mean that it found something; 0: it did not, others: it failed.
        filters: the options that leave findings out, as they were given.
    """

    scanner: str
    found: frozenset[int]
    filters: tuple[str, ...]


def _options(kind: _Is, *names: str) -> dict[str, _Is]:
    return dict.fromkeys(names, kind)


SCANNERS = (
    _Scanner(
        name="scout",
        commands=(("docker", "scout", "cves"), ("docker-scout", "cves")),
        options=_options(
            _Is.PLAIN, "--details", "--locations", "--multi-stage", "--epss", "--only-vuln-packages"
        )
        | _options(_Is.PLAIN_VALUE, "--format", "--output", "-o", "--org", "--platform")
        | _options(_Is.LESS, "--only-fixed")
        | _options(_Is.EXIT, "--exit-code", "-e")
        | _options(_Is.SEVERITIES, "--only-severity"),
        needs=_Is.EXIT,
        found=frozenset({2}),
        targets={
            "daemon": frozenset({"", "image://", "local://"}),
            "registry": frozenset({"", "image://", "registry://"}),
            "file": frozenset({"archive://", "oci-dir://"}),
        },
    ),
    _Scanner(
        name="trivy",
        commands=(("trivy", "image"), ("trivy", "i")),
        options=_options(_Is.PLAIN, "--quiet", "-q", "--no-progress", "--debug", "-d", "--list-all-pkgs")
        | _options(
            _Is.PLAIN_VALUE, "--format", "-f", "--output", "-o", "--timeout", "--cache-dir", "--platform"
        )
        | _options(_Is.PLAIN_VALUE, "--db-repository", "--java-db-repository")
        | _options(
            _Is.LESS, "--ignore-unfixed", "--offline-scan", "--skip-db-update", "--skip-java-db-update"
        )
        | _options(_Is.EXIT_CODE, "--exit-code")
        | _options(_Is.SEVERITIES, "--severity", "-s")
        | _options(_Is.SCANNERS, "--scanners", "--security-checks")
        | _options(_Is.TARGET, "--input"),
        needs=_Is.EXIT_CODE,
        found=frozenset(),
        targets={
            "daemon": frozenset({""}),
            "registry": frozenset({""}),
            "file": frozenset({"--input="}),
        },
    ),
    _Scanner(
        name="grype",
        commands=(("grype",),),
        options=_options(
            _Is.PLAIN, "--quiet", "-q", "--verbose", "-v", "-vv", "--by-cve", "--add-cpes-if-none"
        )
        | _options(_Is.PLAIN_VALUE, "--output", "-o", "--file", "--platform", "--scope", "-s", "--name")
        | _options(_Is.LESS, "--only-fixed")
        | _options(_Is.AT_LEAST, "--fail-on", "-f"),
        needs=_Is.AT_LEAST,
        found=frozenset(
            {1, 2}
        ),  # 1 in older releases; it is also that of a failure, which then counts as a finding
        targets={
            "daemon": frozenset({"", "docker:", "podman:"}),
            "registry": frozenset({"", "registry:"}),
            "file": frozenset({"docker-archive:", "oci-archive:", "oci-dir:"}),
        },
    ),
    _Scanner(
        name="snyk",
        commands=(("snyk", "container", "test"),),
        options=_options(_Is.PLAIN, "--json", "--sarif", "--print-deps", "-d", "--app-vulns")
        | _options(_Is.PLAIN_VALUE, "--org", "--project-name", "--json-file-output", "--sarif-file-output")
        | _options(_Is.PLAIN_VALUE, "--platform")
        | _options(_Is.AT_LEAST, "--severity-threshold"),
        needs=None,
        found=frozenset({1}),
        targets={
            "daemon": frozenset({""}),
            "registry": frozenset({""}),
            "file": frozenset({"docker-archive:", "oci-archive:"}),
        },
    ),
)


def meaning(argv: Sequence[str], image: str, where: str) -> Meaning | None:
    """What a command looks for in an image, and how its exit code says what it found.

    Args:
        argv: the command.
        image: how the image is named in it.
        where: the image is in a `daemon`, a `registry` or a `file`.

    Returns:
        None when the command is not known, does not scan this image and nothing else, or does not look for
        critical vulnerabilities.
    """
    program = PurePath(argv[0])
    if not (program.is_absolute() or argv[0] == program.name):
        return None  # a program of the checkout
    words = (program.name, *argv[1:])
    for scanner in SCANNERS:
        for command in scanner.commands:
            if words[: len(command)] == command:
                return _understood(scanner, words[len(command) :], image, where)
    return None


def _understood(scanner: _Scanner, arguments: Sequence[str], image: str, where: str) -> Meaning | None:
    targets, filters, given, found = [], [], set(), scanner.found
    rest = iter(arguments)
    for argument in rest:
        if not argument.startswith("-"):
            targets.append(argument)
            continue
        name, assigned, value = argument.partition("=")
        option = scanner.options.get(name)
        if option is None or (assigned and option not in _VALUED):
            return None
        if option in _VALUED and not assigned:
            value = next(rest, "")
        given.add(option)
        words = {word.strip().lower() for word in value.split(",")}
        match option:
            case _Is.SEVERITIES if "critical" not in words:
                return None
            case _Is.SCANNERS if "vuln" not in words:
                return None
            case _Is.AT_LEAST if value not in set(Severity) - {Severity.UNKNOWN}:
                return None
            case _Is.EXIT_CODE if not (value.isdecimal() and 0 < int(value) < 126):
                return None
            case _Is.EXIT_CODE:
                found = frozenset({int(value)})
            case _Is.TARGET:
                targets.append(f"{name}={value}")
            case _Is.LESS:
                filters.append(name)
            case _Is.SEVERITIES | _Is.AT_LEAST:
                filters.append(f"{name} {value}")
    if scanner.needs is not None and scanner.needs not in given:
        return None
    allowed = {before + image for before in scanner.targets[where]}
    if len(targets) != 1 or targets[0] not in allowed:
        return None
    return Meaning(scanner=scanner.name, found=found, filters=tuple(filters))
