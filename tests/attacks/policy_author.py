"""Whoever writes a policy of the command line: rules that look as if they denied, and data that loosens.

Most are slips rather than attacks. Each row is a rule that OPA accepts and that never denies, or not where it
was meant to; its control is the same rule in the right form.
"""

from __future__ import annotations

import json

from pushpolicy import errors
from tests.attacks.checkout import FAILED, SOON
from tests.attacks.table import Attack, Change, chain, push
from tests.policies import METADATA, rule, write_policy
from tests.workspace import Workspace, fail_a_test

FOLDER = "../policy"
RUN = push("--policy", "pack", "--policy", FOLDER)
FOUND = '{"at": {}, "msg": "no"}'
LARGE = f"deny contains {FOUND} if input.image.size > 1000000000"


def written(text: str, **data: str) -> Change:
    """A folder of policies beside the checkout: one rule, and data files."""

    def strike(place: Workspace) -> None:
        write_policy(place.folder / FOLDER, {"r": text}, **data)

    return strike


def deny(*conditions: str) -> str:
    """A rule's body of one clause."""
    return f"deny contains {FOUND} if {{\n\t" + "\n\t".join(conditions) + "\n}"


def sound_conftest(place: Workspace) -> None:
    """A policy of conftest beside the checkout."""
    place.write(
        "../conftest/a.rego", "package main\nimport rego.v1\ndeny contains `no` if input.source.dirty\n"
    )


CONFTEST_RUN = push("--conftest", "../conftest")


def of_conftest(name: str, text: str, says: str) -> Attack:
    """A test has failed, and a further file beside a sound policy of conftest should help it."""

    def strike(place: Workspace) -> None:
        place.write("../conftest/b.rego", text)
        fail_a_test(place)

    code = errors.EXIT_POLICY
    return Attack(name=name, prepare=sound_conftest, strike=strike, run=CONFTEST_RUN, code=code, says=says)


GOOD = written(rule("r", LARGE))


def spoilt(name: str, wrong: str, says: str, right: str = LARGE, code: int = errors.EXIT_POLICY) -> Attack:
    """A rule's body in the wrong form, with its right form as the control."""
    prepare = GOOD if right is LARGE else written(rule("r", right))
    return Attack(name=name, prepare=prepare, strike=written(rule("r", wrong)), run=RUN, code=code, says=says)


def replaced(name: str, old: str, new: str, says: str) -> Attack:
    """A sound rule with one piece of its text replaced."""
    text = rule("r", LARGE)
    assert old in text
    strike = written(text.replace(old, new))
    return Attack(name=name, prepare=GOOD, strike=strike, run=RUN, code=errors.EXIT_POLICY, says=says)


def data(name: str, says: str, code: int = errors.EXIT_POLICY, **files: str) -> Attack:
    """A test has failed, and a data file should help it."""
    strike = chain(written(rule("r", LARGE), **files), fail_a_test)
    return Attack(name=name, prepare=GOOD, strike=strike, run=RUN, code=code, says=says)


def beside(name: str, path: str, content: str, says: str, code: int = errors.EXIT_POLICY) -> Attack:
    """A test has failed, and a further file in the folder of the policy should help it."""

    def strike(place: Workspace) -> None:
        file = place.folder / FOLDER / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
        fail_a_test(place)

    return Attack(name=name, prepare=GOOD, strike=strike, run=RUN, code=code, says=says)


def waivers(**changes: object) -> str:
    """waivers.yaml with one waiver of the failed test."""
    waiver = {key: value for key, value in {**FAILED, **changes}.items() if value is not None}
    return json.dumps({"waivers": [waiver]})


NEVER = "never finds anything in this form"
NEITHER = "neither `deny contains` nor `warn contains`"
SHAPES = [
    spoilt("a boolean deny", "deny if input.image.size > 0", NEVER),
    spoilt("a text as deny", 'deny := "x" if input.image.size > 0', NEVER),
    spoilt("a set as deny", 'deny := {"x"} if input.image.size > 0', NEVER),
    spoilt("an object as deny", 'deny["x"] := 1 if input.image.size > 0', NEVER),
    spoilt("a default deny", "default deny := true", NEVER),
    spoilt("a function deny", "deny(x) := x", NEVER),
    spoilt("a misspelt deny", LARGE.replace("deny", "denny"), NEITHER),
    spoilt("conftest's violation", LARGE.replace("deny", "violation"), NEITHER),
    spoilt("a private deny", LARGE.replace("deny", "_deny"), NEITHER),
    spoilt("allow instead of deny", "allow if input.image.size > 0", NEITHER),
    spoilt("no rule at all", "", NEITHER),
    replaced("a nested package", "rules.r\n", "rules.r.nested\n", "must be pushpolicy.rules.r"),
    replaced("another rule's package", "rules.r\n", "rules.tests_passed\n", "must be pushpolicy.rules.r"),
    replaced("the package of the system", "pushpolicy.rules.r\n", "pushpolicy.main\n", "must be pushpolicy"),
    replaced("rego.v1, whose not is silent", "import rego.v2", "import rego.v1", "rego.v2"),
    replaced("no import at all", "import rego.v2", "", "rego.v2"),
    replaced("metadata in lower case", "# METADATA", "# metadata", "METADATA"),
    replaced("no metadata", METADATA, "", "METADATA"),
    replaced("a misspelt title", "# title:", "# titel:", "titel"),
    replaced(
        "a misspelt severity", "severity: high", "severity: hihg", "custom.severity is required, one of"
    ),
    replaced("a severity twice", "severity: high", "severity: high\n#   severity: low", "severity"),
    Attack(
        name="in force from 2261",
        prepare=GOOD,
        strike=written(rule("r", deny("input.image.size > 0"), 'effective_on: "2261-01-01T00:00:00Z"')),
        run=RUN,
        says="grace not honoured, it would end too late: r until 2261",
    ),
]
LIMIT = "settings: {limit: {type: object, required: [max], default: {max: 1000000000}}}"
READS = [
    spoilt("a misspelt field", deny("input.image.siez > 0"), "no field 'siez'"),
    spoilt("a misspelt kind", deny("input.scnas.items[_].name"), "scnas"),
    spoilt("a misspelt setting", deny("input.image.size > data.settings.r.limti"), "limti"),
    spoilt(
        "another rule's setting",
        deny("input.image.size > data.settings.scan_severity.max_high"),
        "scan_severity",
    ),
    Attack(
        name="a misspelt field of a setting",
        prepare=written(rule("r", deny("input.image.size > data.settings.r.limit.max"), LIMIT)),
        strike=written(rule("r", deny("input.image.size > data.settings.r.limit.mxa"), LIMIT)),
        run=RUN,
        code=errors.EXIT_POLICY,
        says="the setting limit need not have mxa",
    ),
    spoilt("data that nobody wrote", deny("input.image.size > data.thresholds.max"), "data.thresholds"),
    spoilt("the whole evidence", deny("x := input", "x.image.size > 9"), "`input` as a whole"),
    spoilt(
        "evidence replaced by the rule",
        deny("input.image.size > 0 with input.image.size as 0"),
        "`with` in a rule would replace the evidence",
    ),
    spoilt(
        "a walk over the evidence",
        deny("walk(input.scans, [p, v])", 'v == "critical"'),
        "walk looks into a whole object",
    ),
    spoilt("the keys of an object", deny('"x" in object.keys(input.ci)'), "object.keys"),
    spoilt(
        "an iteration over fixed fields", deny("some k, v in input.ci", 'v == "evil"'), "ci has fixed fields"
    ),
    spoilt("a comparison of an object", deny('input.ci == {"event": "push"}'), "ci is compared as a whole"),
    spoilt("a computed field", deny("k := input.ci.event", 'input.ci[k] == "evil"'), "ci has fixed fields"),
    spoilt("a constantly false body", deny("1 == 2", "input.image.size > 0"), "this never holds"),
    spoilt("the body false", f"deny contains {FOUND} if false", "reads no evidence"),
    spoilt("a body that reads nothing", deny("x := 1", "x > 0"), "reads no evidence"),
    spoilt("a comparison with null", deny("input.image.size == null"), "it must be of type integer"),
    spoilt("an impossible range", deny("input.image.size < 0"), "never holds"),
    spoilt(
        "a day that no day is called",
        deny('data.pushpolicy.lib.calendar.weekday(input.evaluated_at, "Z") == "Sunday"'),
        'this is never "Sunday"',
    ),
    spoilt(
        "a night that ends before it begins",
        deny(
            'at := data.pushpolicy.lib.calendar.clock(input.evaluated_at, "Z")',
            'at >= "22:00"',
            'at < "06:00"',
        ),
        "this never holds",
    ),
    spoilt(
        "two names for one branch",
        deny('input.ci.branch == "main" and input.ci.branch == "master"'),
        "this never holds",
    ),
]
SCAN = "some s in input.scans.items"
FINDING = "some f in s.findings"
WORDS = [
    spoilt(
        "a severity in capitals",
        deny(SCAN, FINDING, 'f.severity == "CRITICAL"'),
        "CRITICAL",
        deny(SCAN, FINDING, 'f.severity == "critical"'),
    ),
    spoilt(
        "severities in capitals, as a set",
        deny(SCAN, FINDING, 'f.severity in {"CRITICAL", "HIGH"}'),
        "CRITICAL",
        deny(SCAN, FINDING, 'f.severity in {"critical", "high"}'),
    ),
    spoilt(
        "a severity in capitals, against a small one",
        deny(SCAN, FINDING, 'upper(f.severity) == "critical"'),
        'this is never "critical"',
        deny(SCAN, FINDING, 'upper(f.severity) == "CRITICAL"'),
    ),
    spoilt(
        "the beginning of no severity",
        deny(SCAN, FINDING, 'startswith(f.severity, "CRIT")'),
        "this never holds",
        deny(SCAN, FINDING, 'startswith(f.severity, "crit")'),
    ),
    spoilt(
        "what sets never have in common",
        deny(SCAN, FINDING, 'count({f.severity} & {"CRITICAL"}) > 0'),
        "this never holds",
        deny(SCAN, FINDING, 'count({f.severity} & {"critical"}) > 0'),
    ),
    spoilt(
        "a pattern that evidence brings",
        deny('not regex.match(input.ci.branch, "main|next")'),
        "its arguments are the other way round",
        deny('not regex.match("^(main|next)$", input.ci.branch)'),
    ),
    spoilt(
        "an item counted from the end",
        deny('split(input.target.repository, "/")[-1] == "secret"'),
        "this never holds",
        deny('split(input.target.repository, "/")[0] == "secret"'),
    ),
    spoilt(
        "conditions that contradict each other",
        deny("x := input.tests.totals.failed", "x > 10", "x < 5"),
        "this never holds",
        deny("x := input.tests.totals.failed", "x > 10", "x < 50"),
    ),
    spoilt(
        "a function that never holds",
        deny("_bad(input.tests.totals.failed)") + "\n_bad(n) if n < 0",
        "tests.totals.failed < 0 never holds",
        deny("_bad(input.tests.totals.failed)") + "\n_bad(n) if n > 9",
    ),
    spoilt(
        "times in the order of texts",
        deny('input.evaluated_at < "2026"'),
        "is a time",
        deny('time.parse_rfc3339_ns(input.evaluated_at) < time.parse_rfc3339_ns("2020-01-01T00:00:00Z")'),
    ),
    spoilt("severities in order", deny(SCAN, FINDING, 'f.severity >= "high"'), "which have no order"),
    spoilt(
        "a misspelt event",
        deny('input.ci.event == "pull-request"'),
        "pull-request",
        deny('input.ci.event == "pull_request"'),
    ),
    spoilt(
        "a misspelt status",
        deny('input.tests.status == "fialed"'),
        "fialed",
        deny('input.tests.status == "failed"'),
    ),
    spoilt(
        "a misspelt source of a credential",
        deny('input.credentials.source == "plaintext"'),
        "plaintext",
        deny('input.credentials.source == "literal"'),
    ),
    spoilt(
        "a number as a text",
        deny('input.tests.totals.failed > "0"'),
        "is compared by order with",
        deny("input.tests.totals.failed > 0"),
    ),
    spoilt("a digest without its algorithm", deny('input.image.digest == "abc"'), "abc"),
]
ABSENT = [
    spoilt(
        "an optional field of each finding",
        deny(SCAN, FINDING, "f.epss > 0.5"),
        "epss",
        deny(SCAN, FINDING, "not f.epss <= 0.5"),
    ),
    spoilt(
        "an optional field in a message",
        f"""deny contains {{"at": {{}}, "msg": sprintf("%v", [f.fixed_in])}} if {{
	{SCAN}
	{FINDING}
	f.severity == "critical"
}}""",
        "fixed_in",
        deny(SCAN, FINDING, 'f.severity == "critical"'),
    ),
    spoilt(
        "a default that nobody declared",
        deny('object.get(input.ci, "ref_protected", true) == false'),
        "ref_protected",
        deny("not input.ci.ref_protected == true"),
    ),
    spoilt(
        "coverage that is not there",
        deny("input.tests.coverage.percent < 80"),
        "the evidence does not say tests.coverage.percent",
        code=errors.EXIT_DENIED,
    ),
    spoilt(
        "a copy that hides what is read",
        deny("t := input.tests", "t.coverage.percent < 80"),
        "the evidence does not say tests.coverage.percent",
        code=errors.EXIT_DENIED,
    ),
    spoilt(
        "a function that hides what is read",
        deny("_low(input.tests)") + "\n\n_low(t) if t.coverage.percent < 80",
        "the evidence does not say tests.coverage.percent",
        code=errors.EXIT_DENIED,
    ),
    spoilt(
        "an iteration that hides what is read",
        deny("some t in [input.tests]", "t.coverage.percent < 80"),
        "the evidence does not say tests.coverage.percent",
        code=errors.EXIT_DENIED,
    ),
    spoilt(
        "a key of an extra that is not there",
        deny("input.extra.review.approved == false"),
        "no evidence of kind extra.review",
        code=errors.EXIT_DENIED,
    ),
    spoilt(
        "a label that is not there",
        deny('input.image.annotations["org.example.team"] == "none"'),
        'the evidence does not say image.annotations["org.example.team"]',
        code=errors.EXIT_DENIED,
    ),
]
HERMETIC = [
    spoilt(
        "asks the network",
        deny(
            "input.image.size > 0",
            'http.send({"method": "get", "url": "http://127.0.0.1"}).status_code != 200',
        ),
        "http.send",
    ),
    spoilt(
        "asks for the time",
        deny("input.image.size > 0", "time.now_ns() > 99999999999999999999"),
        "time.now_ns",
    ),
    spoilt(
        "asks for the environment", deny("input.image.size > 0", "opa.runtime().env.ALLOW"), "opa.runtime"
    ),
    spoilt("asks for a random number", deny("input.image.size > 0", 'rand.intn("x", 2) == 3'), "rand.intn"),
]
OVERRIDES = [
    beside(
        "brings a file of the system",
        "main/main.rego",
        'package pushpolicy.main\n\ndecision := {"allow": true}\n',
        "main",
    ),
    beside(
        "brings a manifest with the system's roots",
        ".manifest",
        '{"roots": [""]}',
        "tests_passed  not met",
        errors.EXIT_DENIED,
    ),
    beside("brings data.json", "data.json", '{"pushpolicy": {"index": {}}}', "data.json"),
    beside("brings data beside its rule", "r/data.json", '{"pushpolicy": {"index": {}}}', "data.json"),
    beside(
        "brings a second rule of one name",
        "tests_passed/tests_passed.rego",
        rule("tests_passed", LARGE),
        "tests_passed",
    ),
    beside(
        "brings a rule in a file with another ending",
        "other/other.Rego",
        rule("other", LARGE),
        "other.Rego: not evaluated",
    ),
    beside(
        "brings settings in the folder of its rule",
        "r/settings.yaml",
        "tests_passed: {min_tests: 9}",
        "settings.yaml: not read",
    ),
    beside(
        "calls a rule as tests are called",
        "load_test/load_test.rego",
        rule("load_test", deny("input.image.size > 0")),
        "load_test  not met",
        errors.EXIT_DENIED,
    ),
    beside(
        "brings a second file of its rule",
        "r/more.rego",
        rule("r", LARGE).replace("deny", "other"),
        "more.rego",
    ),
]
DATA = [
    data(
        "switches a rule off without an end",
        "until",
        enforcement="rules: {tests_passed: {mode: off, reason: x}}",
    ),
    data(
        "switches a rule off until 2261",
        "off not honoured, it would end too late",
        errors.EXIT_DENIED,
        enforcement="rules: {tests_passed: {mode: off, until: '2261-01-01T00:00:00Z', reason: x}}",
    ),
    data(
        "warns until 2261",
        "warn not honoured, it would end too late",
        errors.EXIT_DENIED,
        enforcement="rules: {tests_passed: {mode: warn, until: '2261-01-01T00:00:00Z', reason: x}}",
    ),
    data(
        "observes until 2261",
        "observe not honoured, it would end too late",
        errors.EXIT_DENIED,
        enforcement="observe: {until: '2261-01-01T00:00:00Z', reason: x}",
    ),
    data(
        "switches an integrity rule off",
        "worktree_clean",
        enforcement=f"rules: {{worktree_clean: {{mode: off, until: '{SOON}', reason: x}}}}",
    ),
    data(
        "writes a mode in capitals",
        "mode must be one of",
        enforcement=f"rules: {{tests_passed: {{mode: 'OFF', until: '{SOON}', reason: x}}}}",
    ),
    data("waives without an end", "expires", waivers=waivers(expires=None)),
    data(
        "waives what others have to approve",
        "0 of 2 approvals",
        errors.EXIT_DENIED,
        waivers=waivers(),
        trust="quorum: {policy: org, rules: {'*': 2}}",
    ),
    data(
        "waives what others have to approve, and says that they did",
        "waivers[0].quorum is not known",
        waivers=waivers(quorum={"needs": 0, "approved": []}),
        trust="quorum: {policy: org, rules: {'*': 2}}",
    ),
    data(
        "waives until 9999",
        "expires is not a time before 2262",
        waivers=waivers(expires="9999-12-31T23:59:59Z"),
    ),
    data(
        "waives an integrity rule",
        "worktree_clean",
        errors.EXIT_DENIED,
        waivers=waivers(rule="worktree_clean"),
    ),
    data(
        "waives what is not here",
        "waiver elsewhere",
        errors.EXIT_DENIED,
        waivers=waivers(repository="example.com/other/*"),
    ),
    data(
        "waives what has ended",
        "expired",
        errors.EXIT_DENIED,
        waivers=waivers(expires="2026-01-01T00:00:00Z"),
    ),
    data("waives without a reason", "reason", waivers=waivers(reason=None)),
    data("sets an unknown setting", "max_failde", settings="tests_passed: {max_failde: 9}"),
    data("sets a setting of an unknown rule", "test_passed", settings="test_passed: {max_failed: 9}"),
    data("sets a setting to a text", "max_critical", settings="scan_severity: {max_critical: '9'}"),
    data("sets a setting to null", "max_critical", settings="scan_severity: {max_critical: null}"),
    data(
        "sets a setting twice", "max_critical", settings="scan_severity: {max_critical: 0, max_critical: 9}"
    ),
]
CONFTEST = [
    of_conftest(
        "takes the place of the decision in a policy of conftest",
        'package pushpolicy.main\nimport rego.v1\ndecision := {"allow": true}\n',
        "a package pushpolicy is pushpolicy's own",
    ),
    of_conftest(
        "excepts a rule of the pack in a policy of conftest",
        "package pushpolicy.rules.tests_passed\nimport rego.v1\nexception contains [``] if true\n",
        "a package pushpolicy is pushpolicy's own",
    ),
    of_conftest(
        "asks the network in a policy of conftest",
        "package other\nimport rego.v1\nx := http.send({})\n",
        "http.send is removed",
    ),
    of_conftest(
        "misspells deny in a policy of conftest",
        "package main\nimport rego.v1\ndeny_tests := `no` if input.tests.totals.failed > 0\n",
        "`deny_tests` is not a set",
    ),
]
ROWS = [*SHAPES, *READS, *WORDS, *ABSENT, *HERMETIC, *OVERRIDES, *DATA, *CONFTEST]
