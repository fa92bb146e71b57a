"""The page about the tables says what the tables are."""

from __future__ import annotations

from pushpolicy.audit.export.catalogue import DOCUMENT, markdown
from tests.policies import ROOT


def test_the_page_is_written_from_the_tables() -> None:
    assert (ROOT / DOCUMENT).read_text(encoding="utf-8") == markdown(), "make index"
