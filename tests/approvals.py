"""Approvals with all that their other forms tell, and what these have to be."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import fastjsonschema
from msgspec.structs import replace

from pushpolicy.evaluate.sources import policies
from pushpolicy.model.decision import RuleResult, RuleStatus, Violation
from pushpolicy.model.digest import Digest
from pushpolicy.model.document import Document
from pushpolicy.model.reference import Target
from pushpolicy.records.forms import Approved, statements
from tests.judged import judge, make_image

JUDGED = judge(make_image(), Target.parse("registry.example.com/team/app:1.0").with_tags(("latest",)))
RECORD = Digest.of(b"record")
SCHEMAS = Path(__file__).parent / "unit/records/forms/schemas"
WAIVER = {
    "rule": "scan_severity",
    "id": "CVE-2026-0001",
    "reason": "only the server parses names, and it is not started",
    "approver": "security@example.com",
    "expires": "2026-12-31T00:00:00Z",
    "ticket": "SEC-1",
}
Value = dict[str, Any]


@cache
def _example() -> str:
    return (policies() / "schema/evidence.v1.example.json").read_text()


def evidence() -> Value:
    """The documented example, with a failed test."""
    value: Value = json.loads(_example())
    value["tests"]["failures"] = [
        {"name": "it waits", "kind": "failure", "message": "it did not", "report": "unit"}
    ]
    for scan in scans(value):
        scan["scanner"]["db_built"] = "2026-03-01T00:00:00Z"
    return value


def scans(of: Value) -> list[Value]:
    """Those of the image, one for each platform."""
    return [scan for scan in of["scans"]["items"] if scan["bound"]]


def waived(of: Value, **more: object) -> Violation:
    """The first flaw of the first scan, as `scan_severity` denies it; `more` is of its waiver."""
    scan = scans(of)[0]
    at = {**scan["findings"][0], "scan": scan["name"]}
    waiver = {**WAIVER, **more}
    return Violation(
        rule="scan_severity", id=at["id"], msg="one", at=at, severity="critical", fix="", waiver=waiver
    )


def approved(of: Value | None = None, **changes: Any) -> Approved:
    """An approval of this evidence, or of the example; `changes` are fields of the decision."""
    document = Document.of(of or evidence())
    rule = RuleResult(name="scan_severity", title="Scans", status=RuleStatus.WAIVED, origin="pack")
    fields: dict[str, Any] = {
        "evidence": document.digest,
        "policy": replace(JUDGED.decision.policy, anchored=True, not_anchored=()),
        "rules": (*JUDGED.decision.rules, rule),
    }
    return Approved(
        decision=replace(JUDGED.decision, **fields | changes),
        evidence=document,
        record=RECORD,
        verifier="https://example.com/gate",
        version="0.1.0",
    )


def excused() -> Approved:
    """An approval of the example, with one flaw that a waiver lets pass."""
    return approved(waived=(waived(evidence()),))


def told(form: str, of: Approved) -> list[Value]:
    """What the statements of a form say, whole."""
    return [json.loads(statement.payload) for statement in statements(form, of)]


def predicate(form: str, of: Approved) -> Value:
    """The predicate of the only statement of a form."""
    (statement,) = told(form, of)
    found: Value = statement["predicate"]
    return found


def check(form: str, value: Value) -> None:
    """Hold a predicate against its specification."""
    fastjsonschema.compile(json.loads((SCHEMAS / f"{form}.json").read_text()))(value)
