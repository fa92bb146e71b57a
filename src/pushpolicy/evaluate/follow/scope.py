"""Variables."""

from __future__ import annotations

from collections.abc import Iterable

from pushpolicy.evaluate.follow.domain import ANYTHING, Domain, both
from pushpolicy.evaluate.follow.nodes import Node
from pushpolicy.evaluate.follow.values import Key, Values


class Scope:
    """What variables stand for in a body.

    Attributes:
        missed: whether one was used before it stood for anything.
        declared: those of `some`, which hide helpers of their names.
        only: which values a reference can have, by the conditions of the body.
        there: the references without which a condition of the body would not hold.
        same: the reference that a variable was said to be.
        shared: the references that are used more than once.
    """

    def __init__(
        self,
        values: Iterable[tuple[str, Values]] = (),
        only: Iterable[tuple[Key, Domain]] = (),
        same: Iterable[tuple[str, Key]] = (),
    ) -> None:
        self.values, self.only, self.same = dict(values), dict(only), dict(same)
        self.there: frozenset[Key] = frozenset()
        self.missed = False
        self.declared: frozenset[str] = frozenset()
        self.shared: frozenset[Key] = frozenset()
        self._bound_by: dict[str, int] = {}

    def inner(self) -> Scope:
        """The scope of a body in this one."""
        scope = Scope(self.values.items(), self.only.items(), self.same.items())
        scope._bound_by, scope.declared, scope.there = dict(self._bound_by), self.declared, self.there
        return scope

    def learn(self, inner: Scope) -> None:
        """Know what an inner body that holds as well says of what is no variable of its own."""
        names = inner.values.keys() | inner.declared
        own = {name for name in names if inner._bound_by.get(name, 0) != self._bound_by.get(name)}
        self.only |= {key: domain for key, domain in inner.only.items() if own.isdisjoint(key)}
        self.there |= {key for key in inner.there if own.isdisjoint(key)}

    def is_free(self, name: str, node: Node) -> bool:
        """Whether this node is where the variable begins to stand for something; also in a later round."""
        return name not in self.values or self._bound_by.get(name) == id(node)

    def bind(self, name: str, values: Values, node: Node) -> None:
        """Let a variable stand for something, from this node on."""
        if self._bound_by.get(name) != id(node):
            self.only = {key: domain for key, domain in self.only.items() if name not in key}
            self.there = frozenset(key for key in self.there if name not in key)
            self.same = {alias: key for alias, key in self.same.items() if name != alias and name not in key}
        self.values[name], self._bound_by[name] = values, id(node)

    def narrow(self, key: Key, domain: Domain, is_there: bool = False) -> None:
        """Let a reference have these values only; `is_there`: and one of them."""
        if key:
            self.only[key] = both(self.only.get(key, ANYTHING), domain)
            self.there |= {key} if is_there else frozenset()
