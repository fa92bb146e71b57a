"""Keys that another program holds: of a PKCS#11 token, or of a cloud's key service (``--key exec:PROGRAM``).

``PROGRAM public`` prints the public key in PEM. ``PROGRAM sign`` reads what is to be signed (DSSE's PAE) on
standard input, and prints its signature in ASN.1 DER: the bytes, not a text of them.
"""

from __future__ import annotations

import base64
import binascii
import errno
import os
import stat
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from pushpolicy.files import is_file, real, work_trees_around
from pushpolicy.model.text import printable
from pushpolicy.programs import StoppedError, ask
from pushpolicy.signing.keys import MAX_PEM, SigningError, read_public

SECONDS = 30.0
# That of the job is not taken: an earlier step could have put other programs before the system's.
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_TEMPORARY = ("/tmp", "/var/tmp", "/dev/shm")  # noqa: S108 (to refuse what lies there)
_MAX_LINKS = 40
ELSEWHERE = "put it where only its owner or root can write, as in /usr/local/lib/pushpolicy"
_SAID = 400


class Plugin:
    """A key that a program holds; a `Signer`.

    Args:
        program: its absolute path; it takes no arguments but ours, so a script stands before one that does.
        environ: what it sees, but for PATH.
        seconds: that it has for each answer.

    Raises:
        SigningError: when it is not to be run, or gives no public key.
    """

    def __init__(self, program: Path, environ: Mapping[str, str], seconds: float = SECONDS) -> None:
        _check_kept(program)
        self._program = program
        self._environ = {**environ, "PATH": PATH}
        self._seconds = seconds
        pem = self._ask("public")
        try:
            self.public = read_public(pem)
        except SigningError as error:
            hint = "it prints one key on P-256 in PEM, as `openssl pkey -pubin` does"
            raise SigningError(f"public printed something that {error.message}", hint) from error

    def sign(self, content: bytes) -> bytes:
        """The key's signature of these bytes, in ASN.1 DER; it is verified.

        Raises:
            SigningError: when the program gives none.
        """
        try:
            signature = self._ask("sign", content)
            if not self.public.verifies(signature, content):
                raise _no_signature(signature)
        except SigningError as error:
            raise SigningError(f"exec:{printable(str(self._program))} {error.message}", error.hint) from error
        return signature

    def _ask(self, what: str, content: bytes = b"") -> bytes:
        try:
            answer = ask(
                [self._program, what],
                content,
                environ=self._environ,
                folder=Path("/"),
                seconds=self._seconds,
                limit=MAX_PEM,
            )
        except OSError as error:
            hint = "a script begins with #! and the path of what runs it"
            raise SigningError(f"cannot be run: {error.strerror}", hint) from error
        except StoppedError as error:
            raise SigningError(f"{what} {error}") from error
        if answer.code:
            how = f"exit code {answer.code}" if answer.code > 0 else f"signal {-answer.code}"
            lines = answer.complaint.decode("utf-8", "replace").split("\n")
            said = " | ".join(line for line in lines if line.strip()) or "without a word"
            raise SigningError(f"{what} ended with {how}: {printable(said[-_SAID:], _SAID)}")
        return answer.output


def _no_signature(given: bytes) -> SigningError:
    """What was printed instead of a signature by the key."""
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

    try:
        decode_dss_signature(given)
    except ValueError:
        if not given:
            return SigningError("sign printed nothing")
        if len(given) == 64:
            return SigningError(
                "sign printed r and s alone, not a signature in ASN.1 DER",
                "`pkcs11-tool --signature-format openssl` prints that",
            )
        if _is_base64(given):
            return SigningError("sign printed base64, not the bytes", "put `| base64 -d` behind it")
        return SigningError(f"sign printed {len(given)} bytes that are no signature in ASN.1 DER")
    return SigningError(
        "sign gave a signature by another key than `public` printed, or of something else",
        "see that both use the same key, and that what it reads is hashed once, with SHA-256",
    )


def _is_base64(text: bytes) -> bool:
    try:
        return len(text) > 64 and bool(base64.b64decode(b"".join(text.split()), validate=True))
    except binascii.Error:
        return False


def _check_kept(program: Path) -> None:
    """Refuse a program that others could have written: they would sign.

    Raises:
        SigningError: saying why.
    """
    if not program.is_absolute():
        raise SigningError("is no absolute path", "write --key exec:/PATH/TO/PROGRAM")
    places = [Path(os.path.normpath(program)), real(program)]
    temporary = {real(folder) for folder in (*_TEMPORARY, tempfile.gettempdir())}
    for place in places:
        if folder := next((each for each in place.parents if each in temporary), None):
            raise SigningError(f"lies in the temporary folder {folder}", ELSEWHERE)
        if roots := work_trees_around(place.parent):
            raise SigningError(f"lies in the git work tree {printable(str(roots[0]))}", ELSEWHERE)
    try:
        for step in _way(program):
            _check_owned(step)
    except OSError as error:
        hint = "it is one path, without arguments; a script can give some"
        raise SigningError(f"cannot be looked at: {error.strerror}", hint) from error
    if not is_file(program):
        raise SigningError("is no file", "it is the path of the program itself")
    if not os.access(program, os.X_OK):
        raise SigningError("is no program that this user may run", f"`chmod +x {printable(str(program))}`")


def _check_owned(step: Path) -> None:
    found = step.lstat()
    name = printable(str(step))
    if stat.S_ISLNK(found.st_mode):
        return  # whose folder counts
    if found.st_uid not in (0, os.geteuid()):
        raise SigningError(f"is not safe: {name} belongs to another user ({found.st_uid})", ELSEWHERE)
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise SigningError(f"is not safe: others than its owner may write {name}", f"`chmod go-w {name}`")


def _way(path: Path) -> Iterator[Path]:
    """Each folder and link on the way to where a path leads, and what is there."""
    place, ahead, links = Path(path.anchor), [*reversed(path.parts[1:])], 0
    yield place
    while ahead:
        part = ahead.pop()
        step = place.parent if part == ".." else place / part
        yield step
        if not step.is_symlink():
            place = step
            continue
        if (links := links + 1) > _MAX_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        target = step.readlink()
        place = Path("/") if target.is_absolute() else place
        ahead += reversed(target.parts[1:] if target.is_absolute() else target.parts)
