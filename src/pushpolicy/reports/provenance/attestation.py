"""in-toto attestations: provenance, and the SBOMs and VEX documents that travel as one."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from pushpolicy.reports.format import Format, Head, Part, Parts, ReportBytes
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.parsing import jsondoc
from pushpolicy.reports.provenance.envelope import Attested, statements
from pushpolicy.reports.provenance.slsa import Provenance, provenance
from pushpolicy.reports.sbom import cyclonedx, spdx
from pushpolicy.reports.sbom.bom import Bom
from pushpolicy.reports.scans.run import Identity
from pushpolicy.reports.vex import openvex

_CYCLONEDX = "https://cyclonedx.org/bom"
_SPDX = "https://spdx.dev/Document"


class Attestation(msgspec.Struct, frozen=True, kw_only=True):
    """One statement about a build, and what it is a statement about."""

    predicate_type: str
    subject: Identity
    signed: bool
    build: Provenance


def parts(attested: Attested, limits: Limits) -> list[Part]:
    """What a statement is evidence of; nothing, for a predicate that is not read.

    Raises:
        ReportError: when its predicate is malformed or over a limit.
    """
    kind, content = attested.predicate_type, attested.predicate
    if kind.startswith(openvex.NAMESPACE):
        return [Part("vex", openvex.read_value(content, limits, attested.subject.digests))]
    if kind.startswith(_CYCLONEDX):
        return [_about(part, attested.subject) for part in cyclonedx.read_value(content, limits)]
    if kind.startswith(_SPDX):
        return [_about(Part("sbom", spdx.read_value(content, limits)), attested.subject)]
    build = provenance(kind, content, limits)
    if build is None:
        return []
    about = Attestation(predicate_type=kind, subject=attested.subject, signed=attested.signed, build=build)
    return [Part("provenance", about)]


def _about(part: Part, subject: Identity) -> Part:
    """An SBOM is about the subject of its statement, whatever else it says."""
    if not isinstance(part.content, Bom):
        return part
    own = part.content.identity
    identity = Identity(name=own.name or subject.name, digests=subject.digests)
    return Part(part.kind, replace(part.content, identity=identity))


def _read(report: ReportBytes, limits: Limits) -> Parts:
    found = statements(jsondoc.utf8(report.content()))
    return Parts(part for attested in found for part in parts(attested, limits))


def _recognise(head: Head) -> bool:
    if head.is_array:
        return False
    keys = head.keys or _first_line(head.start)
    is_statement = keys.get("_type", b"").startswith(b'"https://in-toto.io/Statement/')
    is_envelope = keys.get("payloadType", b"").startswith(b'"application/vnd.in-toto') and "payload" in keys
    is_bundle = keys.get("mediaType", b"").startswith(b'"application/vnd.dev.sigstore.bundle')
    return is_statement or is_envelope or (is_bundle and "dsseEnvelope" in keys)


def _first_line(start: bytes) -> dict[str, bytes]:
    """The keys of the first of several lines of JSON."""
    text = start.lstrip()
    return jsondoc.keys(text.partition(b"\n")[0])[0] if jsondoc.is_lines(text) else {}


FORMAT: Format[Parts] = Format(
    name="in-toto",
    kind="provenance",
    also=("sbom", "vex"),
    media_type="application/vnd.in-toto+json",
    file_names=("*.intoto.jsonl", "*.intoto.json", "*provenance*.json", "*.sigstore.json"),
    marks=(b"https://in-toto.io/Statement/", b'"predicateType"'),
    recognise=_recognise,
    read=_read,
)
