"""Take the pictures of docs/audit.md anew: `python -m tests.pages`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from pushpolicy.cli.formats.html import draw
from pushpolicy.cli.render.audit import what_if_page
from tests.browser import browser
from tests.pages import AT, PAGES, tried

DOCS = Path(__file__).parents[2] / "docs"
# In CSS pixels: so much of each page is seen.
WIDTH, HEIGHT = 1200, {"list": 1080, "what-if": 1400}


def main() -> None:
    drawn = {
        "list": PAGES["list"](),
        "what-if": draw(what_if_page.page_of("registry.example/shop", tried(900, every=1000), (), AT)),
    }
    with tempfile.TemporaryDirectory() as folder, browser() as tab:
        for name, content in drawn.items():
            page = Path(folder, f"{name}.html")
            page.write_text(content, encoding="utf-8")
            for scheme in ("light", "dark"):
                tab.seen_as(width=WIDTH, scheme=scheme)
                tab.open(page)
                picture = DOCS / f"audit-{name}-{scheme}.png"
                picture.write_bytes(tab.picture(HEIGHT[name]))
                sys.stdout.write(f"{picture} {picture.stat().st_size}\n")


if __name__ == "__main__":
    main()
