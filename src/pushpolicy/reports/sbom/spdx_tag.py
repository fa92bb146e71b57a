"""SPDX 2.2 and 2.3 as tag-value text (spdx-spec 2.3, clause 6 and after), read line by line.

A package begins at its PackageName. Text between ``<text>`` and ``</text>`` may hold lines that look like
tags, and is left out.
"""

from __future__ import annotations

from pushpolicy.reports.format import Facts, Format, Head, ReportBytes, ReportError
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.parsing.lines import lines, text
from pushpolicy.reports.sbom.spdx import (
    Checksum,
    CreationInfo,
    Document,
    ExternalRef,
    ExtractedLicence,
    Package,
    Relationship,
    read_document,
)


class _Reader:
    """Builds the document from its tags, in their order."""

    def __init__(self) -> None:
        self._packages: list[Package] = []
        self._relationships: list[Relationship] = []
        self._creators: list[str | dict[str, str]] = []
        self._about = CreationInfo(creators=self._creators)
        self._checksums: list[Checksum] = []
        self._refs: list[ExternalRef] = []
        self._found: list[str] = []
        self._extracted: list[ExtractedLicence] = []
        self._package: Package | None = None
        self.document = Document(
            spdx_version="",
            creation_info=self._about,
            packages=self._packages,
            relationships=self._relationships,
            has_extracted_licensing_infos=self._extracted,
        )

    def take(self, tag: str, value: str) -> None:
        """One tag."""
        document = self.document
        match tag:
            case "SPDXVersion":
                document.spdx_version = value
            case "DocumentName":
                document.name = value
            case "DocumentNamespace":
                document.document_namespace = value
            case "Created":
                self._about.created = value
            case "Creator":
                self._creators.append(value)
            case "Relationship":
                self._relationship(value)
            case "PackageName":
                self._checksums, self._refs, self._found = [], [], []
                self._package = Package(
                    name=value,
                    checksums=self._checksums,
                    external_refs=self._refs,
                    license_info_from_files=self._found,
                )
                self._packages.append(self._package)
            case "FileName" | "SnippetSPDXID":
                self._package = None
            case "LicenseID":
                self._package = None
                self._extracted.append(ExtractedLicence(license_id=value))
            case "LicenseName" if self._extracted:
                self._extracted[-1].name = value
            case _ if self._package:
                self._detail(self._package, tag, value)

    def _relationship(self, value: str) -> None:
        words = value.split()
        if len(words) == 3:
            source, kind, target = words
            self._relationships.append(
                Relationship(spdx_element_id=source, relationship_type=kind, related_spdx_element=target)
            )

    def _detail(self, package: Package, tag: str, value: str) -> None:
        if tag == "SPDXID":
            package.id = value
        elif tag == "PackageVersion":
            package.version_info = value
        elif tag == "PrimaryPackagePurpose":
            package.primary_package_purpose = value
        elif tag == "PackageLicenseConcluded":
            package.license_concluded = value
        elif tag == "PackageLicenseDeclared":
            package.license_declared = value
        elif tag == "PackageLicenseInfoFromFiles":
            self._found.append(value)
        elif tag == "PackageChecksum":
            algorithm, _, digest = value.partition(":")
            self._checksums.append(Checksum(algorithm=algorithm.strip(), checksum_value=digest.strip()))
        elif tag == "ExternalRef" and len(words := value.split()) == 3:
            self._refs.append(ExternalRef(reference_type=words[1], reference_locator=words[2]))


def _read(report: ReportBytes, limits: Limits) -> tuple[Facts, ...]:
    reader = _Reader()
    within_text = False
    for raw in lines(report, limits):
        line = text(raw)
        if within_text:
            within_text = "</text>" not in line
            continue
        tag, colon, value = line.partition(":")
        within_text = "<text>" in value and "</text>" not in value
        if colon and not tag.startswith("#"):
            plain = value.strip().removeprefix("<text>").removesuffix("</text>")
            reader.take(tag.strip(), plain.strip())
    if within_text:
        raise ReportError("it ends within a <text>")
    return read_document(reader.document, limits)


def _recognise(head: Head) -> bool:
    first = (line.strip() for line in head.start.splitlines())
    return next((line for line in first if line and line[:1] != b"#"), b"").startswith(b"SPDXVersion:")


FORMAT = Format(
    name="spdx-tag-value",
    kind="sbom",
    media_type="text/spdx",
    suffixes=(".spdx",),
    file_names=("*.spdx",),
    marks=(b"SPDXVersion:", b"DataLicense:"),
    recognise=_recognise,
    read=_read,
)
