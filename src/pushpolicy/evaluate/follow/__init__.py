"""Following evidence through a rule, by OPA's syntax tree: what it reads, and what its denial is without it.

Each clause of deny is visited from `deny` inwards. Variables stand for sets of values (values.py);
helpers and functions are visited where they are used, comprehensions and `contains` rules where their items
are, each with the direction of that use (absence.VANISHES and so on): `not` turns it, and so does whatever is
true when there are few. docs/rules.md says the law in the words of whoever writes rules.
"""

from __future__ import annotations

import msgspec

from pushpolicy.evaluate.absence import Read, Steps, evidence_schema
from pushpolicy.evaluate.follow.nodes import Node, name_of
from pushpolicy.evaluate.follow.notes import Clause
from pushpolicy.evaluate.follow.rule import Rule
from pushpolicy.evaluate.follow.terms import Settings, TooLargeError

__all__ = ["Clause", "Followed", "Settings", "follow"]

NO_SETTINGS: Settings = {}


class Followed(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule's deny reads, what (steps, filled) it covers by a denial of its own, and errors by line.

    Attributes:
        clauses: of deny, warn and not_applicable, in the order of the file.
    """

    reads: tuple[Read, ...]
    covered: frozenset[tuple[Steps, bool]]
    problems: tuple[tuple[int, str], ...]
    clauses: tuple[Clause, ...]


def follow(name: str, tree: Node, settings: Settings = NO_SETTINGS) -> Followed:
    """Follow the evidence through a module.

    Args:
        name: of the rule.
        tree: its syntax tree with locations, of the shape that syntax.shape_problems asks for.
        settings: a JSON Schema of each.
    """
    visitor = Rule(name, tree, settings, evidence_schema())
    try:
        for rule in tree.get("rules", []):
            if name_of(rule) in ("deny", "warn", "not_applicable"):
                visitor.finding(rule)
    except (RecursionError, TooLargeError):
        visitor.found.problems[1, "the rule is too large, or goes in circles, to be followed"] = None
    except (LookupError, TypeError, ValueError):
        # What does not compile may have any form, and OPA compiles only what was followed.
        visitor.problem(
            "this cannot be followed: a function without its arguments, or a name that is two kinds of helper"
        )
    return Followed(
        reads=tuple(visitor.found.reads),
        covered=frozenset(visitor.covered),
        problems=tuple(visitor.found.problems),
        clauses=tuple(visitor.clauses),
    )
