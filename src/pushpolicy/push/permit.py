"""The permit: without one nothing is pushed, and only an ALLOW makes one (design section 2, step 3)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import NoReturn, Self, final

import msgspec

from pushpolicy.errors import PushError
from pushpolicy.images.image import Image
from pushpolicy.model.decision import Decision, EngineIdentity
from pushpolicy.model.digest import Digest
from pushpolicy.model.document import Document
from pushpolicy.model.reference import Target
from pushpolicy.push.content import Layer, layers_to_compare

LIFETIME_SECONDS = 300.0

# What the constructor of Permit asks for; only `issue` has it.
_SEAL = object()


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a permit is bound to: what may be pushed, where to, and on whose word.

    Attributes:
        manifests: the closure in push order, the top last.
        blobs: every config and layer of the closure.
        compared: the layers that must be what they are said to be, uncompressed.
        referrers: what is carried along with it, in push order.
        previous: what each tag that existed named when the evidence was gathered.
    """

    target: Target
    manifests: tuple[Digest, ...]
    blobs: frozenset[Digest]
    compared: Mapping[Digest, Layer]
    referrers: tuple[Digest, ...]
    previous: Mapping[str, Digest]
    evidence: Digest
    decision: Digest
    policy: Digest
    engine: EngineIdentity

    @classmethod
    def of(cls, decision: Decision, evidence: Document, image: Image, target: Target) -> Self:
        """The terms under which this decision lets this image go to this target.

        Raises:
            InputError: when the image contradicts itself.
        """
        previous: Mapping[str, str] = evidence.value["target"]["previous_digests"]
        return cls(
            target=target,
            manifests=tuple(manifest.digest for manifest in image.manifests),
            blobs=frozenset(blob.digest for blob in image.blobs),
            compared=layers_to_compare(evidence.value, image),
            referrers=tuple(manifest.digest for manifest in image.referrers.manifests),
            previous={tag: Digest.parse(text) for tag, text in previous.items()},
            evidence=evidence.digest,
            decision=decision.document().digest,
            policy=decision.policy.digest,
            engine=decision.engine,
        )

    def differences(self, other: Terms) -> tuple[str, ...]:
        """The names of the fields in which the two differ."""
        names = self.__struct_fields__
        return tuple(name for name in names if getattr(self, name) != getattr(other, name))


@final
class Permit:
    """The right to one push, for a short time. Made by `issue`, used up by `redeem`."""

    __slots__ = ("_clock", "_deadline", "_lock", "_redeemed", "_terms")

    def __init__(self, seal: object, terms: Terms, deadline: float, clock: Callable[[], float]) -> None:
        if seal is not _SEAL:
            raise TypeError("a permit is made by pushpolicy.push.issue only")
        self._terms = terms
        self._deadline = deadline
        self._clock = clock
        self._lock = threading.Lock()
        self._redeemed = False

    def redeem(self, terms: Terms) -> None:
        """Use the permit up, for exactly the terms it was issued on.

        Raises:
            PushError: when it was used before, has expired, or the terms differ. A failed
                attempt uses it up too.
        """
        with self._lock:
            if self._redeemed:
                raise PushError("the permit was used already; one decision allows one push")
            self._redeemed = True
        if self._clock() > self._deadline:
            raise PushError("the permit has expired", "run the push again, for a fresh decision")
        if differences := self._terms.differences(terms):
            raise PushError(f"the permit was issued for another {', '.join(differences)}")

    @property
    def terms(self) -> Terms:
        """What the permit is bound to."""
        return self._terms

    @property
    def redeemed(self) -> bool:
        """Whether it was used."""
        return self._redeemed

    def __reduce__(self) -> NoReturn:
        # copy and pickle both call this; a copied permit could be redeemed twice.
        raise TypeError("a permit cannot be copied")


def issue(
    decision: Decision,
    *,
    decision_document: Document,
    evidence: Document,
    image: Image,
    target: Target,
    lifetime: float = LIFETIME_SECONDS,
    clock: Callable[[], float] = time.monotonic,
) -> Permit:
    """Make the permit for an ALLOW.

    Args:
        decision: what OPA answered, read strictly.
        decision_document: the document of that decision, as it will be recorded.
        evidence: the document that was judged.
        image: what would be pushed.
        target: where to.
        lifetime: seconds until it has to be redeemed.
        clock: seconds of a monotonic clock.

    Raises:
        PushError: when the decision is not ALLOW, or was not made about exactly these.
    """
    if not decision.allowed or decision.violations or not decision.rules:
        raise PushError(f"the decision is {decision.verdict}: there is no permit without ALLOW")
    if differences := _mismatches(decision, decision_document, evidence, image, target):
        raise PushError(f"the decision was made about another {', '.join(differences)}")
    return Permit(_SEAL, Terms.of(decision, evidence, image, target), clock() + lifetime, clock)


def _mismatches(
    decision: Decision, decision_document: Document, evidence: Document, image: Image, target: Target
) -> tuple[str, ...]:
    judged, place = decision.image, target.repository
    seen = evidence.value["target"]
    checks = {
        "decision document": decision_document.content == decision.document().content,
        "evidence": decision.evidence == evidence.digest and evidence.digest.matches(evidence.content),
        "image": str(judged.digest) == str(image.top.digest) == evidence.value["image"]["digest"],
        "repository": (judged.registry, judged.repository) == (place.registry, place.path)
        and (seen["registry"], seen["repository"]) == (place.registry, place.path),
        "set of tags": judged.tags == target.tags == tuple(seen["tags"]),
    }
    return tuple(name for name, holds in checks.items() if not holds)
