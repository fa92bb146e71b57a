"""What a rule requires, by small rules: what it reads, with the direction in which it reads it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pushpolicy.engines import LocalOpa
from pushpolicy.evaluate.absence import Requirements, evidence_schema
from pushpolicy.evaluate.follow import follow
from tests.policies import rule


class Case(msgspec.Struct, frozen=True):
    """The conditions of a deny with what stands below it, and what is found.

    Attributes:
        leaves: paths that must be there; ``PATH filled`` for an array that must have an item.
        errors: a part of each error's text, in the order of the lines.
        needed: those of `optional` that a read needs.
    """

    name: str
    body: str
    leaves: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    helpers: str = ""
    head: str = '{"at": {"id": "x"}, "msg": "no"}'
    optional: tuple[str, ...] = ()
    needed: tuple[str, ...] = ()


def right(name: str, body: str, *leaves: str, **more: Any) -> Case:
    """A rule that loads, and the leaves it requires."""
    return Case(name, body, leaves, **more)


def wrong(name: str, body: str, *errors: str, **more: Any) -> Case:
    """A rule that does not load, and why."""
    return Case(name, body, errors=errors, **more)


SCAN = "some scan in input.scans.items; some f in scan.findings"
IN_FINDING = ("scans.items filled",)
ABSENT = "may be absent"
ANOTHER = 'deny contains {"at": {}, "msg": "x"} if '

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
COVERED = [
    right(
        "not where nothing is gone through",
        'input.ci.actor == "x"',
        "ci.actor",
        helpers=ANOTHER + "{ some c in input.source.changes; not input.ci.actor }",
    ),
    right(
        "not where the head says what is absent",
        "input.image.size > 0; not input.ci.actor",
        "ci.actor",
        helpers='deny contains {"at": {}, "msg": sprintf("%s", [input.ci.actor])} if not input.ci.actor',
    ),
    right(
        "not where the head is a helper's",
        'input.ci.actor == "x"',
        "ci.actor",
        helpers='deny contains {"at": {}, "msg": _m} if not input.ci.actor\n'
        '_m := "x" if input.image.size > 9',
    ),
    right(
        "not where the head is looked up",
        'input.ci.actor == "x"',
        "ci.actor",
        helpers='deny contains {"at": {}, "msg": ["x"][input.image.size]} if not input.ci.actor',
    ),
    right(
        "where the head is a text",
        'input.ci.actor == "x"',
        helpers='deny contains {"at": input.ci.trust, "msg": concat("", ["a", $"{_m}"])} if '
        "not input.ci.actor\n"
        "_m := 1 if input.image.size > 9",
    ),
    right(
        "not by what is only printed",
        'input.ci.actor == "x"',
        "ci.actor",
        helpers=ANOTHER + "not print(input.ci.actor)",
    ),
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
        "a constant of each call",
        '_is(input.ci.event, "a")',
        helpers='_is(e, m) if { m == "b"; e == "push" }',
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
CASES = [
    (group, case)
    for group, cases in {
        "required": REQUIRED,
        "turned": TURNED,
        "names": NAMES,
        "covered": COVERED,
        "words": WORDS,
        "many": MANY,
        "decided": DECIDED,
        "literals": LITERALS,
        "constant": CONSTANT,
        "refused": REFUSED,
    }.items()
    for case in cases
]


def text_of(case: Case) -> str:
    imports = [line for line in case.helpers.splitlines() if line.startswith("import ")]
    others = [line for line in case.helpers.splitlines() if not line.startswith("import ")]
    body = "\n".join([*imports, f"deny contains {case.head} if {{ {case.body} }}", *others])
    return rule("r", body)


@pytest.fixture(scope="module")
def trees(opa: Path) -> Mapping[tuple[str, str], Any]:
    parsed = LocalOpa(opa).parse([text_of(case).encode() for _, case in CASES])
    return {(group, case.name): tree for (group, case), tree in zip(CASES, parsed, strict=True)}


def required(tree: Any, optional: tuple[str, ...] = ()) -> tuple[Requirements, list[tuple[int, str]]]:
    assert isinstance(tree, dict), tree
    followed = follow("r", tree)
    found = evidence_schema().requirements(followed.reads, followed.covered, frozenset(optional))
    return found, sorted({*followed.problems, *found.problems})


@pytest.mark.parametrize(("group", "case"), CASES, ids=[f"{group}: {case.name}" for group, case in CASES])
def test_what_a_rule_requires(group: str, case: Case, trees: Mapping[tuple[str, str], Any]) -> None:
    found, problems = required(trees[group, case.name], case.optional)
    assert len(problems) == len(case.errors), problems
    for (row, text), part in zip(problems, case.errors, strict=True):
        assert part in text
        assert row > 8, "the line of the condition, not of the METADATA"
    if not case.errors:
        assert [f"{leaf.path}{' filled' if leaf.filled else ''}" for leaf in found.leaves] == sorted(
            case.leaves
        )
        assert found.needed == set(case.needed)


def test_there_are_enough_of_them_and_no_two_are_one() -> None:
    assert len({(group, case.name) for group, case in CASES}) == len(CASES) > 120
