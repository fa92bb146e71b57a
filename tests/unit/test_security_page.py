"""SECURITY.md names tests that are there, and says of each field of the evidence what it is worth."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "SECURITY.md").read_text()
CLASSES = {"computed", "verified", "captured", "asserted"}


def fields(schema: dict[str, Any]) -> Iterator[str]:
    """The kinds of evidence, and the fields of those that are objects."""
    for name, kind in schema["properties"].items():
        if "properties" not in kind:
            yield name
        yield from (f"{name}.{field}" for field in kind.get("properties", ()))


def rows() -> list[tuple[list[str], str]]:
    """The names in the first column of the table of fields, and the class in the second."""
    table = PAGE.partition("| fields | class |")[2].partition("\n\n")[0]
    cells = [line.split("|")[1:3] for line in table.splitlines()[2:]]
    return [(re.findall(r"`([^`]+)`", names), kind.strip()) for names, kind in cells]


def is_there(name: str) -> bool:
    """Whether a file has the test that is named behind `::`, or is there where none is."""
    file, _, test = name.partition("::")
    return (ROOT / file).is_file() and (not test or f"\ndef {test}(" in (ROOT / file).read_text())


def test_every_test_that_is_named_is_there() -> None:
    named = re.findall(r"`(tests/[^`]+\.py[^`]*)`", PAGE)
    assert len(named) > 20
    assert [name for name in named if not is_there(name)] == []


def test_every_field_of_the_evidence_has_one_class() -> None:
    schema = json.loads((ROOT / "policies/schema/evidence.v1.json").read_bytes())
    table = rows()
    assert {kind for _, kind in table} <= CLASSES
    listed = [name for names, _ in table for name in names]
    assert len(listed) == len(set(listed))
    for field in fields(schema):
        kind = field.partition(".")[0]
        assert len({field, f"{kind}.*"} & set(listed)) == 1, field


def test_every_name_in_the_table_is_a_field() -> None:
    schema = json.loads((ROOT / "policies/schema/evidence.v1.json").read_bytes())
    known = set(fields(schema))
    known |= {f"{field.partition('.')[0]}.*" for field in known}
    assert [name for names, _ in rows() for name in names if name not in known] == []
