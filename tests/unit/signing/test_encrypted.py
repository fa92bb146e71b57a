"""Private keys in cosign's encrypted format, in both directions."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from base64 import b64decode, b64encode
from collections.abc import Callable
from typing import Any

import pytest

from pushpolicy.signing.encrypted import seal
from pushpolicy.signing.keys import SigningError, read_private, read_public
from tests.keys import key
from tests.programs import tool

PASSPHRASE = "pässword with blanks".encode()
SEALED = key().sealed_pem(PASSPHRASE)
LABEL = "ENCRYPTED SIGSTORE PRIVATE KEY"


def pem(body: bytes, label: str = LABEL) -> bytes:
    return b"-----BEGIN %b-----\n%b\n-----END %b-----\n" % (label.encode(), b64encode(body), label.encode())


def body() -> Any:
    return json.loads(b64decode("".join(SEALED.decode().splitlines()[1:-1])))


def changed(change: Callable[[Any], object]) -> bytes:
    value = body()
    change(value)
    return pem(json.dumps(value).encode())


def costing(n: int) -> bytes:
    return changed(lambda v: v["kdf"]["params"].update(N=n))


def test_it_comes_back_under_both_labels() -> None:
    assert read_private(SEALED, PASSPHRASE).public.pem == key().public.pem
    old = SEALED.replace(b"SIGSTORE", b"COSIGN")
    assert read_private(old.decode(), PASSPHRASE).public.pem == key().public.pem
    again = key().sealed_pem(PASSPHRASE)
    assert len({SEALED, again}) == 2, "salt and nonce are drawn"


def test_an_empty_passphrase_is_one() -> None:
    assert read_private(key().sealed_pem(b""), b"").public.pem == key().public.pem


@pytest.mark.parametrize(
    ("given", "why", "hint"),
    [
        (None, "encrypted, and there is no passphrase", "set PUSHPOLICY_KEY_PASSPHRASE"),
        (b"other", "is not opened by this passphrase", "of this key in PUSHPOLICY_KEY_PASSPHRASE"),
        (b"", "is not opened by this passphrase", "which is empty"),
        (PASSPHRASE + b"\n", "is not opened by this passphrase", "ends with a line break"),
    ],
)
def test_a_wrong_passphrase_is_said_to_be_one(given: bytes | None, why: str, hint: str) -> None:
    with pytest.raises(SigningError, match=why) as refused:
        read_private(SEALED, given)
    assert hint in str(refused.value.hint)
    assert PASSPHRASE.decode() not in f"{refused.value}{refused.value.hint}"


COSTS = "parameters of scrypt that cosign never"
FORM = "not in cosign's format"
DUPLICATE = json.dumps(body())[:-1] + ', "cipher": {}}'
WRONG = [
    *((costing(n), COSTS) for n in (0, -1, 2**14, 2**18, 10**999)),
    (changed(lambda v: v["kdf"]["params"].update(r=16)), COSTS),
    (changed(lambda v: v["kdf"]["params"].update(p=2**20)), COSTS),
    (changed(lambda v: v["kdf"]["params"].update(N=65536.0)), FORM),
    (changed(lambda v: v["kdf"]["params"].update(p=True)), FORM),
    (changed(lambda v: v["kdf"]["params"].update(n=65536)), FORM),
    (changed(lambda v: v["kdf"]["params"].pop("p")), FORM),
    (changed(lambda v: v["kdf"].update(name="argon2id")), FORM),
    (changed(lambda v: v["kdf"].update(salt="")), FORM),
    (changed(lambda v: v["kdf"].update(salt="*" * 44)), FORM),
    (changed(lambda v: v["cipher"].update(name="nacl/box")), FORM),
    (changed(lambda v: v["cipher"].update(nonce=v["cipher"]["nonce"][:-4])), FORM),
    (changed(lambda v: v.update(ciphertext=None)), FORM),
    (changed(lambda v: v.update(Ciphertext="")), FORM),
    (changed(lambda v: v.update(ciphertext="")), "or is damaged"),
    (changed(lambda v: v.update(ciphertext="AAAA" + v["ciphertext"][4:])), "or is damaged"),
    (pem(DUPLICATE.encode()), FORM),
    (pem(b"[" * 5000), FORM),
    (pem(b"\xff\xfe"), FORM),
    (pem(b"null"), FORM),
    (SEALED.replace(b"-\ney", b"-\n=ey"), FORM),
    (seal(LABEL, b"no key", PASSPHRASE), "is damaged: it is no key"),
    (SEALED + SEALED, "holds 2 keys"),
    (SEALED + key().private_pem(), "holds 2 keys"),
]


@pytest.mark.parametrize(("content", "why"), WRONG, ids=range(len(WRONG)))
def test_what_is_of_another_form_is_refused(content: bytes, why: str) -> None:
    with pytest.raises(SigningError, match=why) as refused:
        read_private(content, PASSPHRASE)
    assert refused.value.hint
    assert len(str(refused.value)) < 250


def test_it_is_no_public_key() -> None:
    with pytest.raises(SigningError, match="is a private key, where a public one belongs"):
        read_public(SEALED)


def test_without_pynacl_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nacl.secret", None)
    with pytest.raises(SigningError, match="needs the Python module PyNaCl") as refused:
        read_private(SEALED, PASSPHRASE)
    assert refused.value.hint == "pip install 'pushpolicy[cosign]'"


def sealedkey(command: str, given: bytes = b"", passphrase: bytes = PASSPHRASE) -> bytes:
    """What go-securesystemslib, which cosign writes and reads its keys with, makes of it."""
    argv, environ = [str(tool("sealedkey")), command], {"COSIGN_PASSWORD": os.fsdecode(passphrase)}
    return subprocess.run(
        argv, input=given, env=environ, stdout=subprocess.PIPE, check=True, timeout=60
    ).stdout


@pytest.mark.parametrize("passphrase", [PASSPHRASE, b""])
def test_a_key_of_cosigns_library_is_read(passphrase: bytes) -> None:
    begin = b"-----BEGIN PUBLIC KEY-----"
    private, _, public = sealedkey("seal", passphrase=passphrase).partition(begin)
    assert read_private(private, passphrase).public.pem.encode() == begin + public


def test_cosigns_library_reads_ours() -> None:
    assert sealedkey("open", SEALED) == key().public.pem.encode()
