"""RFC 8785: the quick encoder and the definition agree, and reading is strict."""

from __future__ import annotations

import json

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from pushpolicy.model import canonical
from pushpolicy.model.document import Document

_NUMBERS = st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(
    -(2**53), 2**53, exclude_min=True, exclude_max=True
)
_TEXT = st.text(st.characters(exclude_categories=["Cs"]))
JSON = st.recursive(
    st.none() | st.booleans() | _NUMBERS | _TEXT,
    lambda children: st.lists(children) | st.dictionaries(_TEXT, children),
    max_leaves=20,
)


@given(JSON)
def test_quick_encoding_is_the_definition(value: object) -> None:
    assert canonical.encode(value) == rfc8785.dumps(value)  # type: ignore[arg-type]


@given(st.dictionaries(_TEXT, JSON))
def test_document_laws(value: dict[str, object]) -> None:
    document = Document.of(value)
    assert document.digest.matches(document.content)
    assert Document.read(document.content).content == document.content


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"b": 1, "a": [True, None]}, b'{"a":[true,null],"b":1}'),
        (1.0, b"1"),
        (-0.0, b"0"),
        (4503599627370495.5, b"4503599627370495.5"),
        (1e-6, b"0.000001"),
        (1e-7, b"1e-7"),
        (9.8, b"9.8"),
        ("1.0 e5", b'"1.0 e5"'),
        ({"\U0001f600": 1, "\ufb33": 2}, '{"\U0001f600":1,"\ufb33":2}'.encode()),
    ],
)
def test_forms_of_rfc_8785(value: object, expected: bytes) -> None:
    assert canonical.encode(value) == expected


@pytest.mark.parametrize(
    "value",
    [float("nan"), float("inf"), 2**53, -(2**53), 1e16, "\ud800", {"a": object()}, {"\udfff": 1}],
    ids=["nan", "inf", "big", "small", "float", "surrogate", "object", "surrogate key"],
)
def test_what_has_no_canonical_form_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="canonical JSON"):
        canonical.encode(value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"a":1,"a":1}', "occurs twice"),
        (b'{"a":{"b":1,"b":2}}', "occurs twice"),
        (b'{"a":NaN}', "NaN is not JSON"),
        (b'{"a":-Infinity}', "not JSON"),
        (b'{"a":9007199254740993}', "canonical JSON"),
        (b'{"a":"\\ud800"}', "canonical JSON"),
        (b'{"a":1', "delimiter"),
        (b"\xff", "utf-8"),
        (b'{"a":1}x', "Extra data"),
        (b"[" * 100_000, "nested too deeply"),
        (b"[" * 129 + b"]" * 129, "nested too deeply"),
        (b'{"a":' * 129 + b"1" + b"}" * 129, "nested too deeply"),
        (b"[" * 900 + b"]" * 900, "nested too deeply"),
    ],
)
def test_own_documents_are_read_strictly(content: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        canonical.decode(content)


def test_the_deepest_that_is_read_is_the_same_on_every_python() -> None:
    for content in (b"[" * 128 + b"]" * 128, b'{"a":' * 128 + b"1" + b"}" * 128):
        assert canonical.encode(canonical.decode(content)) == content


def test_other_white_space_becomes_canonical() -> None:
    assert Document.read(b'{ "b": 1.0,\n "a": 2 }').content == b'{"a":2,"b":1}'


def test_a_document_is_an_object() -> None:
    with pytest.raises(ValueError, match="not a JSON object"):
        Document.read(b"[]")


def _joined(items: list[bytes]) -> bytes:
    return b"[" + b",".join(items) + b"]"


_PIECES = st.sampled_from(
    [
        *(b'{"a":1}', b'{"b":1,"a":2}', b'{"a":1,"a":1}', b"[1.5,0.1]", b"1.50", b"-0", b"1E5", b"1.0"),
        *(b"0.000001", b"0.0000001", b"123456789012345678", b'"\\u001f"', b'"\\u001F"', b'"\\/"', b'"\\b"'),
        *(b'"\\u0008"', b'"\\ud800"', b'"\xed\xa0\x80"', b'"\xff"', b"NaN", b" 1", b"true", b"null"),
        *(
            '"\u2028"'.encode(),
            '{"\U0001f600":1,"\ufb33":2}'.encode(),
            '{"\ufb33":2,"\U0001f600":1}'.encode(),
        ),
    ]
)


@given(
    st.recursive(_PIECES | JSON.map(rfc8785.dumps), lambda item: st.lists(item).map(_joined), max_leaves=9)
)
def test_what_is_read_quickly_is_what_the_definition_reads(content: bytes) -> None:
    """msgspec is more lenient than we are; what it reads and writes to the same bytes counts alone."""
    try:
        value = canonical._read_plain(content)
    except (ValueError, RecursionError):
        return
    assert canonical.encode(value) == content
    assert repr(value) == repr(json.loads(content))


@given(st.integers(0, 127))
def test_each_character_is_read_quickly_in_its_one_form(code: int) -> None:
    content = canonical.encode({"a": chr(code)})
    assert canonical._read_plain(content) == {"a": chr(code)}
    escaped = b'{"a":"\\u%04X"}' % code
    assert canonical.read(escaped) == ({"a": chr(code)}, content)
