"""A document that two programs could understand differently is refused."""

from __future__ import annotations

import tracemalloc
from typing import Any

import pytest

from pushpolicy.images.config import SHAPE as CONFIG
from pushpolicy.model import strict_json
from pushpolicy.model.manifest import SHAPE as MANIFEST
from pushpolicy.model.strict_json import MAX_DEPTH


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{"a": 1, "a": 1}', "'a', which occurs twice"),
        (b'{"a": {"b": [{"c": 1, "c": 2}]}}', "'c', which occurs twice"),
        (b'{"a": 1, "\\u0061": 2}', "'a', which occurs twice"),
        (b"[NaN]", "NaN"),
        (b"[Infinity]", "Infinity"),
        (b"[-Infinity]", "-Infinity"),
        (b"[1e999]", "too large"),
        (b"[-1e999]", "too large"),
        (b"\xef\xbb\xbf{}", "byte order mark"),
        (b'"\xff"', "not UTF-8"),
        (b'"\xed\xa0\x80"', "not UTF-8"),
        ("{}".encode("utf-16"), "not UTF-8"),
        (b"{} {}", "not JSON"),
        (b"{}\x00", "not JSON"),
        (b"{} // end", "not JSON"),
        (b"{'a': 1}", "not JSON"),
        (b'{"a": 1,}', "not JSON"),
        (b"", "not JSON"),
        (b'["\\ud800"]', "surrogate"),
        (b'{"\\udc00": 1}', "surrogate"),
        (b"[" * 100_000, "at most 64|Expecting value"),
        (b"[" * 100_000 + b"]" * 100_000, "at most 64"),
        (b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), "at most 64"),
        (b'{"a":' * (MAX_DEPTH + 1) + b"1" + b"}" * (MAX_DEPTH + 1), "at most 64"),
        (b'[{"a":' * 33 + b"1" + b"}]" * 33, "at most 64"),
    ],
)
def test_what_programs_read_differently_is_refused(content: bytes, said: str) -> None:
    for reader in (strict_json.read, strict_json.check):
        with pytest.raises(ValueError, match=said):
            reader(content)


@pytest.mark.parametrize(
    ("content", "value"),
    [
        (b' {"a": [1, 2.5, true, null, "x"]}\n', {"a": [1, 2.5, True, None, "x"]}),
        (b'{"a": 1, "A": 2}', {"a": 1, "A": 2}),
        (b'["\\ud83d\\ude00", "\\\\ud800"]', ["\U0001f600", "\\ud800"]),
        (b'["[[[{{{", "\\"[", "\\\\"]', ["[[[{{{", '"[', "\\"]),
        (b"9007199254740993", 9007199254740993),
    ],
)
def test_what_programs_read_alike_is_read(content: bytes, value: Any) -> None:
    assert strict_json.read(content) == value
    strict_json.check(content)


def test_64_levels_are_read() -> None:
    content = b"[" * MAX_DEPTH + b"]" * MAX_DEPTH
    assert str(strict_json.read(content)) == content.decode()


@pytest.mark.parametrize(
    ("content", "where"),
    [
        (b'{"layers": [], "Layers": []}', "'Layers', which is 'layers'"),
        (b'{"Layers": []}', "'Layers', which is 'layers'"),
        (b'{"config": {"digest": "x", "Digest": "y"}}', "'Digest', which is 'config.digest'"),
        (b'{"manifests": [{}, {"platform": {"OS": "linux"}}]}', "'OS', which is 'manifests[1].platform.os'"),
        ('{"layer\u017f": []}'.encode(), "which is 'layers'"),
        (b'{"layer\\u017f": []}', "which is 'layers'"),
        ('{"manifests": [{"platform": {"o\u017f": 1}}]}'.encode(), "which is 'manifests[0].platform.os'"),
        (b'{"subject": {"Size": 1}}', "'Size', which is 'subject.size'"),
        (b'{"SchemaVersion": 2}', "'SchemaVersion', which is 'schemaVersion'"),
    ],
)
def test_a_known_field_of_a_manifest_in_another_case_is_refused(content: bytes, where: str) -> None:
    with pytest.raises(ValueError, match="ignore case") as caught:
        strict_json.read(content, MANIFEST)
    assert where in str(caught.value)


def test_maps_are_checked_for_equal_keys_only() -> None:
    content = (
        b'{"annotations": {"Layers": "a", "layers": "b"}, "config": {"annotations": {"a": "", "A": ""}}}'
    )
    assert strict_json.read(content, MANIFEST)["annotations"] == {"Layers": "a", "layers": "b"}
    labels = b'{"config": {"Labels": {"a": "1", "A": "2"}, "Volumes": {"/A": {}, "/a": {}}}}'
    assert strict_json.read(labels, CONFIG)["config"]["Labels"] == {"a": "1", "A": "2"}
    with pytest.raises(ValueError, match="occurs twice"):
        strict_json.read(b'{"annotations": {"a": "", "a": ""}}', MANIFEST)


@pytest.mark.parametrize(
    "content",
    [
        b'{"rootfs": {}, "rootFS": {}}',
        b'{"rootFS": {}, "rootfs": {}}',
        b'{"rootFS": {}, "Rootfs": {}}',
        b'{"config": {"Env": [], "env": []}}',
        b'{"os": "linux", "o\\u017f": "windows"}',
        b'{"history": [{"created_by": "a", "Created_By": "b"}]}',
        '{"config": {"Healthchec\u212a": {}, "Healthcheck": {}}}'.encode(),
    ],
)
def test_two_spellings_of_a_field_of_a_config_are_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match="ignore case"):
        strict_json.read(content, CONFIG)


def test_one_spelling_in_a_config_is_read_as_go_reads_it_and_noted() -> None:
    value, notes = strict_json.read_noting(b'{"rootFS": {"Diff_IDs": ["x"]}, "other": 1}', CONFIG)
    assert value == {"rootfs": {"diff_ids": ["x"]}, "other": 1}
    assert notes == ("'rootFS' is read as 'rootfs'", "'Diff_IDs' is read as 'rootfs.diff_ids'")


def test_checking_holds_nothing_of_the_document() -> None:
    content = (
        b"["
        + b",".join(b'{"key": {"name": "value", "id": "%06d"}}' % number for number in range(50_000))
        + b"]"
    )
    tracemalloc.start()
    strict_json.check(content)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * len(content)


@pytest.mark.parametrize("value", [b"[]", b'{"a":1}', b"1000"])
def test_a_document_of_too_many_values_is_refused_before_it_is_read(value: bytes) -> None:
    content = b"[" + (value + b",") * 4_000_000 + b"1]"
    tracemalloc.start()
    with pytest.raises(ValueError, match="holds more than 4000000 values"):
        strict_json.check(content)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1_000_000
