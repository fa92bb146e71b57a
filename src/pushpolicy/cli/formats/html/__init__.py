"""``--format html``: one page that loads nothing, for people who were not there.

All text is foreign (`markup.text`). The page may run its own script and style only, by their digests
(Content Security Policy Level 3, section 8), and says everything without that script.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from importlib.resources import files

from pushpolicy import __version__
from pushpolicy.cli.formats import Report
from pushpolicy.cli.formats.html.blocks import block
from pushpolicy.cli.formats.html.markup import Html, cell, join, tag, text
from pushpolicy.cli.formats.page import Page, Section

# More than this and a list of the sections helps.
_FEW_SECTIONS = 2


def render(report: Report) -> str:
    """The page of a report."""
    assert report.page is not None, "the table of formats says which reports have one"
    return draw(report.page())


def draw(page: Page) -> str:
    """A page as HTML."""
    style, script = (files(__name__).joinpath(name).read_text("utf-8") for name in ("page.css", "page.js"))
    policy = (
        f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    head = join(
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", text(f"{page.title}: {page.subject}")),
        tag("style", Html(style)),
    )
    body = join(
        tag("a", text("Skip to the report"), class_="skip", href="#report"),
        *_body(page),
        tag("script", Html(script)),
    )
    return f"<!doctype html>\n{tag('html', tag('head', head), tag('body', body), lang='en')}\n"


def _digest(content: str) -> str:
    return "sha256-" + b64encode(sha256(content.encode()).digest()).decode()


def _body(page: Page) -> Iterator[Html]:
    yield tag(
        "header",
        tag("p", text(page.title), class_="kind"),
        tag("h1", text(page.subject)),
        tag("p", cell(page.verdict), class_=f"verdict {page.verdict.tone}"),
    )
    if len(page.sections) > _FEW_SECTIONS:
        links = (tag("li", tag("a", text(each.title), href=f"#{each.name}")) for each in page.sections)
        yield tag("nav", tag("ul", *links), aria_label="Sections")
    numbers = (
        tag("div", tag("dt", text(each.label)), tag("dd", text(f"{each.number:,}")), class_=each.tone)
        for each in page.numbers
    )
    yield tag(
        "main",
        tag("dl", *numbers, class_="numbers") if page.numbers else Html(""),
        tag("ul", *(tag("li", text(note, 600)) for note in page.notes), class_="notes")
        if page.notes
        else Html(""),
        *map(_section, page.sections),
        id="report",
        tabindex="-1",
    )
    made = f"Made at {page.made:%Y-%m-%d %H:%M} UTC by pushpolicy {__version__}. This page loads nothing."
    yield tag("footer", tag("p", text(made)))


def _section(section: Section) -> Html:
    heading = f"{section.name}-title"
    return tag(
        "section",
        tag("h2", text(section.title), id=heading),
        tag("p", text(section.lead, 600), class_="lead") if section.lead else Html(""),
        *(block(each, f"{section.name}-{number}") for number, each in enumerate(section.blocks, 1)),
        id=section.name,
        aria_labelledby=heading,
    )
