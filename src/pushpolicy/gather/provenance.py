"""Provenance together: the evidence of kind ``provenance``, and what it says of the image's commit."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from pushpolicy.gather import expected
from pushpolicy.gather.image import Statements
from pushpolicy.gather.names import Reports
from pushpolicy.gather.vouch import Vouch, Witnesses
from pushpolicy.model.evidence import Build, BuildContent, ImageEvidence, ProvenanceEvidence, content
from pushpolicy.reports.facts import ProvenanceFacts


def evidence(
    reports: Reports, statements: Statements, image: ImageEvidence, witnesses: Witnesses
) -> ProvenanceEvidence:
    """All provenance: that of files, that which lies in the image's own index, or is attached to it."""
    items = tuple(_items(reports, statements, image, witnesses))
    problems = [*reports.problems["provenance"], *statements.problems]
    status, reason = expected.status(problems, [], any_read=bool(items), kind="provenance")
    return ProvenanceEvidence(status=status, reason=reason, items=items)


def with_commit(image: ImageEvidence, found: ProvenanceEvidence) -> ImageEvidence:
    """The image, bound to its commit by provenance where no label does it.

    A label goes first, whatever it says: the policy compares it.
    """
    named = any(item.bound and item.commit for item in found.items)
    return (
        replace(image, bound_to_commit="provenance") if named and image.bound_to_commit == "none" else image
    )


def _items(
    reports: Reports, statements: Statements, image: ImageEvidence, witnesses: Witnesses
) -> Iterator[Build]:
    for name, raw, facts in reports.items(ProvenanceFacts):
        yield _build(name, raw.format, "file", raw.digest.hex, facts, image, witnesses.of_file(raw))
    for stated, facts in statements.of(ProvenanceFacts):
        yield _build(stated.name, "in-toto", stated.origin, stated.sha256, facts, image, stated.vouch)


def _build(
    name: str,
    form: str,
    origin: str,
    sha256: str,
    facts: ProvenanceFacts,
    image: ImageEvidence,
    vouch: Vouch,
) -> Build:
    subjects = set(facts.subject.digests)
    whole = str(image.digest) in subjects  # it is about all platforms where its subject is the index
    platforms = tuple(p.platform for p in image.platforms if whole or str(p.digest) in subjects)
    return Build(
        name=name,
        format=form,
        origin=origin,
        sha256=sha256,
        bound=bool(platforms),
        platforms=platforms,
        **content(facts, BuildContent),
        **vouch.fields(),
    )
