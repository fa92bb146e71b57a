"""The law of deletion (design section 10): what is denied is denied without any leaf of its evidence, too.

Each leaf of each example that its rule denies is deleted in turn, and the document decided again. A document
with null in it, the other way to lose a leaf, is refused by the schema wherever that is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import msgspec

from pushpolicy.engines.interface import Engine
from pushpolicy.errors import InputError
from pushpolicy.evaluate.absence import COMPUTED, EACH, ITEM, Steps, evidence_schema, shown
from pushpolicy.evaluate.evidence import validate
from pushpolicy.evaluate.examples import GIVEN, Example, ask, decide, record
from pushpolicy.evaluate.policyset import PolicySet
from pushpolicy.model.document import Document

Place = tuple[str | int, ...]
_INPUT = re.compile(r"\binput\b(?:\.(\w+))?")
# A comment, a raw text, or a text in quotes; of one with a dollar, what stands in braces is code.
_TEXT = re.compile(r'#[^\n]*|`[^`{]*`|(\$?)"((?:\\.|[^"\\\n])*)"')
# Of each example, the paths without which its rule finds nothing: first its own denials, which is quick,
# then, where there are none, those for evidence that is not there.
_SILENT = f"""
[silent |
	{GIVEN}
	rule := record.rule
	silent := [number |
		some number, path in record.paths
		left := json.remove(e, [path])
		not count(data.pushpolicy.index.deny[rule]) > 0 with input as left with data.settings as s
		not count(data.pushpolicy.main.waivers.open[rule]) > 0 with input as left with data.settings as s
	]
]"""


class Deletions(msgspec.Struct, frozen=True, kw_only=True):
    """How many leaves were deleted, and which of them turned a denial into ALLOW."""

    count: int
    allowed: tuple[tuple[Example, Place], ...]


def delete_leaves(policy: PolicySet, engine: Engine, examples: Sequence[Example]) -> Deletions:
    """Delete each leaf of each example that is to be denied, and have the whole set decide.

    A leaf of a kind that the rule does not read cannot change what the rule finds, and is left out.

    Raises:
        EngineError: when OPA fails.
    """
    denied = [one for one in examples if one.expect == "violated"]
    places = [list(_read_by(policy, one)) for one in denied]
    records = [
        {
            **record(policy, one.evidence, {one.rule: one.settings}),
            "rule": one.rule,
            "paths": list(map(_pointer, own)),
        }
        for one, own in zip(denied, places, strict=True)
    ]
    lost = [
        (one, own[number])
        for one, own, silent in zip(denied, places, ask(policy, engine, _SILENT, records), strict=True)
        for number in silent
    ]
    return Deletions(count=sum(map(len, places)), allowed=tuple(_allowed(policy, engine, lost)))


def leaves(value: Any, place: Place = ()) -> Iterator[Place]:
    """Where the scalars and empty containers are that have a name; items of a list have none."""
    below = list(value.items()) if isinstance(value, dict) else _items(value)
    if not below and place and isinstance(place[-1], str):
        yield place
    for key, child in below:
        yield from leaves(child, (*place, key))


def _items(value: Any) -> list[tuple[int, Any]]:
    return list(enumerate(value)) if isinstance(value, list) else []


def without(value: Any, place: Place) -> Any:
    """A copy without what is at the place."""
    key, *rest = place
    copy = value.copy()
    if rest:
        copy[key] = without(value[key], tuple(rest))
    else:
        del copy[key]
    return copy


def is_said(policy: PolicySet, example: Example, place: Place) -> bool:
    """Whether the schema, or the rule by METADATA, says what it means that the leaf is not there."""
    schema, steps = evidence_schema(), _steps(place)
    meaning = next((meaning for found, meaning in schema.absences(steps) if found == steps), "unknown")
    named = {shown(_with_any_key(steps, key)) for key in (None, COMPUTED, EACH)}
    return meaning != "unknown" or not named.isdisjoint(policy.index.rules[example.rule].optional)


def _read_by(policy: PolicySet, example: Example) -> Iterator[Place]:
    text = policy.files[f"rules/{example.rule}/{example.rule}.rego"].decode()
    if "data.pushpolicy.lib" in text:
        lib = (path for path in policy.files if path.startswith("system/lib/"))
        text = "\n".join([text, *(policy.files[path].decode() for path in lib)])
    kinds = named_kinds(text)
    required = {kind.partition(".")[0] for kind in policy.index.rules[example.rule].requires}
    for kind, value in example.evidence.items():
        if kinds is None or kind in kinds | required:
            yield from leaves(value, (kind,))


@cache
def named_kinds(text: str) -> frozenset[str] | None:
    """The kinds of evidence that the text of a rule names; None where it may read others."""
    found = frozenset(_INPUT.findall(_TEXT.sub(_code_in, text)))
    return None if "" in found else found


def _code_in(text: re.Match[str]) -> str:
    dollar, content = text[1], text[2] or ""
    # A text within the braces ends the match too early: then all of it may be code.
    is_whole = content.count("{") == content.count("}")
    return " ".join(re.findall(r"\{[^}]*\}", content)) if dollar and is_whole else content if dollar else " "


def _allowed(
    policy: PolicySet, engine: Engine, lost: Sequence[tuple[Example, Place]]
) -> Iterator[tuple[Example, Place]]:
    """Those that the schema takes, and that no other rule denies."""
    left = [(one, place, without(one.evidence, place)) for one, place in lost]
    taken = [each for each in left if _fits(each[2])]
    cases = [(evidence, {one.rule: one.settings}) for one, _, evidence in taken]
    for (one, place, _), answer in zip(taken, decide(policy, engine, cases), strict=True):
        if not answer["violations"]:
            yield one, place


def _fits(evidence: Mapping[str, Any]) -> bool:
    try:
        validate(Document.of(evidence))
    except (InputError, ValueError):
        return False
    return True


def _pointer(place: Place) -> str:
    """RFC 6901, without the first slash, as json.remove takes it."""
    return "/".join(str(step).replace("~", "~0").replace("/", "~1") for step in place)


def _steps(place: Place) -> Steps:
    """As the schema is walked, where keys of open maps are marked."""
    schema, steps = evidence_schema(), Steps()
    for step in place:
        steps = schema.below(steps, ITEM if isinstance(step, int) else step)
    return steps


def _with_any_key(steps: Steps, key: str | None) -> Steps:
    """The same with the keys of open maps, which are marked, given as computed or as each in turn."""
    return tuple(key if key and step.startswith('"') else step for step in steps)
