"""What one SBOM says, before it is bound to the image."""

from __future__ import annotations

import msgspec

from pushpolicy.model.evidence import Scanner
from pushpolicy.reports.format import ReportError
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.scans.run import Identity


class Bom(msgspec.Struct, frozen=True, kw_only=True):
    """One SBOM.

    Attributes:
        components: how many it lists, nested ones included; in SPDX what it is about is one of them.
        identity: what it is about.
        id: the name that the document gives itself: a serial number or namespace.
    """

    spec_version: str
    components: int
    identity: Identity = msgspec.field(default_factory=Identity)
    tool: Scanner | None = None
    id: str | None = None
    at: str | None = None


def within(limits: Limits, bom: Bom) -> Bom:
    """The same SBOM.

    Raises:
        ReportError: when a text of it is over the limit; names are never cut short.
    """
    about, tool = bom.identity, bom.tool
    texts = (bom.id, about.name, about.image_id, *about.digests, *about.diff_ids)
    texts += (tool.name, tool.version) if tool else ()
    if any(len(text) > limits.max_text for text in texts if text):
        raise ReportError(f"a name is over the limit of {limits.max_text} characters")
    return bom
