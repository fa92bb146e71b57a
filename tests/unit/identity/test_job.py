"""A real issuer on loopback: only the right token, by the right key, for this run and now, is verified."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from msgspec.structs import replace

from pushpolicy.http.call import Call
from pushpolicy.http.settings import Settings
from pushpolicy.http.transport import Transport
from pushpolicy.identity.issuers import Issuer
from pushpolicy.identity.job import prove
from pushpolicy.identity.token import MAX_TOKEN, TokenError
from pushpolicy.identity.verify import Verified
from tests.certificates import Certificates, make_certificates
from tests.fake_registry import Answered
from tests.issuer import KID, LocalIssuer, jwk, local_issuer, rsa_key, said, token

HOUR, DAY, YEAR = 3600, 86400, 365 * 86400
HEADER = {"alg": "RS256", "typ": "JWT", "kid": KID}


class World(NamedTuple):
    issuer: LocalIssuer
    settings: Settings

    def prove(self, value: str | None = None, trusted: Issuer | None = None) -> Verified:
        """What the token of a variable proves; without one the job asks for its own."""
        environ = self.issuer.environ() if value is None else {"PUSHPOLICY_ID_TOKEN": value}
        return prove(environ, [trusted or self.issuer.trusted()], self.settings)[1]

    def claims(self, **changes: Any) -> dict[str, Any]:
        """Those of a good token, some of them changed."""
        now = int(time.time())
        usual = {"iss": self.issuer.url, "sub": "s", "aud": "pushpolicy", "iat": now, "exp": now + HOUR}
        return {name: value for name, value in (usual | changes).items() if value is not None}


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("issuer"))


@pytest.fixture
def settings(certificates: Certificates) -> Settings:
    return Settings(
        ca_file=certificates.authority, attempts=2, first_pause=0.01, read_timeout=2, total_timeout=3
    )


@pytest.fixture
def world(certificates: Certificates, settings: Settings) -> Iterator[World]:
    with local_issuer(certificates) as issuer:
        yield World(issuer, settings)


def test_the_jobs_own_token_is_verified_with_one_request_for_it_and_one_for_the_keys(world: World) -> None:
    found = world.prove()
    assert found.issuer.issuer == world.issuer.url
    assert found.audience.startswith("pushpolicy/")
    assert found.claims["aud"] == found.audience
    assert found.key == jwk(rsa_key())
    assert world.issuer.asked == ["/request", "/.well-known/openid-configuration", "/keys"]


def test_a_token_of_a_variable_is_verified_for_the_audience_of_its_pipeline(world: World) -> None:
    assert world.prove(world.issuer.token()).audience == "pushpolicy"
    assert world.prove(world.issuer.token("push"), world.issuer.trusted(audience="push")).audience == "push"


def test_a_file_of_keys_needs_no_issuer(world: World) -> None:
    trusted = world.issuer.trusted(jwks={"keys": [jwk(rsa_key())]})
    world.prove(world.issuer.token(), trusted)
    assert not world.issuer.asked


@pytest.mark.parametrize(
    ("algorithm", "key"),
    [
        ("ES256", ec.generate_private_key(ec.SECP256R1())),
        ("EdDSA", ed25519.Ed25519PrivateKey.generate()),
    ],
)
def test_other_algorithms_by_name(world: World, algorithm: str, key: Any) -> None:
    world.issuer.keys.append(jwk(key, "other"))
    value = token(world.claims(), key, HEADER | {"alg": algorithm, "kid": "other"})
    assert world.prove(value, world.issuer.trusted(algorithms=(algorithm,))).algorithm == algorithm
    with pytest.raises(TokenError, match=f"signed by {algorithm}"):
        world.prove(value)


def test_a_new_key_counts_as_soon_as_it_is_published_and_an_old_one_no_more(world: World) -> None:
    value = token(world.claims(), rsa_key("new"), HEADER | {"kid": "new"})
    with pytest.raises(TokenError, match="the key new is not there"):
        world.prove(value)
    world.issuer.keys[:] = [jwk(rsa_key("new"), "new")]
    world.prove(value)
    with pytest.raises(TokenError, match=f"the key {KID} is not there"):
        world.prove(token(world.claims()))


Times = Callable[[int], Mapping[str, Any]]
WRONG_TIMES: list[tuple[str, Times, str]] = [
    ("expired", lambda now: {"iat": now - HOUR, "exp": now - 90}, "expired 9"),
    ("not yet valid", lambda now: {"nbf": now + 300}, "counts from [0-9]+ s after now"),
    ("issued in the future", lambda now: {"iat": now + 300, "exp": now + 600}, "after now"),
    ("ten years", lambda now: {"exp": now + 10 * YEAR}, "at most 3600 s"),
    ("ten years, nearly over", lambda now: {"iat": now - 10 * YEAR, "exp": now + 60}, "at most 3600 s"),
    ("no exp", lambda now: {"exp": None}, "no time as exp"),
    ("no iat", lambda now: {"iat": None}, "no time as iat"),
    ("exp is text", lambda now: {"exp": str(now + 60)}, "no time as exp"),
    ("exp is a truth", lambda now: {"exp": True}, "no time as exp"),
    ("exp is a fraction", lambda now: {"exp": now + 0.5}, "no time as exp"),
    ("exp before iat", lambda now: {"exp": now - 1}, "lives -1 s"),
    ("exp far beyond", lambda now: {"exp": 2**60}, "no time as exp"),
]


@pytest.mark.parametrize(
    ("times", "why"), [row[1:] for row in WRONG_TIMES], ids=[row[0] for row in WRONG_TIMES]
)
def test_times(world: World, times: Times, why: str) -> None:
    with pytest.raises(TokenError, match=why):
        world.prove(token(world.claims(**times(int(time.time())))))


def test_a_token_that_was_asked_for_may_live_six_hours_and_no_longer(world: World) -> None:
    now = int(time.time())
    world.issuer.claims["exp"] = now + 6 * HOUR
    world.issuer.claims["iat"] = now
    world.prove()
    world.issuer.claims["exp"] = now + 6 * HOUR + 1
    with pytest.raises(TokenError, match="at most 21600 s"):
        world.prove()


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"aud": "sts.example"}, "for sts.example"),
        ({"aud": ["pushpolicy", "sts.example"]}, "alone"),
        ({"aud": []}, "alone"),
        ({"aud": None}, "for None"),
        ({"aud": {"pushpolicy": 1}}, "alone"),
        ({"sub": None}, "names nobody"),
        ({"sub": ""}, "names nobody"),
        ({"iss": "https://token.actions.githubusercontent.com"}, "is not trusted"),
        ({"iss": None}, "issuer None is not trusted"),
        ({"iss": ["x"]}, "is not trusted"),
    ],
)
def test_claims(world: World, changes: dict[str, Any], why: str) -> None:
    with pytest.raises(TokenError, match=why):
        world.prove(token(world.claims(**changes)))


def test_one_audience_in_a_list_is_one(world: World) -> None:
    assert world.prove(token(world.claims(aud=["pushpolicy"]))).claims["aud"] == "pushpolicy"


def test_an_issuer_with_a_slash_more_is_another(world: World) -> None:
    with pytest.raises(TokenError, match="is not trusted"):
        world.prove(token(world.claims(iss=f"{world.issuer.url}/")))


def test_an_answer_with_another_audience_is_of_another_request(world: World) -> None:
    """A token that an earlier request brought has no nonce of this run."""
    world.issuer.answers["/request"] = lambda: said({"value": world.issuer.token("pushpolicy/old")})
    with pytest.raises(TokenError, match="for pushpolicy/old, not for pushpolicy/"):
        world.prove()


def public_pem() -> bytes:
    key = rsa_key().public_key()
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


SIGNED: list[tuple[str, Callable[[Any], str], str]] = [
    ("alg none", lambda c: token(c, header=HEADER | {"alg": "none"}, unsigned=True), "no signed token"),
    ("alg none with a signature", lambda c: token(c, header=HEADER | {"alg": "none"}), "signed by none"),
    ("alg None", lambda c: token(c, header=HEADER | {"alg": "NONE"}), "signed by NONE"),
    ("no alg", lambda c: token(c, header={"kid": KID}), "signed by None"),
    ("HS256 with the public key", lambda c: token(c, public_pem(), HEADER | {"alg": "HS256"}), "by HS256"),
    ("RS256 in the header, an HMAC", lambda c: token(c, public_pem()), "does not verify"),
    ("another's key", lambda c: token(c, rsa_key("other")), "does not verify"),
    ("no kid", lambda c: token(c, header={"alg": "RS256"}), "which key"),
    ("kid is a number", lambda c: token(c, header=HEADER | {"kid": 1}), "which key"),
    ("unknown kid", lambda c: token(c, header=HEADER | {"kid": "../keys"}), "is not there"),
    ("own key", lambda c: token(c, rsa_key("other"), HEADER | {"jwk": jwk(rsa_key("other"))}), "has jwk"),
    ("own address", lambda c: token(c, header=HEADER | {"jku": "https://127.0.0.1:1/"}), "has jku"),
    ("crit", lambda c: token(c, header=HEADER | {"crit": ["exp"]}), "has crit"),
    ("alg twice", lambda c: token(c, header=b'{"alg": "RS256", "alg": "none", "kid": "x"}'), "twice"),
    ("ALG beside alg", lambda c: token(c, header=HEADER | {"ALG": "none"}), "ignore case"),
    ("not base64", lambda c: token(c).replace(".", ".!", 1), "no signed token"),
    ("padded", lambda c: f"{token(c)}==", "no signed token"),
    ("four parts", lambda c: f"{token(c)}.x", "no signed token"),
    ("one part", lambda c: "x", "no signed token"),
    ("payload is a list", lambda c: token(json.dumps([c]).encode()), "is no object"),
    ("payload is not UTF-8", lambda c: token(b'{"iss": "\xff"}'), "UTF-8"),
    ("a claim twice", lambda c: token(json.dumps(c).encode()[:-1] + b', "sub": "other"}'), "twice"),
    ("EXP beside exp", lambda c: token({**c, "EXP": 2**33}), "ignore case"),
    ("NaN", lambda c: token(json.dumps({**c, "x": float("nan")}).encode()), "NaN"),
    ("huge", lambda c: token({**c, "x": "x" * MAX_TOKEN}), "over the limit"),
    (
        "deep",
        lambda c: token(json.dumps(c).encode()[:-1] + b', "x": ' + b"[" * 99 + b"]" * 99 + b"}"),
        "deep",
    ),
]


@pytest.mark.parametrize(("make", "why"), [row[1:] for row in SIGNED], ids=[row[0] for row in SIGNED])
def test_signatures_and_forms(world: World, make: Callable[[Any], str], why: str) -> None:
    with pytest.raises(TokenError, match=why):
        world.prove(make(world.claims()))
    assert "/request" not in world.issuer.asked


def test_a_token_without_its_last_bit_is_another_spelling_of_it(world: World) -> None:
    head, payload, signature = token(world.claims()).split(".")
    last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    twin = next(
        each
        for each in last
        if each != signature[-1] and last.index(each) // 16 == last.index(signature[-1]) // 16
    )
    with pytest.raises(TokenError, match=r"does not verify|mean nothing"):
        world.prove(f"{head}.{payload}.{signature[:-1]}{twin}")


KEYS: list[tuple[str, Callable[[], Any], str]] = [
    ("exponent 3", lambda: [jwk(rsa_key()) | {"e": "Aw"}], "is weak"),
    ("no modulus", lambda: [{"kty": "RSA", "kid": KID, "e": "AQAB"}], "is weak"),
    ("two of one name", lambda: [jwk(rsa_key()), jwk(rsa_key("other"))], "is there 2 times"),
    ("of another kind", lambda: [jwk(ec.generate_private_key(ec.SECP256R1()))], "is none for RS256"),
    ("symmetric", lambda: [{"kty": "oct", "kid": KID, "k": "c2VjcmV0"}], "is none for RS256"),
    ("for another algorithm", lambda: [jwk(rsa_key(), alg="PS256")], "is none for RS256"),
    ("for encryption", lambda: [jwk(rsa_key(), use="enc")], "not for signatures"),
    ("for signing only", lambda: [jwk(rsa_key(), key_ops=["sign"])], "not for signatures"),
    ("with the private part", lambda: [jwk(rsa_key(), d="AQAB")], "private part"),
    ("none", list, "is not there"),
    ("no object", lambda: ["x"], "no set of keys"),
    ("no list", lambda: {"kid": KID}, "no set of keys"),
]


@pytest.mark.parametrize(("keys", "why"), [row[1:] for row in KEYS], ids=[row[0] for row in KEYS])
def test_keys(world: World, keys: Callable[[], Any], why: str) -> None:
    world.issuer.keys = keys()
    with pytest.raises(TokenError, match=why):
        world.prove(token(world.claims()))


def test_a_short_key_is_refused_though_its_signature_is_right(world: World) -> None:
    world.issuer.keys = [jwk(rsa_key("short", 1024))]
    with pytest.raises(TokenError, match="is weak"):
        world.prove(token(world.claims(), rsa_key("short", 1024)))


def endless() -> Answered:
    return Answered(body=b'{"keys": [' + b'{"kid": "x"},' * 400_000)


def slow() -> Answered:
    time.sleep(4)
    return said({"keys": []})


ANSWERS: list[tuple[str, str, Callable[[], Answered], str]] = [
    ("endless keys", "/keys", endless, "over the limit"),
    ("slow keys", "/keys", slow, "fetching the keys"),
    ("keys that are gone", "/keys", lambda: Answered(status=404), "404"),
    ("an issuer that is down", "/keys", lambda: Answered(status=503), "503"),
    (
        "keys by redirect",
        "/keys",
        lambda: Answered(status=302, headers={"Location": "https://127.0.0.1:1/keys"}),
        "which is not followed",
    ),
    ("keys with a key twice", "/keys", lambda: Answered(body=b'{"keys": [], "keys": []}'), "strict JSON"),
    ("keys in HTML", "/keys", lambda: Answered(body=b"<html>"), "strict JSON"),
    (
        "discovery by redirect",
        "/.well-known/openid-configuration",
        lambda: Answered(status=301, headers={"Location": "https://127.0.0.1:1/"}),
        "which is not followed",
    ),
    (
        "discovery of another issuer",
        "/.well-known/openid-configuration",
        lambda: said({"issuer": "https://other.example", "jwks_uri": "https://127.0.0.1:1/keys"}),
        "is of the issuer https://other.example",
    ),
]


@pytest.mark.parametrize(
    ("path", "answer", "why"), [row[1:] for row in ANSWERS], ids=[row[0] for row in ANSWERS]
)
def test_answers_of_the_issuer(world: World, path: str, answer: Callable[[], Answered], why: str) -> None:
    value = world.issuer.token()
    world.issuer.answers[path] = answer
    began = time.monotonic()
    with pytest.raises(TokenError, match=why):
        world.prove(value)
    assert time.monotonic() - began < 8


@pytest.mark.parametrize(
    "uri", ["https://keys.example/keys", "http://127.0.0.1/keys", "file:///keys", 7, None]
)
def test_keys_are_on_the_issuers_own_host(world: World, uri: Any) -> None:
    url = world.issuer.url
    world.issuer.answers["/.well-known/openid-configuration"] = lambda: said({"issuer": url, "jwks_uri": uri})
    with pytest.raises(TokenError, match="is not on the issuer's host"):
        world.prove(world.issuer.token())


def test_an_issuer_that_is_not_there(settings: Settings) -> None:
    gone = Issuer(issuer="https://127.0.0.1:1")
    now = int(time.time())
    claims = {"iss": gone.issuer, "sub": "s", "aud": "pushpolicy", "iat": now, "exp": now + 60}
    with pytest.raises(TokenError, match=r"127\.0\.0\.1:1") as error:
        prove({"PUSHPOLICY_ID_TOKEN": token(claims)}, [gone], settings)
    assert error.value.hint


def test_an_issuer_that_nobody_vouches_for(world: World) -> None:
    with pytest.raises(TokenError, match="certificate"):
        prove(
            {"PUSHPOLICY_ID_TOKEN": world.issuer.token()},
            [world.issuer.trusted()],
            replace(world.settings, ca_file=None),
        )


def test_authorities_of_a_variable_vouch_for_no_issuer(
    world: World, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An earlier step could name its own, and be the issuer."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.authority))
    nobody = replace(world.settings, ca_file=None)
    with pytest.raises(TokenError, match="certificate"):
        World(world.issuer, nobody).prove()
    # The same, where a variable may say it, is how a registry is reached.
    assert Transport(nobody).exchange(Call(action="x", method="GET", url=f"{world.issuer.url}/keys")).content


def test_no_error_shows_the_token(world: World) -> None:
    value = token(world.claims(aud="other"))
    with pytest.raises(TokenError) as error:
        world.prove(value)
    assert not any(part in f"{error.value.message} {error.value.hint}" for part in value.split("."))
