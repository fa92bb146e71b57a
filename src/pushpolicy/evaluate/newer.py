"""Which rules read evidence that an older schema does not know: no evidence of then can answer them."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator

from pushpolicy.engines.interface import Compiler
from pushpolicy.evaluate.absence import WORDS, Evidence, Steps
from pushpolicy.evaluate.follow import follow
from pushpolicy.evaluate.policyset import SCHEMA, PolicySet


def beyond(policy: PolicySet, names: Collection[str], older: PolicySet, compiler: Compiler) -> frozenset[str]:
    """Those of some rules of a set that read what the schema of another set does not have.

    What that schema has, and the evidence lacks, is another thing: it was missing, which denies.

    Args:
        policy: the set.
        names: some of its rules.
        older: the set that evidence was gathered for.
        compiler: parses rules.

    Raises:
        EngineError: when OPA itself fails.
    """
    content = older.files[SCHEMA]
    if content == policy.files[SCHEMA] or not names:
        return frozenset()
    ordered = sorted(names)
    trees = compiler.parse([policy.files[f"rules/{name}/{name}.rego"] for name in ordered])
    schema = Evidence(json.loads(content))
    return frozenset(
        name
        for name, tree in zip(ordered, trees, strict=True)
        if not all(_knows(schema, steps) for steps in _read(policy, name, tree))
    )


def _read(policy: PolicySet, name: str, tree: object) -> Iterator[Steps]:
    entry = policy.index.rules[name]
    yield from (tuple(kind.split(".")) for kind in entry.requires if not kind.startswith("extra."))
    if isinstance(tree, dict):
        clauses = follow(name, tree, entry.settings).clauses
        yield from (read.steps for each in clauses for read in each.reads if read.absent != WORDS)


def _knows(schema: Evidence, steps: Steps) -> bool:
    """Whether such a place can be in evidence of a schema; of a strange one nobody says that it cannot."""
    try:
        schema.node(steps)
    except KeyError:
        return False
    except (TypeError, AttributeError, ValueError):
        return True
    return True
