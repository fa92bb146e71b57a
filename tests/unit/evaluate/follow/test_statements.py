"""What bodies do: `not`, `every` and collections turn the direction; some conditions never hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.small_rules import IN_FINDING, SCAN, Case, holds, name_of, right, wrong

TURNED = [
    right("not", 'not input.ci.actor == "dana"'),
    right("not of a block", 'not { input.ci.actor == "a"; input.ci.job == "b" }'),
    right("not of a helper", "not _good", helpers='_good if input.ci.actor == "dana"'),
    right("not twice", "not _bad", "ci.actor", helpers='_bad if not input.ci.actor == "dana"'),
    right("not in a not", 'not { not input.ci.actor == "dana" }', "ci.actor"),
    right(
        "not of an else",
        "not _good",
        "ci.actor",
        "ci.job",
        helpers='_good if input.ci.actor == "a"\nelse if input.ci.job == "b"',
    ),
    right("every", "every r in input.tests.reports { r.undeclared > 0 }"),
    right("every, its body", "every t in input.target.tags { input.ci.actor == t }", "ci.actor"),
    right("every over a comprehension", 'every x in [j | j := input.ci.job] { x == "a" }'),
    right("every in a block of not", "not { every t in input.target.tags { input.ci.actor == t } }"),
    right("some in a comprehension", 'some x in [a | a := input.ci.actor]; x == "a"', "ci.actor"),
    right("in a comprehension", '"dana" in {a | a := input.ci.actor}', "ci.actor"),
    right("not in a comprehension", 'not "dana" in {a | a := input.ci.actor}'),
    right("not in what is subtracted", '"a" in ({"a", "b"} - {a | a := input.ci.actor})'),
    right("in what it is subtracted from", '"a" in ({a | a := input.ci.actor} - {"b"})', "ci.actor"),
    right("in a union", '"a" in ({a | a := input.ci.actor} | {"b"})', "ci.actor"),
    right("counted over nothing", "count([1 | input.ci.actor]) > 0", "ci.actor"),
    right("counted as nothing", "count([1 | input.ci.actor]) == 0"),
    right("counted below a limit", "count([1 | input.ci.actor]) < 2"),
    right("counted not as nothing", "not count([1 | input.ci.actor]) == 0", "ci.actor"),
    right("counted as two", "count([1 | input.ci.actor]) == 2", "ci.actor"),
    right("counted, then compared", "n := count([1 | input.ci.actor]); n == 0"),
    right("counted from the other side", "0 < count([1 | input.ci.actor])", "ci.actor"),
    right("an empty set", "{a | a := input.ci.actor} == set()"),
    right("no empty set", "{a | a := input.ci.actor} != set()", "ci.actor"),
    right("summed", "sum([n | n := input.ci.run.attempt]) < 3", "ci.run", "ci.run.attempt"),
    right("a rule with contains", '"a" in _names', "ci.actor", helpers="_names contains input.ci.actor"),
    right(
        "a rule with contains, counted as nothing",
        "count(_names) == 0",
        helpers="_names contains input.ci.actor",
    ),
    right("a rule with keys", '_by.x == "a"', "ci.actor", helpers='_by["x"] := input.ci.actor'),
    right(
        "not of what a default replaces",
        'not _who.name == "dana"',
        "ci.actor",
        helpers='default _who := {"name": "dana"}\n_who := {"name": input.ci.actor}',
    ),
    right(
        "not of what another object replaces",
        'not object.union({"name": "dana"}, _who).name == "dana"',
        "ci.actor",
        helpers='default _who := {}\n_who := {"name": input.ci.actor}',
    ),
]
JOINED = [
    right("or", 'input.ci.actor == "a" or input.ci.job == "b"', "ci.actor", "ci.job"),
    right("and", 'input.ci.actor == "a" and input.ci.job == "b"', "ci.actor", "ci.job"),
    right("not of an or", 'not { input.ci.actor == "a" or input.ci.job == "b" }'),
    right("an or of not", 'not input.ci.actor == "a" or input.ci.job == "b"', "ci.job"),
    right(
        "and in an or",
        'input.source.dirty or input.ci.actor == "a" and input.ci.job == "b"',
        "ci.actor",
        "ci.job",
    ),
    right(
        "or in a comprehension",
        'count([1 | input.ci.actor == "a" or input.ci.job == "b"]) > 0',
        "ci.actor",
        "ci.job",
    ),
    right("or of a block", '{ a := input.ci.actor; a == "a" } or input.source.dirty', "ci.actor"),
    right(
        "or of a helper", "input.source.dirty or _good", "ci.actor", helpers='_good if input.ci.actor == "a"'
    ),
    wrong(
        "a word that is none, in an or", f'{SCAN}; f.severity == "high" or f.severity == "HIGH"', "is never"
    ),
    wrong("a word that is none, in an and", f'{SCAN}; f.severity == "HIGH" and f.id == "a"', "is never"),
    wrong("a field that there is not, in an or", "input.source.dirty or input.source.dirtier", "no field"),
    wrong("a field of a finding, in an or", f'{SCAN}; f.fixed_in == "1" or f.id == "a"', "may be absent"),
    wrong("and with what is false", "input.source.dirty and 1 == 2", "never holds"),
    wrong("or of what is false", "input.source.dirty or 1 == 2", "never holds"),
    wrong("and of two words", 'input.ci.event == "push" and input.ci.event == "tag"', "never holds"),
    wrong(
        "or of nothing of the evidence",
        "data.settings.r.max > 3 or data.settings.r.max < 1",
        "reads no evidence",
    ),
]
CONSTANT = [
    wrong("a size below zero", "count(input.image.platforms) < 0", "the size of something"),
    wrong("a size that is negative", "count(input.image.platforms) == -1", "the size of something"),
    wrong("a size and a text by order", 'count(input.image.platforms) > "2"', "the size of something"),
    right("a size of zero", "count(input.target.tags) <= 0"),
    right("a size over a fraction", "count(input.target.tags) > 0.5"),
    wrong("not of a number that is always there", "not input.image.size", "never holds"),
    wrong("not of a list that is always there", "not input.scans.items", "never holds"),
    wrong("not of a size", "not count(input.target.tags)", "never holds"),
    wrong("not of a comprehension", "not [x | x := input.ci.actor]", "never holds"),
    right("not of what may be false", "not input.source.dirty"),
    wrong("some of nothing", "input.image.size > 0; some x in []; x == 1", "never holds"),
    wrong("some of a text", 'input.image.size > 0; some x in "abc"; x == "a"', "never holds"),
    wrong("false", "input.image.size > 0; false", "never holds"),
    wrong("false under not", "input.image.size > 0; not true", "never holds"),
    wrong("two numbers", "input.image.size > 0; 1 == 2", "never holds"),
    wrong("a variable", 'input.image.size > 0; x := "a"; x == "b"', "never holds"),
    wrong("two words at once", 'input.ci.event == "push"; input.ci.event == "tag"', "never holds"),
    wrong(
        "two words of one finding", f'{SCAN}; f.severity == "high"; f.severity in {{"low"}}', "never holds"
    ),
    wrong(
        "a constant of a helper", 'input.image.size > 0; _mode == "b"', "never holds", helpers='_mode := "a"'
    ),
    wrong("nothing of the evidence", "data.settings.r.max > 3", "reads no evidence"),
    wrong("always", "true", "reads no evidence"),
    right(
        "two findings",
        'some s in input.scans.items; s.findings[_].severity == "high"; s.findings[_].severity == "low"',
        *IN_FINDING,
    ),
    right(
        "a constant of one call of two",
        'input.image.size > 0; some m in ["a", "b"]; _is(input.ci.event, m)',
        helpers='_is(e, m) if { m == "b"; e == "push" }',
    ),
    wrong(
        "a constant of each call",
        '_is(input.ci.event, "a")',
        "never holds",
        helpers='_is(e, m) if { m == "b"; e == "push" }',
    ),
]
CASES = [*TURNED, *JOINED, *CONSTANT]


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_what_a_rule_requires(case: Case, opa: Path) -> None:
    holds(case, opa)
