"""What OPA accepts and what never denies: each ends as an error (exit 30) or as DENY.

One test for each line of the list of shapes and inputs that were seen to fail open with OPA 1.22.2.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from pushpolicy.engines import LocalOpa
from pushpolicy.errors import EXIT_POLICY, EngineError, InputError, PolicyError
from pushpolicy.evaluate import PolicySet, evaluate, load_policy
from pushpolicy.evaluate.program import laid_out
from pushpolicy.model.document import Document
from tests.policies import METADATA, evidence, rule, write_policy

DENY = 'deny contains {"at": {"id": "x"}, "msg": "no"} if input.image.size > 0'


@pytest.fixture
def engine(opa: Path) -> LocalOpa:
    return LocalOpa(opa)


def refused(folder: Path, engine: LocalOpa, text: str) -> str:
    """Load a rule `r` of this text; it must be refused with exit 30, before anything is evaluated."""
    write_policy(folder, {"r": text})
    with pytest.raises(PolicyError) as caught:
        load_policy([str(folder)], engine)
    assert caught.value.exit_code == EXIT_POLICY
    assert f"{folder}/r/r.rego:" in caught.value.message
    return caught.value.message


@pytest.mark.parametrize(
    "body",
    [
        "deny if input.image.size > 0",
        'deny := "x"',
        'deny := {"x"}',
        'deny contains "x" if false\n\ndeny_all := true',
        'deny["x"] if input.image.size > 0',
        'deny[x] := y if { x := "a"; y := "b" }',
        "default deny := true",
        "deny(x) := x",
        'denny contains {"at": {}, "msg": "x"} if input.image.size > 0',
        'violation contains {"at": {}, "msg": "x"} if input.image.size > 0',
        "allow if input.image.size > 0",
        '_deny contains {"at": {}, "msg": "x"} if input.image.size > 0',
        "",
    ],
)
def test_a_rule_in_another_shape(tmp_path: Path, engine: LocalOpa, body: str) -> None:
    refused(tmp_path, engine, rule("r", body))


@pytest.mark.parametrize(
    "package",
    ["pushpolicy.rules.r.nested", "pushpolicy.rules.other", "pushpolicy.rules", "pushpolicy.main", "r"],
)
def test_another_package(tmp_path: Path, engine: LocalOpa, package: str) -> None:
    text = rule("r", DENY).replace("package pushpolicy.rules.r", f"package {package}")
    assert "must be pushpolicy.rules.r" in refused(tmp_path, engine, text)


@pytest.mark.parametrize("wanted", ["import rego.v1", "", "import rego"])
def test_without_rego_v2(tmp_path: Path, engine: LocalOpa, wanted: str) -> None:
    refused(tmp_path, engine, rule("r", DENY).replace("import rego.v2", wanted))


def test_not_over_an_absent_field_denies(tmp_path: Path, engine: LocalOpa) -> None:
    """With rego.v1 this rule passes, since `not` over something undefined is undefined there."""
    body = """deny contains {"at": {}, "msg": "x"} if not input.extra.review.state in {"approved"}"""
    write_policy(tmp_path, {"r": rule("r", body)})
    policy = load_policy([str(tmp_path)], engine)
    assert not evaluate(policy, evidence(extra={"review": {}}), engine).allowed


@pytest.mark.parametrize(
    "reference",
    [
        "data.settings.r.limti",
        "data.settings.other.limit",
        "data.settings.r",
        "data.settings",
        "data.thresholds.max",
    ],
)
def test_a_misspelt_setting(tmp_path: Path, engine: LocalOpa, reference: str) -> None:
    body = f'deny contains {{"at": {{}}, "msg": "x"}} if input.image.size > {reference}'
    custom = "settings:\n  limit: {type: integer, default: 3}"
    refused(tmp_path, engine, rule("r", body, custom))


@pytest.mark.parametrize(
    "reference", ["input", "input[x]", "input.scnas", 'input["scnas"]', "input.extra", "input.extra[x]"]
)
def test_reads_that_cannot_be_required(tmp_path: Path, engine: LocalOpa, reference: str) -> None:
    refused(
        tmp_path,
        engine,
        rule("r", f'deny contains {{"at": {{}}, "msg": "x"}} if {{ x := "a"; {reference} == x }}'),
    )


def test_evidence_replaced_by_the_rule(tmp_path: Path, engine: LocalOpa) -> None:
    body = (
        'deny contains {"at": {}, "msg": "x"} if _bad with input.tests as {}\n\n_bad if input.tests.duration'
    )
    assert "`with`" in refused(tmp_path, engine, rule("r", body))


def test_absent_metadata(tmp_path: Path, engine: LocalOpa) -> None:
    """A lib function that reads it would delete the violation."""
    assert "METADATA" in refused(tmp_path, engine, rule("r", DENY, head=""))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("# METADATA", "# metadata"),
        ("# METADATA", "# Metadata:"),
        ("# title:", "# titel:"),
        ("#   severity: high", "#   severity: hihg"),
        ("#   severity: high", "#   sevrity: high"),
        ("#   severity: high", '#   severity: high\n#   effective_on: "soon"'),
        ("#   severity: high", "#   severity: high\n#   effective_on: 2027-01-01"),
        ("#   severity: high", "#   severity: high\n#   integrity: yes"),
        ("#   severity: high", "#   severity: high\n#   severity: low"),
        ("#   severity: high", "#   severity: [high"),
        ("#   severity: high", "#   severity: high\n#   repo_may: [all]"),
        ("#   severity: high", "#   severity: high\n#   requires: [scnas]"),
        ("#   severity: high", "#   severity: high\n#   settings: {max: {default: 1}}"),
        ("#   severity: high", "#   severity: high\n#   settings: {max: {type: integer, default: '9'}}"),
        ("#   severity: high", "#   severity: high\n#   settings: {max: {type: integer, default: null}}"),
        ("#   fix: Fix it.\n", ""),
        ("# custom:\n#   severity: high\n#   fix: Fix it.\n", ""),
    ],
)
def test_metadata_that_opa_ignores(tmp_path: Path, engine: LocalOpa, old: str, new: str) -> None:
    refused(tmp_path, engine, rule("r", DENY, head=METADATA.replace(old, new)))


def test_unknown_metadata_of_a_single_clause(tmp_path: Path, engine: LocalOpa) -> None:
    assert "custom" in refused(
        tmp_path, engine, rule("r", f"# METADATA\n# custom: {{severity: low}}\n{DENY}")
    )


def decide(engine: LocalOpa, policy: PolicySet, document: bytes) -> Any:
    """OPA's own answer, without the checks that come before it in Python."""
    with laid_out(policy) as program, engine.start(program) as session:
        session.send(document)
        return session.answer()


def never_allowed(engine: LocalOpa, policy: PolicySet, document: bytes) -> bool:
    """Whether OPA gives no answer, or one that does not allow."""
    try:
        answer = decide(engine, policy, document)
    except EngineError:
        return True
    return answer["allow"] is False


@pytest.fixture
def passing(tmp_path: Path, engine: LocalOpa) -> PolicySet:
    """A rule that reads no evidence with a status, and finds nothing."""
    body = 'deny contains {"at": {}, "msg": "x"} if input.image.size < 1'
    return load_policy([write_policy(tmp_path / "passing", {"r": rule("r", body)})], engine)


@pytest.mark.parametrize(
    "document", [b"", b"null", b"{}", b"[]", b'"x"', b"true", b"1", b'{"schema":"pushpolicy.evidence/v2"}']
)
def test_an_empty_or_odd_document(passing: PolicySet, engine: LocalOpa, document: bytes) -> None:
    assert never_allowed(engine, passing, document)


SCALARS = st.none() | st.booleans() | st.integers(-9, 9) | st.text("ab:/", max_size=3)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab"), inner, max_size=3)
)
FIELDS = (
    "schema",
    "evaluated_at",
    "image",
    "target",
    "tests",
    "scans",
    "ci",
    "source",
    "credentials",
    "clock",
    "unread",
    "extra",
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(odd=VALUES | st.dictionaries(st.sampled_from(FIELDS), VALUES))
def test_no_random_document_is_allowed(opa: Path, odd: Any) -> None:
    engine = LocalOpa(opa)
    policy = load_policy(["pack"], engine)
    assert never_allowed(engine, policy, json.dumps(odd).encode())


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("scans", "items", 0, "findings", 0, "severity"), None),
        (("tests", "totals", "failed"), None),
        (("tests", "totals", "failed"), "0"),
        (("tests", "totals", "failed"), False),
        (("extra",), {"coverage": {"percent": None}}),
        (("extra",), {"coverage": [[None]]}),
    ],
)
def test_null_and_wrong_types_in_evidence(
    passing: PolicySet, engine: LocalOpa, path: tuple[str | int, ...], value: object
) -> None:
    """In Rego null < 80 and "9" > 80 are true."""
    document: Any = json.loads(evidence().content)
    if path[0] == "scans":
        document["scans"]["items"][0]["findings"] = [{"id": "a", "severity": "low", "kind": "vulnerability"}]
    place = document
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(InputError, match=r"does not fit its schema: .*(null|type)"):
        evaluate(passing, Document.of(document), engine)


@pytest.mark.parametrize(
    "text", [b'{"a":1,"a":2}', b'{"a":NaN}', b"a: 1", b'{"a":1e400}', b'{"a":"\\ud800"}', b""]
)
def test_what_stdin_would_take_and_json_is_not(text: bytes) -> None:
    """OPA reads YAML, duplicate keys and NaN from stdin; only canonical JSON gets there."""
    with pytest.raises(ValueError, match=r".+"):
        Document.read(text)


def test_opa_variables_in_the_environment(
    passing: PolicySet, opa: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    evil = tmp_path / "evil.rego"
    evil.write_text('package pushpolicy.rules.evil\nimport rego.v2\ndeny contains "x"')
    monkeypatch.setenv("OPA_EVAL_DATA", str(evil))
    seen = subprocess.run([opa, "eval", "--format", "raw", "data"], capture_output=True, check=True)
    assert b"evil" in seen.stdout, "OPA does not read the variable any more: this test shows nothing"
    engine = LocalOpa(opa)
    assert evaluate(passing, evidence(), engine).allowed
    monkeypatch.setenv("OPA_EVAL_DATA", str(tmp_path / "absent.rego"))
    assert evaluate(passing, evidence(), engine).allowed


def test_an_undefined_answer(passing: PolicySet, engine: LocalOpa) -> None:
    """`opa eval` prints {} and exits with 0."""
    with laid_out(passing) as program:
        absent = replace(program, query="data.pushpolicy.main.absent")
        with engine.start(absent) as session:
            session.send(evidence().content)
            with pytest.raises(EngineError, match="undefined"):
                session.answer()


def test_a_helper_that_is_undefined_stops_everything_or_denies(tmp_path: Path, engine: LocalOpa) -> None:
    """One broken rule stops the whole decision, whatever the order of its clauses."""
    body = f'{DENY}\n\ndeny contains {{"at": {{}}, "msg": "x"}} if to_number(input.extra.a) > 1'
    policy = load_policy([write_policy(tmp_path, {"r": rule("r", body)})], engine)
    with pytest.raises(EngineError, match="to_number"):
        evaluate(policy, evidence(extra={"a": "x"}), engine)


@pytest.mark.parametrize(
    "element", ['"a text"', '{"msg": "x"}', '{"at": "x", "msg": "x"}', '{"at": {}, "msg": 1}', "null", "[]"]
)
def test_a_denial_in_another_shape_denies(tmp_path: Path, engine: LocalOpa, element: str) -> None:
    """One that is written where it is denied does not load; one that is computed is seen in the answer."""
    text = rule("r", f"deny contains found if {{ input.image.size > 0; found := {element} }}")
    decision = evaluate(load_policy([write_policy(tmp_path, {"r": text})], engine), evidence(), engine)
    assert not decision.allowed
    assert decision.violations[0].msg.startswith("the rule's finding is not an object")


@pytest.mark.parametrize("field", ["source", "ci", "tests", "scans", "credentials"])
def test_what_a_rule_reads_must_be_there(tmp_path: Path, engine: LocalOpa, field: str) -> None:
    body = (
        f'deny contains {{"at": {{}}, "msg": "x"}} if _state == "failed"\n\n_state := input["{field}"].status'
    )
    policy = load_policy([write_policy(tmp_path, {"r": rule("r", body)})], engine)
    assert evaluate(policy, evidence(), engine).allowed
    decision = evaluate(policy, evidence(**{field: {"status": "missing", "reason": "not given"}}), engine)
    assert not decision.allowed
    assert decision.violations[0].evidence == field
    assert decision.violations[0].msg.endswith("not given")


def test_unknown_fields_are_type_errors(tmp_path: Path, engine: LocalOpa) -> None:
    """The schema is given at eval too: a newer policy on an older pushpolicy is an error."""
    text = rule("r", 'deny contains {"at": {}, "msg": "x"} if input.tests.totals.failed > 0')
    policy = load_policy([write_policy(tmp_path, {"r": text})], engine)
    path = "rules/r/r.rego"
    files = {**policy.files, path: policy.files[path].replace(b"failed", b"faild")}
    policy = replace(policy, files=files)
    with pytest.raises(EngineError, match="faild"):
        evaluate(policy, evidence(), engine)


@pytest.mark.parametrize(
    "call",
    ['http.send({"url": "http://127.0.0.1"})', "time.now_ns()", "opa.runtime()", 'time.clock([1, "Local"])'],
)
def test_builtins_that_are_not_hermetic(tmp_path: Path, engine: LocalOpa, call: str) -> None:
    text = rule("r", 'deny contains {"at": {}, "msg": "x"} if { input.image.size > 0; true }')
    calls = text.replace("; true", f"; {call}")
    with pytest.raises(PolicyError, match="is removed; "):
        load_policy([write_policy(tmp_path / "refused", {"r": calls})], engine)
    policy = load_policy([write_policy(tmp_path / "loaded", {"r": text})], engine)
    policy = replace(policy, files={**policy.files, "rules/r/r.rego": calls.encode()})
    with pytest.raises(EngineError, match="undefined function"):
        evaluate(policy, evidence(), engine)


@pytest.mark.parametrize("source", [[], ["absent"], ["empty"]])
def test_no_rules(
    tmp_path: Path, engine: LocalOpa, source: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """conftest passes on an absent namespace."""
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(PolicyError):
        load_policy(source, engine)
