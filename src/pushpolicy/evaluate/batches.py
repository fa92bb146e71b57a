"""Many questions about a policy set at once: a query that gives one answer for each of them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from msgspec.structs import replace

from pushpolicy.engines.interface import Engine
from pushpolicy.errors import EngineError
from pushpolicy.evaluate.policyset import SCHEMA, PolicySet
from pushpolicy.evaluate.program import laid_out
from pushpolicy.model import canonical
from pushpolicy.model.document import Document

_NOTHING: Mapping[str, Any] = {}
_LEAST, _MOST, _BYTES = 8, 200, 20_000_000


def fitting(evidence: Document) -> int:
    """How many evaluations of a document one process has the time for, which is that of one decision."""
    return max(_LEAST, min(_MOST, _BYTES // len(evidence.content)))


def answers(
    policy: PolicySet,
    engine: Engine,
    query: str,
    records: Sequence[Any],
    *,
    shared: Mapping[str, Any] = _NOTHING,
    most: int,
) -> list[Any]:
    """What a query gives for each of `input.records`, in order; as many processes as processors.

    Args:
        policy: what is asked.
        engine: evaluates.
        query: its value is an array, an answer for each record.
        records: what is asked about.
        shared: what the query finds in `input` beside the records.
        most: how many of them a process is given, which has the time of one decision.

    Raises:
        EngineError: when OPA fails, or gives another number of answers.
    """
    # The input of such a query is no evidence document, so it has no schema.
    asked = replace(policy, files={**policy.files, SCHEMA: b"{}"})
    # Neighbours often take as long as one another, so they are dealt out like cards.
    processes = os.cpu_count() or 1
    hands = max(min(processes, len(records)), -(-len(records) // most))
    dealt = [records[number::hands] for number in range(hands)]
    found: list[Any] = [None] * len(records)
    # A document of thousands of findings takes longer to write than to read, so it is written once.
    rest = b"," + canonical.encode(shared)[1:] if shared else b"}"
    with ThreadPoolExecutor(max_workers=processes) as pool:
        for number, each in enumerate(pool.map(partial(_ask, asked, engine, query, rest), dealt)):
            found[number::hands] = each
    return found


def _ask(policy: PolicySet, engine: Engine, query: str, rest: bytes, records: Sequence[Any]) -> list[Any]:
    with laid_out(policy) as program, engine.start(replace(program, query=query)) as session:
        session.send(b'{"records":' + canonical.encode(records) + rest)
        found: list[Any] = session.answer()
    if len(found) != len(records):
        raise EngineError("OPA gave no decision on one of the documents")
    return found
