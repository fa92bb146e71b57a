"""Many questions about a policy set at once: a query that gives one answer for each of them.

One process of OPA answers for many documents, each of which is an `input` of its own, so that starting it
and loading the policy are paid once.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from msgspec.structs import replace

from pushpolicy.engines.interface import Engine, Session
from pushpolicy.errors import EngineError, InputError, PolicyError
from pushpolicy.evaluate import evaluate
from pushpolicy.evaluate.answer import read_answer
from pushpolicy.evaluate.policyset import SCHEMA, PolicySet
from pushpolicy.evaluate.program import laid_out
from pushpolicy.evaluate.recorded import is_answer
from pushpolicy.model import canonical
from pushpolicy.model.decision import Decision, EngineIdentity
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
    # Neighbours often take as long as one another, so they are dealt out like cards.
    processes = os.cpu_count() or 1
    hands = max(min(processes, len(records)), -(-len(records) // most))
    dealt = [records[number::hands] for number in range(hands)]
    found: list[Any] = [None] * len(records)
    # A document of thousands of findings takes longer to write than to read, so it is written once.
    rest = b"," + canonical.encode(shared)[1:] if shared else b"}"
    with ThreadPoolExecutor(max_workers=processes) as pool:
        for number, each in enumerate(pool.map(partial(_ask, policy, engine, query, rest), dealt)):
            found[number::hands] = each
    return found


def _ask(policy: PolicySet, engine: Engine, query: str, rest: bytes, records: Sequence[Any]) -> list[Any]:
    with _asking(policy, engine, query) as session:
        session.send(b'{"records":' + canonical.encode(records) + rest)
        found: list[Any] = session.answer()
    if len(found) != len(records):
        raise EngineError("OPA gave no decision on one of the documents")
    return found


T = TypeVar("T")
# What a batch holds at most: an engine reads all of it before it evaluates, and has the time of one decision.
_BATCH, _BATCH_BYTES = 200, 8_000_000
# How many parts are made of one that fails.
_PARTS = 8
_DECISIONS = "[d | some each in input.records; d := data.pushpolicy.main.decision with input as each]"


class Question(NamedTuple, Generic[T]):
    """A document to decide about, which is valid, and by which policy; `about` comes back with the answer.

    Attributes:
        known: a decision about it by this policy that is found to hold. Where OPA gives the answer that it
            was read from, that is not read again, which takes longer than all else that is done with it.
    """

    about: T
    policy: PolicySet
    evidence: Document
    known: Decision | None = None


class Answered(NamedTuple, Generic[T]):
    """What became of a question: the decision, or why there is none."""

    about: T
    outcome: Decision | EngineError | PolicyError | InputError


class Answering(Protocol):
    """What answers questions in the place of `decisions`: a cluster."""

    def __call__(self, questions: Iterable[Question[T] | Answered[T]], /) -> Iterator[Answered[T]]:
        """As `decisions`."""


def decisions(questions: Iterable[Question[T] | Answered[T]], engine: Engine) -> Iterator[Answered[T]]:
    """Decide about many documents, in batches of one policy each, with a process of OPA for each processor.

    What cannot be decided ends alone, as it would if it were asked about by itself. No more questions are
    taken than are being answered, so `questions` may be endless.

    Args:
        questions: in any order; those about one policy are best near one another. What is answered already
            is passed on at once.
        engine: evaluates.

    Yields:
        answers, in no order.
    """
    processes = os.cpu_count() or 1
    with ThreadPoolExecutor(max_workers=processes) as pool:
        running = deque[Future[list[Answered[T]]]]()
        for batch in batches(questions):
            if isinstance(batch, Answered):
                yield batch
                continue
            running.append(pool.submit(decided, batch, engine))
            if len(running) > processes:
                yield from running.popleft().result()
        for each in running:
            yield from each.result()


def batches(questions: Iterable[Question[T] | Answered[T]]) -> Iterator[list[Question[T]] | Answered[T]]:
    """As they come, put together by policy; the fullest goes first where many policies take turns.

    What is answered already is passed on at once.
    """
    waiting = dict[int, list[Question[T]]]()
    sizes = dict[int, int]()
    for question in questions:
        if isinstance(question, Answered):
            yield question
            continue
        key = id(question.policy)  # which lives as long as its questions wait
        waiting.setdefault(key, []).append(question)
        sizes[key] = sizes.get(key, 0) + len(question.evidence.content)
        if len(waiting[key]) >= _BATCH or sum(sizes.values()) >= _BATCH_BYTES:
            fullest = max(sizes, key=sizes.__getitem__)
            del sizes[fullest]
            yield waiting.pop(fullest)
    yield from waiting.values()


def decided(batch: Sequence[Question[T]], engine: Engine) -> list[Answered[T]]:
    """Ask about all at once; where that fails, about parts of it, down to the one that fails.

    One that takes too long has the time of a decision as often as there are parts within parts.

    Args:
        batch: about one policy.
        engine: evaluates, by one process at a time.

    Returns:
        an answer for each, in order.
    """
    if len(batch) == 1:
        return [_alone(batch[0], engine)]
    policy = batch[0].policy
    try:
        with _asking(policy, engine, _DECISIONS) as session:
            session.send(b'{"records":[' + b",".join(each.evidence.content for each in batch) + b"]}")
            found, identity = session.answer(), session.identity()
        if len(found) != len(batch):  # one that is undefined leaves no trace
            raise EngineError("OPA gave no decision on one of the documents")
        return [_read(each, value, identity) for each, value in zip(batch, found, strict=True)]
    except (EngineError, PolicyError):
        size = -(-len(batch) // _PARTS)
        parts = (batch[start : start + size] for start in range(0, len(batch), size))
        return [each for part in parts for each in decided(part, engine)]


def _read(question: Question[T], value: Any, engine: EngineIdentity) -> Answered[T]:
    known = question.known
    # Of other evidence, as raw reports may give, the same answer has to be read: it may contradict that.
    is_about = known is not None and known.evidence == question.evidence.digest
    if known is not None and is_about and is_answer(value, known, question.policy):
        return Answered(question.about, replace(known, engine=engine))
    try:
        return Answered(question.about, read_answer(value, question.policy, question.evidence, engine))
    except EngineError as error:
        return Answered(question.about, error)


def _alone(question: Question[T], engine: Engine) -> Answered[T]:
    try:
        return Answered(question.about, evaluate(question.policy, question.evidence, engine))
    except (EngineError, PolicyError, InputError) as error:
        return Answered(question.about, error)


@contextmanager
def _asking(policy: PolicySet, engine: Engine, query: str) -> Iterator[Session]:
    """The input of such a query is no evidence document, so it has no schema."""
    asked = replace(policy, files={**policy.files, SCHEMA: b"{}"})
    with laid_out(asked) as program, engine.start(replace(program, query=query)) as session:
        yield session
