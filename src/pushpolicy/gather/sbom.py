"""SBOMs together: the evidence of kind ``sbom``, each bound to the image as a scan is, or openly not."""

from __future__ import annotations

from collections.abc import Iterator

from pushpolicy.gather import expected
from pushpolicy.gather.binding import bind, scanned_image
from pushpolicy.gather.image import Embedded
from pushpolicy.gather.names import Reports
from pushpolicy.model.evidence import ImageEvidence, Sbom, SbomContent, SbomEvidence, content
from pushpolicy.reports.facts import SbomFacts


def evidence(reports: Reports, embedded: Embedded, image: ImageEvidence) -> SbomEvidence:
    """All SBOMs: those of files, and those that lie in the image's own index."""
    items = tuple(_items(reports, embedded, image))
    problems = [*reports.problems["sbom"], *embedded.problems]
    status, reason = expected.status(problems, [], any_read=bool(items), kind="SBOM")
    covered = {item.platform for item in items if item.bound}
    left = tuple(p.platform for p in image.platforms if p.platform not in covered)
    return SbomEvidence(status=status, reason=reason, items=items, not_covered=left)


def _items(reports: Reports, embedded: Embedded, image: ImageEvidence) -> Iterator[Sbom]:
    for name, raw, facts in reports.items(SbomFacts):
        yield _sbom(name, raw.format, "file", raw.digest.hex, facts, image)
    for name, sha256, facts in embedded.of(SbomFacts):
        yield _sbom(name, "in-toto", "image", sha256, facts, image)


def _sbom(name: str, form: str, origin: str, sha256: str, facts: SbomFacts, image: ImageEvidence) -> Sbom:
    binding = bind(facts.identity, image)
    return Sbom(
        name=name,
        format=form,
        origin=origin,
        sha256=sha256,
        bound=binding is not None,
        bound_by=binding.by if binding else None,
        platform=binding.platform if binding else None,
        image=scanned_image(facts.identity),
        **content(facts, SbomContent),
    )
