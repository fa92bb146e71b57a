"""Provenance together: the evidence of kind ``provenance``, and what it says of the image's commit."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from pushpolicy.gather import expected
from pushpolicy.gather.attestations import Embedded
from pushpolicy.gather.found import Reports, numbered
from pushpolicy.model.evidence import Build, ImageEvidence, ProvenanceEvidence
from pushpolicy.reports.provenance.attestation import Attestation


def evidence(reports: Reports, embedded: Embedded, image: ImageEvidence) -> ProvenanceEvidence:
    """All provenance: that of files, and that which lies in the image's own index."""
    items = (*_of_files(reports, image), *_of_image(embedded, image))
    problems = [*reports.problems["provenance"], *embedded.problems]
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


def _of_files(reports: Reports, image: ImageEvidence) -> Iterator[Build]:
    for report in reports.of("provenance"):
        for name, attestation in numbered(report.raw.name, report.content):
            yield _build(name, report.raw.format, "file", report.raw.digest.hex, attestation, image)


def _of_image(embedded: Embedded, image: ImageEvidence) -> Iterator[Build]:
    for name, sha256, attestation in embedded.of("provenance"):
        yield _build(name, "in-toto", "image", sha256, attestation, image)


def _build(
    name: str, form: str, origin: str, sha256: str, attestation: Attestation, image: ImageEvidence
) -> Build:
    build, platforms = attestation.build, _subjects(attestation, image)
    return Build(
        name=name,
        format=form,
        origin=origin,
        predicate_type=attestation.predicate_type,
        bound=bool(platforms),
        platforms=platforms,
        signed=attestation.signed,
        builder=build.builder,
        build_type=build.build_type,
        repository=build.repository,
        commit=build.commit,
        ref=build.ref,
        materials=build.materials,
        invocation=build.invocation,
        started=build.started,
        finished=build.finished,
        sha256=sha256,
    )


def _subjects(attestation: Attestation, image: ImageEvidence) -> tuple[str, ...]:
    """The platforms that it is about: all, where its subject is the index."""
    subjects = set(attestation.subject.digests)
    whole = str(image.digest) in subjects
    return tuple(p.platform for p in image.platforms if whole or str(p.digest) in subjects)
