"""Modules and data as files of a set, ``conftest/REGO/ORIGIN/ROOT/NUMBER-NAME.rego``, and their bundle."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pushpolicy.engines.interface import Compiler
from pushpolicy.errors import PolicyError
from pushpolicy.evaluate.authority import Origin
from pushpolicy.evaluate.conftest.given import Group, parsed
from pushpolicy.evaluate.sources import SourceFile
from pushpolicy.model import canonical

_FOLDER, _DATA = "conftest/", "conftest/data.json"
_UNSAFE = re.compile(r"[^A-Za-z0-9_]")


def bundled(groups: Sequence[Group], rego: str) -> tuple[dict[str, bytes], dict[str, Path]]:
    """The files, and where the user has each module.

    Raises:
        PolicyError: for a number in the data that programs read differently.
    """
    files, places, data = dict[str, bytes](), dict[str, Path](), dict[str, Any]()
    for group, module in ((each, module) for each in groups for module in each.modules):
        name = _UNSAFE.sub("_", module.file.path.stem)[:40]
        path = f"{_FOLDER}{rego}/{group.origin}/{module.package[0]}/{len(places) + 1}-{name}.rego"
        files[path], places[path] = module.file.content, module.file.path
    for group in groups:
        data |= group.data
    try:
        return files | ({_DATA: canonical.encode(data)} if data else {}), places
    except ValueError as error:
        raise PolicyError(f"--data: {error}", "write such a number as a text") from error


def recorded(files: Mapping[str, bytes], compiler: Compiler) -> list[Group]:
    """The groups of a recorded set, without their data, and without the names of their folders.

    Raises:
        PolicyError: when a module is none.
        EngineError: when OPA itself fails.
    """
    groups: dict[tuple[str, str], list[SourceFile]] = {}
    for path in _modules(files):
        _, rego, origin, *_ = path.split("/")
        groups.setdefault((rego, origin), []).append(SourceFile(path=Path(path), content=files[path]))
    return [
        Group(origin=Origin(origin), folders=(), modules=parsed(found, rego, compiler), data={})
        for (rego, origin), found in groups.items()
    ]


def _modules(files: Mapping[str, bytes]) -> list[str]:
    return [path for path in files if path.startswith(_FOLDER) and path.endswith(".rego")]


def roots_of(files: Mapping[str, bytes]) -> list[str]:
    """The roots of the bundle that these files of a set make.

    Raises:
        PolicyError: when the data of a recorded set is no object.
    """
    roots = {path.split("/")[3] for path in _modules(files)}
    if _DATA in files:
        try:
            roots |= set(dict(canonical.decode(files[_DATA])))
        except (ValueError, TypeError) as error:
            raise PolicyError(f"{_DATA} is malformed: not an object") from error
    return sorted(roots)
