"""SSH signatures: those of ssh-keygen verify, and of every other form none is read."""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pushpolicy.signing.keys import SigningError
from pushpolicy.signing.sshsig import read_key, read_signature
from tests import ssh
from tests.programs import installed

CONTENT = b'{"a":1}'
KINDS = {
    "ed25519": ["-t", "ed25519"],
    "ecdsa": ["-t", "ecdsa", "-b", "256"],
    "rsa": ["-t", "rsa", "-b", "2048"],
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_ssh_keygen_writes_is_read_and_verified(kind: str, tmp_path: Path) -> None:
    program, file = installed("ssh-keygen", "openssh-client"), tmp_path / "key"
    subprocess.run([program, "-q", "-N", "", "-C", "a person", "-f", file, *KINDS[kind]], check=True)
    command: list[str | Path] = [program, "-q", "-Y", "sign", "-n", ssh.NAMESPACE, "-f", file]
    armor = subprocess.run(command, input=CONTENT, capture_output=True, check=True).stdout.decode()
    signature, key = read_signature(armor), read_key((tmp_path / "key.pub").read_text())
    assert signature.key == key
    assert signature.namespace == ssh.NAMESPACE
    assert signature.verifies(CONTENT)
    assert not signature.verifies(CONTENT + b"\n")
    listed = subprocess.run([program, "-l", "-f", f"{file}.pub"], capture_output=True, check=True, text=True)
    assert key.fingerprint == listed.stdout.split()[1]


@pytest.mark.parametrize("kind", KINDS)
def test_ssh_keygen_verifies_what_these_tests_make(kind: str, tmp_path: Path) -> None:
    """So that a forgery is refused for what is wrong with it, and for nothing else."""
    private = ssh.key("anybody", kind)
    (tmp_path / "allowed").write_text(f"anybody {ssh.line(private)}\n")
    for name in ("sha256", "sha512"):
        (tmp_path / "sig").write_text(armor := ssh.signed(private, CONTENT, hash=name))
        command: list[str | Path] = [
            installed("ssh-keygen", "openssh-client"), "-Y", "verify", "-n", ssh.NAMESPACE, "-I", "anybody",
            "-f", tmp_path / "allowed", "-s", tmp_path / "sig",
        ]  # fmt: skip
        subprocess.run(command, input=CONTENT, capture_output=True, check=True)
        assert read_signature(armor).verifies(CONTENT)


ED, RSA, EC = (ssh.key("forger", kind) for kind in ("ed25519", "rsa", "ecdsa"))
CERTIFICATE = ssh.string("ssh-ed25519-cert-v01@openssh.com") + ssh.string(b"nonce") + ssh.string(bytes(32))
HARDWARE = ssh.string("sk-ssh-ed25519@openssh.com") + ssh.string(bytes(32)) + ssh.string("ssh:")
GOOD = ssh.signed(ED, CONTENT)


def changed(**changes: Any) -> str:
    return ssh.signed(ED, CONTENT, **changes)


UNREADABLE = {
    "empty": ("", "is not an SSH signature"),
    "another magic": (changed(magic=b"SSHSIH"), "does not begin with SSHSIG"),
    "another version": (changed(version=2), "is of version 2"),
    "what is reserved": (changed(reserved=b"x"), "what its format reserves"),
    "SHA-1 of the message": (changed(hash="sha1"), "of the kind sha1, not"),
    "MD5 of the message": (changed(hash="md5"), "of the kind md5, not"),
    "no hash": (changed(hash=""), "of the kind , not"),
    "bytes after it": (changed(after=b"\0"), "has 1 bytes more"),
    "bytes after the signature in it": (changed(within=b"\0"), "has 1 bytes more"),
    "cut": (ssh.armored(ssh.dearmored(GOOD)[:-1]), "is cut short"),
    "a length that is too large": (ssh.armored(b"SSHSIG\0\0\0\1\xff\xff\xff\xff"), "is cut short"),
    "two signatures": (GOOD + GOOD, "more than one signature"),
    "text before it": ("approved\n" + GOOD, "is not an SSH signature"),
    "text after it": (GOOD + "approved\n", "is not an SSH signature"),
    "spaces in it": (GOOD.replace("\n", " \n", 2), "is not an SSH signature"),
    "Windows' line ends": (GOOD.replace("\n", "\r\n"), "is not an SSH signature"),
    "padding in the middle": (GOOD.replace("U1NIU0lH", "U1NI=0lH"), "is not base64"),
    "a certificate": (changed(public=CERTIFICATE), "of a certificate"),
    "a hardware key": (changed(public=HARDWARE), "of a hardware key"),
    "DSA": (changed(public=ssh.string("ssh-dss")), "of a key of the kind ssh-dss"),
    "P-384": (changed(public=ssh.string("ecdsa-sha2-nistp384")), "of the kind ecdsa-sha2-nistp384"),
    "another curve": (
        changed(public=ssh.string("ecdsa-sha2-nistp256") + ssh.string("nistp384") + ssh.string(bytes(65))),
        "on another curve",
    ),
    "a short key": (changed(public=ssh.string("ssh-ed25519") + ssh.string(bytes(31))), "of another length"),
    "a key with more": (changed(public=ssh.blob(ED) + b"\0"), "has 1 bytes more"),
    "RSA with SHA-1": (ssh.signed(RSA, CONTENT, algorithm="ssh-rsa"), "was made with ssh-rsa"),
    "RSA with SHA-256": (ssh.signed(RSA, CONTENT, algorithm="rsa-sha2-256"), "was made with rsa-sha2-256"),
    "RSA of 1024 bits": (ssh.signed(ssh.key("s", "rsa", 1024), CONTENT), "an RSA key of 1024 bits"),
    "RSA with a longer number": (
        ssh.signed(RSA, CONTENT, public=ssh.string("ssh-rsa") + ssh.string(b"\0\1\0\1") + ssh.string(b"\1")),
        "longer than it has to be",
    ),
    "RSA with a negative number": (
        ssh.signed(RSA, CONTENT, public=ssh.string("ssh-rsa") + ssh.string(b"\xff") + ssh.string(b"\1")),
        "not positive",
    ),
    "the algorithm of another key": (changed(algorithm="rsa-sha2-512"), "was made with rsa-sha2-512"),
    "a name that is not ASCII": (changed(namespace="wäiver"), "not ASCII"),
    "far too much": (GOOD + "A" * 20_000, "larger than"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_has_another_form_is_no_signature(name: str) -> None:
    armor, reason = UNREADABLE[name]
    with pytest.raises(SigningError) as error:
        read_signature(armor)
    assert reason in error.value.message


@pytest.mark.parametrize("private", [ED, RSA, EC], ids=["ed25519", "rsa", "ecdsa"])
def test_no_bit_can_be_flipped(private: Any) -> None:
    content = ssh.dearmored(ssh.signed(private, CONTENT))
    for place in range(0, len(content) * 8, 3):
        other = bytearray(content)
        other[place // 8] ^= 1 << place % 8
        try:
            signature = read_signature(ssh.armored(bytes(other)))
            assert signature.key.blob != ssh.blob(private) or not signature.verifies(CONTENT)
        except SigningError:
            continue


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda raw: raw + b"\0", "has 1 bytes more"),
        (lambda raw: b"", "is cut short"),
        (lambda raw: ssh.mpint(0) + ssh.mpint(1), "not positive"),
        (lambda raw: ssh.string(b"\0" + raw[4 : 4 + int.from_bytes(raw[:4])]), "longer than|cut short"),
    ],
)
def test_of_two_numbers_there_is_one_form(change: Callable[[bytes], bytes], reason: str) -> None:
    signature = read_signature(ssh.signed(EC, CONTENT, raw=change))
    with pytest.raises(SigningError, match=reason):
        signature.verifies(CONTENT)


LINE = ssh.line(ED)


LINES = [
    ("", "not one public key"),
    (f"{LINE}\n{LINE}", "not one public key"),
    (f"cert-authority {LINE}", "not one public key"),
    (f'namespaces="file" {LINE}', "not one public key"),
    (f"alice {LINE}", "not one public key"),
    (LINE.replace("ssh-ed25519", "ssh-rsa", 1), "says ssh-rsa"),
    (f"{LINE}=", "not one public key"),
    (ssh.line(ssh.key("s", "rsa", 1024)), "1024 bits"),
    ("ssh-ed25519-cert-v01@openssh.com " + base64.b64encode(CERTIFICATE).decode(), "certificate"),
    ("sk-ssh-ed25519@openssh.com " + base64.b64encode(HARDWARE).decode(), "hardware"),
    (
        "ecdsa-sha2-nistp256 "
        + base64.b64encode(
            ssh.string("ecdsa-sha2-nistp256") + ssh.string("nistp256") + ssh.string(b"\4" + bytes(64))
        ).decode(),
        "damaged",
    ),
]


@pytest.mark.parametrize(("text", "reason"), LINES, ids=map(str, range(len(LINES))))
def test_what_is_no_key_that_counts_is_refused(text: str, reason: str) -> None:
    with pytest.raises(SigningError, match=reason):
        read_key(text)


def test_a_comment_may_follow_a_key() -> None:
    assert read_key(f"{LINE} somebody at home\n") == read_key(LINE)
