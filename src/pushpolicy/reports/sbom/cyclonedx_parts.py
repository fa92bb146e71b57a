"""From a CycloneDX BOM, whatever it was written as, to the kinds of evidence that it is.

An empty list of vulnerabilities is no scan: Trivy writes one whether or not it looked for any. A BOM that
lists no component, but vulnerabilities, is no SBOM.
"""

from __future__ import annotations

from pushpolicy.model.evidence import Scanner
from pushpolicy.model.text import printable
from pushpolicy.reports.format import Part, Parts, ReportError
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.parsing.purl import Purl
from pushpolicy.reports.parsing.values import utc, version
from pushpolicy.reports.sbom.bom import Bom, within
from pushpolicy.reports.sbom.cyclonedx_findings import findings
from pushpolicy.reports.sbom.cyclonedx_model import Document, Metadata, Root, Tool, Tools, walk
from pushpolicy.reports.sbom.cyclonedx_vex import vex
from pushpolicy.reports.scans import run
from pushpolicy.reports.scans.run import Identity, ScanResult

VERSIONS = frozenset(f"1.{minor}" for minor in range(8))
_TRIVY = "aquasecurity:trivy:"


def parts(document: Document, limits: Limits) -> Parts:
    """The SBOM, the scan and the VEX statements of a BOM, as far as it is each of them.

    Raises:
        ReportError: when its version is not known, or it is over a limit.
    """
    if document.spec_version not in VERSIONS:
        raise ReportError(f"its specVersion is {printable(repr(document.spec_version), 40)}, not 1.0 to 1.7")
    metadata = document.metadata or Metadata()
    identity, tool = _identity(metadata.component or Root()), _tool(metadata.tools)
    components = sum(1 for _ in walk(document.components))
    bom = Bom(
        spec_version=document.spec_version or "",
        components=components,
        identity=identity,
        tool=tool,
        id=document.serial_number or None,
        at=utc(metadata.timestamp),
    )
    found = []
    if components or not document.vulnerabilities:
        found.append(Part("sbom", within(limits, bom)))
    if document.vulnerabilities:
        is_image = metadata.component is not None and metadata.component.type == "container"
        scan = ScanResult(
            scanner=tool or Scanner(name="cyclonedx"),
            kind="image" if is_image else "code",
            identity=identity,
            findings=tuple(findings(document)),
            at=bom.at,
        )
        found += [Part("scans", each) for each in run.within(limits, [scan])]
    if any(entry.analysis and entry.analysis.state for entry in document.vulnerabilities or ()):
        found.append(Part("vex", vex(document, identity, limits)))
    return Parts(found)


def _tool(tools: list[Tool] | Tools | None) -> Scanner | None:
    """The first of the programs."""
    listed = [*(tools.components or ()), *(tools.services or ())] if isinstance(tools, Tools) else tools
    first = next((tool for tool in listed or () if tool.name), None)
    return Scanner(name=first.name, version=version(first.version)) if first and first.name else None


def _identity(root: Root) -> Identity:
    """What the root says of itself: Syft puts the digest into the version, Trivy the rest into properties.

    Trivy sorts those by value. The order of several layers is lost with that, and proves nothing.
    """
    purl = Purl.parse(root.purl)
    values = {name: _properties(root, name) for name in ("RepoDigest", "ImageID", "DiffID")}
    stated = [root.version, purl.version if purl else None]
    stated += [name.rpartition("@")[2] for name in values["RepoDigest"]]
    stated += [f"sha256:{each.content}" for each in root.hashes or () if each.alg == "SHA-256"]
    digests = [text for text in stated if text and text.startswith("sha256:")]
    return Identity(
        name=root.name or None,
        digests=tuple(dict.fromkeys(digests)) if root.type == "container" else (),
        image_id=next(iter(values["ImageID"]), None),
        diff_ids=tuple(values["DiffID"]) if len(values["DiffID"]) == 1 else (),
    )


def _properties(root: Root, name: str) -> list[str]:
    return [each.value for each in root.properties or () if each.name == _TRIVY + name and each.value]
