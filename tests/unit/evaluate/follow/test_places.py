"""What is read inside of lists, and what the rule itself decides."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.small_rules import ABSENT, ANOTHER, IN_FINDING, SCAN, Case, holds, name_of, right, wrong

MANY = [
    wrong("in a finding", f'{SCAN}; f.fixed_in != ""', ABSENT),
    wrong("through an index", 'input.scans.items[_].findings[_].title == "x"', ABSENT),
    wrong("through two indexes", 'input.scans.items[i].findings[j].title == "x"; j > i', ABSENT),
    wrong("through a function", f"{SCAN}; _old(f)", ABSENT, helpers="_old(x) if x.cvss > 7"),
    wrong(
        "in a head", f'{SCAN}; f.severity == "high"', ABSENT, head='{"at": {"fixed": f.fixed_in}, "msg": "x"}'
    ),
    wrong("a key of a platform", 'some p in input.image.platforms; p.labels.team == "x"', ABSENT),
    wrong("a computed key", 'some t in input.target.tags; input.ci.jobs[t] == "failure"', ABSENT),
    wrong("below a list of extra", 'some a in input.extra.approvals; a.state == "revoked"', ABSENT),
    wrong("not twice", f"{SCAN}; not _fine(f)", ABSENT, helpers="_fine(x) if not x.fixed_in"),
    right("not", f"{SCAN}; not f.cvss < 7", *IN_FINDING),
    right(
        "covered by a not of its own",
        'some p in input.image.platforms; p.labels.team == "x"',
        "image.platforms filled",
        helpers=ANOTHER + "{ some p in input.image.platforms; not p.labels.team }",
    ),
    wrong(
        "not covered by a not with another condition",
        'some p in input.image.platforms; p.labels.team == "x"',
        ABSENT,
        helpers=ANOTHER + "{ some p in input.image.platforms; input.image.size > 9; not p.labels.team }",
    ),
    right(
        "covered where it is empty",
        SCAN,
        helpers=ANOTHER + '{ input.scans.status == "collected"; not count(input.scans.items) > 0 }',
    ),
    right("each key of a map", 'some k, v in input.image.annotations; v == "x"'),
    right("each key of a map that may be absent", 'some k, v in input.ci.jobs; v == "failure"', "ci.jobs"),
    right("each tag", 'some t in input.target.tags; t == "latest"'),
    right("a list that may be absent", 'some x in input.target.new_tags; x == "a"', "target.new_tags"),
    right("an item by its number", 'input.scans.items[0].name == "x"', "scans.items filled"),
    wrong("an item by a higher number", 'input.scans.items[1].name == "x"', "need not have an item 1"),
    wrong("items by a pattern", "[a, b] = input.target.tags; a == b", "need not have an item 1"),
    wrong("an item counted from the end", 'split(input.ci.branch, "/")[-1] == "x"', "never holds"),
    wrong(
        "the last of a comprehension",
        '[t | some t in input.target.tags][-1] == "x"',
        "no evidence",
        "never holds",
    ),
    wrong(
        "a list by a word",
        'xs := [t | some t in input.target.tags]; xs["latest"]',
        "no evidence",
        "never holds",
    ),
    right(
        "the last by its number", 'xs := split(input.ci.branch, "/"); xs[count(xs) - 1] == "x"', "ci.branch"
    ),
    right("keys of a map", 'some k in object.keys(input.image.annotations); k == "x"'),
    right("a key that a map may have", '"debug" in object.keys(input.image.annotations)'),
    right("keys of a map that may be absent", 'not "test" in object.keys(input.ci.jobs)'),
    right("few keys of a map that may be absent", "count(object.keys(input.ci.jobs)) > 3", "ci.jobs"),
    right("keys below extra", '"x" in object.keys(input.extra.a.b)', "extra.a.b"),
    right(
        "keys that are required",
        'some p in input.image.platforms; count({"a", "b"} - object.keys(p.labels)) > 0',
        "image.platforms filled",
    ),
    wrong("keys of fixed fields", '"x" in object.keys(input.ci)', "object.keys looks into a whole object"),
    wrong("keys of all extra", '"x" in object.keys(input.extra)', "`input.extra` as a whole"),
    right(
        "the union of a comprehension",
        '"critical" in union({{f.severity | some f in s.findings} | some s in input.scans.items})',
        "scans.items filled",
    ),
    wrong(
        "what may be absent, in the union of a comprehension",
        '"a" in union({{f.package | some f in s.findings} | some s in input.scans.items})',
        ABSENT,
    ),
    wrong(
        "what may be absent, where not nothing is what denies",
        "not count(union({{f.package | some f in s.findings} | some s in input.scans.items})) == 0",
        ABSENT,
    ),
    right(
        "no union of a comprehension",
        "count(union({{f.id | some f in s.findings} | some s in input.scans.items})) == 0",
        "scans.items filled",
    ),
    right(
        "objects joined out of a comprehension",
        "m := object.union_n([p.labels | some p in input.image.platforms]); not m.team",
        "image.platforms filled",
    ),
    wrong(
        "keys with a default, where not nothing is what denies",
        'not count(object.keys(object.get(input.ci, "jobs", {}))) == 0',
        "decides what the absence of ci.jobs",
    ),
    right("no scan", "count(input.scans.items) == 0"),
    right("more than no scan", "count(input.scans.items) > 1", "scans.items filled"),
]
DECIDED = [
    wrong(
        "object.get in a comprehension",
        'max([n | n := object.get(input.tests, "duration", 0)]) > 9',
        "decides what the absence of tests.duration",
    ),
    wrong(
        "object.get of which only the type is asked",
        'is_number(object.get(input.tests, "duration", null))',
        "decides what the absence of tests.duration",
    ),
    wrong(
        "object.get", 'object.get(input.ci, "actor", "x") == "dana"', "decides what the absence of ci.actor"
    ),
    wrong(
        "object.get under not",
        'not object.get(input.ci, "actor", "") == ""',
        "decides what the absence of ci.actor",
    ),
    wrong(
        "object.get of a path",
        'object.get(input.tests, ["coverage", "percent"], 0) < 80',
        "absence of tests.coverage means",
        "absence of tests.coverage.percent",
    ),
    right("object.get of a stated fact", f'{SCAN}; object.get(f, "suppressed_by", "") != ""', *IN_FINDING),
    right(
        "object.get of what is written",
        'some p in input.image.platforms; object.get(p, "user", "root") == "root"',
        "image.platforms filled",
        "image.platforms[].user",
    ),
    right(
        "object.get, then a field of it",
        'object.get(input.tests, "coverage", {}).percent < 80',
        "tests.coverage",
        "tests.coverage.percent",
    ),
    right(
        "said to be optional",
        'object.get(input.ci, "actor", "x") == "dana"',
        optional=("ci.actor",),
        needed=("ci.actor",),
    ),
    right(
        "said to be optional in a list",
        f'{SCAN}; f.fixed_in != ""',
        *IN_FINDING,
        optional=("scans.items[].findings[].fixed_in",),
        needed=("scans.items[].findings[].fixed_in",),
    ),
    right("said to be optional, and nothing needs it", 'not input.ci.actor == "x"', optional=("ci.actor",)),
    right("said to be optional when empty", SCAN, optional=("scans.items",), needed=("scans.items",)),
    right(
        "a default other than false",
        '_who == "x"',
        "ci.actor",
        helpers='default _who := "x"\n_who := input.ci.actor',
    ),
]
SWAPPED = [
    wrong("a beginning", 'startswith("release/", input.ci.branch)', "the other way round"),
    wrong("an end, under not", 'not endswith("-rc", input.ci.branch)', "the other way round"),
    wrong("a part of a list in a text", 'not contains("main,next", input.ci.branch)', "the other way round"),
    wrong("a pattern", 'not regex.match(input.ci.branch, "main")', "the other way round"),
    wrong("a glob", 'glob.match(input.ci.branch, ["/"], "main")', "the other way round"),
    right("both are evidence", "not startswith(input.ci.branch, input.ci.actor)"),
    right("a pattern of evidence", "regex.match(input.ci.actor, input.ci.branch)", "ci.actor", "ci.branch"),
    right("none is evidence", 'contains("ab", "b"); input.ci.event == "push"'),
]
CASES = [*MANY, *DECIDED, *SWAPPED]


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_what_a_rule_requires(case: Case, opa: Path) -> None:
    holds(case, opa)
