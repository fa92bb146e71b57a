"""A history of decisions as years of pushes leave it, written as an export.

Fifty repositories, records in the order of their times, the policy a newer version every so often. Most
pushes are allowed, some denied: of each kind one is decided by OPA for each policy, the others are made of
it, about another image at another time; a replay of them shows that they are right.

    python -m bench.history DIR RECORDS FINDINGS own|pack
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from msgspec.structs import replace

from bench.documents import evidence
from bench.policy import own_rules
from pushpolicy.audit.allowance import Allowance
from pushpolicy.audit.export.folders import writing
from pushpolicy.audit.shelf import Shelf
from pushpolicy.audit.sources import Tagged
from pushpolicy.audit.standing import standing
from pushpolicy.audit.tags import Tags
from pushpolicy.audit.walk import Opened, Read
from pushpolicy.engines import find_engine
from pushpolicy.evaluate import PolicySet, evaluate, load_policy
from pushpolicy.evaluate.recorded import RecordedPolicy
from pushpolicy.model.decision import Decision, Link
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest
from pushpolicy.model.document import Document
from pushpolicy.model.reference import Reference, Repository
from pushpolicy.records.build import Contents, build_record
from pushpolicy.records.read import Record, Summary
from tests.policies import write_policy

RULES, VERSIONS, REPOSITORIES = 10, 3, 50
# One in so many is denied.
DENIED = 10
_BEGIN = datetime(2024, 1, 1, tzinfo=UTC)


def policies(folder: Path, kind: str) -> list[PolicySet]:
    """The versions of a policy: ten own rules of which one changes, or the pack with another setting."""
    engine = find_engine()
    return [load_policy(sources(folder, kind, number), engine) for number in range(VERSIONS)]


def sources(folder: Path, kind: str, number: int) -> list[str]:
    """What ``--policy`` names for a version, written into a folder."""
    place = folder / f"{kind}-{number}"
    if kind == "pack":
        settings = f"scan_fresh:\n  max_age_hours: {24 + number}\n"
        return ["pack", write_policy(place, {}, settings=settings)]
    own = dict(own_rules(RULES))
    changed = own["r0"].replace("CVE-0", f"CVE-{number}-0")
    return [write_policy(place, {**own, "r0": changed})]


class _Kind(NamedTuple):
    """A decision that others are made of."""

    evidence: Document
    decision: Decision
    held: RecordedPolicy
    bundle: bytes


class _Nothing:
    """A repository that has nothing."""

    distant = False

    def __init__(self, repository: Repository) -> None:
        self.repository = repository

    def referrers(self, *_: object) -> tuple[Descriptor, ...]:
        """None."""
        return ()

    def manifest(self, _: object) -> None:
        """None."""


class _Pushes(NamedTuple):
    """The pushes to one repository: a source."""

    place: Reference
    kinds: Sequence[tuple[_Kind, _Kind]]
    first: int
    number: int

    def each(self, _: Allowance) -> Iterator[Read]:
        """Every record, one after the other."""
        shelf: Any = Shelf.of(_Nothing(self.place.repository))  # type: ignore[arg-type]
        for number in range(self.number):
            versions = self.kinds[number * len(self.kinds) // self.number]
            kind = versions[(self.first + number) % DENIED == DENIED - 1]
            record = _made(kind, self.place.repository, self.first + number, number)
            how = standing(record, kind.held, self.place)
            yield Opened(shelf=shelf, record=record, held=kind.held, standing=how)

    def tagged(self, allowance: Allowance) -> Tagged:
        """No tags, and the records."""
        return Tagged(Tags(named=(), as_of=_BEGIN), self.each(allowance))


def _made(kind: _Kind, repository: Repository, number: int, in_tag: int) -> Record:
    """The record of another push, decided as this one."""
    image, tag = Digest.of(str(number).encode()), f"v{number}"
    at = (_BEGIN + timedelta(minutes=9 * number)).strftime("%Y-%m-%dT%H:%M:%SZ")
    value, place = dict(kind.evidence.value), {"registry": repository.registry, "repository": repository.path}
    value |= {
        "evaluated_at": at,
        "target": {**value["target"], **place, "tags": [tag], "new_tags": [tag]},
        "image": {**value["image"], "digest": str(image)},
        "scans": {**value["scans"], "items": [{**value["scans"]["items"][0], "at": at}]},
    }
    document = Document.of(value)
    decision = replace(
        kind.decision,
        evaluated_at=at,
        evidence=document.digest,
        image=replace(kind.decision.image, **place, digest=image, tags=(tag,)),
        chain={tag: Link(sequence=1)} if kind.decision.allowed else {},
    )
    subject = Descriptor(media_type=value["image"]["media_type"], digest=image, size=1000 + in_tag % 10)
    contents = Contents(subject=subject, evidence=document, decision=decision, policy=kind.bundle)
    with build_record(contents) as made:
        manifest = made.artifact.manifest
    summary = Summary(digest=manifest.digest, subject=subject, decision=decision, layers=manifest.layers)
    return Record(summary=summary, evidence=document, policy=kind.bundle)


def _critical(document: Document) -> Document:
    """The same with one critical finding."""
    value = json.loads(document.content)
    (scan,) = value["scans"]["items"]
    first = scan["findings"][0]
    for counts in scan["counts"].values():
        counts[first["severity"]] -= 1
        counts["critical"] += 1
    first["severity"] = "critical"
    return Document.of(value)


def write(folder: Path, records: int, findings: int, kind: str) -> None:
    """Write a history as an export."""
    engine = find_engine()
    with tempfile.TemporaryDirectory() as name:
        kinds = list[tuple[_Kind, _Kind]]()
        for policy in policies(Path(name), kind):
            held, bundle = RecordedPolicy(policy=policy), policy.bundle()
            allowed, denied = (
                _Kind(document, evaluate(policy, document, engine), held, bundle)
                for document in (evidence(findings), _critical(evidence(findings)))
            )
            kinds.append((allowed, denied))
    repositories = min(REPOSITORIES, records)
    with writing(folder) as writer:
        for number in range(repositories):
            first = number * records // repositories
            place = Reference(repository=Repository.parse(f"registry.example.com/team/app{number}"))
            pushes: Any = _Pushes(place, kinds, first, (number + 1) * records // repositories - first)
            writer.add(pushes, Allowance())
        writer.end()


if __name__ == "__main__":
    write(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
