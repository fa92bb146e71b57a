"""What a chain is read as: bounded by its bytes, refused where they say nothing, and never a crash."""

from __future__ import annotations

import random
import re
import ssl
from pathlib import Path

import certifi
import pytest

from pushpolicy.http.chains import ChainError, check
from tests.authorities import AUTHORITY, Issued, issue

HOST = "registry.example"
ROOT = issue("root", authority=AUTHORITY, key_usage="key_cert_sign")
SERVER = issue("server", ROOT, dns=[HOST])
BLOCK = re.compile("-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n", re.DOTALL)


def counts(*chain: bytes) -> bool:
    try:
        check(chain, HOST)
    except ChainError:
        return False
    return True


def test_a_chain_in_order() -> None:
    assert counts(SERVER.der, ROOT.der)
    assert counts(SERVER.der)


def test_no_chain_is_no_proof() -> None:
    assert not counts()


@pytest.mark.parametrize("changed", [SERVER, ROOT], ids=["the server's", "the authority's"])
def test_any_other_bytes_are_a_refusal_or_another_certificate(changed: Issued) -> None:
    der = changed.der
    rest = [each.der for each in (SERVER, ROOT) if each is not changed]
    assert not any(counts(der[:size], *rest) for size in range(len(der)))
    chance = random.Random(11)
    for _ in range(3000):
        other = bytearray(der)
        for _ in range(chance.randint(1, 3)):
            other[chance.randrange(len(der))] = chance.randrange(256)
        counts(bytes(other), *rest)
        counts(*rest, bytes(other))


def test_a_length_is_in_its_shortest_form() -> None:
    assert SERVER.der[:2] == b"\x30\x82"
    assert not counts(b"\x30\x83\0" + SERVER.der[2:], ROOT.der)


def test_every_public_authority_can_be_the_trusted_one() -> None:
    """Whatever is odd about the old ones among them: what the system trusts goes on to count."""
    system = ssl.get_default_verify_paths().cafile
    for file in filter(None, (certifi.where(), system)):
        found = [ssl.PEM_cert_to_DER_cert(block) for block in BLOCK.findall(Path(file).read_text())]
        assert [der for der in found if not counts(SERVER.der, der)] == []
    assert len(found) > 50
