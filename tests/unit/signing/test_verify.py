from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import msgspec
import pytest

from pushpolicy.model.reference import Repository
from pushpolicy.signing.dsse import read_envelope, sign
from pushpolicy.signing.keys import SigningError
from pushpolicy.signing.trust import Key
from pushpolicy.signing.verify import DECISION_STATEMENT, POLICY_STATEMENT, deciders, signer_name, verify
from tests.keys import entry, key

NOW = datetime(2026, 12, 1, tzinfo=UTC)
HERE = Repository.parse("registry.example/platform/policy")
PAYLOAD = b'{"name":"platform"}'


def trusted(name: str = "ci", role: str = "policy", **more: object) -> Key:
    return msgspec.convert(entry(name, role, **more), Key)


def check(keys: dict[str, Key], kind: str = POLICY_STATEMENT) -> str:
    return verify(read_envelope(sign(kind, PAYLOAD, key())), keys, HERE, NOW, "policy").key


@pytest.mark.parametrize(
    ("key_", "why"),
    [
        (trusted("other"), r"signed by no listed key \(it\)"),
        (trusted(role="decide"), "whose role is decide, not policy"),
        (trusted(role="waiver"), "whose role is waiver"),
        (trusted(not_before="2026-12-01T00:00:01Z"), "counts from 2026-12-01T00:00:01Z on"),
        (trusted(not_after="2026-12-01T00:00:00Z"), "counted until 2026-12-01T00:00:00Z"),
        (trusted(not_after="2026-12-01T00:30:00+01:00"), "counted until"),
        (trusted(repositories=["registry.example/other/*"]), "not for registry.example/platform/policy"),
        (trusted(repositories=["registry.example/*"]), "counts for"),
        (trusted(repositories=["registry.example.evil/platform/policy"]), "counts for"),
    ],
)
def test_each_reason_is_its_own(key_: Key, why: str) -> None:
    with pytest.raises(SigningError, match=why):
        check({"it": key_})


@pytest.mark.parametrize(
    "key_",
    [
        trusted(),
        trusted(not_before="2026-12-01T00:00:00Z", not_after="2026-12-01T00:00:01Z"),
        trusted(repositories=["other.example/x", "registry.example/platform/*"]),
        trusted(repositories=["registry.example/**"]),
    ],
)
def test_what_a_listed_key_signed_counts(key_: Key) -> None:
    assert check({"it": key_}) == "it"


def test_no_key_is_trusted_where_none_is_listed() -> None:
    with pytest.raises(SigningError, match="none is listed"):
        check({})


def test_a_signature_counts_for_its_type_alone() -> None:
    with pytest.raises(SigningError, match=r"signed as application/vnd\.in-toto\+json, not as"):
        check({"it": trusted()}, "application/vnd.in-toto+json")


def test_a_key_that_is_listed_twice_counts_by_each_entry() -> None:
    """As in a rotation, where the window of the old entry is over."""
    keys = {"a": trusted(not_after="2026-01-01T00:00:00Z"), "b": trusted("other"), "c": trusted()}
    assert check(keys) == "c"


OF_DECISIONS = [
    trusted(role="decide"),
    trusted(role="decide", not_before="2026-12-01T00:00:00Z", not_after="2026-12-01T00:00:01Z"),
    trusted(role="decide", repositories=["registry.example/**"]),
    trusted("other", role="decide"),
    trusted(role="policy"),
    trusted(role="decide", not_before="2026-12-01T00:00:01Z"),
    trusted(role="decide", not_after="2026-12-01T00:00:00Z"),
    trusted(role="decide", repositories=["registry.example/other/*"]),
]


@pytest.mark.parametrize("key_", OF_DECISIONS)
def test_a_key_may_sign_where_its_signature_would_count(key_: Key) -> None:
    """Whoever signs asks what whoever verifies will ask."""
    envelope = read_envelope(sign(DECISION_STATEMENT, b"{}", key()))

    def accepted(ask: Callable[[], object]) -> bool:
        try:
            return ask() is not None
        except SigningError:
            return False

    keys = {"it": key_}
    counts = accepted(lambda: verify(envelope, keys, HERE, NOW, "decide"))
    assert accepted(lambda: signer_name(key().public, keys, HERE, NOW)) is counts
    assert counts is (key_ in OF_DECISIONS[:3])
    if key_ != OF_DECISIONS[3]:  # which would count, and is another one
        assert deciders(keys, HERE, NOW) == ["it"] * counts


def test_a_trust_file_without_keys_for_decisions_lets_every_key_sign() -> None:
    assert signer_name(key().public, {}, HERE, NOW) is None
    assert signer_name(key().public, {"it": trusted("other", role="policy")}, HERE, NOW) is None
    with pytest.raises(SigningError, match=rf"\({key().public.fingerprint[:16]}\) is none .*: it$"):
        signer_name(key().public, {"it": trusted("other", role="decide")}, HERE, NOW)
