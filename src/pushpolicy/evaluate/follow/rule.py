"""Clauses of a rule: `deny` itself, and the helpers and functions that it uses."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from pushpolicy.evaluate.absence import VANISHES, WORDS, Evidence, Read, Steps
from pushpolicy.evaluate.follow.calls import HANDED_ON, MAKES_TEXT
from pushpolicy.evaluate.follow.compare import NEVER_HOLDS
from pushpolicy.evaluate.follow.direction import turn, untold
from pushpolicy.evaluate.follow.nodes import (
    SCALARS,
    Node,
    has_rows,
    is_not,
    is_some,
    is_status,
    is_words,
    name_of,
    operator_of,
    row_of,
    scalar_of,
)
from pushpolicy.evaluate.follow.notes import Clause, Found
from pushpolicy.evaluate.follow.scope import Scope
from pushpolicy.evaluate.follow.statements import Statements
from pushpolicy.evaluate.follow.terms import MOST_VISITS, Settings, TooLargeError
from pushpolicy.evaluate.follow.values import (
    NOTHING,
    TRUE,
    UNKNOWN,
    At,
    Literal,
    Rows,
    Values,
    union,
)

# How many terms are visited to see whether a clause can hold, so that a push need not wait; 30 are common.
_MOST_TRIED = 600


class Rule(Statements):
    """The visit of a whole rule.

    Attributes:
        covered: what (steps, filled) a clause of deny covers by a denial of its own.
    """

    def __init__(self, name: str, tree: Node, settings: Settings, evidence: Evidence) -> None:
        super().__init__(name, tree, settings, evidence)
        self._memo: dict[Any, tuple[Any, Found]] = {}
        self.covered: set[tuple[Steps, bool]] = set()

    def finding(self, rule: Node) -> None:
        """A clause of deny; of warn and not_applicable too, whose reads require nothing."""
        head = name_of(rule)
        denies = head == "deny"
        outer, self.found = self.found, Found()
        self._row = row = row_of(rule, 1)
        scope, mode = Scope(), VANISHES if denies else WORDS
        self._outermost, self._gone_through = True, NOTHING
        self._body(rule["body"], scope, mode)
        self._outermost = False
        if not self.found.reads and head != "not_applicable":
            self.problem(
                f"the body of this {head} reads no evidence: it finds always the same; let it read input",
                row,
            )
        body, self.found = self.found, Found()
        self.clauses.append(Clause(head=head, row=row, reads=tuple(body.reads), variables=dict(scope.values)))
        said = self._term(rule["head"]["key"], scope, mode)
        if not said and not body.problems:
            self.problem(
                f"what this {head} says is never there, so nothing is found here; say what is there", row
            )
        if denies and self._stands_alone(rule["body"]) and self._can_be_said(rule["head"]["key"]):
            # Where the head cannot be said, nothing is denied.
            covered = self._places(body.strict) - self._places(self.found.reads)
            self.covered |= {each for each in covered if self._is_within(each[0])}
        body.add(self.found)
        self.found = Found()
        never = self._never(rule, mode) if body.shares and not body.problems else None
        self.found = outer
        self.found.add(body)
        if never:
            self.problem(NEVER_HOLDS, never)

    def _never(self, rule: Node, mode: int) -> int | None:
        """The line by which a clause never holds, by what its conditions leave of each other's values."""
        self._judging, self._outermost, self.never = True, True, None
        visits, self._visits = self._visits, MOST_VISITS - _MOST_TRIED
        try:
            self._body(rule["body"], Scope(), mode)
        except TooLargeError:
            pass  # it is not known, which is no error
        finally:
            self._judging, self._outermost, self._trying, self._visits = False, False, False, visits
            self._strict, self._closed = False, True
        return self.never

    def _can_be_said(self, node: Node) -> bool:
        """Whether a term of the head is there, if all evidence is that it reads: no helper decides it."""
        kind, value = node["type"], node.get("value", ())
        if kind == "object":
            return all(self._can_be_said(each) for pair in value for each in pair)
        if kind in ("array", "set"):
            return all(map(self._can_be_said, value))
        if kind == "call":
            name, *arguments = value
            return operator_of(name) in MAKES_TEXT | HANDED_ON and all(map(self._can_be_said, arguments))
        if kind == "ref":
            return value[0]["type"] == "var" and value[0]["value"] != "data" and self._can_be_said(value[0])
        return kind != "var" or value not in self._rules

    def _places(self, reads: Iterable[Read]) -> set[tuple[Steps, bool]]:
        """What may be absent (or empty) of what is read, apart from words."""
        places: set[tuple[Steps, bool]] = set()
        for read in reads:
            if read.filled:
                places.add((read.steps, True))
            elif read.absent != WORDS:
                places |= {(steps, False) for steps, _ in self._evidence.absences(read.steps)}
        return places

    def _is_within(self, steps: Steps) -> bool:
        """Whether it is part of each item that the clause goes through: without items it denies nothing."""
        return all(
            isinstance(value, At) and steps[: len(value.steps)] == value.steps != steps
            for value in self._gone_through
        )

    @staticmethod
    def _stands_alone(body: Sequence[Node]) -> bool:
        """Nothing but `some`, a status, words, and one `not`: this denies without what that rests on."""
        negations = [each for each in body if is_not(each)]
        others = [each for each in body if not is_not(each)]
        return len(negations) == 1 and all(
            is_some(each) or is_status(each) or is_words(each) for each in others
        )

    def _clause(self, rule: Node, arguments: tuple[Values, ...], mode: int) -> tuple[Values, bool]:
        """What a clause of a helper gives, through its else, and whether it always gives something."""
        scope, closed, row = Scope(), self._closed, self._row
        self._closed, self._doubted = not arguments, False
        head = rule["head"]
        result = NOTHING
        truth: bool | None = False
        patterns = zip(head.get("args", ()), arguments, strict=False)
        if all(self._argument(pattern, values, scope, mode) for pattern, values in patterns):
            truth = self._body(rule.get("body", ()), scope, mode)
            value = self._term(head["value"], scope, mode) if "value" in head else TRUE
            result = NOTHING if truth is False else value
        certain = truth is True and not self._doubted
        if "else" in rule:
            others, certain_too = self._clause(rule["else"], arguments, mode)
            result, certain = (result if certain else result | others), certain or certain_too
        self._closed, self._row = closed, row
        return result, certain

    def _argument(self, pattern: Node, values: Values, scope: Scope, mode: int) -> bool:
        """Bind an argument; whether the clause is one for it."""
        if pattern["type"] in SCALARS:
            wanted = Literal(json.dumps(scalar_of(pattern)))
            self._possible(values, wanted)
            outcomes = self._truths("equal", values, frozenset({wanted}))
            self._doubted |= outcomes != {True}
            return True in outcomes
        # An argument hides a helper of its name.
        scope.declared |= {pattern["value"]} if pattern["type"] == "var" else frozenset()
        self._doubted |= pattern["type"] != "var"
        self._bind(pattern, values, scope, mode, pattern)
        return True

    def _helper(self, name: str, arguments: tuple[Values, ...] | None, mode: int, bare: bool) -> Values:
        """What a helper or a function stands for. `bare`: it is asked only whether it holds."""
        rules = self._rules[name]
        if arguments is None and has_rows(rules[0]):
            return frozenset({Rows(name, "object" if "value" in rules[0]["head"] else "set")})
        values = frozenset(
            json.dumps(scalar_of(rule["head"]["value"])) for rule in rules if rule.get("default")
        )
        # Which clause counts, one cannot tell; where truth is asked, `default false` is as good as undefined.
        if any("else" in rule for rule in rules) or values - {"false"} or (values and not bare):
            mode = untold(mode)
        found: tuple[Values, bool] = self._once(
            (name, arguments, mode), (UNKNOWN, False), lambda: self._visit_helper(name, arguments or (), mode)
        )
        result, certain = found
        self._doubted |= not certain
        return result

    def _visit_helper(self, name: str, arguments: tuple[Values, ...], mode: int) -> tuple[Values, bool]:
        clauses = [self._clause(rule, arguments, mode) for rule in self._rules[name]]
        return union(values for values, _ in clauses), any(certain for _, certain in clauses)

    def _rows(self, rows: Rows, mode: int) -> tuple[Values, Values]:
        if rows.turned:
            mode = turn(mode)
        result: tuple[Values, Values] = self._once(
            (rows, mode), (UNKNOWN, UNKNOWN), lambda: self._visit_rows(rows, mode)
        )
        return result

    def _seen(self, rows: Rows) -> tuple[Values, Values]:
        outer, self.found = self.found, Found()
        result = self._rows(rows, WORDS)
        self.found = outer
        return result

    def _visit_rows(self, rows: Rows, mode: int) -> tuple[Values, Values]:
        if isinstance(rows.source, int):
            node = self._nodes[rows.source]
            parts = [(node["body"], node.get("key"), node.get("term", node.get("value")))]
        else:
            heads = [(rule["body"], rule["head"]) for rule in self._rules[rows.source]]
            parts = [(body, head["key"], head.get("value", head["key"])) for body, head in heads]
        keys, items, row = NOTHING, NOTHING, self._row
        for body, key, item in parts:
            scope = Scope(rows.scope, rows.known, rows.same)
            truth = self._body(body, scope, mode)
            key_here = self._term(key, scope, mode) if key else UNKNOWN
            item_here = self._term(item, scope, mode)
            if truth is not False and key_here and item_here:
                keys, items = keys | key_here, items | item_here
        self._row = row
        return keys, items

    def _once(self, key: Any, circle: Any, visit: Callable[[], Any]) -> Any:
        """A visit whose result and findings are remembered; what it finds is never strict.

        Args:
            key: what the result depends on.
            circle: the result for a rule that goes in circles, which does not compile.
            visit: the visit itself.
        """
        key = (*key, self._judging)
        if key not in self._memo:
            outer, within = self.found, (self._outermost, self._strict, self._doubted)
            self._memo[key] = (circle, Found())
            self.found, self._outermost, self._strict = Found(), False, False
            self._memo[key] = (visit(), self.found)
            self.found, (self._outermost, self._strict, self._doubted) = outer, within
        result, found = self._memo[key]
        self.found.add(found)
        return result
