from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

from pushpolicy.engines import LocalOpa
from pushpolicy.evaluate import load_policy
from pushpolicy.evaluate.authoring.html import as_html
from pushpolicy.evaluate.authoring.reference import rules_page, shipped_page
from pushpolicy.evaluate.authoring.scaffold import begin_rule
from pushpolicy.evaluate.examples import read
from tests.policies import METADATA, rule, write_policy

MARKS = "<script>alert(1)</script> [z](javascript:x) a < b"


class Page(HTMLParser):
    """The tags and the text of a page."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.tags, self.text = list[str](), ""
        self.feed(content)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_a_rule_is_told_with_its_settings_and_examples(tmp_path: Path, opa: Path) -> None:
    begin_rule("labelled", tmp_path)
    rules = load_policy([str(tmp_path)], LocalOpa(opa)).index.rules
    page = Page(as_html("Ours", rules_page(rules, {"labelled": read(tmp_path / "labelled", "labelled")})))
    assert [page.tags.count(tag) for tag in ("h1", "h2", "table", "tr")] == [1, 1, 2, 4]
    for text in (
        "Ours",
        "labelled",
        "The labels that each platform must have.",
        "one platform lacks the label",
    ):
        assert text in page.text


def test_what_a_rule_says_is_text(tmp_path: Path, opa: Path) -> None:
    head = METADATA.replace("It is for tests.", f"'{MARKS}'")
    body = 'deny contains {"at": {}, "msg": "x"} if input.source.dirty'
    source = write_policy(tmp_path, {"r": rule("r", body, head=head)})
    content = as_html(MARKS, rules_page(load_policy([source], LocalOpa(opa)).index.rules, {}))
    page = Page(content)
    assert "script" not in page.tags
    assert page.text.count(MARKS) == 3  # in title, heading and description
    assert "href=" not in content.replace('href="#r"', "")


def test_the_page_of_the_shipped_rules_leaves_no_mark_of_markdown() -> None:
    text = Page(as_html("Rules", shipped_page().partition("## ")[2])).text
    for mark in ("| ---", "`", "](", "\n- ", "## "):
        assert mark not in text


def test_what_stands_between_backticks_is_taken_as_it_is() -> None:
    assert "<li><b>a</b> <code>[&quot;x/**&quot;, &quot;y/**&quot;]</code> * b</li>" in as_html(
        "t", r'- **a** `["x/**", "y/**"]` \* b'
    )
