"""SPDX 2.2 and 2.3 as JSON (spdx.github.io/spdx-spec, and its JSON schema).

What a document is about is what it DESCRIBES, or in older ones what ``documentDescribes`` lists. An image
among these, or the only one with the purpose CONTAINER, is the image that the SBOM is bound by. Trivy tells
the image ID and the repository digests in annotations of it, and told them in texts of attribution before.
The licences of a package are those that are concluded, declared, or found in its files.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import msgspec

from pushpolicy.model import strict_yaml
from pushpolicy.model.evidence import Component, Scanner
from pushpolicy.model.text import printable
from pushpolicy.reports.facts import SbomFacts, within
from pushpolicy.reports.format import Facts, Format, Head, Identity, ReportBytes, ReportError
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.parsing import jsondoc
from pushpolicy.reports.parsing.lines import lines, text
from pushpolicy.reports.parsing.purl import Purl
from pushpolicy.reports.parsing.values import NOT_PROVIDED, utc, version
from pushpolicy.reports.sbom.components import listed, terms

VERSIONS = ("SPDX-2.2", "SPDX-2.3")
_ROOTS = ("DESCRIBES", "DESCRIBED_BY")
# Versions that are no number: of Trivy, and of Syft and Grype, when built from their Go modules.
_BUILT_FROM_SOURCE = ("dev", NOT_PROVIDED)
_YAML_KEY = re.compile(rb"^[\"']?spdxVersion[\"']?\s*:", re.MULTILINE)
_TAG_VALUE = re.compile(rb"^SPDXVersion:", re.MULTILINE)


class Checksum(msgspec.Struct, rename="camel", gc=False):
    """A digest, in hexadecimal."""

    algorithm: str | None = None
    checksum_value: str | None = None


class ExternalRef(msgspec.Struct, rename="camel", gc=False):
    """Another name of a package, such as a purl."""

    reference_type: str | None = None
    reference_locator: str | None = None


class Annotation(msgspec.Struct, rename="camel", gc=False):
    """What someone says of a package."""

    comment: str | None = None


class ExtractedLicence(msgspec.Struct, rename="camel", gc=False):
    """A licence that SPDX has no id for."""

    license_id: str | None = None
    name: str | None = None


class Package(msgspec.Struct, rename="camel", gc=False):
    """A package; checksums, annotations and texts are read of what the document is about only."""

    id: str | None = msgspec.field(name="SPDXID", default=None)
    name: str | None = None
    version_info: str | None = None
    primary_package_purpose: str | None = None
    license_concluded: str | None = None
    license_declared: str | None = None
    license_info_from_files: list[str] | None = None
    checksums: list[Checksum] | None = None
    external_refs: list[ExternalRef] | None = None
    annotations: list[Annotation] | None = None
    attribution_texts: list[str] | None = None


class Relationship(msgspec.Struct, rename="camel", gc=False):
    """One element's relation to another."""

    spdx_element_id: str | None = None
    related_spdx_element: str | None = None
    relationship_type: str | None = None


class CreationInfo(msgspec.Struct, rename="camel", gc=False):
    """When and by what the document was written; some write the creators as objects."""

    created: str | None = None
    creators: list[str | dict[str, str]] | None = None


class Document(msgspec.Struct, rename="camel", gc=False):
    """A document of SPDX 2."""

    spdx_version: str
    name: str | None = None
    document_namespace: str | None = None
    creation_info: CreationInfo | None = None
    document_describes: list[str] | None = None
    packages: list[Package] | None = None
    relationships: list[Relationship] | None = None
    has_extracted_licensing_infos: list[ExtractedLicence] | None = None


def read_document(document: Document, limits: Limits, subject: Identity | None = None) -> tuple[Facts, ...]:
    """The SBOM of a document, whatever it was written as.

    Raises:
        ReportError: when its version is not known, or it is over a limit.
    """
    if document.spdx_version not in VERSIONS:
        raise ReportError(f"its spdxVersion is {printable(document.spdx_version, 40)}, not 2.2 or 2.3")
    about, image = document.creation_info or CreationInfo(), _image(document)
    identity = Identity(
        name=document.name or None,
        digests=tuple(dict.fromkeys(_digests(image))) if image else (),
        tags=tuple(_told(image, "RepoTag")) if image else (),
        image_id=next(_told(image, "ImageID"), None) if image else None,
    )
    number = len(document.packages or ())
    packages, not_listed = listed(number, lambda: _components(document), limits)
    facts = SbomFacts(
        spec_version=document.spdx_version.removeprefix("SPDX-"),
        components=number,
        listed=packages,
        not_listed=not_listed,
        identity=identity.attested(subject),
        tool=tool(creator for creator in about.creators or () if isinstance(creator, str)),
        id=document.document_namespace or None,
        at=utc(about.created),
    )
    return within(limits, [facts])


def _components(document: Document) -> Iterator[Component]:
    extracted = document.has_extracted_licensing_infos or ()
    texts = {each.license_id: each.name for each in extracted if each.license_id and each.name}
    for each in document.packages or ():
        stated = (each.license_concluded, each.license_declared, *(each.license_info_from_files or ()))
        licences, expression = terms(stated)
        yield Component(
            name=each.name or "",
            version=each.version_info or None,
            purl=next(_locators(each), None),
            type=(each.primary_package_purpose or "").lower().replace("_", "-") or None,
            licences=licences and tuple(texts.get(name, name) for name in licences),
            expression=expression,
        )


def tool(creators: Iterable[str]) -> Scanner | None:
    """The first tool of the creators; ``Tool: syft-1.2`` names tool and version."""
    name = next((text[5:].strip() for text in creators if text.startswith("Tool:")), "")
    front, _, stated = name.rpartition("-")
    if front and (stated[:1].isdigit() or stated in _BUILT_FROM_SOURCE):
        return Scanner(name=front, version=version(stated))
    return Scanner(name=name) if name else None


def _image(document: Document) -> Package | None:
    """The one package that the document is about; None where it does not say one, or it is no image."""
    subject = _subject(document)
    is_image = subject and (subject.primary_package_purpose == "CONTAINER" or _purls(subject, "oci"))
    return subject if is_image else None


def _subject(document: Document) -> Package | None:
    described = set(document.document_describes or ())
    for each in document.relationships or ():
        if each.relationship_type in _ROOTS and each.spdx_element_id and each.related_spdx_element:
            ends = (each.spdx_element_id, each.related_spdx_element)
            described.add(ends[each.relationship_type == "DESCRIBES"])
    packages = document.packages or ()
    found = [package for package in packages if package.id in described]
    found = found or [package for package in packages if package.primary_package_purpose == "CONTAINER"]
    return found[0] if len(found) == 1 else None


def _locators(package: Package) -> Iterator[str]:
    refs = (ref for ref in package.external_refs or () if ref.reference_type == "purl")
    return (ref.reference_locator for ref in refs if ref.reference_locator)


def _purls(package: Package, *types: str) -> list[Purl]:
    found = (Purl.parse(ref) for ref in _locators(package))
    return [purl for purl in found if purl and (not types or purl.type in types)]


def _digests(image: Package) -> Iterator[str]:
    for each in image.checksums or ():
        if each.algorithm == "SHA256" and each.checksum_value:
            yield f"sha256:{each.checksum_value}"
    for stated in (image.version_info, *(purl.version for purl in _purls(image))):
        if stated and stated.startswith("sha256:"):
            yield stated
    yield from (name.rpartition("@")[2] for name in _told(image, "RepoDigest"))


def _told(image: Package, name: str) -> Iterator[str]:
    """The values that Trivy states of the image. It lists the layers without order, so they are not read."""
    comments = (annotation.comment for annotation in image.annotations or ())
    for said in (*comments, *(image.attribution_texts or ())):
        key, _, value = (said or "").partition(": ")
        if key == name and value:
            yield value


def read_value(content: bytes, limits: Limits, subject: Identity | None = None) -> tuple[Facts, ...]:
    """Read a document that is the predicate of a statement about `subject`.

    Raises:
        ReportError: when it is malformed or over a limit.
    """
    return read_document(jsondoc.decode_value(content, Document), limits, subject)


def _recognise(head: Head) -> bool:
    return not head.is_array and "spdxVersion" in head.keys and "@graph" not in head.keys


FORMAT = Format(
    name="spdx",
    kind="sbom",
    media_type="application/spdx+json",
    suffixes=(".spdx.json", ".json"),
    file_names=("*.spdx.json", "*spdx*.json"),
    marks=(b'"spdxVersion"', b'"SPDXID"'),
    recognise=_recognise,
    document=Document,
    read=lambda report, limits: read_document(jsondoc.decode(report, Document), limits),
)


def _read_yaml(report: ReportBytes, limits: Limits) -> tuple[Facts, ...]:
    """SPDX 2.2 and 2.3 as YAML: the JSON form's document, read strictly, up to the size of strict_yaml."""
    try:
        value = strict_yaml.read(report.utf8())
        document = msgspec.convert(value, Document)
    except strict_yaml.YamlError as error:
        raise ReportError(f"line {error.line}: {error}") from error
    except msgspec.ValidationError as error:
        raise ReportError(f"it does not read as its format: {printable(str(error))}") from error
    return read_document(document, limits)


def _recognise_yaml(head: Head) -> bool:
    is_text = head.root is None and not head.keys and not head.is_array
    return is_text and _YAML_KEY.search(head.start) is not None and _TAG_VALUE.search(head.start) is None


YAML = Format(
    name="spdx-yaml",
    kind="sbom",
    media_type="application/yaml",
    suffixes=(".spdx.yaml", ".spdx.yml"),
    file_names=("*.spdx.yaml", "*.spdx.yml"),
    marks=(b"spdxVersion:", b"SPDXID:"),
    recognise=_recognise_yaml,
    read=_read_yaml,
)


class _Tags:
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


def _read_tags(report: ReportBytes, limits: Limits) -> tuple[Facts, ...]:
    """SPDX 2.2 and 2.3 as tag-value text (spdx-spec 2.3, clause 6 and after), read line by line.

    A package begins at its PackageName. Text between ``<text>`` and ``</text>`` may hold lines that look like
    tags, and is left out.
    """
    reader = _Tags()
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


def _recognise_tags(head: Head) -> bool:
    first = (line.strip() for line in head.start.splitlines())
    return next((line for line in first if line and line[:1] != b"#"), b"").startswith(b"SPDXVersion:")


TAG_VALUE = Format(
    name="spdx-tag-value",
    kind="sbom",
    media_type="text/spdx",
    suffixes=(".spdx",),
    file_names=("*.spdx",),
    marks=(b"SPDXVersion:", b"DataLicense:"),
    recognise=_recognise_tags,
    read=_read_tags,
)
