"""What many decisions come to, in bounded memory."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from msgspec.structs import replace

from pushpolicy.audit.outcome import Outcome, outcome
from pushpolicy.audit.overview import MOST_WAIVERS, Overview, Told
from pushpolicy.model.decision import WaiverUse
from tests.pages import AT, decisions, in_short, told


def _overview(items: list[Told], most: int = 10) -> Overview:
    found = Overview(AT, most)
    for each in items:
        found.add(each, in_short(each))
    return found


def test_sums_are_those_of_the_decisions() -> None:
    items = list(decisions(400))
    found = _overview(items)
    expected = Counter(outcome(each.summary.decision) for each in items)
    assert found.outcomes == expected
    assert min(expected[each] for each in Outcome) > 0
    assert sum(found.days.values(), Counter()) == expected
    assert sum(of.findings for of in found.denials.values()) == sum(
        len(each.summary.decision.violations) for each in items
    )
    assert found.signatures == {"verified": 400}
    assert found.anchored == found.number == 400


def test_the_newest_are_kept_whatever_the_order() -> None:
    items = list(decisions(100))
    newest = sorted(items, key=lambda each: each.summary.moment, reverse=True)[:10]
    assert [each.entry for each in _overview(items[::-1]).newest] == list(map(in_short, newest))


def test_what_does_not_count_is_in_no_sum() -> None:
    one = next(decisions(1))
    later = (AT + timedelta(days=2)).isoformat()
    ahead = replace(
        one, summary=replace(one.summary, decision=replace(one.summary.decision, evaluated_at=later))
    )
    decision = one.summary.decision
    found = _overview(
        [ahead, told(decision, unknown=("x",)), told(decision, elsewhere=("for another repository: y",))]
    )
    assert found.apart == {"dated in the future": 1, "of an unknown policy": 1, "about another place": 1}
    assert not found.outcomes
    assert not found.days
    assert found.number == len(found.newest) == 3


def test_a_waiver_is_one_however_many_policies_have_it() -> None:
    items = list(decisions(300))
    found = _overview(items)
    assert len(found.waivers) == 4
    assert [str(each.waiver["expires"]) for each in found.waivers] == sorted(
        str(each.waiver["expires"]) for each in found.waivers
    )
    relied = sum(use.state == "used" for each in items for use in each.summary.decision.waivers)
    assert sum(each.relied for each in found.waivers) == relied > 0


def test_waivers_are_bounded() -> None:
    one = next(decisions(1)).summary.decision
    many = tuple(
        WaiverUse(waiver={"rule": "r", "id": str(number)}, state="used") for number in range(MOST_WAIVERS + 1)
    )
    found = _overview([told(replace(one, waivers=many))])
    assert len(found.waivers) == MOST_WAIVERS
    assert found.waivers_left_out
