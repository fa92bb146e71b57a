"""CycloneDX 1.2 to 1.7 as JSON: an SBOM, its vulnerabilities as a scan, and what it says of them as VEX."""

from __future__ import annotations

from pushpolicy.model.text import printable
from pushpolicy.reports.format import Format, Head, Parts, ReportBytes, ReportError
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.parsing import jsondoc
from pushpolicy.reports.sbom.cyclonedx_model import Document
from pushpolicy.reports.sbom.cyclonedx_parts import parts


def _read(report: ReportBytes, limits: Limits) -> Parts:
    return read_value(jsondoc.utf8(report.content()), limits)


def read_value(content: bytes, limits: Limits) -> Parts:
    """Read a BOM.

    Args:
        content: UTF-8, as a file or within another document.
        limits: how much is read.

    Raises:
        ReportError: when it is malformed or over a limit.
    """
    document = jsondoc.decode_value(content, Document)
    if document.bom_format != "CycloneDX":
        raise ReportError(f"its bomFormat is {printable(repr(document.bom_format), 40)}, not 'CycloneDX'")
    return parts(document, limits)


def _recognise(head: Head) -> bool:
    # One whose bomFormat is wrong is refused, and told why, rather than taken for a stranger.
    return not head.is_array and {"bomFormat", "specVersion"} <= set(head.keys)


FORMAT: Format[Parts] = Format(
    name="cyclonedx",
    kind="sbom",
    also=("scans", "vex"),
    media_type="application/vnd.cyclonedx+json",
    file_names=("bom.json", "*.cdx.json", "*cyclonedx*.json"),
    marks=(b'"bomFormat"', b'"CycloneDX"'),
    recognise=_recognise,
    read=_read,
)
