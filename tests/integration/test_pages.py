"""The pages of `--format html` in a real browser: nothing is asked for, nothing refused, nobody kept out."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest

from tests.browser import Tab, browser
from tests.pages import PAGES, much

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
    drawn = {**PAGES, "much": much}
    files = {name: folder / f"{name}.html" for name in drawn}
    for name, file in files.items():
        file.write_text(drawn[name](), encoding="utf-8")
    return files


@pytest.mark.parametrize("name", [*PAGES, "much"])
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


@pytest.mark.parametrize(("name", "view"), [*product(PAGES, VIEWS), ("much", VIEWS[0])])
def test_nobody_is_kept_out(tab: Tab, pages: dict[str, Path], name: str, view: tuple[int, str, str]) -> None:
    width, scheme, media = view
    tab.seen_as(width=width, scheme=scheme, media=media)
    tab.open(pages[name])
    tab.run("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    # Nobody touches paper.
    assert tab.barriers(*(("target-size",) if media == "print" else ())) == []
    # Nothing but charts and maps is wider than the window (WCAG 2.2, 1.4.10).
    assert tab.run("document.documentElement.scrollWidth") <= width


def test_charts_are_drawn(tab: Tab, pages: dict[str, Path]) -> None:
    tab.seen_as(width=1440)
    tab.open(pages["list"])
    seen = "[...document.querySelectorAll('.timeline a')].map((each) => each.getBBox().width)"
    widths = tab.run(seen)
    assert len(widths) == 26
    assert min(widths) >= 24
    heights = "[...document.querySelectorAll('.timeline rect.%s')].reduce((sum, each) => sum + each.%s, 0)"
    shares = {
        kind: tab.run(heights % (kind, "getBoundingClientRect().height"))
        for kind in ("allowed", "denied", "observed")
    }
    said = tab.run("[...document.querySelectorAll('.numbers dd')].map((each) => +each.textContent)")
    _, allowed, denied, observed = said
    for kind, number in (("denied", denied), ("observed", observed)):
        # A hollow one has an outline.
        assert shares[kind] / shares["allowed"] == pytest.approx(number / allowed, rel=0.5)


def test_the_keyboard_reaches_what_a_pointer_does(tab: Tab, pages: dict[str, Path]) -> None:
    tab.seen_as(width=1440)
    tab.open(pages["list"])
    focused = "document.activeElement.getAttribute('href') || document.activeElement.tagName"
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    reached, unseen = list[str](), set[str]()
    tab.press("Tab")
    while len(reached) < 100 and (at := tab.run(focused)) != "BODY":
        reached.append(at)
        if tab.run(outline) == "none":
            unseen.add(at)
        tab.press("Tab")
    assert reached[0] == "#report"
    assert {"#problems", "#time", "#rules", "#waivers", "#decisions"} <= set(reached)
    assert sum(each.startswith("#time-1-") for each in reached) == 26
    assert {"SUMMARY", "INPUT", "BUTTON"} <= set(reached)
    assert unseen == set()
    # A column leads to its row in the table, which is opened.
    tab.open(pages["list"])
    while tab.run(focused) != "#time-1-3":
        tab.press("Tab")
    assert tab.run("document.querySelector('#time-1-3').checkVisibility()") is False
    tab.press("Enter")
    tab.run("new Promise((then) => setTimeout(then, 100))")
    assert tab.run("document.querySelector('#time-1-3').checkVisibility()") is True
    assert tab.run("document.querySelector(':target').textContent").startswith("2026-")


def test_the_script_filters_and_sorts_and_nothing_is_lost_without_it(
    tab: Tab, pages: dict[str, Path]
) -> None:
    shown = (
        "[...document.querySelectorAll('table.wide tbody tr')].filter((row) => row.checkVisibility())"
        ".map((row) => row.cells[%d].textContent)"
    )
    tab.seen_as(width=1440)
    tab.open(pages["list"])
    everything = tab.run(shown % 1)
    assert len(everything) == 160
    tab.run(
        "document.querySelector('input').value = 'denied';"
        "document.querySelector('input').dispatchEvent(new Event('input'))"
    )
    assert {each[1:] for each in tab.run(shown % 1)} == {"denied"}
    count = f"{everything.count('✕denied')} of 160 rows"
    assert tab.run("document.querySelector('[role=status]').textContent") == count
    tab.run("document.querySelector('table.wide th button').click()")
    times = tab.run(shown % 0)
    assert times == sorted(times)
    assert tab.run("document.querySelector('table.wide th').getAttribute('aria-sort')") == "ascending"
    tab.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        tab.open(pages["list"])
        assert tab.run(shown % 1) == everything
        assert tab.run("document.querySelectorAll('input, button').length") == 0
    finally:
        tab.call("Emulation.setScriptExecutionDisabled", value=False)


def test_what_is_folded_is_printed(tab: Tab, pages: dict[str, Path]) -> None:
    folded = "[...document.querySelectorAll('details td')].filter((each) => each.checkVisibility()).length"
    tab.seen_as(width=1040)
    tab.open(pages["list"])
    assert tab.run(folded) == 0
    tab.seen_as(width=1040, media="print")
    assert tab.run(folded) > 70
    assert tab.run("document.querySelector('nav').checkVisibility()") is False
