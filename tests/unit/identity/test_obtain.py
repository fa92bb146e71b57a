"""The job's token: asked for at a host of its issuer with a fresh nonce, or taken from a variable."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from pushpolicy.http.addresses import origin
from pushpolicy.http.settings import Settings
from pushpolicy.http.transport import Transport
from pushpolicy.identity.issuers import KNOWN, Issuer, gives_tokens
from pushpolicy.identity.obtain import fresh_audience, job_token
from pushpolicy.identity.token import MAX_TOKEN, NoTokenError, Token, TokenError, offered
from tests.certificates import make_certificates
from tests.fake_registry import Answered, Asked, FakeRegistry, fake_registry

SECRET = "request-secret"


@dataclass(slots=True)
class Service:
    """Where a job asks for its token: what it answers is set by the test."""

    server: FakeRegistry
    transport: Transport
    issuer: Issuer
    answered: Answered

    def token(self, environ: Mapping[str, str] | None = None) -> Token:
        asked = {
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"https://{self.server.host}/idtoken?api-version=2.0",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": SECRET,
        }
        return job_token(asked | dict(environ or {}), self.transport, "pushpolicy/1 &x", (self.issuer,))


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    certificates = make_certificates(tmp_path)
    settings = Settings(ca_file=certificates.authority, attempts=2, first_pause=0.01, total_timeout=5)

    def answer(asked: Asked) -> Answered:
        return found[0].answered

    with fake_registry(answer, certificates) as server:
        issuer = Issuer(issuer=f"https://{server.host}", system="github-actions")
        found = [Service(server, Transport(settings), issuer, said({"value": "a.b.c", "count": 1}))]
        yield found[0]


def said(value: object, status: int = 200) -> Answered:
    return Answered(status=status, body=json.dumps(value).encode())


def test_it_is_asked_for_with_the_audience(service: Service) -> None:
    token = service.token()
    (asked,) = service.server.asked
    assert (token.value, token.audience, token.replayable) == ("a.b.c", "pushpolicy/1 &x", False)
    assert asked.headers["Authorization"] == f"Bearer {SECRET}"
    assert parse_qs(urlsplit(asked.path).query) == {"api-version": ["2.0"], "audience": ["pushpolicy/1 &x"]}


@pytest.mark.parametrize(
    ("answered", "why"),
    [
        (said({"message": "no"}, 403), "403"),
        (said({}), "no token"),
        (said(["a.b.c"]), "no token"),
        (said({"value": ""}), "no token"),
        (said({"value": 7}), "no token"),
        (said({"value": "x" * 3 * MAX_TOKEN}), "over the limit"),
        (Answered(body=b'{"value": "a", "value": "b"}'), "not strict JSON"),
        (Answered(status=302, headers={"Location": "https://127.0.0.1:1/"}), "not followed"),
    ],
)
def test_an_answer_without_a_token_is_none(service: Service, answered: Answered, why: str) -> None:
    service.answered = answered
    with pytest.raises(TokenError, match=why) as error:
        service.token()
    assert SECRET not in str(error.value)


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1:1/idtoken",
        "http://token.actions.githubusercontent.com/",
        "https://token.actions.githubusercontent.com@127.0.0.1:1/",
        "file:///etc/passwd",
        "x",
    ],
)
def test_no_other_host_is_asked_or_shown_the_secret(service: Service, url: str) -> None:
    with pytest.raises(TokenError, match="an address of no trusted issuer"):
        service.token({"ACTIONS_ID_TOKEN_REQUEST_URL": url})
    assert not service.server.asked


def test_a_request_without_its_secret_is_no_reason_to_take_a_variable(
    service: Service,
) -> None:
    with pytest.raises(TokenError, match="ACTIONS_ID_TOKEN_REQUEST_TOKEN is not") as error:
        service.token({"ACTIONS_ID_TOKEN_REQUEST_TOKEN": "", "PUSHPOLICY_ID_TOKEN": "x"})
    assert not isinstance(error.value, NoTokenError)


@pytest.mark.parametrize(
    ("url", "belongs"),
    [
        ("https://pipelines.actions.githubusercontent.com/x", True),
        ("https://token.actions.githubusercontent.com/x", True),
        ("https://actions.githubusercontent.com/x", False),
        ("https://evil-actions.githubusercontent.com/x", False),
        ("https://raw.githubusercontent.com/x", False),
        ("https://pipelines.actions.githubusercontent.com:8443/x", False),
        ("http://pipelines.actions.githubusercontent.com/x", False),
        ("https://gitlab.com/x", True),
        ("https://pages.gitlab.com/x", False),
    ],
)
def test_which_hosts_give_tokens(url: str, *, belongs: bool) -> None:
    assert gives_tokens(origin(url), KNOWN.values()) is belongs


def test_a_variable_is_taken_where_nothing_can_be_asked_and_is_replayable(service: Service) -> None:
    environ = {"CIRCLE_OIDC_TOKEN_V2": "second", "PUSHPOLICY_ID_TOKEN": " first\n"}
    token = job_token(environ, service.transport, "x")
    assert (token.value, token.source, token.replayable) == ("first", "PUSHPOLICY_ID_TOKEN", True)
    assert not service.server.asked


def test_without_a_token_there_is_none(service: Service) -> None:
    with pytest.raises(NoTokenError):
        job_token({"PUSHPOLICY_ID_TOKEN": ""}, service.transport, "x")
    assert not offered({"PUSHPOLICY_ID_TOKEN": ""})
    assert offered({"CIRCLE_OIDC_TOKEN_V2": "x"})
    assert offered({"ACTIONS_ID_TOKEN_REQUEST_URL": "x"})


def test_a_token_is_never_shown() -> None:
    assert "secret" not in repr(Token(value="secret", source="X"))


def test_no_two_audiences_are_alike() -> None:
    assert len({fresh_audience() for _ in range(100)}) == 100
