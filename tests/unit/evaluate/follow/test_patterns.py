"""What no text can match: certain where it is said, and never said of patterns that some text matches."""

from __future__ import annotations

import math
import re
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushpolicy.evaluate.follow.patterns import apart, inside, lengths

DIGEST = "^sha(256:[0-9a-f]{64}|512:[0-9a-f]{128})$"
COMMIT = "^[0-9a-f]{40}([0-9a-f]{24})?$"
TIME = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$"


@pytest.mark.parametrize(
    ("patterns", "are"),
    [
        ([DIGEST, COMMIT], True),
        ([DIGEST, "^sha256:"], False),
        ([DIGEST, r"^sha\-256:"], True),
        ([DIGEST, "G$"], True),
        ([COMMIT, r"\-"], True),
        ([COMMIT, "abc"], False),
        ([COMMIT, r"^[\s\S]{7}$"], True),
        ([TIME, "^2026"], False),
        ([TIME, "^01/"], True),
        ([TIME, "z$"], True),
        (["^a", "^b"], True),
        (["a", "b"], False),
        (["^a|b$", "^c"], False),
        (["^a$|^b$", "^c$"], True),
        (["^[^A-Z]*$", "Ab"], True),
        (["^a{2,3}$", "^a{4}"], True),
        (["^a{2,3}$", "^a{3}"], False),
        (["^a{2,}$", "^a{9}$"], False),
        (["^(ab)*$", "ba"], False),
        (["^(ab)?$", "aba"], True),
        (["^x+$", "^$"], True),
        (["^x*?$", "^$"], False),
        (["^(?:a|)b$", "^b"], False),
        ([r"^\w+$", r"^\W+$"], False),  # beyond ASCII one cannot tell
        ([r"^[\d.]+$", "^v"], True),
        (["^a", "a$", "^.b"], False),
        (["^a", "a$", "^b"], True),
        (["^a"], False),
        (["a^"], True),
        (["$a"], True),
        (["^a$b"], True),
        (["^(^a)$", "^y$"], True),
        (["(^|/)main$", "^main"], False),
        (["(^|/)main$", "^xmain$"], True),
        (["(a|^$)", "^$"], False),
        (["a($|/)", "^ab"], False),
        (["^a($|/)", "^ab"], True),
        (["^$^$"], False),
        # Not understood, so anything may match.
        (["(?i)^x$", "^y$"], False),
        (["^[[:alpha:]]$", "^1$"], False),
        ([r"^\pL$", "^1$"], False),
        (["^a{,2}$", "^b$"], False),
        (["^(a$", "^b$"], False),
        (["^[a", "^b$"], False),
        (["^a**$", "^b$"], False),
        (["^a{4000}$", "^b$"], False),
    ],
)
def test_whether_no_text_matches_all(patterns: list[str], are: bool) -> None:
    assert apart(frozenset(patterns)) is are


PIECES = st.sampled_from(
    [
        "a",
        "b",
        ".",
        "[ab]",
        "[^a]",
        r"\d",
        "(a|b)",
        "(ab)?",
        "a*",
        "b+",
        "a{2}",
        "(?:a|bc){1,2}",
        "(^|b)",
        "(a|$)",
        "^",
        "$",
    ]
)
PATTERNS = st.builds(
    lambda start, pieces, end: start + "".join(pieces) + end,
    st.sampled_from(["", "^"]),
    st.lists(PIECES, max_size=4),
    st.sampled_from(["", "$"]),
)


@given(PATTERNS, st.lists(st.text("abc1", max_size=6), max_size=30))
def test_what_is_known_of_the_length_holds_for_each_text(pattern: str, texts: list[str]) -> None:
    least, most = lengths(pattern)
    for text in texts:
        if re.search(pattern, text):
            assert least <= len(text) <= most
            assert not apart(frozenset({pattern}))


@pytest.mark.parametrize(
    ("pattern", "known"),
    [
        (COMMIT, (40, 64)),
        (DIGEST, (71, 135)),
        ("^a{2,3}b?$", (2, 4)),
        ("^a*$", (0, math.inf)),
        ("abc", (3, math.inf)),
        ("(?i)a", (0, math.inf)),
        ("a^", (1, math.inf)),
    ],
)
def test_how_long_texts_are(pattern: str, known: tuple[int, float]) -> None:
    assert lengths(pattern) == known


@pytest.mark.parametrize(
    ("pattern", "between"),
    [
        ("^ab?$", "ab?"),
        ("^a|b$", None),
        ("^(a|b)$", "(a|b)"),
        ("^a", None),
        (r"^a\$", None),
        ("^(?i)a$", None),
    ],
)
def test_what_can_stand_inside_of_another(pattern: str, between: str | None) -> None:
    assert inside(pattern) == between


@given(st.lists(PATTERNS, min_size=2, max_size=3), st.lists(st.text("abc1", max_size=6), max_size=30))
def test_what_a_text_matches_is_never_apart(patterns: list[str], texts: list[str]) -> None:
    for text in texts:
        for some in combinations(patterns, 2):
            if all(re.search(pattern, text) for pattern in some):
                assert not apart(frozenset(some))
