"""VEX statements, whatever they were written as, before anything is done with them.

The statuses are those of OpenVEX, which are CISA's ("Minimum Requirements for VEX", 2023).
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

import msgspec

from pushpolicy.reports.format import ReportError
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.scans.run import Identity


class VexStatus(StrEnum):
    """What is said of a flaw in a product, strictest first."""

    AFFECTED = "affected"
    UNDER_INVESTIGATION = "under_investigation"
    FIXED = "fixed"
    NOT_AFFECTED = "not_affected"


HARMLESS = frozenset({VexStatus.FIXED, VexStatus.NOT_AFFECTED})


class Product(msgspec.Struct, frozen=True, kw_only=True):
    """What a statement is about.

    Attributes:
        identity: the digests of an image, where the product is one.
        purls: the product's package URLs.
        subcomponents: package URLs of the parts that are meant; none for the product as a whole.
    """

    identity: Identity = msgspec.field(default_factory=Identity)
    purls: tuple[str, ...] = ()
    subcomponents: tuple[str, ...] = ()


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """One statement.

    Attributes:
        names: the flaw's name and its aliases.
        reason: the justification, or the impact statement that stands for it.
        at: when it was made, RFC 3339 in UTC.
    """

    names: tuple[str, ...]
    status: VexStatus
    products: tuple[Product, ...]
    reason: str | None = None
    at: str | None = None


class VexDocument(msgspec.Struct, frozen=True, kw_only=True):
    """One document; `id` and `author` are its own word, which nobody has checked."""

    statements: tuple[Statement, ...]
    id: str | None = None
    author: str | None = None
    at: str | None = None


def within(limits: Limits, document: VexDocument) -> VexDocument:
    """The same document.

    Raises:
        ReportError: when it is over a limit; statements and their names are never cut short.
    """
    number = len(document.statements)
    if number > limits.max_findings:
        raise ReportError(f"its {number} statements are over the limit of {limits.max_findings}")
    texts = [text for statement in document.statements for text in _texts(statement)]
    if any(len(text) > limits.max_text for text in (*texts, document.id, document.author) if text):
        raise ReportError(f"a text is over the limit of {limits.max_text} characters")
    return document


def _texts(statement: Statement) -> Iterable[str]:
    yield from statement.names
    for product in statement.products:
        yield from (*product.purls, *product.subcomponents, *product.identity.digests)
