"""Programs that hold a key, for ``--key exec:PROGRAM``: where they may lie, and one that signs."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.keys import key
from tests.programs import installed

PUBLIC, SIGN = "cat {folder}/ci.pub", "openssl dgst -sha256 -sign {folder}/ci.key"


@contextmanager
def kept_folder() -> Iterator[Path]:
    """A folder that nobody else can write, which is none for temporary files: no other is taken."""
    with TemporaryDirectory(dir=pwd.getpwuid(os.getuid()).pw_dir, prefix=".pushpolicy-test-") as folder:
        yield Path(folder)


def plugin(folder: Path, public: str = PUBLIC, sign: str = SIGN, name: str = "signer") -> Path:
    """A script that does this when it is asked for the public key, or to sign; it signs with the key `ci`."""
    installed("openssl", "openssl")
    (folder / "ci.key").write_bytes(key().private_pem())
    (folder / "ci.key").chmod(0o600)
    (folder / "ci.pub").write_text(key().public.pem)
    program = folder / name
    script = f"#!/bin/sh\ncase $1 in\npublic) {public} ;;\nsign) {sign} ;;\nesac\n"
    program.write_text(script.replace("{folder}", str(folder)))
    program.chmod(0o700)
    return program
