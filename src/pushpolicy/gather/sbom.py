"""SBOMs together: the evidence of kind ``sbom``, each bound to the image as a scan is, or openly not."""

from __future__ import annotations

from collections.abc import Iterator

from pushpolicy.gather import expected
from pushpolicy.gather.attestations import Embedded
from pushpolicy.gather.binding import bind
from pushpolicy.gather.found import Reports, numbered
from pushpolicy.model.evidence import ImageEvidence, Sbom, SbomEvidence, ScannedImage
from pushpolicy.reports.sbom.bom import Bom


def evidence(reports: Reports, embedded: Embedded, image: ImageEvidence) -> SbomEvidence:
    """All SBOMs: those of files, and those that lie in the image's own index."""
    items = (*_of_files(reports, image), *_of_image(embedded, image))
    problems = [*reports.problems["sbom"], *embedded.problems]
    status, reason = expected.status(problems, [], any_read=bool(items), kind="SBOM")
    covered = {item.platform for item in items if item.bound}
    left = tuple(p.platform for p in image.platforms if p.platform not in covered)
    return SbomEvidence(status=status, reason=reason, items=items, not_covered=left)


def _of_files(reports: Reports, image: ImageEvidence) -> Iterator[Sbom]:
    for report in reports.of("sbom"):
        for name, bom in numbered(report.raw.name, report.content):
            yield _sbom(name, report.raw.format, "file", report.raw.digest.hex, bom, image)


def _of_image(embedded: Embedded, image: ImageEvidence) -> Iterator[Sbom]:
    for name, sha256, bom in embedded.of("sbom"):
        yield _sbom(name, "in-toto", "image", sha256, bom, image)


def _sbom(name: str, form: str, origin: str, sha256: str, bom: Bom, image: ImageEvidence) -> Sbom:
    about = bom.identity
    binding = bind(about, image)
    named = about.name or about.digests or about.image_id
    return Sbom(
        name=name,
        format=form,
        origin=origin,
        spec_version=bom.spec_version,
        components=bom.components,
        tool=bom.tool,
        bound=binding is not None,
        bound_by=binding.by if binding else None,
        platform=binding.platform if binding else None,
        image=ScannedImage(
            name=about.name, digest=about.digests[0] if about.digests else None, image_id=about.image_id
        )
        if named
        else None,
        id=bom.id,
        at=bom.at,
        sha256=sha256,
    )
