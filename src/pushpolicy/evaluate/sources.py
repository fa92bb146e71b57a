"""Where policies are, and reading a folder of rules: each file once, as what is digested and evaluated.

Whatever looks like policy and would not be evaluated is an error, since it would silently never deny.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import msgspec

from pushpolicy.errors import PolicyError
from pushpolicy.evaluate.authority import Origin
from pushpolicy.files import is_folder, real
from pushpolicy.model.text import nearest, printable

RULE_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
SETTINGS, WAIVERS, ENFORCEMENT, TRUST = "settings.yaml", "waivers.yaml", "enforcement.yaml", "trust.yaml"
_DATA_FILES = frozenset({SETTINGS, WAIVERS, ENFORCEMENT, TRUST})
# What holds data, by its name without the suffix: of a policy set, of a bundle of OPA, and of a rule.
_DATA_NAMES = frozenset({*(name.partition(".")[0] for name in _DATA_FILES), "data", "example", "examples"})
_DATA_SUFFIXES = (".yaml", ".yml", ".json")
EXAMPLES = "examples.yaml"
_MAX_FILE = 4 * 1024 * 1024
_TEST = "_test.rego"


@cache
def policies() -> Path:
    """The folder of the shipped policies: inside the installed package, or beside `src` in a checkout.

    Raises:
        PolicyError: when the installation lacks it.
    """
    package = real(__file__).parent.parent
    for folder in (package / "policies", package.parent.parent / "policies"):
        if (folder / "system" / "main" / "main.rego").is_file():
            return folder
    raise PolicyError(f"the shipped policies are not beside {package}", "reinstall pushpolicy")


class SourceFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file of a policy, with the path to name in messages."""

    path: Path
    content: bytes


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """What one `--policy` holds: rules by name, and data files by file name.

    Attributes:
        label: what the decision calls it, where that says more than the option.
    """

    rules: dict[str, SourceFile]
    data: dict[str, SourceFile]
    origin: Origin = Origin.LOCAL
    label: str | None = None


def read_source(path: Path, origin: Origin = Origin.LOCAL) -> Source:
    """Read a folder of rules, or a single rule file.

    Raises:
        PolicyError: naming every file that is unreadable, misplaced or outside the folder, one a line.
    """
    try:
        return _read_source(path, origin)
    except OSError as error:
        where = printable(str(error.filename or path))
        raise PolicyError(f"policy {path}: {where} cannot be read: {error.strerror}") from error


def _read_source(path: Path, origin: Origin) -> Source:
    if path.is_file() and path.suffix == ".rego":
        problems, file = list[str](), None
        if not RULE_NAME.fullmatch(path.stem):
            problems.append(
                f"{path}: {path.stem!r} is not a valid name for a rule; it has to be {RULE_NAME.pattern}"
            )
        else:
            file = _read(path, real(path).parent, problems)
        fail_if(problems)
        return Source(rules={path.stem: file} if file else {}, data={}, origin=origin)
    if not path.is_dir():
        wrong = "is not a folder or a .rego file"
        if not os.path.lexists(path):
            beside = [each.name for each in _entries(path.parent, [])]
            wrong = f"is not there{nearest(path.name, [*beside, 'pack'])}"
        raise PolicyError(
            f"policy {path} {wrong}",
            "name a folder with RULE/RULE.rego in it, or one .rego file; --policy takes pack, pack:strict and"
            " oci://REGISTRY/REPO@DIGEST as well",
        )
    return _read_folder(path, origin)


def read_file(path: Path) -> SourceFile:
    """Read one file that was named by itself.

    Raises:
        PolicyError: when it is unreadable, no regular file or too large.
    """
    problems: list[str] = []
    file = _read(path, real(path).parent, problems)
    fail_if(problems)
    assert file is not None, "what was not read is a problem"
    return file


def read_tests(folder: Path) -> list[SourceFile]:
    """The Rego tests in a rule's folder, and below it.

    Raises:
        PolicyError: when one is unreadable or outside the folder.
    """
    problems = list[str]()
    root = real(folder)
    files = [_read(path, root, problems) for path in _tests(folder, problems)]
    fail_if(problems)
    return [file for file in files if file]


def read_below(path: Path, suffixes: tuple[str, ...], problems: list[str]) -> list[SourceFile]:
    """All files of these suffixes in a folder and below, or the one file, whatever it is called.

    Args:
        path: the folder or file.
        suffixes: with the dot, in lower case.
        problems: what is unreadable or outside the folder is added here.
    """
    folder = is_folder(path)
    if not folder and not os.path.lexists(path):
        problems.append(f"{path}: there is no such file or folder")
        return []
    root = real(path) if folder else real(path).parent
    paths = _below(path, suffixes, problems) if folder else [path]
    return [file for found in paths if (file := _read(found, root, problems))]


def _below(folder: Path, suffixes: tuple[str, ...], problems: list[str]) -> Iterator[Path]:
    for entry in _entries(folder, problems, hidden=True):
        if not is_folder(entry):
            yield from [entry] if entry.name.endswith(suffixes) else []
        elif entry.is_symlink():
            problems.append(f"{entry}: a link to a folder, which is not followed")
        else:
            yield from _below(entry, suffixes, problems)


def _tests(folder: Path, problems: list[str]) -> Iterator[Path]:
    for entry in _entries(folder, problems):
        if entry.is_dir() and not entry.is_symlink():
            yield from _tests(entry, problems)
        elif entry.name.endswith(_TEST) and entry.name != f"{folder.name}.rego":
            yield entry


def fail_if(problems: list[str]) -> None:
    """Raise all problems together, one a line.

    Raises:
        PolicyError: when there is one.
    """
    if problems:
        raise PolicyError("\n".join(printable(problem, 500) for problem in problems))


def _read_folder(folder: Path, origin: Origin) -> Source:
    rules, data, problems = dict[str, SourceFile](), dict[str, SourceFile](), list[str]()
    root = real(folder)
    own = folder / f"{root.name}.rego"
    if own.is_file():
        raise PolicyError(
            f"policy {folder} is the folder of one rule",
            f"name the folder that it lies in, or its file: {own}",
        )
    for entry in _entries(folder, problems):
        if entry.is_dir():
            if file := _read_rule(entry, root, problems):
                rules[entry.name] = file
        elif entry.name in _DATA_FILES:
            if file := _read(entry, root, problems):
                data[entry.name] = file
        elif entry.suffix.lower() == ".rego":
            problems.append(
                f"{entry}: a rule is a folder of its own; move it to {entry.stem}/{entry.stem}.rego"
            )
        elif entry.suffix.lower() in _DATA_SUFFIXES:
            known = ", ".join(sorted(_DATA_FILES))
            meant = nearest(entry.name, _DATA_FILES)
            problems.append(f"{entry}: not a file that is read{meant}; data is in {known}")
    fail_if(problems)
    return Source(rules=rules, data=data, origin=origin)


def _read_rule(folder: Path, root: Path, problems: list[str]) -> SourceFile | None:
    """The one file of a rule's folder; None for a folder without Rego."""
    expected = folder / f"{folder.name}.rego"
    found = list(_policy_files(folder, expected, problems))
    if not found:
        problems.extend(
            f"{path}: there is no rule that it is of; the rule {folder.name} has to be {expected.name}"
            for path in _entries(folder, problems)
            if path.name in (EXAMPLES, f"{folder.name}{_TEST}") or path.name.startswith(expected.name)
        )
        return None
    for path in found:
        if _is_data(path):
            data = ", ".join(sorted(_DATA_FILES))
            problems.append(
                f"{path}: not read; {data} are beside the rules, and {EXAMPLES} in the folder of each"
            )
        elif path != expected:
            problems.append(f"{path}: not evaluated; the rule {folder.name} is {expected.name} alone")
    if expected not in found:
        return None
    if not RULE_NAME.fullmatch(folder.name):
        problems.append(
            f"{folder}: {folder.name!r} is not a valid name for a rule; it has to be {RULE_NAME.pattern}"
        )
        return None
    return _read(expected, root, problems)


def _policy_files(folder: Path, expected: Path, problems: list[str]) -> Iterator[Path]:
    """The rule, and everything else below that looks like policy or data; tests are no part of it.

    A rule may be named as a test is, and where names have no case, so may a file be.
    """
    for entry in _entries(folder, problems):
        is_test_or_example = entry.name.endswith(_TEST) or entry == expected.with_name(EXAMPLES)
        is_policy = entry.suffix.lower() == ".rego" or _is_data(entry)
        if entry.is_dir():
            yield from _policy_files(entry, expected, problems) if not entry.is_symlink() else [entry]
        elif entry == expected or (is_policy and not is_test_or_example):
            yield entry


def _is_data(path: Path) -> bool:
    return path.stem.lower() in _DATA_NAMES and path.suffix.lower() in _DATA_SUFFIXES


def _entries(folder: Path, problems: list[str], *, hidden: bool = False) -> list[Path]:
    try:
        return sorted(entry for entry in folder.iterdir() if hidden or not entry.name.startswith("."))
    except OSError as error:
        problems.append(f"{folder}: {error.strerror}")
        return []


def _read(path: Path, root: Path, problems: list[str]) -> SourceFile | None:
    try:
        if not real(path).is_relative_to(root):
            problems.append(f"{path}: a link that leaves the policy folder; put the file itself there")
        elif not path.is_file():
            problems.append(f"{path}: not a regular file; put a file there")
        elif path.stat().st_size > _MAX_FILE:
            problems.append(f"{path}: over the limit of 4 MiB; split it")
        else:
            return SourceFile(path=path, content=path.read_bytes())
    except OSError as error:
        problems.append(f"{path}: {error.strerror}")
    return None
