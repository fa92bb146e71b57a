"""`pushpolicy audit statement`: a record, as others read it; printed, and never signed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pushpolicy import errors
from pushpolicy.audit.stated import TYPES
from pushpolicy.records.forms import FORMS
from pushpolicy.records.statement import DECISION_PREDICATE, VSA_PREDICATE
from tests.approvals import check
from tests.integration.test_cli_forms import signed
from tests.keys import key
from tests.policies import write_policy
from tests.workspace import TARGET, Workspace

SIGNED = [form for form in FORMS if form != "openvex"]  # no waiver was used


@pytest.fixture
def pushed(workspace: Workspace, private: Path) -> Workspace:
    """An approval that a key signed, in every form, for two tags; the key beside it."""
    words = [word for form in SIGNED for word in ("--statement", form)]
    ran = workspace.push("--policy", "pack", "--key", str(private), "--tag", "latest", *words)
    assert ran.code == errors.EXIT_OK, ran.err
    workspace.write("../ci.pub", key().public.pem)
    return workspace


def statements(place: Workspace, *given: str) -> list[dict[str, Any]]:
    """What is printed, line by line."""
    ran = place.run("audit", "statement", *given)
    assert ran.code == errors.EXIT_OK, ran.err
    return [json.loads(line) for line in ran.out.splitlines()]


def image(place: Workspace) -> str:
    shown = place.run("audit", "show", TARGET, "--format", "json").json
    return str(shown["decision"]["image"]["digest"])


@pytest.mark.parametrize("kind", [*SIGNED, "vsa", "decision"])
def test_it_is_word_for_word_what_the_key_signed(pushed: Workspace, kind: str) -> None:
    own = kind in {"vsa", "decision"}
    due = signed(pushed, image(pushed))[VSA_PREDICATE if own else FORMS[kind].predicate_type]
    told = statements(pushed, TARGET, "--type", kind, "--trust", "../ci.pub")
    assert told == [each for each in due if not own or each["predicate"]["resourceUri"].endswith(":1.0.0")]
    assert len(told) == 1


def test_the_other_forms_are_no_statements_of_the_record(pushed: Workspace) -> None:
    ran = pushed.run("audit", "verify", TARGET, "--trust", "../ci.pub")
    assert ran.code == errors.EXIT_OK, ran.out + ran.err


def test_without_a_tag_there_is_one_for_each(pushed: Workspace) -> None:
    told = statements(pushed, f"oci:registry@{image(pushed)}")
    assert [each["predicate"][DECISION_PREDICATE]["tag"] for each in told] == ["1.0.0", "latest"]


def test_it_says_beside_it_who_vouches_for_the_record(pushed: Workspace) -> None:
    ran = pushed.run("audit", "statement", TARGET, "--type", "svr")
    assert "signature: not checked" in ran.err
    ran = pushed.run("audit", "statement", TARGET, "--type", "svr", "--trust", "../ci.pub")
    assert "verified by ci" in ran.err
    workspace = pushed.write("../other.pub", key("other").public.pem)
    ran = pushed.run("audit", "statement", TARGET, "--type", "svr", "--trust", str(workspace))
    assert (ran.code, ran.out) == (errors.EXIT_RECORD, "")


def test_of_what_is_no_approval_there_is_only_the_decision(workspace: Workspace) -> None:
    write_policy(workspace.folder.parent / "ours", {}, settings="scan_severity: {max_high: 3}\n")
    assert workspace.push("--policy", "pack", "--policy", "../ours").code == errors.EXIT_OK
    (told,) = statements(workspace, TARGET)
    assert told["predicateType"] == DECISION_PREDICATE
    for kind in (kind for kind in TYPES if kind != "decision"):
        ran = workspace.run("audit", "statement", TARGET, "--type", kind)
        assert (ran.code, ran.out) == (errors.EXIT_RECORD, "")
        assert f" has no statement {kind}: the decision is no approval: not anchored (" in ran.complaint()


def test_what_the_record_has_nothing_of_is_said(pushed: Workspace) -> None:
    ran = pushed.run("audit", "statement", TARGET, "--type", "openvex")
    assert (ran.code, ran.out) == (errors.EXIT_RECORD, "")
    assert ran.complaint().endswith("has no statement openvex: no waiver of a vulnerability was used")


def test_a_record_for_another_place_gives_none(pushed: Workspace) -> None:
    (pushed.folder / "registry").rename(pushed.folder / "elsewhere")
    ran = pushed.run("audit", "statement", "oci:elsewhere:1.0.0", "--type", "test-result")
    assert (ran.code, ran.out) == (errors.EXIT_RECORD, "")
    assert "gives no statement: for another repository: oci:registry" in ran.complaint()


def test_a_policy_artifact_counts_where_a_key_vouches_for_the_record(
    workspace: Workspace, private: Path
) -> None:
    write_policy(workspace.folder.parent / "ours", {}, settings="scan_severity: {max_high: 0}\n")
    release = ("--key", str(private), "--name", "ours", "--sequence", "1")
    pinned = workspace.run("policy", "push", "../ours", "oci:../policies:prod", *release).out.strip()
    assert workspace.push("--policy", "pack", "--policy", pinned, "--key", str(private)).code == 0
    ran = workspace.run("audit", "statement", TARGET)
    assert (ran.code, ran.out) == (errors.EXIT_RECORD, "")
    assert ran.complaint().endswith("gives no statement: its policy is not verified here")
    assert "--trust FILE" in ran.hint()
    workspace.write("../ci.pub", key().public.pem)
    (told,) = statements(workspace, TARGET, "--type", "svr", "--trust", "../ci.pub")
    check("svr", told["predicate"])
