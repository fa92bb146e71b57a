from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pushpolicy.model import strict_yaml

# PyYAML follows YAML 1.1, where 08 and 0E0 are text: it writes them without the quotes that 1.2 needs.
NUMBER = re.compile(r"[-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?")
TEXT = st.text(st.characters(codec="ascii")).filter(lambda text: not NUMBER.fullmatch(text))
JSON = st.recursive(
    st.booleans() | st.none() | st.integers(-(2**53) + 1, 2**53 - 1) | TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(st.text("abc\n: #"), inner),
    max_leaves=10,
)


@given(JSON)
def test_what_pyyaml_writes_is_read(value: Any) -> None:
    assert strict_yaml.read(yaml.safe_dump(value).encode()) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("on", "on"),
        ("1:30", "1:30"),
        ("2027-01-01", "2027-01-01"),
        ("2027-01-01T00:00:00Z", "2027-01-01T00:00:00Z"),
        ("010", 10),
        ("-9", -9),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        ("0E0", 0.0),
        ("'0E0'", "0E0"),
        ("08", 8),
        ("~", None),
        ("True", True),
        ("'1'", "1"),
        ("", None),
    ],
)
def test_scalars_are_those_of_the_core_schema(text: str, value: object) -> None:
    read = strict_yaml.read(text.encode())
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: 1\na: 2", 2),
        ("a: &x [1]\nb: *x", 2),
        ("a: 1\n3: 4", 2),
        ("a: .nan", 1),
        ("a: -.inf", 1),
        ("a: 1e999", 1),
        ("a: 9007199254740993", 1),
        ("a: !!binary aGk=", 1),
        ("a: !!python/object/apply:os.system [x]", 1),
        ("a: 1\n--- 2", 2),
        ("a: [1", 2),
        ("? [a]\n: b", 1),
        ("[" * 100_000, 1),
        ("- " * 50_000, 1),
        ("\x00", 0),
    ],
)
def test_what_is_refused(text: str, line: int) -> None:
    with pytest.raises(strict_yaml.YamlError) as caught:
        strict_yaml.read(text.encode())
    assert caught.value.line in (line, 1) if line else True
    assert "\n" not in str(caught.value)


def test_bytes_that_are_not_utf8_and_size() -> None:
    with pytest.raises(strict_yaml.YamlError, match="not YAML"):
        strict_yaml.read(b"\xff\xfe")
    with pytest.raises(strict_yaml.YamlError, match="4 MiB"):
        strict_yaml.read(b"#" * (strict_yaml.MAX_SIZE + 1))
