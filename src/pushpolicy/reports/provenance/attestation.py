"""in-toto attestations: provenance, and the SBOMs and VEX documents that travel as one."""

from __future__ import annotations

from pushpolicy.reports import openvex
from pushpolicy.reports.format import Facts, Format, Head, ReportBytes
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.parsing import jsondoc
from pushpolicy.reports.provenance import Attested, slsa, statements
from pushpolicy.reports.sbom import cyclonedx, spdx

_CYCLONEDX = "https://cyclonedx.org/bom"
_SPDX = "https://spdx.dev/Document"


def read_statement(attested: Attested, limits: Limits) -> tuple[Facts, ...]:
    """What a statement is evidence of; nothing, for a predicate that is not read.

    Raises:
        ReportError: when its predicate is malformed or over a limit.
    """
    kind, content = attested.predicate_type, attested.predicate
    if kind.startswith(openvex.NAMESPACE):
        return openvex.read_value(content, limits, attested.subject)
    if kind.startswith(_CYCLONEDX):
        return cyclonedx.read_value(content, limits, attested.subject)
    if kind.startswith(_SPDX):
        return spdx.read_value(content, limits, attested.subject)
    return slsa.read_value(attested, limits)


def _read(report: ReportBytes, limits: Limits) -> tuple[Facts, ...]:
    found = statements(report.utf8())
    return tuple(facts for attested in found for facts in read_statement(attested, limits))


def _recognise(head: Head) -> bool:
    if head.is_array:
        return False
    keys, text = head.keys, head.start.lstrip()
    if not keys and jsondoc.is_lines(text):
        keys, _ = jsondoc.keys(text.partition(b"\n")[0])
    is_statement = keys.get("_type", b"").startswith(b'"https://in-toto.io/Statement/')
    is_envelope = keys.get("payloadType", b"").startswith(b'"application/vnd.in-toto') and "payload" in keys
    is_bundle = keys.get("mediaType", b"").startswith(b'"application/vnd.dev.sigstore.bundle')
    return is_statement or is_envelope or (is_bundle and "dsseEnvelope" in keys)


FORMAT = Format(
    name="in-toto",
    kind="provenance",
    also=("sbom", "vex"),
    is_envelope=True,
    media_type="application/vnd.in-toto+json",
    suffixes=(".intoto.json", ".intoto.jsonl", ".json", ".jsonl"),
    file_names=("*.intoto.jsonl", "*.intoto.json", "*provenance*.json", "*.sigstore.json"),
    marks=(b"https://in-toto.io/Statement/", b'"predicateType"'),
    recognise=_recognise,
    read=_read,
)
