"""The page of past decisions: bounded, escaped, and the same to everyone who reads it."""

from __future__ import annotations

import re
from base64 import b64encode
from collections import Counter
from datetime import date, timedelta
from hashlib import sha256
from html.parser import HTMLParser
from itertools import pairwise
from random import Random

import pytest
from msgspec.structs import replace

from pushpolicy.audit.difference import difference
from pushpolicy.audit.overview import Overview
from pushpolicy.audit.replay import Differs, NotReplayable, Replay, Reproduced
from pushpolicy.audit.walk import Unread
from pushpolicy.audit.what_if import Direction
from pushpolicy.cli.formats.html import draw, render
from pushpolicy.cli.formats.html.markup import cell, is_followed
from pushpolicy.cli.formats.page import Cell, Timeline
from pushpolicy.cli.render.audit import replay_page, what_if_page
from pushpolicy.cli.render.audit.overview import DECISIONS, history
from pushpolicy.model.decision import Verdict
from tests.pages import (
    AT,
    HOSTILE,
    decisions,
    finding,
    gaps,
    hostile,
    in_short,
    listed,
    problems,
    told,
    tried,
)
from tests.pages import history as made_history


class _Seen(HTMLParser):
    """The elements and attributes of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags, self.attributes = list[str](), list[tuple[str, str, str]]()
        self.said = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.said += data


@pytest.mark.parametrize("text", HOSTILE)
def test_foreign_text_is_only_text(text: str) -> None:
    innocent = _Seen(listed([hostile("innocent")], problems(1), "innocent"))
    problem = replace(problems(1)[0], reason=text, hint=text)
    written = listed([hostile(text)], (problem,), text)
    seen = _Seen(written)
    assert seen.tags == innocent.tags
    assert [(tag, name) for tag, name, _ in seen.attributes if name != "class"] == [
        (tag, name) for tag, name, _ in innocent.attributes if name != "class"
    ]
    assert not any(name.startswith("on") or name in ("style", "src") for _, name, _ in seen.attributes)
    assert all(value.startswith("#") for _, name, value in seen.attributes if name == "href")
    assert not re.search("[\u202a-\u202e\u2066-\u2069\u200e\u200f\x00-\x08\x0b-\x1f]", written)
    assert len(written) < len(listed([hostile("innocent")], problems(1))) + 20_000


def test_only_the_page_s_own_style_and_script_may_run() -> None:
    written = listed(list(made_history(3)))
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', written)
    directives = dict(part.strip().split(" ", 1) for part in policy.replace("&#x27;", "'").split(";"))
    assert directives["default-src"] == "'none'"
    for name in ("style", "script"):
        (content,) = re.findall(f"<{name}>(.*?)</{name}>", written, re.DOTALL)
        digest = b64encode(sha256(content.encode()).digest()).decode()
        assert directives[f"{name}-src"] == f"'sha256-{digest}'"
    assert set(directives) == {"default-src", "style-src", "script-src", "base-uri", "form-action"}
    # Before anything that it is to hold for.
    assert written.index("Content-Security-Policy") < written.index("<style>")
    assert " style=" not in written


@pytest.mark.parametrize(
    ("address", "followed"),
    [
        ("https://github.com/team/app/actions/runs/1", True),
        ("https://bitbucket.org/team/app/pipelines/results/7", True),
        ("http://github.com/team/app", False),
        ("https://github.com.evil.example/", False),
        ("https://github.com@evil.example/", False),
        ("https://user:word@github.com/", False),
        ("https://github.com:8443/", False),
        ("https://evil.example/?https://github.com/", False),
        ("https://github.com\\@evil.example/", False),
        ("https://gıthub.com/", False),
        ("https://github.com/\u202e", False),
        ('https://github.com/"onclick="x', False),
        ("javascript:alert(1)//https://github.com/", False),
        ("data:text/html,x", False),
        ("//github.com/", False),
        ("https://[github.com/", False),
        ("", False),
    ],
)
def test_links_lead_to_known_ci_systems_only(address: str, followed: bool) -> None:
    assert is_followed(address) is followed
    drawn = cell(Cell("run 1", link=address))
    assert ("<a " in drawn) is followed
    if followed:
        assert f'href="{address}" rel="noreferrer"' in drawn


def test_a_page_of_any_number_of_decisions_is_bounded_and_says_what_it_leaves_out() -> None:
    written = listed(list(made_history(10_000)), (*problems(1_000), Unread(number=7)))
    assert len(written) < 700_000
    said = _Seen(written).said
    assert "9500 older decisions not shown here (all of them: --format csv)." in said
    assert "950 more not shown here" in said
    assert "7 more records or statements were not read" in said
    assert "1000 records that do not count. 10000 decisions: " in said
    assert said.index("Records that do not count") < said.index("Decisions by")


def test_headings_and_places_are_in_order() -> None:
    seen = _Seen(listed(list(made_history(300)), problems(1)))
    assert [tag for tag in seen.tags if re.fullmatch("h[1-6]", tag)] == ["h1", *["h2"] * 5]
    names = [value for _, name, value in seen.attributes if name == "id"]
    assert len(names) == len(set(names))
    links = {value[1:] for _, name, value in seen.attributes if name == "href" and value.startswith("#")}
    assert links <= set(names)
    assert {tag for tag in seen.tags if tag in ("header", "nav", "main", "footer")} == {
        "header",
        "nav",
        "main",
        "footer",
    }


def test_a_heat_map_has_a_field_for_each_rule_and_push_and_leads_to_every_finding() -> None:
    found = tried(300)
    seen = _Seen(draw(what_if_page.page_of("here", found, (), AT)))
    pushes = [each for each in found.pushes if each.direction is not Direction.UNCHANGED]
    assert 0 < len(pushes) < found.whole.changed
    names = {value for _, name, value in seen.attributes if name == "id"}
    links = [value for _, name, value in seen.attributes if name == "href"]
    for number, push in enumerate(pushes, 1):
        assert f"push-{number}" in names
        # Its column, and a field for each rule that changes.
        rules = push.stricter | push.looser | push.newer
        assert links.count(f"#push-{number}") == 1 + len(rules)
        for change in push.changes[:5]:
            assert change.msg in seen.said
    counts = Counter(re.findall("([▲▽])([0-9]+) (?:stricter|looser)", seen.said))
    expected = Counter[tuple[str, str]]()
    for push in pushes:
        for sign, changes in (
            ("▲", [change.rule for change in push.changes if change.stricter]),
            ("▽", [change.rule for change in push.changes if change.looser]),
        ):
            expected.update((sign, str(number)) for number in Counter(changes).values())
    assert counts == expected


def test_a_what_if_of_many_pushes_is_bounded_and_says_so() -> None:
    everything = tried(5_000, keep=None)
    written = draw(what_if_page.page_of("here", everything, problems(200), AT))
    assert len(written) < 400_000
    left = everything.whole.changed - what_if_page.PUSHES
    said = _Seen(written).said
    assert f"{left} more decisions would change and are not shown here: those whose verdict changes" in said
    whole = everything.whole
    assert (
        f"251 records could not be tried. Stricter and looser: {whole.changed} of {whole.total} past "
        f"decisions would change; {whole.denied} would be denied, {whole.allowed} would be let in."
    ) in said


def test_gaps_are_told_by_kind_the_worst_first() -> None:
    report = gaps(60)
    said = _Seen(render(report)).said
    assert "60 gaps (5 denied, 5 no-record, " in said
    assert said.index("denied: it was denied, and is there") < said.index("waiver-ended: it was let in")
    assert "3 more records or statements were not read" in said
    assert all(f"registry.example/shop/{name}:1." in said for name in ("web", "api", "billing"))


def test_decisions_made_again_are_told_by_what_came_out() -> None:
    items = list(decisions(40))
    engine = items[0].summary.decision.engine
    results: list[Replay] = [Reproduced(summary=each.summary, engine=engine) for each in items[:20]]
    for each in items[20:30]:
        other = replace(
            each.summary.decision, verdict=Verdict.DENY, violations=(finding("scan_severity", Random(1)),)
        )
        changed = difference(each.summary.decision, other)
        assert changed
        results.append(Differs(summary=each.summary, engine=engine, difference=changed))
    results += [NotReplayable(summary=each.summary, reason="unknown policy: x") for each in items[30:]]
    standings = {each.summary.digest: each.standing for each in items}
    said = _Seen(draw(replay_page.page_of("here", results, standings, (), AT))).said
    assert (
        "10 came out otherwise, 10 could not be made again. 20 decisions reproduced, to the last finding."
        in said
    )
    assert said.count("not found → violation") == 10
    assert "unknown policy: x10" in said
    good = _Seen(draw(replay_page.page_of("here", results[:20], standings, (), AT))).said
    assert "20 decisions reproduced, to the last finding." in good
    assert "otherwise" not in good
    assert "Of all records" not in good
    unsure = {
        each.summary.digest: told(each.summary.decision, unknown=("x",)).standing for each in items[:20]
    }
    page = draw(replay_page.page_of("here", results[:20], unsure, (), AT))
    assert "Of all records: 20 of an unknown policy, 20 unsigned." in page
    assert 'class="verdict doubt"' in page


@pytest.mark.parametrize(
    ("days", "unit", "columns"),
    [(1, "day", 1), (30, "day", 30), (200, "week", 30), (800, "month", 27), (36_000, "year", 40)],
)
def test_a_timeline_has_no_gap_and_few_columns(days: int, unit: str, columns: int) -> None:
    found = Overview(AT, DECISIONS)
    for each in decisions(1_000, days=days):
        found.add(each, in_short(each))
    (timeline,) = (
        block for section in history(found) for block in section.blocks if isinstance(block, Timeline)
    )
    assert timeline.unit == unit
    assert len(timeline.periods) <= 40
    assert abs(len(timeline.periods) - columns) <= 1
    drawn = sum(each.allowed + each.denied + each.observed for each in timeline.periods)
    left = int(timeline.rest.split()[0]) if timeline.rest else 0
    assert drawn + left == 1_000
    if unit == "week":
        starts = [date.fromisoformat(each.label) for each in timeline.periods]
        assert {later - earlier for earlier, later in pairwise(starts)} == {timedelta(days=7)}
