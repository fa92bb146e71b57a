"""OpenVEX 0.0.1 to 0.2.0 (github.com/openvex/spec).

The versions differ in shape: a flaw and a product were plain texts first. A statement inherits
what it leaves out from its document. A not_affected without a justification is invalid, and is not applied.
"""

from __future__ import annotations

import msgspec

from pushpolicy.model.text import printable
from pushpolicy.reports.facts import Product, Statement, VexFacts, VexStatus, within
from pushpolicy.reports.format import Facts, Format, Head, Identity, ReportError
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.parsing import jsondoc
from pushpolicy.reports.parsing.purl import Purl
from pushpolicy.reports.parsing.values import brief, utc

NAMESPACE = "https://openvex.dev/ns"
_IMAGES = ("oci", "docker")
# OpenVEX 0.2.0, "Status Justifications".
_JUSTIFICATIONS = frozenset(
    {
        "component_not_present",
        "vulnerable_code_not_present",
        "vulnerable_code_not_in_execute_path",
        "vulnerable_code_cannot_be_controlled_by_adversary",
        "inline_mitigations_already_exist",
    }
)


class _Vulnerability(msgspec.Struct, gc=False):
    id: str | None = msgspec.field(name="@id", default=None)
    name: str | None = None
    aliases: list[str] | None = None


class _Component(msgspec.Struct, gc=False):
    id: str | None = msgspec.field(name="@id", default=None)
    identifiers: dict[str, str] | None = None
    hashes: dict[str, str] | None = None
    subcomponents: list[str | _Component] | None = None


class _Statement(msgspec.Struct, gc=False):
    vulnerability: str | _Vulnerability
    status: str
    products: list[str | _Component] | None = None
    subcomponents: list[str] | None = None  # of all its products, in 0.0.1
    justification: str | None = None
    impact_statement: str | None = None
    timestamp: str | None = None
    last_updated: str | None = None


class _Document(msgspec.Struct, gc=False):
    context: str = msgspec.field(name="@context")
    statements: list[_Statement]
    id: str | None = msgspec.field(name="@id", default=None)
    author: str | None = None
    timestamp: str | None = None
    last_updated: str | None = None


def read_value(content: bytes, limits: Limits, subject: Identity | None = None) -> tuple[Facts, ...]:
    """Read a document.

    Args:
        content: the document as UTF-8.
        limits: how much is read.
        subject: of the statement that it is the predicate of, if any; the product where none is named.

    Raises:
        ReportError: when it is malformed or over a limit.
    """
    document = jsondoc.decode_value(content, _Document)
    if not document.context.startswith(NAMESPACE):
        raise ReportError(f"its @context is {printable(repr(document.context), 80)}, not {NAMESPACE}")
    at, last_updated = utc(document.timestamp), utc(document.last_updated)
    statements = (_statement(number, entry, at, subject) for number, entry in enumerate(document.statements))
    facts = VexFacts(
        statements=tuple(statements),
        id=document.id or None,
        author=document.author or None,
        at=at,
        last_updated=last_updated,
    )
    return within(limits, [facts])


def _statement(number: int, entry: _Statement, at: str | None, subject: Identity | None) -> Statement:
    if entry.status not in set(VexStatus):
        raise ReportError(f"statement {number} has the unknown status {printable(repr(entry.status), 40)}")
    products = [_product(each, entry.subcomponents or []) for each in entry.products or ()]
    if entry.products is None and subject and subject.digests:
        products.append(Product(identity=Identity(digests=subject.digests)))
    return Statement(
        names=_names(entry.vulnerability),
        status=VexStatus(entry.status),
        products=tuple(products),
        reason=entry.justification or brief(entry.impact_statement),
        justification=entry.justification if entry.justification in _JUSTIFICATIONS else None,
        at=utc(entry.timestamp) if entry.timestamp else at,
        last_updated=utc(entry.last_updated),
    )


def _names(flaw: str | _Vulnerability) -> tuple[str, ...]:
    if isinstance(flaw, str):
        return (flaw,)
    # Before aliases had names of their own, @id held the name; now it is the address of a page.
    return tuple(dict.fromkeys(name for name in (flaw.name or flaw.id, *(flaw.aliases or ())) if name))


def _product(entry: str | _Component, subcomponents: list[str]) -> Product:
    each = _Component(id=entry) if isinstance(entry, str) else entry
    purls = _purls(each)
    parsed = [purl for purl in map(Purl.parse, purls) if purl and purl.type in _IMAGES]
    stated = [purl.version for purl in parsed]
    stated += [f"sha256:{text}" for name, text in (each.hashes or {}).items() if name == "sha-256"]
    if each.id and not each.id.startswith("pkg:"):
        stated.append(each.id.rpartition("@")[2])
    components = [*(each.subcomponents or ()), *subcomponents]
    return Product(
        identity=Identity(digests=tuple(text for text in stated if text and text.startswith("sha256:"))),
        purls=purls,
        # A component without a purl matches nothing; it must not widen the claim to the whole product.
        subcomponents=tuple(purl for component in components for purl in _purls(component) or ("",)),
    )


def _purls(entry: str | _Component) -> tuple[str, ...]:
    if isinstance(entry, str):
        return (entry,) if entry.startswith("pkg:") else ()
    stated = (entry.id, (entry.identifiers or {}).get("purl"))
    return tuple(dict.fromkeys(text for text in stated if text and text.startswith("pkg:")))


def _recognise(head: Head) -> bool:
    context = head.keys.get("@context", b"")
    if head.is_array or "statements" not in head.keys:
        return False
    # A wrong @context is refused with the reason, instead of passing for an unknown file.
    return context.startswith(b'"' + NAMESPACE.encode()) or (bool(context) and "author" in head.keys)


FORMAT = Format(
    name="openvex",
    kind="vex",
    media_type="application/json",
    suffixes=(".openvex.json", ".vex.json", ".json"),
    file_names=("*.openvex.json", "*.vex.json", "vex.json", "openvex.json"),
    marks=(b"https://openvex.dev/ns", b'"statements"'),
    recognise=_recognise,
    document=_Document,
    read=lambda report, limits: read_value(report.utf8(), limits),
)
