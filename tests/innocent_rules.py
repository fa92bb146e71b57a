"""Rules that look like odd ones, and can deny: none of them may be refused."""

from __future__ import annotations

from typing import Any

from tests.small_rules import SCAN, Case

SETTINGS = """\
settings:
  n: {type: integer, minimum: 0, default: 1}
  mode: {type: string, enum: [HIGH, LOW], default: HIGH}
  "on": {type: boolean, default: true}
  names: {type: array, items: {type: string}, default: []}
"""


def of_build(body: str, **more: Any) -> Case:
    """A rule whose deny has these conditions."""
    return Case(body, body, **more)


def in_finding(body: str, **more: Any) -> Case:
    """The same for each finding of each scan."""
    return Case(f"of a finding: {body}", f"{SCAN}; {body}", **more)


INNOCENT = [
    # innocent
    of_build('b := input.ci.branch; startswith(b, "release/"); endswith(b, "-rc")'),
    of_build('some t in input.target.tags; regex.match("^v[0-9]+", t); contains(t, "rc")'),
    of_build('startswith(input.image.digest, "sha256:")'),
    of_build('contains(input.source.commit, "abc")'),
    of_build('startswith(lower(input.ci.actor), "d")'),
    of_build('glob.match("sha256:*", null, input.image.digest)'),
    of_build('regex.match("^[0-9a-f]{40}$", input.source.commit)'),
    of_build('startswith(input.evaluated_at, "2026")'),
    of_build('not startswith(input.image.digest, "sha512:")'),
    of_build('lower(input.ci.actor) == "dana"'),
    of_build(
        'startswith(input.ci.branch, "a"); contains(input.ci.branch, "b"); endswith(input.ci.branch, "c")'
    ),
    of_build('regex.match("(?i)^MAIN$", input.ci.branch); startswith(input.ci.branch, "m")'),
    of_build("not input.tests.coverage.percent < 101; not input.tests.coverage.percent <= 100"),
    of_build("input.image.size > 0; null"),
    of_build('some each in input.unread; endswith(each.path, ".json")'),
    of_build("count(input.unread) > 0"),
    in_finding("sum([1, 2]) > count(f.id)"),
    in_finding("not f.cvss < 11; not f.cvss <= 10"),
    in_finding('upper(f.severity) == "CRITICAL"'),
    in_finding('lower(f.severity) in {"high", "critical"}'),
    in_finding('startswith(f.severity, "crit")'),
    in_finding('regex.match("^(critical|high)$", f.severity)'),
    in_finding('glob.match("crit*", null, f.severity)'),
    in_finding('contains(f.id, "CVE")'),
    in_finding('startswith(upper(f.severity), "C")'),
    in_finding('[f.severity, f.kind] == ["high", "vulnerability"]'),
    in_finding('{f.severity} & {"critical", "high"} != set()'),
    in_finding('count({f.severity} & {"high"}) > 0'),
    in_finding('f.severity in ({"high", "low"} - {"low"})'),
    in_finding('not f.severity in {"low", "negligible"}'),
    in_finding('{"critical": 9, "high": 7}[f.severity] > 8'),
    in_finding('object.get({"critical": 9}, f.severity, 0) > 5'),
    in_finding('some s in ["critical", "high"]; f.severity == s'),
    in_finding('s := f.severity; s != "low"; s != "unknown"'),
    in_finding('f.severity == "high"; not f.kind == "code"'),
    in_finding("count(f.aliases) > 2"),
    in_finding('f.severity == "high"; upper(f.severity) in {"HIGH", "LOW"}'),
    in_finding('f.severity in {"high", "low"}; f.severity in {"low", "critical"}'),
    in_finding('concat("-", [f.severity, f.kind]) == "high-vulnerability"'),
    in_finding('sprintf("%s/%s", [f.severity, f.kind]) == "high/vulnerability"'),
    in_finding('not regex.match("^(low|negligible)$", f.severity)'),
    in_finding('not startswith(f.id, "CVE-")'),
    in_finding("not f.cvss < 7"),
    in_finding("f.severity in data.settings.r.names", custom=SETTINGS),
    of_build("input.tests.totals.failed > 0"),
    of_build("input.tests.totals.failed > 3; input.tests.totals.failed < 5"),
    of_build("x := input.tests.totals.failed; x > 0; x != 7"),
    of_build("input.tests.totals.failed + input.tests.totals.errors > 0"),
    of_build("input.tests.totals.failed / input.tests.totals.total > 0.1"),
    of_build("100 * input.tests.totals.failed > 5 * input.tests.totals.total"),
    of_build("input.tests.totals.failed in {1, 2}; input.tests.totals.failed > 1"),
    of_build("input.tests.totals.total - input.tests.totals.skipped < 1"),
    of_build("input.tests.totals.total - input.tests.totals.skipped < 0"),
    of_build("count(input.target.tags) > 1; count(input.target.tags) < 9"),
    of_build("not count(input.target.tags) == 1"),
    of_build('input.ci.event == "push"; input.ci.provider != "github"'),
    of_build('startswith(input.ci.event, "p"); input.ci.event != "push"'),
    of_build('input.ci.event in {"push", "tag"}; not input.ci.event in {"tag"}'),
    of_build('not input.ci.ref_type in {"branch", "tag"}'),
    of_build("input.source.dirty"),
    of_build("not input.source.dirty == false"),
    of_build("count(input.source.changes) > 0"),
    of_build(
        "time.parse_rfc3339_ns(input.evaluated_at) - "
        "time.parse_rfc3339_ns(input.source.committed_at) > 86400000000000"
    ),
    of_build('some t in input.target.tags; not regex.match("^v[0-9]+$", t)'),
    of_build('some t in input.target.tags; t in {"latest", "main"}'),
    of_build('some t in input.target.tags; glob.match("dev-*", [], t)'),
    of_build('some i, t in input.target.tags; i > 0; t == "a"'),
    of_build('every t in input.target.tags { t != "latest" }'),
    of_build('not { every t in input.target.tags { startswith(t, "v") } }'),
    of_build("not is_number(input.tests.duration)"),
    of_build("some p in input.image.platforms; p.root"),
    of_build("some p in input.image.platforms; not p.root == false"),
    of_build('some p in input.image.platforms; not startswith(p.platform, "linux/")'),
    of_build(
        "not input.image.digest in "
        '{"sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}'
    ),
    of_build("input.image.size > 1000 * 1000"),
    of_build("input.image.size / 1048576 > 500"),
    of_build("round(input.image.size / 1048576) > 500"),
    of_build("is_string(input.extra.a.b)"),
    of_build("input.extra.a.b > 3"),
    of_build("input.extra.a.b > 3; input.extra.a.b < 9"),
    of_build("to_number(input.extra.a.b) > 3"),
    of_build("x := input.extra.a; x.b == 1; x.c == 2"),
    of_build("input.ci.actor != input.ci.job"),
    of_build('a := input.ci.actor; b := input.ci.job; a != b; a != "x"'),
    of_build("trim_space(input.ci.branch) != input.ci.branch"),
    of_build("lower(input.ci.branch) != input.ci.branch"),
    of_build('split(input.ci.branch, "/")[0] == "feature"'),
    of_build('count(split(input.target.repository, "/")) > 3'),
    of_build('[x | some t in input.target.tags; x := upper(t)][_] == "LATEST"'),
    of_build('count([1 | some s in input.scans.items; s.kind == "code"]) == 0'),
    of_build("count({s.scanner.name | some s in input.scans.items}) < 2"),
    of_build("sum([count(s.findings) | some s in input.scans.items]) > 100"),
    of_build("max([n | some r in input.tests.reports; n := r.totals.failed]) > 2"),
    of_build("input.tests.totals.failed > data.settings.r.n", custom=SETTINGS),
    of_build("input.tests.coverage.percent < data.settings.r.n", custom=SETTINGS),
    of_build('data.settings.r.mode == "HIGH"; input.tests.totals.failed > 0', custom=SETTINGS),
    of_build("data.settings.r.on == true; input.tests.totals.failed > 0", custom=SETTINGS),
    of_build("not data.settings.r.on; input.tests.totals.failed > 0", custom=SETTINGS),
    of_build("data.settings.r.on; input.tests.totals.failed > 0", custom=SETTINGS),
    of_build("data.settings.r.n > 0; input.tests.totals.failed > data.settings.r.n", custom=SETTINGS),
    of_build("not input.ci.provider in data.settings.r.names", custom=SETTINGS),
    of_build("some n in data.settings.r.names; startswith(input.ci.provider, n)", custom=SETTINGS),
    of_build(
        ("count(data.settings.r.names) > 0; not input.ci.provider in data.settings.r.names"), custom=SETTINGS
    ),
    of_build('lower(data.settings.r.mode) == "high"; input.tests.totals.failed > 0', custom=SETTINGS),
    of_build('some g in data.settings.r.names; glob.match(g, ["/"], input.ci.branch)', custom=SETTINGS),
    of_build('some t in input.target.tags; semver.is_valid(t); semver.compare(t, "2.0.0") == -1'),
    of_build('indexof(input.ci.branch, "x") >= 0'),
    of_build('some p in input.image.platforms; not "team" in object.keys(p.labels)'),
    of_build('some p in input.image.platforms; count({"team"} - object.keys(p.labels)) > 0'),
    of_build('"critical" in union({{f.severity | some f in s.findings} | some s in input.scans.items})'),
    of_build("count(union({{f.id | some f in s.findings} | some s in input.scans.items})) > 2"),
    of_build("not object.union_n([p.labels | some p in input.image.platforms]).team"),
    of_build('"debug" in object.keys(input.image.annotations)'),
    of_build("_bad", helpers="_bad if input.image.size > 3"),
    of_build("not _ok", helpers="_ok if input.image.size < 3000"),
    of_build("_is(input.ci.event)", helpers='_is(e) if e in {"push", "tag"}'),
    of_build('_is(input.ci.event, "push"); input.image.size > 0', helpers="_is(e, w) if e == w"),
    of_build("_v(input.ci.event) > 3", helpers='_v(e) := 5 if e == "push"\nelse := 2'),
    of_build("_v(input.ci.event) == 2", helpers='_v("push") := 1\n_v("tag") := 2'),
    of_build('some x in _bad; x == "push"', helpers="_bad contains input.ci.event"),
    of_build("count(_bad) > 0", helpers='_bad contains t if { some t in input.target.tags; t == "latest" }'),
    of_build("_r[input.ci.event] > 1", helpers='_r := {"push": 2, "tag": 1}'),
    of_build(
        '_level == "strict"; input.image.size > 0',
        helpers='default _level := "lax"\n_level := "strict" if input.image.size > 9',
    ),
    of_build("_bad", helpers="default _bad := false\n_bad if input.tests.totals.failed > 3"),
    of_build("not _allowed(input.ci.event)", helpers='_allowed("push")\n_allowed("tag")'),
    of_build('_rank(input.ci.event) < _rank("tag")', helpers='_rank(x) := {"push": 1, "tag": 2}[x]'),
    of_build(
        '_one(input.ci.event, "push", "tag")', helpers="_one(x, a, _) if x == a\n_one(x, _, b) if x == b"
    ),
]
