"""May it be published? OPA decides; here is what it is given, and how its answer is read.

    policy = load_policy(["pack"], engine)
    decision = evaluate(policy, evidence, engine)

OPA starts as early as possible: what is only needed for its answer is imported while it is at work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING

from pushpolicy.engines.interface import Compiler, Engine, Session, Toolchain
from pushpolicy.evaluate.authority import PACK, RepositoryPolicy
from pushpolicy.evaluate.policyset import PolicySet, load
from pushpolicy.evaluate.program import laid_out
from pushpolicy.evaluate.sources import Source

if TYPE_CHECKING:
    from pushpolicy.evaluate.conftest import Conftest
    from pushpolicy.model.decision import Decision
    from pushpolicy.model.document import Document
    from pushpolicy.records.read import Record

__all__ = [
    "PACK",
    "Decide",
    "PolicySet",
    "RepositoryPolicy",
    "check_policy",
    "evaluate",
    "evaluate_bytes",
    "is_of_known_policy",
    "load_policy",
    "start_decision",
    "validate_evidence",
]

Decide = Callable[["Document"], "Decision"]
Artifacts = Mapping[str, Source]
_NOTHING = RepositoryPolicy()
_NONE: Artifacts = MappingProxyType({})


def load_policy(
    sources: Sequence[str],
    compiler: Compiler,
    repository: RepositoryPolicy = _NOTHING,
    trust: str | None = None,
    conftest: Conftest | None = None,
    artifacts: Artifacts = _NONE,
) -> PolicySet:
    """Read a policy set; nothing is evaluated, and the shipped pack is not even parsed.

    Args:
        sources: in order: ``pack`` (or ``pack:COLLECTION``, ``pack:RULE``), folders of rules, rule files; two
            may not hold the same rule.
        compiler: indexes the rules that are not shipped.
        repository: what the judged checkout adds and wishes.
        trust: the file of ``--trust``; with a source's own trust.yaml, the stricter of both holds.
        conftest: policies of conftest, whose denials are added.
        artifacts: what was fetched and verified, for those of the sources that name an artifact.

    Raises:
        PolicyError: listing everything that is wrong, one a line with its file and line.
    """
    return load(sources, compiler, repository, trust, conftest, artifacts)


def check_policy(
    sources: Sequence[str],
    engine: Toolchain,
    repository: RepositoryPolicy = _NOTHING,
    trust: str | None = None,
    conftest: Conftest | None = None,
    artifacts: Artifacts = _NONE,
) -> PolicySet:
    """Load a policy set, have OPA check it, and decide on its examples; for whoever writes rules.

    Raises:
        PolicyError: as `load_policy`, for waivers of unknown rules, all that `opa check --strict` says, and
            each example on which its rule says something else.
        EngineError: when OPA fails.
    """
    from pushpolicy.evaluate.check import check

    policy = load(sources, engine, repository, trust, conftest, artifacts)
    return check(policy, engine, (*sources, *repository.rules))


def is_of_known_policy(record: Record) -> bool:
    """Whether what a valid record says of its policy is known to be so.

    Raises:
        RecordError: when it is not valid.
    """
    from pushpolicy.evaluate.recorded import check_recorded

    return not check_recorded(record).unknown


def validate_evidence(document: Document) -> None:
    """Check a document against its schema; `evaluate` does so itself.

    Raises:
        InputError: naming the first place that does not fit, as in ``scans.items[0].findings[3].severity``.
    """
    from pushpolicy.evaluate.evidence import validate

    validate(document)


def evaluate(policy: PolicySet, evidence: Document, engine: Engine) -> Decision:
    """Decide on a document.

    Raises:
        InputError: when the document does not fit its schema.
        PolicyError: when the policy does not compile.
        EngineError: when OPA fails, takes too long, or answers out of contract.
    """
    with start_decision(policy, engine) as decide:
        return decide(evidence)


@contextmanager
def start_decision(policy: PolicySet, engine: Engine) -> Iterator[Decide]:
    """`evaluate` for who is still gathering: OPA starts and is identified meanwhile. To be called once.

    Raises:
        EngineError: when OPA cannot be started; what is given raises as `evaluate` does.
    """
    with _started(policy, engine) as session:

        def decide(evidence: Document) -> Decision:
            session.send(evidence.content)
            return _decision(policy, evidence, session)

        yield decide


def evaluate_bytes(policy: PolicySet, content: bytes, engine: Engine) -> tuple[Decision, Document]:
    """Decide on a document in a file, and return both; OPA works on it while it is still being checked.

    The answer counts only if these bytes turn out to be canonical: where OPA reads more than strict
    JSON, its word is about another document, and it is asked again about the canonical one.

    Raises:
        ValueError: when it is not strict JSON.
        InputError, PolicyError, EngineError: as `evaluate`.
    """
    with _started(policy, engine) as session:
        session.send(content)
        from pushpolicy.model.document import Document

        evidence = Document.read(content)
        if evidence.content == content:
            return _decision(policy, evidence, session), evidence
    return evaluate(policy, evidence, engine), evidence


@contextmanager
def _started(policy: PolicySet, engine: Engine) -> Iterator[Session]:
    """OPA, loading this policy since now; nothing runs after the context."""
    with laid_out(policy) as program, engine.start(program) as session:
        yield session


def _decision(policy: PolicySet, evidence: Document, session: Session) -> Decision:
    from pushpolicy.evaluate.answer import read_answer

    # While OPA evaluates. Its answer counts only if the document passes.
    validate_evidence(evidence)
    return read_answer(session.answer(), policy, evidence, session.identity())
