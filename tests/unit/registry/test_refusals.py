"""The registry's own words, and what to do about them."""

from __future__ import annotations

import json

import pytest
from msgspec.structs import replace

from pushpolicy.http.call import Answer
from pushpolicy.registry.refusals import refusal, registry_words


def answer(status: int, content: bytes = b"") -> Answer:
    return Answer(status=status, headers={}, content=content, url="https://example.org/v2/")


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
        (b"", ""),
        (b"[1]", ""),
        (errors(message="\x1b[2Jgone\nsecond line"), "\\x1b[2Jgone second line"),
        (b"\xff\xfe", "\ufffd\ufffd"),
    ],
)
def test_the_registrys_words(content: bytes, words: str) -> None:
    assert registry_words(content) == words


def test_long_words_are_cut() -> None:
    assert len(registry_words(errors(message="x" * 100_000))) == 400


@pytest.mark.parametrize(
    ("status", "hint"),
    [
        (401, "log in"),
        (403, "permission"),
        (404, "repository's name"),
        (405, "takes no pushes"),
        (413, "limits the size"),
        (429, "rate of requests"),
        (507, "storage of the registry is full"),
    ],
)
def test_hints(status: int, hint: str) -> None:
    error = refusal("example.org/app: upload", answer(status))
    assert str(status) in error.message
    assert hint in (error.hint or "")


@pytest.mark.parametrize(
    ("status", "shown", "said", "hint"),
    [
        (401, "", "401 Unauthorized (no credential was shown)", "log in"),
        (403, "", "403 Forbidden (no credential was shown)", "permission"),
        (401, "the credential of ci from X", "(the credential of ci from X was shown)", "does not accept"),
        (403, "the credential of ci from X", "(the credential of ci from X was shown)", "permission"),
    ],
)
def test_a_refusal_says_which_credential_was_shown(status: int, shown: str, said: str, hint: str) -> None:
    error = refusal("upload", replace(answer(status), shown=shown))
    assert error.message.endswith(said)
    assert hint in (error.hint or "")


def test_hints_of_words() -> None:
    quota = refusal("x", answer(403, errors(code="DENIED", message="project quota exceeded")))
    assert "quota" in (quota.hint or "")
    https = refusal("x", answer(400, b"Client sent an HTTP request to an HTTPS server.\n"))
    assert "speaks https" in (https.hint or "")
