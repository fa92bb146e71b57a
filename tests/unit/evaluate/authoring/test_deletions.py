from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pushpolicy.engines import LocalOpa
from pushpolicy.errors import InputError
from pushpolicy.evaluate import PolicySet, load_policy, validate_evidence
from pushpolicy.evaluate.authoring.deletions import Place, delete_leaves, leaves, named_kinds, without
from pushpolicy.evaluate.examples import Example, decide, read
from pushpolicy.model.document import Document
from tests.policies import rule, unguarded, write_policy

DOCUMENT = {"a": {"b": [1, {"c": "x"}], "d": {}}, "e": []}


def test_leaves_have_names_and_each_can_be_deleted_alone() -> None:
    assert list(leaves(DOCUMENT)) == [("a", "b", 1, "c"), ("a", "d"), ("e",)]
    assert without(DOCUMENT, ("a", "b", 1, "c")) == {"a": {"b": [1, {}], "d": {}}, "e": []}
    assert without(DOCUMENT, ("e",)) == {"a": DOCUMENT["a"]}


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("input.image.size > input.ci.run", {"image", "ci"}),
        ("# input as a whole\ninput.image.size", {"image"}),
        ('msg := "on standard input"; input.image.size', {"image"}),
        ('$"{input.ci.actor} on standard input"', {"ci"}),
        ('$"{input.ci.actor} and {input.tests.totals}"', {"ci", "tests"}),
        ("`input`", set()),
        # Anything else may be any kind.
        ("count(input)", None),
        ('input["ci"].actor', None),
        ('$"{input["ci"].actor}"', None),
        ('$"{object.get(input, ["ci"], "}")}"', None),
        ("$`{input[x]}`", None),
        ("import input as i", None),
    ],
)
def test_a_rule_reads_the_kinds_that_it_names(text: str, kinds: set[str] | None) -> None:
    assert named_kinds(text) == kinds


WEEKDAY = "data.pushpolicy.lib.calendar.weekday"
# Each would be one that may not be shipped, were it not for what pushpolicy asks for itself.
RULES = {
    "branch": 'input.ci.ref_type == "tag"',
    "finding": 'some scan in input.scans.items; some each in scan.findings; each.severity == "critical"',
    "monday": f'{WEEKDAY}(input.evaluated_at, "+00:00") == "monday"; input.ci.default_branch == "dev"',
    "limit": "input.tests.duration > data.settings.limit.most",
    "actor": 'object.get(input.ci, "actor", "") == "eve"',
}
CUSTOM = {
    "limit": "settings: {most: {type: integer, default: 99, description: How many.}}",
    "actor": "optional: [ci.actor]",
}
EXAMPLES = {
    "branch": "{ci: {ref_type: tag, tag: v1, branch: null}}",
    "finding": '{scans: {items: {"0": {findings: [{id: C-1, severity: critical, kind: vulnerability}]}}}}',
    "monday": '{evaluated_at: "2026-11-02T10:00:00Z", ci: {default_branch: dev}}',
    "limit": "{tests: {duration: 3}}, settings: {most: 2}",
    "actor": "{ci: {actor: eve}}",
}


def test_what_is_found_is_what_deciding_on_each_document_finds(tmp_path: Path, opa: Path) -> None:
    """Whatever is left out, put together or asked at once to be quick."""
    engine = LocalOpa(opa)
    texts = {
        name: rule(name, f'deny contains {{"at": {{}}, "msg": "x"}} if {{ {body} }}', CUSTOM.get(name, ""))
        for name, body in RULES.items()
    }
    source = write_policy(tmp_path, texts)
    for name, evidence in EXAMPLES.items():
        text = f"- {{name: one, expect: violated, evidence: {evidence}}}\n"
        (tmp_path / name / "examples.yaml").write_text(text)
    examples = [one for name in RULES for one in read(tmp_path / name, name)]
    for policy in (loaded := load_policy([source], engine), unguarded(loaded)):
        found = [(one.rule, place) for one, place in delete_leaves(policy, engine, examples).allowed]
        assert sorted(found, key=str) == sorted(_one_by_one(policy, engine, examples), key=str)
        # The schema demands a finding's severity, and METADATA says what the absence of an actor means.
        assert {rule for rule, _ in found} == ({"actor"} if policy is loaded else set(RULES) - {"finding"})


def _one_by_one(policy: PolicySet, engine: LocalOpa, examples: list[Example]) -> Iterator[tuple[str, Place]]:
    for one in examples:
        places = list(leaves(one.evidence))
        cases = [(without(one.evidence, place), {one.rule: one.settings}) for place in places]
        for place, (evidence, _), answer in zip(places, cases, decide(policy, engine, cases), strict=True):
            if answer["allow"] and _fits(Document.of(evidence)):
                yield one.rule, place


def _fits(document: Document) -> bool:
    try:
        validate_evidence(document)
    except InputError:
        return False
    return True
