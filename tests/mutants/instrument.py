"""An import hook that puts a switch before every check of the packages that are looked at."""

from __future__ import annotations

import ast
import hashlib
import sys
from collections.abc import Iterator, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType

import pushpolicy
from tests import mutants

# Under this name every module that is looked at finds `is_off`.
SWITCH = "__pushpolicy_check_is_off__"
SOURCE = Path(pushpolicy.__file__).parent


def is_off(number: str) -> bool:
    """Whether the check of this name is switched off; that it was reached is written down."""
    reached.add(number)
    return number == off


_LOOKED_AT = tuple(f"pushpolicy.{package}." for package in mutants.PACKAGES)
reached: set[str] = set()
off = ""


def checks() -> dict[str, str]:
    """Every check by its name (file:line:column) and what it is, in the order of the source."""
    return {name: text for path in sources() for name, text in _Switches.of(path)[1].items()}


def sources() -> Iterator[Path]:
    """The files of the packages that are looked at."""
    for package in mutants.PACKAGES:
        yield from sorted((SOURCE / package).rglob("*.py"))


def digest() -> str:
    """Of all that is looked at: what was recorded for other sources is of no use."""
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in sources())).hexdigest()


class _Switches(ast.NodeTransformer):
    """Puts ``if not is_off(NAME):`` before a check, or takes COLLECTED for FAILED where it is off."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.found: dict[str, str] = {}

    @classmethod
    def of(cls, path: Path) -> tuple[ast.Module, dict[str, str]]:
        switches = cls(path.relative_to(SOURCE).as_posix())
        tree = switches.visit(ast.parse(path.read_text("utf-8"), str(path)))
        return ast.fix_missing_locations(tree), switches.found

    def visit_Raise(self, node: ast.Raise) -> ast.stmt:
        self.generic_visit(node)
        # A bare `raise` passes on what another check has found.
        return self._switched(node) if isinstance(node.exc, ast.Call) else node

    def visit_Expr(self, node: ast.Expr) -> ast.stmt:
        self.generic_visit(node)
        call = node.value
        if (
            isinstance(call, ast.Call)
            and isinstance(call.func, ast.Attribute)
            and _records_a_problem(call.func)
        ):
            return self._switched(node)
        return node

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.stmt:
        self.generic_visit(node)
        return self._switched(node) if "problems" in ast.unparse(node.target) else node

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        self.generic_visit(node)
        if ast.unparse(node) != "Status.FAILED" or not isinstance(node.ctx, ast.Load):
            return node
        collected = ast.parse("Status.COLLECTED", mode="eval").body
        return ast.copy_location(ast.IfExp(test=self._test(node), body=collected, orelse=node), node)

    def _switched(self, node: ast.stmt) -> ast.stmt:
        test = ast.UnaryOp(op=ast.Not(), operand=self._test(node))
        return ast.copy_location(ast.If(test=test, body=[node], orelse=[]), node)

    def _test(self, node: ast.stmt | ast.expr) -> ast.expr:
        number = f"{self._name}:{node.lineno}:{node.col_offset}"
        self.found[number] = ast.unparse(node).partition("\n")[0][:100]
        return ast.parse(
            f"__import__('tests.mutants.instrument').mutants.instrument.is_off({number!r})", mode="eval"
        ).body


def _records_a_problem(function: ast.Attribute) -> bool:
    whom = ast.unparse(function.value)
    return function.attr == "fail" or (function.attr == "append" and "problems" in whom)


class _Loader(SourceFileLoader):
    def get_code(self, fullname: str) -> CodeType:
        # Always from the source: nothing with switches is cached, nor is anything without them taken.
        tree, _ = _Switches.of(Path(self.path))
        return compile(tree, self.path, "exec", dont_inherit=True)


class _Finder(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not f"{fullname}.".startswith(_LOOKED_AT):
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.origin and spec.origin.endswith(".py"):
            spec.loader = _Loader(fullname, spec.origin)
        return spec


def install() -> None:
    """Have the packages imported with switches from now on."""
    early = [
        name for name in sys.modules if name.startswith(tuple(f"pushpolicy.{p}." for p in mutants.PACKAGES))
    ]
    assert not early, f"imported too early: {early}"
    sys.meta_path.insert(0, _Finder())
