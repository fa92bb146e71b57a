"""The page of the shipped rules is what their METADATA and examples say."""

from __future__ import annotations

from pathlib import Path

import pytest

from pushpolicy.evaluate.authoring.reference import DOCUMENT, rules_page, shipped_page
from pushpolicy.evaluate.examples import Example
from pushpolicy.evaluate.sources import policies
from tests.policies import rule_entry

ROOT = Path(__file__).parents[4]
ENTRY = rule_entry(
    description="It is for tests.",
    severity="low",
    requires=("tests",),
    integrity=True,
    settings={
        "max": {"type": "integer", "default": -1, "stricter": "limit", "description": "At most | any."},
        "names": {"type": "array", "items": {"type": "string"}, "default": ["a"]},
        "how": {"type": "string", "enum": ["warn", "deny"], "default": "warn"},
    },
    collections=("default", "strict"),
    controls=("SSDF PW.8.2",),
)


def test_the_page_is_up_to_date() -> None:
    assert (ROOT / DOCUMENT).read_text(encoding="utf-8") == shipped_page(), "run `make index`"


def test_a_rule_is_told_with_its_settings_and_examples() -> None:
    shown = Example(file=ROOT, rule="r", name="too many", expect="violated", evidence={}, settings={"max": 3})
    page = rules_page({"r": ENTRY}, {"r": [shown]})
    for line in (
        "| [r](#r) | A rule | low | default |",
        "**A rule.** It is for tests.",
        "- Fix: Fix it.",
        "- Severity: low; nobody can waive it",
        "- Requires: tests",
        "- Controls: SSDF PW.8.2",
        r"| `max` | At most \| any. | integer | `-1` | lower, and -1 is none |",
        '| `names` |  | array of strings | `["a"]` |  |',
        '| `how` |  | warn or deny | `"warn"` |  |',
        '- denied: too many, with `{"max": 3}`',
    ):
        assert line in page.splitlines() or line in page


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("<img src=x>", r"\<img src=x>"),
        ("`a < b` <b>", r"`a < b` \<b>"),
        ("a ` <b>", r"a ` \<b>"),
        ("``` <b>`", r"``` \<b>`"),
        (r"\` <b> `", r"\` \<b> `"),
        ("``a ` <b>`` <c>", r"``a ` <b>`` \<c>"),
    ],
)
def test_no_tag_of_what_a_rule_says_comes_through(written: str, told: str) -> None:
    rule = rule_entry(title=written, description=written, fix=written, severity="low", controls=(written,))
    page = rules_page({"r": rule}, {})
    assert f"| [r](#r) | {told} |" in page
    assert f"**{told}.** {told}\n" in page
    assert f"- Fix: {told}\n" in page
    assert f"- Controls: {told}\n" in page


def test_a_rule_of_ones_own_needs_none_of_it() -> None:
    bare = rule_entry(severity="low")
    assert rules_page({"r": bare}, {}).endswith("- Fix: Fix it.\n- Severity: low\n")


def test_shipped_globs_say_where_a_star_stops() -> None:
    """Without a delimiter OPA takes a dot for one: null is none."""
    texts = [path.read_text() for path in policies().rglob("*.rego")]
    assert [text for text in texts if "glob.match(" in text and ", [], " in text] == []
