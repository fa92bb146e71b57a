"""What the user adds: JSON and YAML that mean one thing only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pushpolicy.errors import InputError, UsageError
from pushpolicy.gather import Gathered, Limits, NamedEvidence, gather
from tests.unit.gather.samples import make_request, write


def extra(name: str | None, path: str) -> NamedEvidence:
    return NamedEvidence(kind="extra", name=name, path=path)


def gathered(folder: Path, *named: NamedEvidence, **fields: Any) -> Gathered:
    return gather(make_request(folder, named=named, **fields))


@pytest.mark.parametrize(
    ("file", "content", "value"),
    [
        ("a.json", '{"a": [1, 1.5, true, "x"]}', {"a": [1, 1.5, True, "x"]}),
        ("a.yaml", "a: [1, 2]\nday: 2026-11-24\nno: no\n", {"a": [1, 2], "day": "2026-11-24", "no": "no"}),
        ("a.txt", '{"a": 1}', {"a": 1}),
        ("a.json", b"\xef\xbb\xbf[]", []),
        ("a.yml", "just text", "just text"),
    ],
)
def test_values(tmp_path: Path, file: str, content: str | bytes, value: Any) -> None:
    result = gathered(write(tmp_path, {file: content}), extra("x", file))
    assert result.evidence.extra == {"x": value}
    assert [(raw.name, raw.kind) for raw in result.reports] == [("x", "extra")]
    assert [(report.kind, report.path) for report in result.evidence.reports] == [("extra", file)]


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("a.json", ""),
        ("a.json", "{"),
        ("a.json", '{"a": 1, "a": 2}'),
        ("a.json", '{"a": NaN}'),
        ("a.json", '{"a": [null]}'),
        ("a.json", '{"a": 9007199254740993}'),
        ("a.json", '{"a": "\\ud800"}'),
        ("a.json", b"\xff"),
        ("a.json", "[" * 100_000),
        ("a.yaml", "a: &x [1]\nb: *x\n"),
        ("a.yaml", "a: !!python/object:os.system x\n"),
        ("a.yaml", "a: 1\na: 2\n"),
        ("a.yaml", "a: .nan\n"),
        ("a.yaml", "- a\n---\n- b\n"),
        ("a.yaml", "a: [" * 5000),
    ],
)
def test_what_two_readers_could_read_differently_is_refused(
    tmp_path: Path, file: str, content: str | bytes
) -> None:
    write(tmp_path, {file: content})
    with pytest.raises(InputError, match=r"extra\.x=") as caught:
        gathered(tmp_path, extra("x", file))
    assert "\n" not in caught.value.message


def test_an_absent_or_too_large_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        gathered(tmp_path, extra("x", "absent.json"))
    write(tmp_path, {"a.json": '"' + "x" * 100 + '"'})
    with pytest.raises(InputError, match="limit of 50"):
        gathered(tmp_path, extra("x", "a.json"), limits=Limits(max_extra_size=50))


def test_each_needs_a_name_of_its_own(tmp_path: Path) -> None:
    write(tmp_path, {"a.json": "{}"})
    with pytest.raises(UsageError):
        gathered(tmp_path, extra(None, "a.json"))
    with pytest.raises(UsageError):
        gathered(tmp_path, extra("x", "a.json"), extra("x", "a.json"))
