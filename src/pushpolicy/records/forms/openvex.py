"""OpenVEX v0.2.0 (openvex/spec, OPENVEX-SPEC.md): the flaws that waivers let pass.

A waiver says that a flaw is tolerated, not that it does no harm: so the status is `affected`, never
`not_affected` or `fixed`, and the waiver's reason is what is done about it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from pushpolicy.model import canonical
from pushpolicy.model.decision import ImageIdentity, Violation
from pushpolicy.model.reference import LAYOUT_REGISTRY
from pushpolicy.records.forms.approved import Approved, FormError, NothingToTellError
from pushpolicy.records.forms.vulns import is_flaw
from pushpolicy.records.forms.waived import Finding, Waived, names_of

# Without a version, as cosign calls it (`--type openvex`), and as Trivy looks for it.
PREDICATE = "https://openvex.dev/ns"
_CONTEXT = "https://openvex.dev/ns/v0.2.0"
_DOCUMENTS = "https://pushpolicy.dev/openvex/"


def predicates(approved: Approved) -> tuple[dict[str, Any], ...]:
    """The one document of a decision.

    Raises:
        NothingToTellError: when no waiver of a vulnerability was used.
        FormError: when one lacks what every waiver has; only a record that is read can hold it.
    """
    decision = approved.decision
    waived, product = Waived(decision.waived), _product(decision.image)
    scans = approved.evidence.value["scans"].get("items", ())
    found = [
        _statement(violation, finding, product)
        for scan in scans
        for finding in filter(is_flaw, scan["findings"])
        for violation in waived.of(scan["name"], finding)
    ]
    # Several scans may list a flaw, and a scan several platforms.
    statements = {canonical.encode(each): each for each in found}
    if not statements:
        raise NothingToTellError("no waiver of a vulnerability was used")
    document = {
        "@context": _CONTEXT,
        "@id": _DOCUMENTS + str(approved.record),
        "author": approved.verifier,
        "timestamp": decision.evaluated_at,
        "version": 1,
        "tooling": f"pushpolicy {approved.version}",
        "statements": [statements[key] for key in sorted(statements)],
    }
    return (document,)


def _statement(violation: Violation, finding: Finding, product: Mapping[str, Any]) -> dict[str, Any]:
    name, *aliases = dict.fromkeys((*names_of(violation.at), *names_of(finding)))
    waiver = violation.waiver or {}
    if not all(isinstance(waiver.get(key), str) and waiver[key] for key in ("reason", "approver", "expires")):
        raise FormError("a waiver does not say why, by whom or until when")
    purl = finding.get("purl")
    parts = {"subcomponents": [{"@id": purl, "identifiers": {"purl": purl}}]} if purl else {}
    return {
        "vulnerability": {"name": name, **({"aliases": aliases} if aliases else {})},
        "products": [{**product, **parts}],
        "status": "affected",
        "action_statement": waiver["reason"],
        "status_notes": _notes(violation.rule, waiver),
    }


def _notes(rule: str, waiver: Mapping[str, Any]) -> str:
    ticket = f", {waiver['ticket']}" if "ticket" in waiver else ""
    return f"waived for {rule} by {waiver['approver']} until {waiver['expires']}{ticket}"


def _product(image: ImageIdentity) -> dict[str, Any]:
    """The image by its package URL (purl-spec, type oci) and its digest."""
    path = image.repository.strip("/")
    name, version = path.rpartition("/")[2].lower(), quote(str(image.digest), safe="")
    where = quote(f"{image.registry}/{path}", safe="/")
    query = "" if image.registry == LAYOUT_REGISTRY else f"?repository_url={where}"
    purl = f"pkg:oci/{quote(name, safe='')}@{version}{query}"
    hashes = {f"sha-{image.digest.algorithm.removeprefix('sha')}": image.digest.hex}
    return {"@id": purl, "identifiers": {"purl": purl}, "hashes": hashes}
