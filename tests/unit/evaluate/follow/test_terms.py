"""What terms stand for: evidence by its names, through variables, helpers and functions, and words."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.small_rules import IN_FINDING, SCAN, Case, holds, name_of, right, wrong

REQUIRED = [
    right("a required field", "input.tests.totals.failed > 0"),
    right("a field of the target", 'input.target.registry == "docker.io"'),
    right("the clock of the decision", "time.parse_rfc3339_ns(input.evaluated_at) > 0"),
    right("a status", 'input.tests.status == "failed"'),
    right("an optional field", 'input.ci.actor == "dana"', "ci.actor"),
    right("through a variable", 'c := input.ci; c.actor == "dana"', "ci.actor"),
    right("through two", 'c := input.ci; a := c.actor; a == "dana"', "ci.actor"),
    right("by an import", 'build.actor == "dana"', "ci.actor", helpers="import input.ci as build"),
    right("by a key in a variable", 'k := "actor"; input.ci[k] == "dana"', "ci.actor"),
    right("by each of some keys", 'some k in ["actor", "job"]; input.ci[k] == "x"', "ci.actor", "ci.job"),
    right("by unification", '"dana" = x; x = input.ci.actor', "ci.actor"),
    right("by an array pattern", '[a, _] := [input.ci.actor, "x"]; a == "dana"', "ci.actor"),
    right("by an object pattern", '{"actor": a} := {"actor": input.ci.actor}; a == "dana"', "ci.actor"),
    right("as an argument of a builtin", 'startswith(input.ci.ref, "refs/")', "ci.ref"),
    right("as a bare condition", "input.ci.ref_protected", "ci.ref_protected"),
    right("unequal", 'input.source.branch != "main"', "source.branch"),
    right("in a set", 'input.ci.actor in {"a", "b"}', "ci.actor"),
    right(
        "with the parents that may be absent",
        "input.tests.coverage.percent < 80",
        "tests.coverage",
        "tests.coverage.percent",
    ),
    right("a parent alone", "input.tests.coverage.covered < 80", "tests.coverage"),
    right("a key of a map", 'input.ci.jobs.e2e == "failure"', "ci.jobs", "ci.jobs.e2e"),
    right("a key with dots", 'input.image.annotations["a.b"] == "x"', 'image.annotations["a.b"]'),
    right("below extra", 'input.extra.review.state == "open"', "extra.review.state"),
    right("stated by another field", "input.ci.tag", "ci.ref_type"),
    right("stated by a required field", "input.credentials.tracked_by_git == true"),
    right("a stated fact", "input.ci.untrusted_trigger"),
    right("a stated fact of a finding", f'{SCAN}; startswith(f.suppressed_by, "x")', *IN_FINDING),
    right(
        "always written",
        "some p in input.image.platforms; p.root",
        "image.platforms filled",
        "image.platforms[].root",
    ),
    right("through a helper", "_bad", "ci.actor", helpers='_bad if input.ci.actor == "dana"'),
    right("through a helper's value", '_who == "dana"', "ci.actor", helpers="_who := input.ci.actor"),
    right(
        "through each clause of a helper",
        "_bad",
        "ci.actor",
        "ci.job",
        helpers='_bad if input.ci.actor == "a"\n_bad if input.ci.job == "b"',
    ),
    right("through a function", '_is(input.ci, "dana")', "ci.actor", helpers="_is(c, who) if c.actor == who"),
    right(
        "through two functions",
        "_a(input.ci)",
        "ci.actor",
        helpers='_a(x) if _b(x)\n_b(y) if y.actor == "dana"',
    ),
    right(
        "through a function that is asked for its value",
        '_of(input.ci) == "dana"',
        "ci.actor",
        helpers="_of(c) := c.actor",
    ),
    right(
        "through the clause of a function that is meant",
        '_f("a", input.ci) == "x"',
        "ci.actor",
        helpers='_f("a", c) := c.actor\n_f("b", c) := c.job',
    ),
    right(
        "through the whole name",
        '_rule == "dana"',
        "ci.actor",
        helpers="_rule := data.pushpolicy.rules.r._who\n_who := input.ci.actor",
    ),
    right(
        "default false where truth is asked",
        "_bad",
        "ci.actor",
        helpers='default _bad := false\n_bad if input.ci.actor == "dana"',
    ),
    right(
        "default false that is compared",
        "_bad == false",
        "ci.actor",
        helpers='default _bad := false\n_bad if input.ci.actor == "dana"',
    ),
    right(
        "else",
        '_who == "dana"',
        "ci.actor",
        "ci.job",
        helpers="_who := input.ci.actor if input.ci.actor\nelse := input.ci.job",
    ),
    right(
        "an argument of sprintf",
        'input.image.size > 0; msg := sprintf("%s", [input.ci.actor]); msg != ""',
        "ci.actor",
    ),
    right("a local that only words use", "input.image.size > 0; a := input.ci.actor", "ci.actor"),
    right(
        "a key written in at",
        "input.image.size > 0",
        "ci.actor",
        head='{"at": {"actor": input.ci.actor}, "msg": "x"}',
    ),
    right("a value that is counted", "count(input.ci.actor) > 3", "ci.actor"),
]
NAMES = [
    right(
        "by an import of the rule itself",
        "input.image.size > 0; me._bad",
        "ci.actor",
        helpers='import data.pushpolicy.rules.r as me\n_bad if input.ci.actor == "dana"',
    ),
    right(
        "by an import of a function",
        "input.image.size > 0; me._bad(1)",
        "ci.actor",
        helpers='import data.pushpolicy.rules.r as me\n_bad(_) if input.ci.actor == "dana"',
    ),
    right(
        "by an import of a helper",
        "input.image.size > 0; bad",
        "ci.actor",
        helpers='import data.pushpolicy.rules.r._bad as bad\n_bad if input.ci.actor == "dana"',
    ),
    right(
        "an argument that hides a helper",
        "_bad(input.image.annotations)",
        "image.annotations.team",
        helpers='_a := {"team": "x"}\n_bad(_a) if _a.team == "y"',
    ),
    right(
        "a variable of some that hides a helper",
        'some _a; _a = input.image.annotations; _a.team == "y"',
        "image.annotations.team",
        helpers='_a := {"team": "x"}',
    ),
    wrong("a key that is named like a step", 'input.image.annotations["[*]"] == "x"', "cannot be followed"),
]
WORDS = [
    right(
        "in a template",
        'input.image.size > 0; msg := $"{input.ci.actor}"',
        head='{"at": {"id": "x"}, "msg": msg}',
    ),
    right(
        "a helper in a template",
        "input.image.size > 0",
        helpers="_who := input.ci.actor if input.ci.actor\nelse := input.ci.job",
        head='{"at": {}, "msg": $"{_who}"}',
    ),
    right("a copy in at", SCAN, *IN_FINDING, head='{"at": f, "msg": $"{f.title}"}'),
    right(
        "a copy with a key",
        SCAN,
        *IN_FINDING,
        head='{"at": object.union(f, {"scan": scan.name}), "msg": "x"}',
    ),
    right(
        "object.get in a template",
        f'{SCAN}; fix := object.get(f, "fixed_in", "none")',
        *IN_FINDING,
        head='{"at": {}, "msg": $"{fix}"}',
    ),
    right(
        "a comprehension in at",
        "input.image.size > 0; names := [f.title | some s in input.scans.items; some f in s.findings]",
        head='{"at": {"names": names}, "msg": "x"}',
    ),
    wrong(
        "a template that decides",
        'x := $"{input.ci.actor}"; x == "dana"',
        "decides what the absence of ci.actor",
    ),
    wrong(
        "a template in a comprehension that decides",
        'concat("", [x | x := $"{input.ci.actor}"]) == "dana"',
        "decides what the absence of ci.actor",
    ),
    wrong(
        "the text of a whole object",
        'contains(sprintf("%v", [input.scans.items]), "BLOCKER")',
        "as a whole",
    ),
    wrong(
        "a helper that makes text and decides",
        '_t == "dana"',
        "decides what the absence of ci.actor",
        helpers='_t := concat("", [$"{input.ci.actor}"])',
    ),
]
REFUSED = [
    wrong("a builtin without its arguments", "minus(input.image.size) > 0", "cannot be followed"),
    wrong("a comparison without its arguments", "equal(input.image.size)", "cannot be followed"),
    wrong(
        "a helper of two kinds",
        '"a" in _m',
        "cannot be followed",
        helpers='_m contains "a" if input.image.size > 0\n_m := 1',
    ),
    wrong("a field that is not there", 'input.ci.brnch == "x"', "has no field 'brnch'"),
    wrong("one in a finding", f"{SCAN}; f.cvss3 > 7", "has no field 'cvss3'"),
    wrong("one behind a not", f"{SCAN}; not f.fixedin", "has no field 'fixedin'"),
    wrong("one in a function", f"{SCAN}; _f(f)", "has no field 'sev'", helpers='_f(x) if x.sev == "a"'),
    wrong("one in every", 'every r in input.tests.reports { r.nam == "x" }', "has no field 'nam'"),
    wrong("one in object.get", 'object.get(input.ci, "brnch", "") == ""', "has no field 'brnch'"),
    wrong("each field", 'some k, v in input.ci; v == "x"', "fixed fields"),
    wrong("each field by an index", 'input.ci[_] == "x"', "fixed fields"),
    wrong("a computed field", 'some t in input.target.tags; input.ci[t] == "x"', "fixed fields"),
    wrong("a whole object compared", 'input.tests.totals == {"failed": 0}', "as a whole"),
    wrong("two whole objects", "input.ci.run == input.extra.run", "as a whole"),
    wrong("a whole object in a set", f"{SCAN}; f in data.settings.r.known", "as a whole"),
    wrong("walk", 'walk(input.scans, [p, v]); v == "x"', "looks into a whole object"),
    wrong("walk below extra", 'walk(input.extra.a, [p, v]); v == "x"', "looks into a whole object"),
    wrong("json.filter", 'x := json.filter(input.ci, ["branch"]); x == {}', "looks into a whole object"),
    wrong("json.marshal", 'contains(json.marshal(input.ci), "x")', "looks into a whole object"),
    wrong("object.keys", '"branch" in object.keys(input.ci)', "looks into a whole object"),
    wrong("object.subset", "object.subset(input.ci, {})", "looks into a whole object"),
    wrong("below a text", 'input.ci.branch.name == "x"', "nothing is below it"),
    wrong("a field of a list", 'input.scans.items.name == "x"', "it has no field"),
    right(
        "circles, which OPA itself refuses", "_a(input.ci)", "ci.actor", helpers="_a(x) if { _a(x); x.actor }"
    ),
]
CASES = [*REQUIRED, *NAMES, *WORDS, *REFUSED]


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_what_a_rule_requires(case: Case, opa: Path) -> None:
    holds(case, opa)
