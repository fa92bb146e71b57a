"""The page of fields is what the tables say, and every system has its section of docs/ci.md."""

from __future__ import annotations

from pathlib import Path

from pushpolicy.gather.ci import SYSTEMS
from pushpolicy.gather.ci.catalogue import DOCUMENT, markdown

ROOT = Path(__file__).parents[4]


def test_the_page_is_up_to_date() -> None:
    assert (ROOT / DOCUMENT).read_text(encoding="utf-8") == markdown(), "run `make index`"


def test_every_system_has_its_section() -> None:
    page = (ROOT / "docs/ci.md").read_text(encoding="utf-8")
    for system in SYSTEMS:
        assert system.name == "handed-over" or system.title.split()[0] in page
        assert system.advice
