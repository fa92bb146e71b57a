"""Google's metadata server: a fixed host that says what it is, asked shortly, and believed in nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import pytest
from msgspec.structs import replace

from pushpolicy.http.settings import Settings
from pushpolicy.http.transport import Transport
from pushpolicy.identity.issuers import Issuer
from pushpolicy.identity.job import prove
from pushpolicy.identity.metadata import SETTINGS, metadata_token
from pushpolicy.identity.obtain import job_token
from pushpolicy.identity.token import MAX_TOKEN, METADATA, TokenError
from pushpolicy.identity.verify import Verified
from tests.certificates import Certificates, make_certificates
from tests.fake_registry import Answered, Asked, fake_registry
from tests.issuer import FLAVOR, METADATA_PATH, LocalIssuer, local_issuer, metadata_server

QUICK = replace(SETTINGS, connect_timeout=0.5, read_timeout=0.5, total_timeout=1, first_pause=0.01)


def answering(answered: Answered, settings: Settings = QUICK) -> tuple[str, list[Asked]]:
    """What is made of this answer, and what was asked."""
    with fake_registry(lambda _: answered) as server:
        return metadata_token(f"http://{server.host}", "pushpolicy/1 &x", settings), server.asked


def test_it_is_asked_as_documented() -> None:
    value, (asked,) = answering(Answered(headers=FLAVOR, body=b"a.b.c\n"))
    assert (value, asked.method) == ("a.b.c", "GET")
    assert asked.headers["Metadata-Flavor"] == "Google"
    assert urlsplit(asked.path).path == METADATA_PATH
    assert parse_qs(urlsplit(asked.path).query) == {"audience": ["pushpolicy/1 &x"], "format": ["full"]}


@pytest.mark.parametrize(
    ("answered", "why"),
    [
        (Answered(body=b"a.b.c"), "another server"),
        (Answered(headers={"Metadata-Flavor": "google"}, body=b"a.b.c"), "another server"),
        (Answered(status=404), "another server"),
        (Answered(status=403, headers=FLAVOR), "403 Forbidden"),
        (Answered(status=404, headers=FLAVOR), "404 Not Found"),
        (Answered(status=503, headers=FLAVOR), "503"),
        (Answered(status=302, headers={"Location": "http://127.0.0.1:1/", **FLAVOR}), "302 Found"),
        (Answered(headers=FLAVOR, body=b"x" * (MAX_TOKEN + 1)), "over the limit"),
        (Answered(headers=FLAVOR, body=b"<!doctype html><p>Log in</p>"), "holds no token"),
        (Answered(headers=FLAVOR), "holds no token"),
        (Answered(headers=FLAVOR, body=b"a.b.\xff"), "holds no token"),
        (Answered(headers=FLAVOR, body=b"a.b.c", length=999), "metadata server"),
    ],
)
def test_any_other_answer_is_no_token_and_has_a_remedy(answered: Answered, why: str) -> None:
    with pytest.raises(TokenError, match=why) as error:
        answering(answered)
    assert "\n" not in error.value.message


def test_a_refusal_says_which_role_the_account_needs() -> None:
    with pytest.raises(TokenError) as error:
        answering(Answered(status=403, headers=FLAVOR))
    assert "roles/iam.serviceAccountOpenIdTokenCreator" in (error.value.hint or "")


def test_one_that_is_slow_or_not_there_is_not_waited_for() -> None:
    def slow(_: Asked) -> Answered:
        time.sleep(2)
        return Answered(headers=FLAVOR, body=b"a.b.c")

    began = time.monotonic()
    with fake_registry(slow) as server, pytest.raises(TokenError, match="does not answer in time"):
        metadata_token(f"http://{server.host}", "x", QUICK)
    with pytest.raises(TokenError, match="refuses connections"):
        metadata_token("http://127.0.0.1:1", "x", QUICK)
    assert time.monotonic() - began < 6
    assert SETTINGS.total_timeout <= 10


def test_no_variable_says_where_it_is_and_no_proxy_leads_there(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GCE_METADATA_HOST", "GCE_METADATA_IP", "http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "127.0.0.1:1")
    assert METADATA == "http://metadata.google.internal"
    assert SETTINGS.proxies.for_url(METADATA) is None
    assert answering(Answered(headers=FLAVOR, body=b"a.b.c"))[0] == "a.b.c"


class World(NamedTuple):
    issuer: LocalIssuer
    settings: Settings
    address: str

    def prove(self, environ: dict[str, str] | None = None, **more: Any) -> Verified:
        trusted = self.issuer.trusted(**{"system": "cloud-build"} | more)
        return prove(environ or {}, [trusted], self.settings, metadata=self.address)[1]


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("issuer"))


@pytest.fixture
def world(certificates: Certificates) -> Iterator[World]:
    settings = Settings(ca_file=certificates.authority, attempts=1, total_timeout=5)
    with local_issuer(certificates) as issuer, metadata_server(issuer) as address:
        yield World(issuer, settings, address)


def test_a_token_has_the_nonce_of_this_run_whatever_audience_the_policy_names(world: World) -> None:
    found = [world.prove(audience=named).audience for named in (None, None, "push")]
    assert all(audience.startswith("pushpolicy/") for audience in found)
    assert len(set(found)) == 3


def test_a_token_of_another_trusted_issuer_is_not_the_accounts(world: World) -> None:
    elsewhere = world.issuer.trusted(system=None)
    google = Issuer(issuer="https://accounts.google.com").completed()
    with pytest.raises(TokenError, match="is not trusted"):
        prove({}, [elsewhere, google], world.settings, metadata=world.address)


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"aud": "pushpolicy/of-another-run"}, "is for pushpolicy/of-another-run, not for pushpolicy/"),
        ({"iss": "https://other.example"}, "is not trusted"),
        ({"exp": int(time.time()) + 10**6}, "are believed"),
    ],
)
def test_a_token_of_another_run_or_issuer_proves_nothing(
    world: World, claims: dict[str, Any], why: str
) -> None:
    world.issuer.claims.update(claims)
    with pytest.raises(TokenError, match=why):
        world.prove()


def no_account() -> Answered:
    return Answered(status=404, headers=FLAVOR)


@pytest.mark.parametrize("answer", [no_account, lambda: Answered(body=b"x")])
def test_without_its_token_no_variable_is_taken(world: World, answer: Callable[[], Answered]) -> None:
    world.issuer.answers[METADATA_PATH] = answer
    lying = {"PUSHPOLICY_ID_TOKEN": world.issuer.token(), **world.issuer.environ()}
    with pytest.raises(TokenError, match="metadata server"):
        world.prove(lying)
    assert world.issuer.asked == [METADATA_PATH]


def test_nobody_asks_it_elsewhere(world: World) -> None:
    token = job_token({"PUSHPOLICY_ID_TOKEN": "x"}, Transport(world.settings), "x")
    assert (token.source, world.issuer.asked) == ("PUSHPOLICY_ID_TOKEN", [])
