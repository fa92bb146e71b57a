"""What an `extra` holds has no schema: as another type than a rule takes it for, it is as good as absent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pushpolicy.engines import LocalOpa
from pushpolicy.evaluate import evaluate, load_policy
from pushpolicy.model.document import Document
from tests.policies import example, write_policy
from tests.small_rules import of_build, text_of

COLLECTION, NUMBER, TEXT, TRUTH = "as a list or an object", "as a number", "as a text", "as true or false"
FOUND = ""  # denied by the rule itself
# The conditions of a deny, what extra.a holds, and why it is denied; None: it is not.
ROWS: list[tuple[str, Any, str | None]] = [
    ('some x in input.extra.a.list; x == "bad"', {"list": "bad"}, COLLECTION),
    ('some x in input.extra.a.list; x == "bad"', {"list": ["good"]}, None),
    ('some x in input.extra.a.list; x == "bad"', {"list": ["bad"]}, FOUND),
    ('some x in input.extra.a.list; x == "bad"', {"list": {"k": "good"}}, None),
    ('some x in input.extra.a.list; x == "bad"', {}, COLLECTION),
    ('some x in input.extra.a; x == "bad"', "bad", COLLECTION),
    ('some k, v in input.extra.a; v == "bad"', 3, COLLECTION),
    ('"bad" in input.extra.a.list', {"list": "bad"}, COLLECTION),
    ('not "good" in input.extra.a.list', {"list": ["good"]}, None),
    ('not "good" in input.extra.a.list', {"list": "good"}, FOUND),
    ("count(input.extra.a.list) < 2", {"list": "alice"}, COLLECTION),
    ("count(input.extra.a.list) < 2", {"list": ["a", "b"]}, None),
    ("not count(input.extra.a.list) >= 2", {"list": "alice"}, COLLECTION),
    ('input.extra.a.list[_] == "bad"', {"list": "bad"}, COLLECTION),
    ('input.extra.a.list[0] == "bad"', {"list": "bad"}, "extra.a.list"),
    ('input.extra.a.b.c == "x"', {"b": "text"}, "extra.a.b"),
    ('count([1 | some x in input.extra.a.list; x == "bad"]) > 0', {"list": "bad"}, COLLECTION),
    ('every x in input.extra.a.list { x == "bad" }', {"list": "bad"}, COLLECTION),
    ('every x in input.extra.a.list { x == "bad" }', {"list": ["good"]}, None),
    ('not { every x in input.extra.a.list { x == "good" } }', {"list": "good"}, FOUND),
    ('x := input.extra.a.list; some y in x; y == "bad"', {"list": 3}, COLLECTION),
    ('{y | some y in input.extra.a.list} & {"bad"} != set()', {"list": "bad"}, COLLECTION),
    ("input.extra.a.n < 3", {"n": "2"}, NUMBER),
    ("input.extra.a.n < 3", {"n": True}, NUMBER),
    ("input.extra.a.n < 3", {"n": 5}, None),
    ("3 > input.extra.a.n", {"n": [1]}, NUMBER),
    ("not input.extra.a.n >= 3", {"n": 2}, FOUND),
    ('input.extra.a.t > "2026"', {"t": 3}, TEXT),
    ('input.extra.a.t > "2026"', {"t": "2025"}, None),
    ("input.extra.a.ok == false", {"ok": "false"}, TRUTH),
    ("input.extra.a.ok == false", {"ok": 0}, TRUTH),
    ("input.extra.a.ok == false", {"ok": True}, None),
    ("input.extra.a.ok == false", {"ok": False}, FOUND),
    ("not input.extra.a.ok == true", {"ok": "true"}, FOUND),
    ("not input.extra.a.ok == true", {"ok": True}, None),
    ("input.extra.a.ok != true", {"ok": "true"}, FOUND),
    ('input.extra.a.risk == "high"', {"risk": ["high"]}, TEXT),
    ('input.extra.a.risk in {"high", "critical"}', {"risk": ["high"]}, TEXT),
    ('input.extra.a.risk in {"high", "critical"}', {"risk": "low"}, None),
    ("_bad(input.extra.a.risk)", {"risk": ["high"]}, TEXT),
    ("input.extra.a.branch == input.ci.branch", {"branch": 5}, TEXT),
    ('startswith(input.extra.a.t, "x")', {"t": 7}, TEXT),
    ('startswith(input.extra.a.t, "x")', {"t": "y"}, None),
    ('input.extra.a.v == "none" or input.extra.a.v == 0', {"v": 3}, None),  # it is told to be of either type
    ("some n in input.extra.a.list; n < 3", {"list": ["2"]}, NUMBER),
    ("some n in input.extra.a.list; n < 3", {"list": [5, 6]}, None),
    ("some n in input.extra.a.list; n < 3", {"list": []}, None),
    ("some n in input.extra.a.list; n < 3", {"list": {"a": 5, "b": "2"}}, NUMBER),
    ('"bad" in input.extra.a.list', {"list": [{"name": "bad"}]}, TEXT),
    ('some row in input.extra.a.list; some x in row; x == "bad"', {"list": [["good"], "bad"]}, COLLECTION),
    ('some row in input.extra.a.list; some x in row; x == "bad"', {"list": [["good"], [5]]}, TEXT),
    ('some row in input.extra.a.list; some x in row; x == "bad"', {"list": [["good"], []]}, None),
    ('some a in input.extra.a.l; some b in a; some c in b; c == "bad"', {"l": [[["good"]]]}, None),
]


@pytest.mark.parametrize(("body", "held", "says"), ROWS)
def test_another_type_denies(tmp_path: Path, opa: Path, body: str, held: Any, says: str | None) -> None:
    engine = LocalOpa(opa)
    case = of_build(body, helpers='_bad(risk) if risk == "high"' if "_bad" in body else "")
    policy = load_policy([write_policy(tmp_path, {"r": text_of(case)})], engine)
    document = example()
    document["extra"] = {"a": held}
    decision = evaluate(policy, Document.of(document), engine)
    if says is None:
        assert decision.allowed
    elif says == FOUND:
        assert [found.msg for found in decision.violations] == ["no"]
    else:
        absent = [found.msg for found in decision.violations if found.id.startswith("evidence:extra.a")]
        assert any(says in msg for msg in absent), decision.violations


def test_a_rule_that_decides_itself_says_so(tmp_path: Path, opa: Path) -> None:
    """METADATA `optional` lifts it, as it does for what may be absent."""
    case = of_build('some x in input.extra.a.list; x == "bad"', custom='optional: ["extra.a.list"]')
    engine = LocalOpa(opa)
    policy = load_policy([write_policy(tmp_path, {"r": text_of(case)})], engine)
    document = example()
    document["extra"] = {"a": {"list": "bad"}}
    assert evaluate(policy, Document.of(document), engine).allowed
