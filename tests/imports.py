"""Who imports whom in src/pushpolicy, read from the source without running it."""

from __future__ import annotations

import ast
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

PACKAGE = "pushpolicy"
SOURCE = Path(__file__).parent.parent / "src"


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """One import statement: `importer` (file, line) imports `imported`.

    Attributes:
        imported: a module of the package, or the dotted name of a foreign one.
        eager: whether it runs when the importing module is imported.
    """

    importer: str
    imported: str
    file: Path
    line: int
    eager: bool

    def __str__(self) -> str:
        """The place in the form that editors and CI systems make a link of."""
        return f"{self.file.relative_to(SOURCE.parent)}:{self.line} imports {self.imported}"


def modules() -> dict[str, Path]:
    """Every module of the package by its dotted name."""
    return {_name(path): path for path in sorted((SOURCE / PACKAGE).rglob("*.py"))}


def tree(path: Path) -> ast.Module:
    """The parsed module."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def imports() -> list[Import]:
    """Every import of every module, of our own modules and foreign ones."""
    known = modules()
    return [found for name, path in known.items() for found in _imports_of(name, path, known)]


def chain(edges: list[Import], start: str, goal: str) -> list[Import]:
    """The shortest chain of imports from one module to another; empty when there is none."""
    outgoing: dict[str, list[Import]] = {}
    for edge in edges:
        outgoing.setdefault(edge.importer, []).append(edge)
    paths: dict[str, list[Import]] = {start: []}
    queue = deque([start])
    while queue:
        here = queue.popleft()
        if here == goal:
            return paths[here]
        for edge in outgoing.get(here, []):
            if edge.imported not in paths:
                paths[edge.imported] = [*paths[here], edge]
                queue.append(edge.imported)
    return []


def _name(path: Path) -> str:
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imports_of(name: str, path: Path, known: Mapping[str, Path]) -> Iterator[Import]:
    module = tree(path)
    deferred = {
        id(node)
        for function in ast.walk(module)
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        for node in ast.walk(function)
    }
    for node in ast.walk(module):
        for imported in _targets(node, known):
            eager = id(node) not in deferred
            yield Import(
                importer=name, imported=imported, file=path, line=getattr(node, "lineno", 0), eager=eager
            )


def _targets(node: ast.AST, known: Mapping[str, Path]) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        base = node.module or ""
        named = [f"{base}.{alias.name}" for alias in node.names]
        # `from pushpolicy.model import digest` imports a module, `... import Digest` only a name of one.
        return [name if name in known else base for name in named]
    return []
