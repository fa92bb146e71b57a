"""A key that another program holds: what is run, what it is asked, and what is believed of its answer."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pushpolicy.signing.dsse import read_envelope, sign
from pushpolicy.signing.keys import SigningError
from pushpolicy.signing.plugin import PATH, Plugin
from tests.keys import key
from tests.plugins import SIGN, kept_folder, plugin


@pytest.fixture
def kept() -> Iterator[Path]:
    """A folder that a program may lie in."""
    with kept_folder() as folder:
        yield folder


def opened(program: Path, seconds: float = 30) -> Plugin:
    return Plugin(program, {"HOME": "/nonexistent"}, seconds)


def test_what_it_signs_is_verified_by_the_key_it_prints(kept: Path) -> None:
    signer = opened(plugin(kept))
    assert signer.public.pem == key().public.pem
    envelope = read_envelope(sign("text/plain", b"hello", signer))
    assert envelope.is_signed_by(key().public)


def test_it_is_asked_with_what_is_signed_and_nothing_else(
    kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEAKED", "by us")
    log = f"{{ pwd; echo $#; env; }} > {kept}/log; tee {kept}/content |"
    opened(plugin(kept, sign=log + SIGN)).sign(b"\0one\xff")
    assert (kept / "content").read_bytes() == b"\0one\xff"
    where, count, *seen = (kept / "log").read_text().splitlines()
    assert (where, count) == ("/", "1")
    names = dict(line.split("=", 1) for line in seen)
    assert (names["PATH"], names["HOME"]) == (PATH, "/nonexistent")
    assert names.keys() <= {"PATH", "HOME", "PWD", "OLDPWD", "SHLVL", "_"}


RS = "head -c 64 /dev/zero"


@pytest.mark.parametrize(
    ("sign", "why"),
    [
        (
            "echo PIN incorrect >&2; echo Aborting. >&2; exit 3",
            r"ended with exit code 3: PIN incorrect \| Abort",
        ),
        ("kill -9 $$", "ended with signal 9: without a word"),
        (r"printf '\033[2J::error::x' >&2; exit 1", r"exit code 1: \\x1b\[2J"),
        ("true", "printed nothing"),
        (RS, "printed r and s alone"),
        (f"{SIGN} | base64", "printed base64"),
        (f"{SIGN}; echo", r"bytes that are no signature in ASN\.1 DER"),
        ("yes", "says more than 16384 bytes"),
        (
            f"openssl dgst -sha256 -binary | {SIGN}",
            "by another key than `public` printed, or of something else",
        ),
        ("sleep 60", "did not answer within 1 s"),
        ("sleep 60 & wait", "did not answer within 1 s"),
    ],
)
def test_what_it_gives_is_a_signature_or_refused(kept: Path, sign: str, why: str) -> None:
    signer = opened(plugin(kept, sign=sign), seconds=1)
    with pytest.raises(SigningError, match=f"^exec:{kept}/signer sign .*{why}") as refused:
        signer.sign(b"hello")
    assert refused.value.message.isprintable()
    assert len(refused.value.message) < 600


@pytest.mark.parametrize(
    ("public", "why"),
    [
        ("cat {folder}/ci.key", "public printed something that is a private key, where a public one belongs"),
        ("echo hello", "public printed something that is not a key in PEM"),
        ("cat {folder}/ci.pub {folder}/ci.pub", "public printed something that holds 2 keys"),
        ("yes", "public says more than 16384 bytes"),
        ("exit 1", "public ended with exit code 1: without a word"),
        ("sleep 60", "public did not answer within 1 s"),
    ],
)
def test_what_it_prints_is_a_public_key_or_refused(kept: Path, public: str, why: str) -> None:
    with pytest.raises(SigningError, match=f"^{why}"):
        opened(plugin(kept, public=public), seconds=1)


def test_it_is_a_program(kept: Path) -> None:
    program = plugin(kept)
    with pytest.raises(SigningError, match="No such file"):
        opened(kept / "none")
    with pytest.raises(SigningError, match="is no file"):
        opened(kept)
    with pytest.raises(SigningError, match="is no absolute path"):
        opened(Path(program.name))
    program.write_text("\x7fno program")
    with pytest.raises(SigningError, match="cannot be run: Exec format error"):
        opened(program)
    program.chmod(0o600)
    with pytest.raises(SigningError, match="is no program that this user may run"):
        opened(program)


def _by_link(kept: Path, mode: int) -> None:
    """Reached by a link in a folder that others may write, though all of the path is safe as it is named."""
    (kept / "open").mkdir()
    (kept / "open").chmod(mode)
    (kept / "real").mkdir()
    (kept / "signer").rename(kept / "real/signer")
    (kept / "open/hop").symlink_to("../real/signer")
    (kept / "signer").symlink_to("open/hop")


def _in_a_work_tree(kept: Path, _: int) -> None:
    subprocess.run(["git", "init", "-q", kept], check=True)


NOT_KEPT: dict[str, tuple[Callable[[Path, int], None], int, str]] = {
    "written by others": (lambda kept, mode: (kept / "signer").chmod(mode), 0o702, "may write .*/signer$"),
    "written by its group": (lambda kept, mode: (kept / "signer").chmod(mode), 0o720, "may write .*/signer$"),
    "in a folder of a group": (Path.chmod, 0o770, "may write .*pushpolicy-test-[^/]*$"),
    "in a folder for all": (Path.chmod, 0o1777, "may write .*pushpolicy-test-[^/]*$"),
    "by a link of a folder for all": (_by_link, 0o777, "may write .*/open$"),
    "in a work tree": (_in_a_work_tree, 0, "lies in the git work tree .*pushpolicy-test-[^/]*$"),
}


@pytest.mark.parametrize(("change", "mode", "why"), NOT_KEPT.values(), ids=NOT_KEPT)
def test_one_that_others_could_have_written_is_not_run(
    kept: Path, change: Callable[[Path, int], None], mode: int, why: str
) -> None:
    program = plugin(kept, public=f"touch {kept}/ran")
    change(kept, mode)
    with pytest.raises(SigningError, match=why):
        opened(program)
    assert not (kept / "ran").exists()


def test_links_that_nobody_else_can_change_are_followed(kept: Path) -> None:
    plugin(kept)
    _by_link(kept, 0o755)
    assert opened(kept / "open/../signer").public.pem == key().public.pem
    (kept / "circle").symlink_to("circle")
    with pytest.raises(SigningError, match="cannot be looked at: Too many levels"):
        opened(kept / "circle")


def test_one_that_belongs_to_somebody_else_is_not_run(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = plugin(kept)
    if os.geteuid():
        monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    else:
        os.chown(program, 12345, -1)
    with pytest.raises(SigningError, match="belongs to another user"):
        opened(program)


def test_one_among_temporary_files_is_not_run(
    kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SigningError, match="lies in the temporary folder"):
        opened(plugin(tmp_path))
    (kept / "link").symlink_to(tmp_path / "signer")
    with pytest.raises(SigningError, match="lies in the temporary folder"):
        opened(kept / "link")
    monkeypatch.setattr(tempfile, "tempdir", str(kept))
    with pytest.raises(SigningError, match="lies in the temporary folder"):
        opened(plugin(kept))
