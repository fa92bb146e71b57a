"""What the command line names of conftest's: modules and data, each file read once, apart by origin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from pushpolicy.engines.interface import Compiler
from pushpolicy.errors import PolicyError
from pushpolicy.evaluate.authority import JudgedCheckout, Origin, origin_of
from pushpolicy.evaluate.sources import SourceFile, fail_if, read_below
from pushpolicy.evaluate.syntax import package_of, row_of
from pushpolicy.files import is_folder
from pushpolicy.model.text import first_of, printable

# Each is parsed by a process of OPA of its own.
_MAX_FILES = 1000
_DATA_SUFFIXES = (".yaml", ".yml", ".json")


class Conftest(msgspec.Struct, frozen=True, kw_only=True):
    """The options, which mean what they mean to ``conftest test``.

    Attributes:
        folders: folders, read to their depths, or single files.
        namespaces: the packages whose denials count.
        data: files and folders of YAML and JSON that become `data`.
        rego: v0 or v1: the language of every file that does not ``import rego.v1``.
    """

    folders: tuple[str, ...]
    namespaces: tuple[str, ...]
    data: tuple[str, ...] = ()
    rego: str = "v1"


class Module(msgspec.Struct, frozen=True, kw_only=True):
    """A file, and OPA's syntax tree of it."""

    file: SourceFile
    tree: Mapping[str, Any]

    @property
    def package(self) -> tuple[str, ...]:
        """Its path, without `data`."""
        return package_of(self.tree)[1:]

    @property
    def rules(self) -> Sequence[Mapping[str, Any]]:
        """Their syntax trees."""
        return self.tree.get("rules") or ()

    def at(self, node: Mapping[str, Any], text: str) -> str:
        """A problem of a node, with file and line."""
        return f"{self.file.path}:{row_of(node)}: {text}"


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """What comes from one origin: together, as conftest would have it, and apart from what others bring."""

    origin: Origin
    folders: tuple[str, ...]
    modules: tuple[Module, ...]
    data: Mapping[str, Any]

    @property
    def tops(self) -> frozenset[str]:
        """The first names of its packages and data."""
        return frozenset(self.data) | {module.package[0] for module in self.modules}

    @property
    def named(self) -> str:
        """Its folders, in words."""
        return first_of([printable(folder) for folder in self.folders], 5)


def read_groups(given: Conftest, compiler: Compiler, checkout: JudgedCheckout | None) -> list[Group]:
    """The modules and the data of each origin.

    Raises:
        PolicyError: for what is unreadable, is no Rego, or no data.
        EngineError: when OPA itself fails.
    """
    if not all(path.strip() for path in (*given.folders, *given.data)):
        raise PolicyError(
            "a conftest policy has an empty name", "see that the variable which names it is set"
        )
    folders, data = (_by_origin(paths, checkout) for paths in (given.folders, given.data))
    if apart := data.keys() - folders.keys():
        names = [printable(name) for origin in apart for name in data[origin]]
        raise PolicyError(
            f"--data {first_of(names, 5)}: of another origin than the policies, so they do not read it",
            "what the judged checkout brings does not decide for policies from elsewhere",
        )
    return [
        Group(
            origin=origin,
            folders=names,
            modules=_modules(names, given.rego, compiler),
            data=_data(data.get(origin, ())),
        )
        for origin, names in folders.items()
    ]


def _by_origin(paths: Sequence[str], checkout: JudgedCheckout | None) -> dict[Origin, tuple[str, ...]]:
    found: dict[Origin, tuple[str, ...]] = {}
    for path in paths:
        origin = origin_of(path, checkout)
        found[origin] = (*found.get(origin, ()), path)
    return found


def _modules(folders: Sequence[str], rego: str, compiler: Compiler) -> tuple[Module, ...]:
    """All files: conftest evaluates also what stands in a `_test.rego`."""
    files, problems = dict[Path, SourceFile](), list[str]()
    for folder in folders:
        found = read_below(Path(folder), (".rego",), problems)
        if not found and not problems:
            problems.append(f"--conftest {folder}: there is no .rego file")
        files |= {file.path: file for file in found}
    if len(files) > _MAX_FILES:
        problems.append(
            f"--conftest {first_of(folders, 3)}: {len(files)} files are over the limit of {_MAX_FILES}"
        )
    fail_if(problems)
    return parsed(list(files.values()), rego, compiler)


def parsed(files: Sequence[SourceFile], rego: str, compiler: Compiler) -> tuple[Module, ...]:
    """The files as modules.

    Raises:
        PolicyError: when one is none.
        EngineError: when OPA itself fails.
    """
    problems, modules = list[str](), list[Module]()
    trees = compiler.parse([file.content for file in files], v0=rego == "v0")
    for file, tree in zip(files, trees, strict=True):
        if isinstance(tree, tuple):
            problems += [f"{file.path}:{item.row}: {item.message}" for item in tree]
        else:
            modules.append(Module(file=file, tree=tree))
    if rego == "v1" and any("keyword is required" in problem for problem in problems):
        problems.append("where these are policies from before OPA 1.0, say --rego-version v0")
    fail_if(problems)
    return tuple(modules)


def _data(paths: Sequence[str]) -> dict[str, Any]:
    """The documents as one; below a folder, the name of each further folder is a key, as OPA has it."""
    whole, problems = dict[str, Any](), list[str]()
    for given in map(Path, paths):
        for file in read_below(given, _DATA_SUFFIXES, problems):
            folders = file.path.parent.relative_to(given).parts if is_folder(given) else ()
            value = _document(file, problems)
            for key in reversed(folders):
                value = {key: value}
            if not _joined(whole, value):
                problems.append(f"{file.path}: another file of --data says otherwise")
    fail_if(problems)
    return whole


def _document(file: SourceFile, problems: list[str]) -> dict[str, Any]:
    from pushpolicy.model import strict_json, strict_yaml

    try:
        value = (strict_json if file.path.suffix == ".json" else strict_yaml).read(file.content)
    except ValueError as error:
        problems.append(f"{file.path}: {error}")
        return {}
    if not isinstance(value, dict):
        problems.append(f"{file.path}: not an object, so nothing in it has a name in `data`")
        return {}
    return value


def _joined(whole: dict[str, Any], value: Mapping[str, Any]) -> bool:
    """Add a document to another; false where they do not agree."""
    for key, item in value.items():
        if isinstance(item, dict):
            inner = whole.setdefault(key, {})
            if not isinstance(inner, dict) or not _joined(inner, item):
                return False
        elif whole.setdefault(key, item) != item:
            return False
    return True
