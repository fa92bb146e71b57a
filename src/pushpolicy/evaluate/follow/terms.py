"""Terms: what a variable, a reference or a call may stand for."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from pushpolicy.evaluate.absence import WORDS, Evidence
from pushpolicy.evaluate.follow.calls import Calls
from pushpolicy.evaluate.follow.domain import ANYTHING, COMPARES, Domain, few
from pushpolicy.evaluate.follow.forms import text
from pushpolicy.evaluate.follow.nodes import SCALARS, Node, name_of, operator_of, path_of, row_of, scalar_of
from pushpolicy.evaluate.follow.notes import Found
from pushpolicy.evaluate.follow.scope import Scope
from pushpolicy.evaluate.follow.values import (
    NOTHING,
    UNKNOWN,
    At,
    Fields,
    Items,
    Key,
    Made,
    Rows,
    Setting,
    Values,
    Words,
    literal,
    union,
)

MOST_VISITS = 100_000


Settings = Mapping[str, Mapping[str, Any]]


class TooLargeError(Exception):
    """A rule is not followed for ever."""


class Terms(Calls):
    """The visit, as far as it knows what a term stands for."""

    def __init__(self, name: str, tree: Node, settings: Settings, evidence: Evidence) -> None:
        super().__init__(evidence)
        self._own = ("data", "pushpolicy", "rules", name)
        self._settings = settings
        self._rules: dict[str, list[Node]] = {}
        for rule in tree.get("rules", []):
            self._rules.setdefault(name_of(rule), []).append(rule)
        self._imports = {
            item.get("alias") or path[-1]: path
            for item in tree.get("imports", [])
            if (path := path_of(item["path"])) and path[0] in ("input", "data")
        }
        self._nodes: dict[int, Node] = {}
        self._visits = 0

    @abstractmethod
    def _helper(self, name: str, arguments: tuple[Values, ...] | None, mode: int, bare: bool) -> Values:
        """What a helper or a function stands for. `bare`: it is asked only whether it holds."""

    @abstractmethod
    def _compare(
        self, name: str, left: Node, right: Node, scope: Scope, mode: int, told: bool
    ) -> bool | None:
        """A comparison. `told`: it is a condition; as a value one cannot tell what its collections do."""

    @abstractmethod
    def _member(self, arguments: Sequence[Node], scope: Scope, mode: int, told: bool) -> bool | None:
        """`x in COLLECTION`, `k, x in COLLECTION`."""

    def _term(self, node: Node, scope: Scope, mode: int, bare: bool = False) -> Values:
        """What a term may stand for, NOTHING where it is never there; its reads are noted with their mode."""
        doubted = self._doubted
        values = self._any_term(node, scope, mode, bare)
        if self._judging and (key := self._key(node, scope)) in scope.only:
            self._doubted = doubted if key in scope.there else self._doubted
            return self._narrowed(values, scope.only[key])
        return values

    def _key(self, node: Node, scope: Scope) -> Key:
        """What tells a reference from others of a body, where it has one value; empty for other terms."""
        if node["type"] == "call":
            operator, *arguments = node["value"]
            keys = [self._key(each, scope) for each in arguments]
            return (
                () if () in keys else (f"{operator_of(operator)}(", *(part for key in keys for part in key))
            )
        if node["type"] in SCALARS:
            return (json.dumps(scalar_of(node)),)
        head, *rest = node["value"] if node["type"] == "ref" else [node]
        if head["type"] != "var":
            return ()
        name = head["value"]
        start = self._imports.get(name, (name,)) if name not in scope.values else (name,)
        key = scope.same.get(name, (start[0], *map(json.dumps, start[1:])))
        for part in rest:
            if part["type"] in SCALARS:
                key = (*key, json.dumps(scalar_of(part)))
            elif part["type"] == "var":
                key = (*key, *scope.same.get(part["value"], (part["value"],)))
            else:
                return ()
        return key

    def _any_term(self, node: Node, scope: Scope, mode: int, bare: bool) -> Values:
        self._visits += 1
        if self._visits > MOST_VISITS:
            raise TooLargeError
        self._row = row_of(node, self._row)
        kind, value = node["type"], node.get("value")
        if kind in SCALARS:
            return literal(scalar_of(node))
        if kind == "var":
            return self._variable(str(value), scope, mode, bare)
        if kind == "ref":
            return self._reference(node["value"], scope, mode, bare)
        if kind in ("array", "set"):
            items = tuple(self._term(each, scope, mode) for each in node["value"])
            return NOTHING if NOTHING in items else frozenset({Items(items, is_set=kind == "set")})
        if kind == "object":
            pairs = [(self._term(k, scope, mode), self._term(v, scope, mode)) for k, v in node["value"]]
            return NOTHING if any(NOTHING in pair for pair in pairs) else frozenset({Fields(tuple(pairs))})
        if kind.endswith("comprehension"):
            self._nodes[id(value)] = node["value"]
            around, known = frozenset(scope.values.items()), frozenset(scope.only.items())
            same = frozenset(scope.same.items())
            return frozenset({Rows(id(value), kind.removesuffix("comprehension"), around, known, same)})
        if kind == "call":
            return self._call(
                operator_of(node["value"][0]), node["value"][0], node["value"][1:], scope, mode, bare
            )
        if kind == "templatestring":
            return self._template(node["value"]["parts"], scope)
        self.problem(f"`{kind}` cannot be followed")
        return UNKNOWN

    def _variable(self, name: str, scope: Scope, mode: int, bare: bool = False) -> Values:
        if name in scope.values:
            return scope.values[name]
        if name in self._imports:
            own, _ = self._own_helper([{"type": "var", "value": name}])
            return self._helper(own, None, mode, bare) if own else self._place(self._imports[name])
        if name in ("input", "data"):
            return self._place((name,))
        if name in self._rules and name not in scope.declared:
            return self._helper(name, None, mode, bare)
        scope.missed = self._doubted = True
        return UNKNOWN

    @staticmethod
    def _place(path: tuple[str, ...]) -> Values:
        return frozenset({At(path[1:])}) if path[0] == "input" else UNKNOWN

    def _reference(self, parts: Sequence[Node], scope: Scope, mode: int, bare: bool) -> Values:
        head, *rest = parts
        own, below = self._own_helper(parts)
        setting, inside = self._own_setting(parts)
        if own:
            values, rest = self._helper(own, None, mode, bare and not below), list(below)
        elif setting:
            values, rest = frozenset({setting}), list(inside)
        elif head["type"] == "var":
            values = self._variable(head["value"], scope, mode, bare and not rest)
        else:
            values = self._term(head, scope, mode)
        for part in rest:
            values = self._step(values, part, scope, mode)
        self._doubted |= bool(UNKNOWN & values)
        self._read(values, mode)
        return values

    def _of_lib(self, function: Node) -> str | None:
        """The function of the lib that a name means, as topic.name; an import may stand for its beginning."""
        first, *more = path_of({"type": "ref", "value": function["value"]}) or ("",)
        path = (*self._imports.get(first, (first,)), *more)
        return ".".join(path[3:]) if path[:3] == ("data", "pushpolicy", "lib") else None

    def _own_helper(self, parts: Sequence[Node]) -> tuple[str | None, Sequence[Node]]:
        """The helper that a full name means, data.pushpolicy.rules.RULE.HELPER, and what stands behind it.

        An import may stand for the beginning of the name.
        """
        first, *more = path_of({"type": "ref", "value": list(parts)}) or ("",)
        start = self._imports.get(first, (first,))
        path = (*start, *more)
        if path[:4] == self._own and len(path) > 4 and path[4] in self._rules:
            return path[4], parts[max(5 - len(start), 0) + 1 :]
        return None, ()

    def _own_setting(self, parts: Sequence[Node]) -> tuple[Setting | None, Sequence[Node]]:
        """The setting that a full name means, data.settings.RULE.KEY, and what stands behind it."""
        first, *more = path_of({"type": "ref", "value": list(parts)}) or ("",)
        start = self._imports.get(first, (first,))
        path = (*start, *more)
        if path[:3] != ("data", "settings", self._own[-1]) or len(path) < 4 or path[3] not in self._settings:
            return None, ()
        return Setting(json.dumps(self._settings[path[3]])), parts[max(4 - len(start), 0) + 1 :]

    def _step(self, values: Values, part: Node, scope: Scope, mode: int) -> Values:
        """One operand of a reference: a key, or a variable that takes each key in turn."""
        if self._is_free(part, scope, part):
            keys, items = self._iterate(values, mode)
            self._typed(values, "collection", mode)
            self._doubted = True
            self._bind(part, keys, scope, mode, part)
            return items
        return self._select(values, self._term(part, scope, mode), mode)

    def _template(self, node: Sequence[Node], scope: Scope) -> Values:
        """A text with places in it: what is absent there is printed as `<undefined>`."""
        outer, within = self.found, (self._strict, self._doubted)
        self.found, self._strict = Found(), False
        values, said = NOTHING, list[Domain]()
        for part in node:
            terms = part.get("terms")
            if not terms:
                said.append(few([str(part.get("value"))]))
                continue
            self._doubted = False
            if isinstance(terms, list):
                found = self._call(operator_of(terms[0]), terms[0], terms[1:], scope, WORDS)
            else:
                found = self._term(terms, scope, WORDS)
            said.append(ANYTHING if self._doubted else self._domain(found))
            values |= found
        found_here, self.found, (self._strict, self._doubted) = self.found, outer, within
        self.found.add(found_here)
        return frozenset({Words(frozenset(read.steps for read in found_here.reads), values, text(said))})

    def _call(
        self,
        name: str,
        function: Node,
        arguments: Sequence[Node],
        scope: Scope,
        mode: int,
        bare: bool = False,
    ) -> Values:
        """What a function gives."""
        if name in COMPARES and len(arguments) == 2:
            return _as_boolean(self._compare(name, arguments[0], arguments[1], scope, mode, told=False))
        if name.startswith("internal.member_"):
            return _as_boolean(self._member(arguments, scope, mode, told=False))
        if name == "print":
            mode = WORDS  # it prints what is absent, too
        name = self._of_lib(function) or name
        given = tuple(self._term(each, scope, mode) for each in arguments)
        own = name if name in self._rules else self._own_helper(function["value"])[0]
        if own and NOTHING in given:
            return NOTHING
        if own:
            return self._helper(own, given, mode, bare)
        if name == "object.get" and len(given) == 3:
            return self._get(*given, mode)
        return self._builtin(name, given, mode)

    def _is_free(self, pattern: Node, scope: Scope, node: Node) -> bool:
        if pattern["type"] == "var":
            return self._is_variable(pattern["value"], scope) and scope.is_free(pattern["value"], node)
        if pattern["type"] == "array":
            return any(self._is_free(each, scope, node) for each in pattern["value"])
        return pattern["type"] == "object" and any(
            self._is_free(each, scope, node) for _, each in pattern["value"]
        )

    def _is_variable(self, name: str, scope: Scope) -> bool:
        if name in scope.values or name in scope.declared:
            return True
        return name not in self._rules and name not in self._imports and name not in ("input", "data")

    def _bind(
        self, pattern: Node, values: Values, scope: Scope, mode: int, node: Node, new: bool = False
    ) -> None:
        """Let the variables of a pattern stand for what is there; what stands for something is compared."""
        kind, value = pattern["type"], pattern.get("value")
        if kind == "var" and (new or self._is_free(pattern, scope, node)):
            scope.bind(str(value), values, node)
        elif kind == "array":
            for number, part in enumerate(value or ()):
                self._bind(part, self._part(values, number, mode), scope, mode, node, new)
        elif kind == "object":
            for key, part in value or ():
                found = self._select(values, self._term(key, scope, mode), mode)
                self._read(found, mode)
                self._bind(part, found, scope, mode, node, new)
        else:
            other = self._term(pattern, scope, mode)
            self._agree("equal", values, other)
            self._decide(values | other, mode, whole=True)


def _as_boolean(truth: bool | None) -> Values:
    """What a comparison gives as a value."""
    domain = few([False, True] if truth is None else [truth])
    return frozenset({Made(domain, union(map(literal, domain.values)))})
