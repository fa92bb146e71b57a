"""May it be published? OPA decides; here is what it is given, and how its answer is read.

    policy = load_policy(["pack"], engine)
    decision = evaluate(policy, evidence, engine)

`started` is `evaluate` in two steps, for callers that can read the evidence while OPA loads the policy.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from pushpolicy.engines.interface import Compiler, Engine, Session
from pushpolicy.evaluate.answer import read_answer
from pushpolicy.evaluate.data import RepositoryPolicy
from pushpolicy.evaluate.evidence import validate_evidence
from pushpolicy.evaluate.policyset import PACK, PolicySet, load
from pushpolicy.evaluate.program import laid_out
from pushpolicy.model.decision import Decision
from pushpolicy.model.document import Document

__all__ = [
    "PACK",
    "Evaluation",
    "PolicySet",
    "RepositoryPolicy",
    "check_policy",
    "evaluate",
    "load_policy",
    "started",
    "validate_evidence",
]

_NOTHING = RepositoryPolicy()


def load_policy(
    sources: Sequence[str], compiler: Compiler, repository: RepositoryPolicy = _NOTHING
) -> PolicySet:
    """Read a policy set; nothing is evaluated, and the shipped pack is not even parsed.

    Args:
        sources: in order: ``pack``, folders of rules, rule files; two may not hold the same rule.
        compiler: indexes the rules that are not shipped.
        repository: what the judged checkout adds and wishes.

    Raises:
        PolicyError: listing everything that is wrong, one a line with its file and line.
    """
    return load(sources, compiler, repository)


def check_policy(
    sources: Sequence[str], compiler: Compiler, repository: RepositoryPolicy = _NOTHING
) -> PolicySet:
    """Load a policy set and have OPA check it; stricter than `load_policy`, for whoever writes rules.

    Raises:
        PolicyError: as `load_policy`, for waivers of unknown rules, and all that `opa check --strict` says.
    """
    from pushpolicy.evaluate.check import check

    return check(load(sources, compiler, repository), compiler, sources)


def evaluate(policy: PolicySet, evidence: Document, engine: Engine) -> Decision:
    """Decide on a document.

    Raises:
        InputError: when the document does not fit its schema.
        PolicyError: when the policy does not compile.
        EngineError: when OPA fails, takes too long, or answers out of contract.
    """
    with started(policy, engine) as evaluation:
        return evaluation.decide(evidence)


@contextmanager
def started(policy: PolicySet, engine: Engine) -> Iterator[Evaluation]:
    """OPA, loading this policy since now; nothing runs after the context.

    Raises:
        EngineError: when it cannot be started.
    """
    with laid_out(policy) as program, engine.start(program) as session:
        yield Evaluation(policy, engine, session)


class Evaluation:
    """One decision that is yet to be asked for."""

    def __init__(self, policy: PolicySet, engine: Engine, session: Session) -> None:
        self._policy, self._engine, self._session = policy, engine, session

    def decide(self, evidence: Document) -> Decision:
        """Ask once; see `evaluate` for the errors."""
        self._session.send(evidence.content)
        # While OPA evaluates. Its answer counts only if the document passes.
        validate_evidence(evidence)
        answer = self._session.answer()
        return read_answer(answer, self._policy, evidence, self._engine.identity())
