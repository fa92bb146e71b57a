"""What a worker is asked and what it answers: lines of canonical JSON, in which there is no line break.

{"policy": BASE64, "schema": ..., "source": ..., "version": ...}     the bundle, as a record holds one
EVIDENCE                                                             a line for each document

{"asked": DIGEST, "schema": ..., "version": ...}                     of exactly these bytes
{"decision": {...}} | {"failed": KIND, "hint": ..., "message": ...}   a line for each document, in their order
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, Self

import msgspec

from pushpolicy import __version__
from pushpolicy.errors import EngineError, InputError, PolicyError
from pushpolicy.evaluate.policyset import PolicySet
from pushpolicy.evaluate.recorded import check_decision
from pushpolicy.model import canonical
from pushpolicy.model.decision import Decision, EngineIdentity
from pushpolicy.model.digest import Digest
from pushpolicy.model.document import Document, Exact
from pushpolicy.model.text import printable
from pushpolicy.records.read import read_decision

ASKED, ANSWERED = "pushpolicy.cluster.question/v1", "pushpolicy.cluster.answer/v1"
Outcome = Decision | EngineError | PolicyError | InputError
_FAILURES: dict[str, type[EngineError | PolicyError | InputError]] = {
    "engine": EngineError,
    "policy": PolicyError,
    "input": InputError,
}


class Question(NamedTuple):
    """Documents to decide about, by one policy."""

    policy: bytes
    source: str
    documents: tuple[bytes, ...]

    def encode(self) -> bytes:
        """The lines."""
        head = {
            "policy": base64.b64encode(self.policy).decode(),
            "schema": ASKED,
            "source": self.source,
            "version": __version__,
        }
        return b"\n".join((canonical.encode(head), *self.documents))

    @classmethod
    def read(cls, content: bytes) -> Self:
        """The same, where this version asked.

        Raises:
            ValueError: when it is none.
        """
        line, *documents = content.split(b"\n")
        head = msgspec.convert(canonical.decode(line), _Asked)
        if (head.schema, head.version) != (ASKED, __version__):
            raise ValueError(f"pushpolicy {head.version} asks, and this is {__version__}")
        return cls(base64.b64decode(head.policy, validate=True), head.source, tuple(documents))


class _Asked(Exact, frozen=True):
    policy: str
    schema: str
    source: str
    version: str


class _Answered(Exact, frozen=True):
    asked: str
    schema: str
    version: str


class _Failed(Exact, frozen=True):
    failed: str
    message: str
    hint: str | None = None


def answer(asked: bytes, outcomes: Iterable[Outcome]) -> bytes:
    """What a worker says of a question; of one that another version asks, without outcomes."""
    head = {"asked": str(Digest.of(asked)), "schema": ANSWERED, "version": __version__}
    return b"\n".join(map(canonical.encode, (head, *map(_line, outcomes))))


def _line(outcome: Outcome) -> dict[str, Any]:
    if isinstance(outcome, Decision):
        return {"decision": outcome.document().value}
    kind = next(kind for kind, error in _FAILURES.items() if isinstance(outcome, error))
    hint = {"hint": outcome.hint} if outcome.hint else {}
    return {"failed": kind, "message": outcome.message, **hint}


def read_answer(
    content: object, asked: Digest, policy: PolicySet, documents: Sequence[Document], engine: EngineIdentity
) -> list[Outcome]:
    """What a worker decided, of which everything is required that can be known without deciding it.

    The answer is about what was asked, and each decision follows from its policy and evidence if the rules
    found what it says they found. Whether they did, only another evaluation tells.

    Args:
        content: what came from the worker.
        asked: the digest of what it was asked.
        policy: by which it was to decide.
        documents: about which.
        engine: with which OPA.

    Raises:
        ValueError: when it is no such answer, with what is wrong.
    """
    if type(content) is not bytes:
        raise ValueError("it is not bytes")
    line, *lines = content.split(b"\n")
    head = msgspec.convert(canonical.decode(line), _Answered)
    if head.version != __version__:
        raise ValueError(f"it is of pushpolicy {printable(head.version, 40)}, and this is {__version__}")
    if (head.schema, head.asked) != (ANSWERED, str(asked)):
        raise ValueError("it is about something else than was asked")
    if len(lines) != len(documents):
        raise ValueError(f"it has {len(lines)} decisions on {len(documents)} documents")
    return [_outcome(line, policy, document, engine) for line, document in zip(lines, documents, strict=True)]


def _outcome(line: bytes, policy: PolicySet, evidence: Document, engine: EngineIdentity) -> Outcome:
    said, encoded = canonical.read(line)
    if encoded != line:
        raise ValueError("it is not canonical JSON")
    match said:
        case {"decision": dict(value), **rest} if not rest:
            decision = read_decision(Document.of(value))
            if decision.engine != engine:
                raise ValueError(f"{_told(decision.engine)} evaluated, and this machine has {_told(engine)}")
            check_decision(decision, policy, evidence)
            return decision
    failed = msgspec.convert(said, _Failed)
    if failed.failed not in _FAILURES:
        raise ValueError("a document failed in an unknown way")
    hint = printable(failed.hint, 300) if failed.hint else None
    return _FAILURES[failed.failed](printable(failed.message, 300), hint)


def _told(engine: EngineIdentity) -> str:
    return printable(f"{engine.name} {engine.version} {engine.digest}", 120)
