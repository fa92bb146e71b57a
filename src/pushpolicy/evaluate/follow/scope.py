"""Variables."""

from __future__ import annotations

from collections.abc import Iterable

from pushpolicy.evaluate.follow.nodes import Node
from pushpolicy.evaluate.follow.values import Values


class Scope:
    """What variables stand for in a body.

    Attributes:
        missed: whether one was used before it stood for anything.
        declared: those of `some`, which hide helpers of their names.
    """

    def __init__(self, values: Iterable[tuple[str, Values]] = ()) -> None:
        self.values = dict(values)
        self.missed = False
        self.declared: frozenset[str] = frozenset()
        self._bound_by: dict[str, int] = {}
        self.constants: dict[str, Values] = {}

    def inner(self) -> Scope:
        """The scope of a body in this one."""
        scope = Scope(self.values.items())
        scope._bound_by, scope.declared = dict(self._bound_by), self.declared
        return scope

    def is_free(self, name: str, node: Node) -> bool:
        """Whether this node is where the variable begins to stand for something; also in a later round."""
        return name not in self.values or self._bound_by.get(name) == id(node)

    def bind(self, name: str, values: Values, node: Node) -> None:
        """Let a variable stand for something, from this node on."""
        self.values[name], self._bound_by[name] = values, id(node)
