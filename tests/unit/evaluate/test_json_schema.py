from __future__ import annotations

import copy
import json
import re
from typing import Any

import fastjsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pushpolicy.errors import InputError
from pushpolicy.evaluate import validate_evidence
from pushpolicy.evaluate.json_schema import MismatchError, compile_schema
from pushpolicy.model.canonical import MAX_DEPTH
from pushpolicy.model.document import Document
from tests.policies import ROOT, evidence, example, scan

SCHEMA = json.loads((ROOT / "policies/schema/evidence.v1.json").read_bytes())
OURS = compile_schema(SCHEMA)
THEIRS = fastjsonschema.compile(SCHEMA, use_default=False)
ODD = st.sampled_from(
    [None, True, 0, -1, 1.5, 2.0, "", "x", "critical", [], [1], {}, {"a": 1}, "sha256:00", "collected"]
)


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path] * bool(path) + [leaf for key, item in inner for leaf in leaves(item, (*path, key))]


DOCUMENT = {
    **example(),
    "scans": scan([{"id": "a", "severity": "low", "kind": "vulnerability", "cvss": 5.0}]),
}
PATHS = leaves(DOCUMENT)


def accepts(check: Any, value: object) -> bool:
    try:
        check(value)
    except (MismatchError, fastjsonschema.JsonSchemaValueException):
        return False
    return True


@settings(max_examples=300, deadline=None)
@given(path=st.sampled_from(PATHS), action=st.sampled_from(["set", "delete", "add"]), odd=ODD)
def test_the_same_verdict_as_fastjsonschema(path: tuple[Any, ...], action: str, odd: object) -> None:
    document: Any = copy.deepcopy(DOCUMENT)
    place = document
    for step in path[:-1]:
        place = place[step]
    if action == "set":
        place[path[-1]] = odd
    elif action == "delete":
        del place[path[-1]]
    elif isinstance(place, dict):
        place["surplus"] = odd
    assert accepts(OURS, document) is accepts(THEIRS, document)


def test_the_example_fits() -> None:
    assert accepts(OURS, DOCUMENT)
    validate_evidence(evidence())


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        ({"type": "integer", "minimum": 1, "maximum": 3}, [1, 3, 2.0], [0, 4, 1.5, True, "1", None]),
        ({"type": "number"}, [1, 1.5], [True, "1"]),
        ({"type": "boolean"}, [True], [0, 1, "true", None]),
        ({"enum": [1, "a"]}, [1, "a"], [True, "b"]),
        ({"const": 1}, [1], [True, 2]),
        ({"type": "string", "pattern": "^a$"}, ["a"], ["a\n", "b"]),
        ({"type": "string", "minLength": 1, "maxLength": 2}, ["a"], ["", "abc"]),
        (
            {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 2},
            [["a"]],
            [[], [1], ["a"] * 3],
        ),
        ({"type": "array", "uniqueItems": True}, [[1, 2]], [[1, 1]]),
        ({"additionalProperties": {"type": "string"}}, [{"a": "b"}], [{"a": 1}]),
        ({"propertyNames": {"pattern": "^a$"}}, [{"a": 1}, {}], [{"b": 1}, {"a": 1, "b": 2}]),
    ],
)
def test_keywords(schema: dict[str, Any], good: list[Any], bad: list[Any]) -> None:
    check = compile_schema(schema)
    assert [value for value in good if not accepts(check, value)] == []
    assert [value for value in bad if accepts(check, value)] == []


@pytest.mark.parametrize("schema", [{"anyOf": []}, {"type": "text"}, {"type": "string", "format": "date"}])
def test_what_is_not_known_is_refused(schema: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="unknown"):
        compile_schema(schema)


def test_messages_name_the_place() -> None:
    document = copy.deepcopy(DOCUMENT)
    document["scans"]["items"][0]["findings"][0]["severity"] = "bad\x1b[31m"
    with pytest.raises(
        InputError, match=r"scans\.items\[0\]\.findings\[0\]\.severity must be one of critical"
    ) as caught:
        validate_evidence(Document.of(document))
    assert "\x1b" not in caught.value.message


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"approvr": "x"}, "approvr is not known (is approver meant?)"),
        ({"approver": "x", "reasn": "y"}, "reasn is not known (is reason meant?)"),
        ({"approver": "x", "q": 1}, "q is not known"),
        ({}, "it lacks approver"),
        ({"approver": "x", "at": "1 May"}, 'at must be a time like "2027-01-01T00:00:00Z"'),
    ],
)
def test_what_a_misspelt_key_or_time_may_be(value: dict[str, Any], said: str) -> None:
    text = {"type": "string"}
    time = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$"}
    check = compile_schema(
        {
            "type": "object",
            "additionalProperties": False,
            "required": ["approver"],
            "properties": {"approver": text, "reason": text, "at": time},
        }
    )
    with pytest.raises(MismatchError, match=f"^{re.escape(said)}$"):
        check(value)


def test_null_in_the_open_part() -> None:
    validate_evidence(evidence(extra={"text": "null"}))
    with pytest.raises(InputError, match="holds null"):
        validate_evidence(evidence(extra={"deep": [{"a": None}]}))


def test_a_deeply_nested_document() -> None:
    deep: Any = "null"
    for _ in range(MAX_DEPTH):
        deep = [deep]
    with pytest.raises(InputError, match="nested too deeply"):
        validate_evidence(evidence(extra={"deep": deep}))


def test_a_value_of_one_of_several_types() -> None:
    check = compile_schema({"type": ["string", "number"]})
    check("a")
    check(1.5)
    with pytest.raises(MismatchError, match="must be of type string or number"):
        check(True)
