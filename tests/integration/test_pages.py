"""The pages of `--format html` in a real browser: nothing is asked for, nothing refused, nobody kept out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser import Tab, browser
from tests.pages import PAGES

# As a reader has them: a window's width, light or dark, on a screen or on paper.
VIEWS = (
    (1440, "light", "screen"),
    (1440, "dark", "screen"),
    (320, "light", "screen"),
    (320, "dark", "screen"),
    (1040, "light", "print"),
)


@pytest.fixture(scope="module")
def tab() -> Iterator[Tab]:
    """A tab of a browser."""
    with browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Each page as a file."""
    folder = tmp_path_factory.mktemp("pages")
    files = {name: folder / f"{name}.html" for name in PAGES}
    for name, file in files.items():
        file.write_text(PAGES[name](), encoding="utf-8")
    return files


@pytest.mark.parametrize("name", PAGES)
def test_a_page_asks_for_nothing_and_complains_of_nothing(
    tab: Tab, pages: dict[str, Path], name: str
) -> None:
    tab.open(pages[name])
    tab.run("new Promise((then) => setTimeout(then, 200))")
    assert tab.requests == [pages[name].as_uri()]
    assert tab.complaints == []


def test_the_browser_would_tell(tab: Tab, tmp_path: Path, pages: dict[str, Path]) -> None:
    """The control: what a page may not do is refused, and known."""
    page = tmp_path / "other.html"
    written = pages["list"].read_text(encoding="utf-8")
    page.write_text(written.replace("<main", "<script>document.title = 'ran'</script><img src='x.png'><main"))
    tab.open(page)
    assert tab.run("document.title") != "ran"
    assert len([each for each in tab.complaints if "Content Security Policy" in each]) == 2
    page.write_text("<img src='http://127.0.0.1:9/x.png'>")
    tab.open(page)
    assert "http://127.0.0.1:9/x.png" in tab.requests
    assert any("ERR_" in each for each in tab.complaints)
    page.write_text("<p style='color: #ccc; background: #fff'>pale<img>")
    tab.open(page)
    assert {each.split(" ")[0] for each in tab.barriers()} >= {"color-contrast", "image-alt"}


@pytest.mark.parametrize(("width", "scheme", "media"), VIEWS)
@pytest.mark.parametrize("name", PAGES)
def test_nobody_is_kept_out(
    tab: Tab, pages: dict[str, Path], name: str, width: int, scheme: str, media: str
) -> None:
    tab.seen_as(width=width, scheme=scheme, media=media)
    tab.open(pages[name])
    tab.run("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    assert tab.barriers() == []
    # Nothing but charts and maps is wider than the window (WCAG 2.2, 1.4.10).
    assert tab.run("document.documentElement.scrollWidth") <= width
