"""Each other form of an approval fits its specification, and tells what the record has, all of it."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import pytest
from msgspec.structs import replace

from pushpolicy.model.decision import RuleStatus
from pushpolicy.model.digest import Digest
from pushpolicy.model.times import is_time
from pushpolicy.records.forms import FORMS, Approved, FormError, NoApprovalError, statements
from pushpolicy.records.statement import DECISION_PREDICATE, STATEMENT_TYPE
from pushpolicy.signing.verify import IN_TOTO
from tests.approvals import RECORD, approved, check, evidence, excused, predicate, scans, told, waived
from tests.unit.records.test_statement import NO_APPROVAL

Path = tuple[str | int, ...]


@pytest.mark.parametrize("form", FORMS)
def test_it_is_one_statement_that_fits_its_specification(form: str) -> None:
    (statement,) = statements(form, excused())
    assert (statement.payload_type, statement.predicate_type) == (IN_TOTO, FORMS[form].predicate_type)
    value = json.loads(statement.payload)
    assert value.keys() == {"_type", "subject", "predicateType", "predicate"}
    assert (value["_type"], value["predicateType"]) == (STATEMENT_TYPE, FORMS[form].predicate_type)
    check(form, value["predicate"])


@pytest.mark.parametrize("form", FORMS)
def test_it_names_the_image_and_the_record_that_it_is_taken_from(form: str) -> None:
    of = excused()
    (value,) = told(form, of)
    (subject,) = value["subject"]
    assert subject["digest"] == {"sha256": of.decision.image.digest.hex}
    assert subject["annotations"][DECISION_PREDICATE] == {
        "record": str(RECORD),
        "decision": str(of.decision.document().digest),
        "evidence": str(of.decision.evidence),
        "tags": ["1.0", "latest"],
        "version": "0.1.0",
    }


@pytest.mark.parametrize("case", NO_APPROVAL)
def test_there_is_none_of_what_is_no_approval(case: str) -> None:
    change, _ = NO_APPROVAL[case]
    of = approved()
    with pytest.raises(NoApprovalError, match=r"^the decision is no approval: [a-z]"):
        replace(of, decision=change(of.decision))


# Where in the evidence each form takes facts from, and what of it each leaves out.
TOLD: Mapping[str, tuple[Path, str]] = {
    "test-result": (("tests", "reports"), ""),
    "vulns": (
        ("scans", "items"),
        "format sha256 counts image bound_by of_commit system end_of_life looked_for",
    ),
    "openvex": (("scans", "items", 0, "findings", 0), "kind severity title cvss fix_state"),
}


def _leaves(value: Any, path: Path, but: list[str]) -> Iterator[Path]:
    pairs: Iterable[tuple[str | int, Any]] = ()
    if isinstance(value, dict):
        pairs = [(key, child) for key, child in value.items() if key not in but]
    elif isinstance(value, list):
        pairs = enumerate(value)
    for key, child in pairs:
        yield from _leaves(child, (*path, key), but)
    if not isinstance(value, dict | list):
        yield path


def _other(value: Any) -> Any:
    """Something else of the same type."""
    match value:
        case bool():
            return not value
        case int() | float():
            return value + 1
        case str() if is_time(value):
            return "2020-01-01T00:00:00Z"
    return f"{value}0"


def _said(form: str, of: Approved) -> object:
    """The predicates, or why there are none."""
    try:
        return [each["predicate"] for each in told(form, of)]
    except FormError as error:
        return str(error)


@pytest.mark.parametrize("form", TOLD)
def test_it_changes_when_any_fact_that_it_tells_changes(form: str) -> None:
    start, but = TOLD[form]
    whole: Any = evidence()
    if form == "vulns":
        whole["scans"]["items"] = scans(whole)
    covers = (waived(whole),)
    before, part = _said(form, approved(whole, waived=covers)), whole
    for key in start:
        part = part[key]
    paths = list(_leaves(part, start, but.split()))
    for path in paths:
        changed = copy.deepcopy(whole)
        where = changed
        for key in path[:-1]:
            where = where[key]
        where[path[-1]] = _other(where[path[-1]])
        assert _said(form, approved(changed, waived=covers)) != before, path
    assert len(paths) > 4


def _with(of: Approved, **changes: Any) -> Approved:
    return replace(of, decision=replace(of.decision, **changes))


def _rule(**changes: Any) -> Callable[[Approved], Approved]:
    """With another first rule."""
    return lambda of: _with(of, rules=(replace(of.decision.rules[0], **changes), *of.decision.rules[1:]))


def _policy(**changes: Any) -> Callable[[Approved], Approved]:
    return lambda of: _with(of, policy=replace(of.decision.policy, **changes))


def _image(**changes: Any) -> Callable[[Approved], Approved]:
    return lambda of: _with(of, image=replace(of.decision.image, **changes))


def _waiver(key: str) -> Callable[[Approved], Approved]:
    return lambda of: _with(of, waived=(waived(evidence(), **{key: "another"}),))


_VERIFIER: Mapping[str, Callable[[Approved], Approved]] = {
    "the verifier": lambda of: replace(of, verifier="https://example.com/another"),
    "the time": lambda of: _with(of, evaluated_at="2026-11-02T10:00:01Z"),
}
DECIDED: Mapping[str, Mapping[str, Callable[[Approved], Approved]]] = {
    "svr": {
        **_VERIFIER,
        **{f"a rule {status}": _rule(status=status) for status in RuleStatus if status != "passed"},
        "a rule's name": _rule(name="two"),
        "a rule of the checkout": _rule(origin="checkout"),
        "the policy": _policy(digest=Digest.of(b"another")),
        "the policy's source": _policy(source="oci://registry.example.com/policy@sha256:1"),
    },
    "openvex": {
        **_VERIFIER,
        **{f"the waiver's {key}": _waiver(key) for key in ("reason", "approver", "expires", "ticket")},
        "the record": lambda of: replace(of, record=Digest.of(b"another")),
        "the program": lambda of: replace(of, version="9"),
        "the repository": _image(repository="team/other"),
        "the registry": _image(registry="other.example.com"),
        "the image": _image(digest=Digest.of(b"another")),
    },
    "vulns": {
        **{f"the waiver's {key}": _waiver(key) for key in ("reason", "approver", "expires")},
        "no waiver": lambda of: _with(of, waived=()),
    },
}


@pytest.mark.parametrize(
    ("form", "change"), [(form, name) for form, each in DECIDED.items() for name in each]
)
def test_it_changes_with_the_decision_and_who_verified(form: str, change: str) -> None:
    assert predicate(form, DECIDED[form][change](excused())) != predicate(form, excused())


@pytest.mark.parametrize(("form", "kind"), [("test-result", "tests"), ("vulns", "scans")])
@pytest.mark.parametrize("status", ["missing", "failed"])
def test_there_is_none_without_its_evidence(form: str, kind: str, status: str) -> None:
    value = evidence()
    value[kind] |= {"status": status, "reason": "line\nbreak"}
    with pytest.raises(FormError, match=f"the evidence {kind} is {status}: line break"):
        statements(form, approved(value))


def test_foreign_text_stays_data() -> None:
    value = evidence()
    hostile = 'x"},"status":"not_affected","y":"\n\x1b[2J\u202e'
    scan = scans(value)[0]
    scan["scanner"]["name"] = hostile
    scans(value)[1]["scanner"]["name"] = hostile
    scan["findings"][0] |= {"id": hostile, "purl": f"pkg:deb/{hostile}"}
    value["tests"]["failures"][0]["name"] = hostile
    covered = waived(value, id=hostile, reason=hostile, approver=hostile, ticket=hostile)
    of = approved(value, waived=(covered,))
    for form in FORMS:
        for statement in told(form, of):
            check(form, statement["predicate"])
    (statement,) = predicate("openvex", of)["statements"]
    assert statement["status"] == "affected"
    assert statement["action_statement"] == hostile


@pytest.mark.parametrize("form", FORMS)
def test_the_same_record_gives_the_same_bytes(form: str) -> None:
    assert statements(form, excused()) == statements(form, excused())


def test_what_nobody_could_read_is_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pushpolicy.records.forms.MAX_PAYLOAD", 100)
    with pytest.raises(FormError, match="more than 100 bytes"):
        statements("svr", approved())
