"""Reads one document as a format does, and tells what a document is recognised as."""

from __future__ import annotations

import json
from typing import Any

from pushpolicy.reports.facts import ScanFacts, of_type
from pushpolicy.reports.format import Format
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.parsing import jsondoc
from pushpolicy.reports.recognise import by_content
from tests.unit.reports.bytes_report import BytesReport


def read_all(form: Format, content: Any, limits: Limits | None = None) -> tuple[ScanFacts, ...]:
    """All scans of a document; text is taken as it is."""
    text = content if isinstance(content, str) else json.dumps(content)
    return of_type(ScanFacts, form.read(BytesReport(text.encode()), limits or Limits()))


def read_one(form: Format, content: Any, limits: Limits | None = None) -> ScanFacts:
    """The only scan of a document."""
    (scan,) = read_all(form, content, limits)
    return scan


def recognised(content: Any) -> str | None:
    """The name of the format that a document is taken for."""
    raw = json.dumps(content).encode()
    found = by_content(jsondoc.head(raw, raw[:1000]))
    return found.name if found else None
