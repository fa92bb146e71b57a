"""Literals that no value of their field can equal."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.small_rules import SCAN, Case, holds, name_of, right, wrong

LITERALS = [
    wrong("a word in capitals", f'{SCAN}; f.severity == "CRITICAL"', "is never"),
    wrong("a misspelt word in a set", f'{SCAN}; not f.severity in {{"low", "hihg"}}', 'never "hihg"'),
    wrong(
        "a misspelt word in a list",
        f'{SCAN}; some s in ["high", "critcal"]; f.severity == s',
        'never "critcal"',
    ),
    wrong("a misspelt status", 'input.tests.status == "colected"', "is never"),
    wrong("another spelling of a kind", f'{SCAN}; f.kind == "licence"', "is never"),
    wrong("an event of one CI system", 'input.ci.event == "pull_request_target"', "is never"),
    wrong("a text for a number", 'input.tests.totals.failed == "0"', "of type integer"),
    wrong("a text for true", 'input.ci.ref_protected == "true"', "of type boolean"),
    wrong("a digest cut short", 'input.image.digest == "sha256:abc"', "must match"),
    wrong("a branch for a commit", 'input.source.commit == "main"', "must match"),
    wrong("over the highest", "input.tests.coverage.percent > 100", "never holds"),
    wrong("below the lowest", "input.tests.totals.failed < 0", "never holds"),
    wrong("from the other side", "0 > input.tests.totals.failed", "never holds"),
    wrong("a number over the highest", "input.tests.coverage.percent == 101", "is never"),
    wrong("an order of words", f'{SCAN}; f.severity >= "high"', "have no order"),
    wrong("an order with a setting", f"{SCAN}; f.severity > data.settings.r.worst", "have no order"),
    wrong("a number and a text by order", 'input.tests.totals.failed > "0"', "by order"),
    wrong("in a helper", "_bad", "is never", helpers='_bad if input.ci.ref_type == "Branch"'),
    wrong("in a function", f'{SCAN}; _is(f, "HIGH")', "is never", helpers="_is(x, s) if x.severity == s"),
    wrong(
        "in a warn",
        "input.image.size > 0",
        "is never",
        helpers='warn contains {"at": {}, "msg": "x"} if input.ci.event == "pusch"',
    ),
    wrong("looked up in a set", f'{SCAN}; {{"HIGH"}}[f.severity]', 'never "HIGH"'),
    wrong(
        "looked up in a set of a helper",
        f"{SCAN}; _bad[f.severity]",
        'never "HIGH"',
        helpers='_bad := {"HIGH"}',
    ),
    wrong(
        "looked up in a rule with contains",
        f"{SCAN}; _bad[f.severity]",
        'never "HIGH"',
        helpers='_bad contains "HIGH"',
    ),
    wrong(
        "looked up in an object",
        f"{SCAN}; _bad[f.severity] > 3",
        'never "HIGH"',
        helpers='_bad := {"HIGH": 9}',
    ),
    wrong(
        "looked up by object.get",
        f"{SCAN}; object.get(_bad, f.severity, 0) > 3",
        'never "HIGH"',
        helpers='_bad := {"HIGH": 9}',
    ),
    wrong(
        "the clause of a function", f"{SCAN}; _w(f.severity) > 3", 'never "HIGH"', helpers='_w("HIGH") := 9'
    ),
    wrong("through object.get", f'{SCAN}; object.get(f, "fix_state", "unknown") == "none"', "is never"),
    right(
        "the default of object.get",
        'object.get(input.tests, "duration", "x") == "x"',
        optional=("tests.duration",),
        needed=("tests.duration",),
    ),
]
CASES = [*LITERALS]


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_what_a_rule_requires(case: Case, opa: Path) -> None:
    holds(case, opa)
