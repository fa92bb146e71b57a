"""Images without packages: a scan that could find nothing to look into does not say what it looked for.

An SBOM of the same image stands in for that, if it lists no package, and if nothing else that is known of the
image does: another SBOM, a scan, or a layer. It is written on the scan, and so is what contradicts it.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from pushpolicy.images.image import Image
from pushpolicy.model.evidence import (
    ImageEvidence,
    PlatformEvidence,
    SbomComponent,
    SbomEvidence,
    Scan,
    ScansEvidence,
    Status,
)


def evidence(scans: ScansEvidence, boms: SbomEvidence, image: Image, about: ImageEvidence) -> ScansEvidence:
    """The same scans; those that say nothing of what they looked for tell whether there was anything."""
    items = tuple(
        _told(scan, scans, boms, image, about) if scan.bound and "unsaid" in scan.looked_for else scan
        for scan in scans.items
    )
    return replace(scans, items=items)


def _told(scan: Scan, scans: ScansEvidence, boms: SbomEvidence, image: Image, about: ImageEvidence) -> Scan:
    named = [bom.name for bom in boms.items if bom.bound and bom.platform == scan.platform]
    platforms = [platform for platform in about.platforms if platform.platform == scan.platform]
    listed = {each.sbom for each in boms.components or () if not _is_image(each)}
    empty = [name for name in named if name not in listed]
    if not empty or len(platforms) != 1 or boms.components is None or boms.status is not Status.COLLECTED:
        return scan
    against = next(_against(scan, scans, [name for name in named if name in listed], platforms[0]), None)
    if not against:
        from pushpolicy.images import packages  # hardly a push needs it

        against = packages.told(image, platforms[0].digest)
    return replace(scan, not_empty=against) if against else replace(scan, empty_by=empty[0])


def _is_image(component: SbomComponent) -> bool:
    """SPDX lists what it is about among its packages."""
    purl = component.purl or "pkg:oci/"
    return component.type == "container" and purl.startswith(("pkg:oci/", "pkg:docker/"))


def _against(
    scan: Scan, scans: ScansEvidence, others: list[str], platform: PlatformEvidence
) -> Iterator[str]:
    """What is known of the image beside the SBOM that lists nothing, and says that there are packages."""
    yield from (f"the SBOM {name} lists packages" for name in others)
    for each in scans.items:
        if each.bound and each.platform == scan.platform:
            if each.packages or any(finding.package for finding in each.findings):
                yield f"the scan {each.name} lists packages"
            elif each.system:
                yield f"the scan {each.name} found the system {each.system}"
    if platform.not_comparable or platform.lazy_toc:
        yield "its layers cannot be searched"
