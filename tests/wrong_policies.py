"""Wrong policies, settings and waivers: what `policy check` says of each, and where.

Each is a policy folder that differs from a right one in one thing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from tests.policies import METADATA, rule


class Wrong(msgspec.Struct, frozen=True):
    """One wrong folder.

    Attributes:
        place: the file, and the line after a colon, as they stand before the message.
        says: a part of the message, which names what is wrong.
        files: what the folder holds beside, or instead of, the right rule `r`.
    """

    name: str
    place: str
    says: str
    files: Mapping[str, Any]


# A file of this content is a link to it.
LINKED = "../../outside.rego"
DENY = 'deny contains {"at": {"id": "x"}, "msg": "x"} if '
RIGHT = f"{DENY}input.source.dirty"
SETTING = "settings: {most: {type: integer, minimum: 0, default: 3}}"
WITH_SETTING = rule("r", f"{DENY}count(input.target.tags) > data.settings.r.most", custom=SETTING)
WAIVER = {"rule": "r", "id": "x", "reason": "y", "approver": "z", "expires": "2099-01-01T00:00:00Z"}


def waiver(**changes: str | None) -> str:
    words = {key: value for key, value in {**WAIVER, **changes}.items() if value is not None}
    lines = [
        f'{"- " if not number else "  "}{key}: "{value}"' for number, (key, value) in enumerate(words.items())
    ]
    return "waivers:\n" + "".join(f"  {line}\n" for line in lines)


def of_rule(name: str, place: str, says: str, body: str, custom: str = "", head: str = METADATA) -> Wrong:
    """A rule whose body, or METADATA, is wrong."""
    return Wrong(name, f"r/r.rego{place}", says, {"r/r.rego": rule("r", body, custom=custom, head=head)})


def of_text(name: str, place: str, says: str, text: str | bytes) -> Wrong:
    """A rule whose whole text is wrong."""
    return Wrong(name, f"r/r.rego{place}", says, {"r/r.rego": text})


def of_data(name: str, place: str, says: str, file: str, text: str) -> Wrong:
    """A right rule with a setting, beside a data file that is wrong."""
    return Wrong(name, f"{file}{place}", says, {"r/r.rego": WITH_SETTING, file: text})


WRONG = [
    # the shape of deny
    of_rule("deny misspelt", ":11", "`denny` is not deny", RIGHT.replace("deny", "denny")),
    of_rule("deny as a boolean", ":11", "must be written `deny contains", "deny if input.source.dirty"),
    of_rule("deny as a text", ":11", "must be written `deny contains", 'deny := "x" if input.source.dirty'),
    of_rule(
        "deny as an object",
        ":11",
        "must be written `deny contains",
        'deny[k] := v if { some k, v in {"a": input.source.dirty} }',
    ),
    of_rule(
        "deny as a complete rule",
        ":11",
        "must be written `deny contains",
        "deny := {1} if input.source.dirty",
    ),
    of_rule(
        "deny as a function", ":11", "must be written `deny contains", "deny(x) if input.source.dirty == x"
    ),
    of_rule("deny below deny", ":11", "deny", f"{RIGHT.replace('deny', 'deny.more', 1)}"),
    of_rule(
        "violation, as conftest has it", ":11", "`violation` is not deny", RIGHT.replace("deny", "violation")
    ),
    of_rule(
        "a finding that is a text",
        ":11",
        "a member of deny is an object",
        'deny contains "x" if input.source.dirty',
    ),
    of_rule(
        "a finding that is a text with fields",
        ":11",
        "a member of deny is an object",
        'deny contains $"{input.source.commit} is dirty" if input.source.dirty',
    ),
    of_rule(
        "a warning that is a list",
        ":11",
        "a member of warn is an object",
        "warn contains [1] if input.source.dirty",
    ),
    of_rule(
        "a finding without a text",
        ":11",
        "a member of deny lacks `msg`, it has at, message",
        'deny contains {"at": {"id": "x"}, "message": "x"} if input.source.dirty',
    ),
    of_rule(
        "a finding of no place",
        ":11",
        "a member of deny lacks `at`, it has msg",
        'deny contains {"msg": "x"} if input.source.dirty',
    ),
    of_rule(
        "a place that is a text",
        ":11",
        "`at` in a member of deny is an object",
        'deny contains {"at": "x", "msg": "x"} if input.source.dirty',
    ),
    of_rule(
        "a function misspelt",
        ":11",
        "undefined function sprntf (is sprintf meant?)",
        f'{DENY}sprntf("%s", [input.source.commit]) == "x"',
    ),
    of_rule(
        "a function misspelt, for what is optional",
        ":12",
        "undefined function objekt.get (is object.get meant?)",
        f'{DENY}objekt.get(input.ci, "actor", "") == "x"',
        custom="optional: [ci.actor]",
    ),
    of_rule(
        "a module of the lib misspelt",
        ":11",
        "does not exist (is findings.left_out meant?)",
        f"{DENY}data.pushpolicy.lib.findngs.left_out(input.scans)",
    ),
    of_rule("only helpers", ":7", "neither `deny contains` nor `warn contains`", "_x if input.source.dirty"),
    of_rule(
        "a helper without an underscore",
        ":11",
        "the name of a helper starts with _",
        f"{RIGHT}\n\nhelper if true".replace(RIGHT, "helper if true\n\n" + RIGHT),
    ),
    # package, import, METADATA
    of_text("another package", ":7", "must be pushpolicy.rules.r", rule("q", RIGHT)),
    of_text("a nested package", ":7", "must be pushpolicy.rules.r", rule("r.more", RIGHT)),
    of_text(
        "the system's package",
        ":7",
        "must be pushpolicy.rules.r",
        rule("r", RIGHT).replace("rules.r", "main"),
    ),
    of_text(
        "the package of conftest",
        ":7",
        "must be pushpolicy.rules.r",
        rule("r", RIGHT).replace("pushpolicy.rules.r", "main"),
    ),
    of_text(
        "no import", ":7", "`import rego.v2` is required", rule("r", RIGHT).replace("import rego.v2", "")
    ),
    of_text(
        "the import of before", ":7", "`import rego.v2` is required", rule("r", RIGHT).replace("v2", "v1")
    ),
    of_text("no METADATA", ":1", "METADATA", rule("r", RIGHT, head="", custom="")),
    of_text("METADATA in small letters", ":1", "METADATA", rule("r", RIGHT).replace("METADATA", "metadata")),
    of_text("no YAML in METADATA", ":3", "yaml", rule("r", RIGHT).replace("title: A", "title: [A")),
    of_rule("a key of METADATA misspelt", ":1", "titel", RIGHT, head=METADATA.replace("title", "titel")),
    of_rule("a key of custom misspelt", ":1", "severty", RIGHT, head=METADATA.replace("severity", "severty")),
    of_rule(
        "a severity that there is not",
        ":1",
        "custom.severity is required, one of",
        RIGHT,
        head=METADATA.replace("high", "urgent"),
    ),
    of_rule("no fix", ":1", "custom.fix is required", RIGHT, head=METADATA.replace("#   fix: Fix it.\n", "")),
    of_rule(
        "a date without a time",
        ":1",
        "custom.effective_on is not a time",
        RIGHT,
        custom="effective_on: 2027-01-01",
    ),
    of_rule(
        "a kind that there is not", ":1", "custom.requires is not a list of", RIGHT, custom="requires: [scan]"
    ),
    of_rule(
        "a wish that there is not",
        ":1",
        "custom.repo_may is not a list of",
        RIGHT,
        custom="repo_may: [everything]",
    ),
    of_rule(
        "optional that no read needs",
        ":1",
        "no read of ci.actor needs it",
        RIGHT,
        custom="optional: [ci.actor]",
    ),
    of_rule(
        "a setting without a default", ":1", "needs a type", RIGHT, custom="settings: {most: {type: integer}}"
    ),
    of_rule(
        "a default of another type",
        ":1",
        "the default",
        RIGHT,
        custom="settings: {most: {type: integer, default: many}}",
    ),
    # what is read
    of_rule("a field misspelt", ":11", "source has no field 'drity'", RIGHT.replace("dirty", "drity")),
    of_rule(
        "a kind misspelt", ":11", "input.sources is not in the evidence", RIGHT.replace("source", "sources")
    ),
    of_rule(
        "the field of a finding misspelt",
        ":11",
        "has no field 'severty'",
        f'{DENY}{{ some s in input.scans.items; some f in s.findings; f.severty == "high" }}',
    ),
    of_rule(
        "a value that is never there",
        ":11",
        "never",
        f'{DENY}{{ some s in input.scans.items; some f in s.findings; f.severity == "HIGH" }}',
    ),
    of_rule("a number as a text", ":11", "", f'{DENY}input.tests.totals.failed > "3"'),
    of_rule(
        "what never holds",
        ":11",
        "never",
        f"{DENY}{{ input.tests.totals.failed > 3; input.tests.totals.failed < 2 }}",
    ),
    of_rule(
        "a finding's field that may be absent",
        ":11",
        "may be absent, and nothing would be denied then",
        f'{DENY}{{ some s in input.scans.items; some f in s.findings; f.fixed_in != "" }}',
    ),
    of_rule(
        "absence that the rule decides",
        ":11",
        "list it in METADATA as custom.optional",
        f'{DENY}object.get(input.ci, "actor", "") == "dana"',
    ),
    of_rule("input as a whole", ":11", "`input` as a whole", f"{DENY}count(input) > 3"),
    of_rule(
        "evidence replaced",
        ":11",
        "`with` in a rule",
        f"{DENY}count(_x) > 0 with input.source.dirty as true\n\n_x contains 1 if input.source.dirty",
    ),
    of_rule(
        "another rule's findings",
        ":11",
        "a rule reads only its own settings",
        f"{DENY}count(data.pushpolicy.rules.q.deny) == 0",
    ),
    of_rule(
        "another rule's settings",
        ":11",
        "a rule reads only its own settings",
        f"{DENY}input.image.size > data.settings.q.most",
    ),
    of_rule(
        "the waivers",
        ":11",
        "a rule reads only its own settings",
        f"{DENY}count(data.pushpolicy.waivers.waivers) == 0",
    ),
    of_rule(
        "a setting that is not declared",
        ":12",
        "data.settings.r.mots is not declared",
        f"{DENY}count(input.target.tags) > data.settings.r.mots",
        custom=SETTING,
    ),
    of_rule("no evidence read", ":11", "", f"{DENY}1 == 1"),
    of_rule(
        "a function that lib does not have",
        ":1",
        "data.pushpolicy.lib.time.later does not exist",
        f"{DENY}data.pushpolicy.lib.time.later(input.evaluated_at)",
    ),
    # what OPA refuses
    of_text("no Rego", ":", "", "package"),
    of_text("bytes that are no text", "", "", b"package pushpolicy.rules.r\n\xff\xfe\n"),
    of_rule("recursion", ":", "recursive", f"{DENY}_a\n\n_a if _b\n\n_b if {{ _a; input.source.dirty }}"),
    of_rule(
        "the network",
        ":11",
        "http.send is removed",
        f'{DENY}http.send({{"method": "get", "url": "https://example.com"}}).status_code == input.image.size',
    ),
    of_rule(
        "the clock",
        ":11",
        "time.now_ns is removed",
        f"{DENY}time.now_ns() > time.parse_rfc3339_ns(input.evaluated_at)",
    ),
    of_rule(
        "the zone of the machine",
        ":11",
        "time.clock is removed",
        f"{DENY}time.clock(time.parse_rfc3339_ns(input.evaluated_at))[0] > 16",
    ),
    of_rule("chance", ":11", "rand.intn is removed", f'{DENY}rand.intn("x", input.image.size) == 1'),
    of_rule(
        "the environment", ":11", "opa.runtime is removed", f"{DENY}opa.runtime().env.X == input.image.name"
    ),
    of_rule("a function that there is not", ":11", "undefined function", f"{DENY}no_such(input.image.size)"),
    of_rule("an unsafe variable", ":11", "unsafe", f"{DENY}{{ input.image.size > x }}"),
    # settings
    of_data(
        "a setting misspelt",
        ":2",
        "the rule has no such setting; it has most",
        "settings.yaml",
        "r:\n  mots: 3\n",
    ),
    of_data("a rule of settings misspelt", ":1", "no rule is named so", "settings.yaml", "rr:\n  most: 3\n"),
    of_data("a setting of another type", ":3", "r.most", "settings.yaml", "# ours\nr:\n  most: many\n"),
    of_data("a setting below its minimum", ":2", "r.most", "settings.yaml", "r:\n  most: -1\n"),
    of_data("a setting of null", ":2", "is or holds null", "settings.yaml", "r:\n  most: ~\n"),
    of_data(
        "settings of a rule that are a list", ":1", "must be of type object", "settings.yaml", "r: [most]\n"
    ),
    of_data("settings twice", ":3", "occurs twice", "settings.yaml", "r:\n  most: 1\n  most: 2\n"),
    of_data("a bomb of anchors", ":2", "an alias", "settings.yaml", "r: &a [1]\nq: [*a, *a]\n"),
    of_data("a tag of YAML", ":1", "the tag", "settings.yaml", "r: !!python/object/apply:os.system [id]\n"),
    of_data("no YAML", ":2", "not YAML", "settings.yaml", "r: [\n"),
    of_data("settings that are a list", "", "", "settings.yaml", "- r\n"),
    # waivers
    of_data("a waiver without an end", ":2", "expires", "waivers.yaml", waiver(expires=None)),
    of_data("a waiver without a reason", ":2", "reason", "waivers.yaml", waiver(reason=None)),
    of_data("a waiver of everything", ":2", "names no finding", "waivers.yaml", waiver(id=None)),
    of_data(
        "a waiver of a rule that there is not",
        ":2",
        "no rule is named 'rr'",
        "waivers.yaml",
        waiver(rule="rr"),
    ),
    of_data(
        "a key of a waiver misspelt",
        ":6",
        "expire is not known (is expires meant?)",
        "waivers.yaml",
        waiver(expires=None, expire="2099-01-01T00:00:00Z"),
    ),
    of_data(
        "a package that is no purl",
        ":6",
        "purl begins with pkg:",
        "waivers.yaml",
        waiver(id=None, purl="pypi/flask"),
    ),
    of_data(
        "a date for the end", ":6", "expires is not a time", "waivers.yaml", waiver(expires="2099-01-01")
    ),
    of_data(
        "a kind that is not there",
        ":6",
        "is neither a kind of evidence",
        "waivers.yaml",
        waiver(id=None, evidence="evidence:scan"),
    ),
    of_data(
        "evidence beside an id",
        ":7",
        "does not go together with",
        "waivers.yaml",
        waiver(evidence="evidence:scans"),
    ),
    of_data("a limit that is no number", ":1", "max_days", "waivers.yaml", "max_days: many\n"),
    # enforcement
    of_data(
        "a rollout without an end",
        ":2",
        "until",
        "enforcement.yaml",
        "rules:\n  r: {mode: warn, reason: x}\n",
    ),
    of_data(
        "a mode that there is not",
        ":2",
        "mode",
        "enforcement.yaml",
        "rules:\n  r: {mode: audit, until: '2027-01-01T00:00:00Z', reason: x}\n",
    ),
    of_data(
        "a rollout of a rule that there is not",
        ":2",
        "no rule is named so",
        "enforcement.yaml",
        "rules:\n  q: {mode: warn, until: '2027-01-01T00:00:00Z', reason: x}\n",
    ),
    Wrong(
        "an integrity rule switched off",
        "enforcement.yaml:2",
        "cannot be switched off",
        {
            "r/r.rego": rule("r", RIGHT, custom="integrity: true"),
            "enforcement.yaml": 'rules:\n  r: {mode: "off", until: "2027-01-01T00:00:00Z", reason: x}\n',
        },
    ),
    # examples
    *(
        Wrong(name, f"r/examples.yaml:{line}", says, {"r/r.rego": WITH_SETTING, "r/examples.yaml": text})
        for name, line, says, text in [
            (
                "an example that expects otherwise",
                2,
                "expected is violated, and the rule says passed",
                "# ours\n- {name: one, expect: violated}\n",
            ),
            ("an example without a name", 1, "has no name", "- {expect: passed}\n"),
            (
                "a key of an example misspelt",
                2,
                "unknown key 'expct'",
                "- {name: a, expect: passed}\n- {name: b, expct: passed}\n",
            ),
            ("an expectation that there is not", 1, "expect is one of", "- {name: a, expect: denied}\n"),
            (
                "a setting of an example misspelt",
                1,
                "the rule has no setting mots (is most meant?)",
                "- {name: a, expect: passed, settings: {mots: 1}}\n",
            ),
            (
                "evidence of an example misspelt",
                1,
                "sorce is not known (is source meant?)",
                "- {name: a, expect: passed, evidence: {sorce: {}}}\n",
            ),
            (
                "evidence of an example that is removed, misspelt",
                2,
                "evidence.ci has no field 'atcor' to remove (is actor meant?)",
                "- {name: a, expect: passed}\n- {name: b, expect: passed, evidence: {ci: {atcor: null}}}\n",
            ),
            (
                "an item that the evidence of examples has not",
                1,
                "evidence.scans.items has no item '3', only 3, counted from 0",
                '- {name: a, expect: passed, evidence: {scans: {items: {"3": {at: x}}}}}\n',
            ),
        ]
    ),
    # files
    Wrong(
        "a rule outside of a folder",
        "q.rego",
        "a rule is a folder of its own",
        {"q.rego": rule("q", RIGHT), "r/r.rego": WITH_SETTING},
    ),
    Wrong(
        "a second module of a rule",
        "r/more.rego",
        "not evaluated",
        {"r/r.rego": WITH_SETTING, "r/more.rego": rule("r", RIGHT)},
    ),
    Wrong(
        "a file of another name",
        "settings.yml",
        "not a file that is read (is settings.yaml meant?)",
        {"r/r.rego": WITH_SETTING, "settings.yml": "r: {most: 1}"},
    ),
    Wrong(
        "data that fakes a rule",
        "r/data.json",
        "not read",
        {"r/r.rego": WITH_SETTING, "r/data.json": '{"pushpolicy": {"index": {"rules": {}}}}'},
    ),
    Wrong(
        "data that fakes the index",
        "data.json",
        "not a file that is read",
        {"r/r.rego": WITH_SETTING, "data.json": "{}"},
    ),
    Wrong(
        "a name that no rule can have",
        "R-1",
        "is not a valid name for a rule",
        {"R-1/R-1.rego": RIGHT, "r/r.rego": WITH_SETTING},
    ),
    Wrong(
        "a link out of the folder",
        "q/q.rego",
        "a link that leaves the policy folder",
        {"q/q.rego": LINKED, "r/r.rego": WITH_SETTING},
    ),
]
