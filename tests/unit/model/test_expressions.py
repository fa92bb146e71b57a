"""Regular expressions that are compiled when they are used."""

from __future__ import annotations

import pkgutil
import re
from importlib import import_module

import pytest

import pushpolicy
from pushpolicy.model.expressions import _Expression, expression


@pytest.mark.parametrize(
    ("text", "flags", "given", "found"),
    [
        ("a+", 0, "baab", "aa"),
        ("A+", re.IGNORECASE, "baab", "aa"),
        (b"a+", 0, b"ba", b"a"),
        ("c", 0, "b", None),
    ],
)
def test_it_finds_what_a_compiled_one_finds(text: str, flags: int, given: str, found: str | None) -> None:
    made = expression(text, flags)
    for _ in range(2):  # compiled, and remembered
        match = made.search(given)
        assert (match and match[0]) == found


def test_it_is_compiled_when_it_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(text: str, flags: int) -> re.Pattern[str]:
        raise AssertionError(text)

    with monkeypatch.context() as patch:
        patch.setattr(re, "compile", refuse)
        made = expression("b")
    assert made.fullmatch("b")


def test_a_wrong_one_is_refused_where_it_is_used() -> None:
    wrong = expression("(")
    with pytest.raises(re.error):
        wrong.search("")


def test_those_of_the_program_are_right() -> None:
    names = [each.name for each in pkgutil.walk_packages(pushpolicy.__path__, "pushpolicy.")]
    modules = [import_module(name) for name in names if not name.endswith("__main__")]
    found = [value for module in modules for value in vars(module).values() if isinstance(value, _Expression)]
    assert len(found) > 50
    for each in found:
        re.compile(*each._given)
