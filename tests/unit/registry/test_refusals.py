"""The registry's own words; what they mean is in test_meanings."""

from __future__ import annotations

import json

import pytest

from pushpolicy.registry.refusals import registry_words


def errors(**fields: object) -> bytes:
    return json.dumps({"errors": [fields]}).encode()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (errors(code="DENIED", message="no access"), "DENIED: no access"),
        (errors(code="UNKNOWN"), "UNKNOWN"),
        (b'{"errors": [{"code": "A"}, {"code": "B"}, 7]}', "A; B"),
        (b'{"error": "invalid_grant", "error_description": "expired"}', "invalid_grant: expired"),
        (b"upstream timed out\n", "upstream timed out"),
        (b"<html>nginx</html>", ""),
        (b"<!DOCTYPE html><TITLE> Just a &amp; moment\x1b[2J </TITLE>", 'title "Just a & moment\\x1b[2J"'),
        (b"", ""),
        (b"[1]", ""),
        (errors(message="\x1b[2Jgone\nsecond line"), "\\x1b[2Jgone second line"),
        (b"\xff\xfe", "\ufffd\ufffd"),
    ],
)
def test_the_registrys_words(content: bytes, words: str) -> None:
    assert registry_words(content).removeprefix("a page with the ") == words


def test_long_words_are_cut() -> None:
    assert len(registry_words(errors(message="x" * 100_000))) == 400
