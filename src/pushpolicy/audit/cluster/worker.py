"""What a worker of a cluster does."""

from __future__ import annotations

from functools import cache, lru_cache

from pushpolicy.audit.cluster.forms import Outcome, Question, answer
from pushpolicy.engines import Limits, LocalOpa, find_engine
from pushpolicy.errors import EngineError, InputError, PolicyError
from pushpolicy.evaluate.batches import Question as About
from pushpolicy.evaluate.batches import decided
from pushpolicy.evaluate.policyset import PolicySet
from pushpolicy.model.document import Document

# Many documents at once need memory for what was computed of each; it is collected early.
_HEAP = 512 * 1024 * 1024


def decide(asked: bytes) -> bytes:
    """Decide about the documents of a question, with the OPA that is installed here.

    Dask runs it: a worker imports it by this name, and nothing else of what it is sent.

    Args:
        asked: as `forms.Question.encode` writes it.

    Returns:
        as `forms.answer` writes it; of what another version asks, without a decision.
    """
    try:
        question = Question.read(asked)
    except ValueError:
        return answer(asked, ())
    try:
        policy = _policy(question.policy, question.source)
        batch = [About(None, policy, Document.read(each)) for each in question.documents]
        outcomes: list[Outcome] = [each.outcome for each in decided(batch, _engine())]
    except (PolicyError, EngineError, InputError) as error:
        outcomes = [error for _ in question.documents]
    return answer(asked, outcomes)


@lru_cache(maxsize=8)
def _policy(bundle: bytes, source: str) -> PolicySet:
    """Batches of one repository hold the same policy, one after the other."""
    return PolicySet.from_bundle(bundle, source)


@cache
def _engine() -> LocalOpa:
    """With one processor: a worker has a thread for each that it may use."""
    return find_engine(limits=Limits(processors=1, heap=_HEAP))
