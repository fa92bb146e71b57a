"""Foreign text cannot act on a terminal or start a line of its own."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushpolicy.model.text import printable


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("Prüfung ✓", "Prüfung ✓"),
        ("\x1b[2Jgone", "\\x1b[2Jgone"),
        ("a\nALLOW b", "a ALLOW b"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("\ud800", "\\ud800"),
        ("::error::x", "\\x3a:error::x"),
        ("\n ::error::x", "  \\x3a:error::x"),
        ("a ##[error]x", "a ##\\x5berror]x"),
        ("##vso[task.setvariable]x", "##vso\\x5btask.setvariable]x"),
        ("std::string", "std::string"),
        ("x" * 10, "xxxx…"),
    ],
)
def test_known_texts(text: str, expected: str) -> None:
    assert printable(text, 5 if text == "x" * 10 else 200) == expected


@given(st.text())
def test_nothing_unsafe_is_left(text: str) -> None:
    shown = printable(text, 10_000)
    assert not {unicodedata.category(char) for char in shown} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert all(
        char.isprintable() or char in " \u3000" or unicodedata.category(char) in ("Zs", "Cn", "Co")
        for char in shown
    )
