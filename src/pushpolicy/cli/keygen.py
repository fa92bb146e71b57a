"""``pushpolicy keygen``: a key that signs."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import get_args

import click

from pushpolicy.cli import environment
from pushpolicy.cli.report import say, show
from pushpolicy.errors import EXIT_OK, UsageError
from pushpolicy.files import real, work_trees_around
from pushpolicy.model.text import printable
from pushpolicy.signing.keys import PASSPHRASE_VARIABLE, SigningError, SigningKey, generate
from pushpolicy.signing.trust import Role

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@click.command("keygen", short_help="Make a key that signs, and print its entry for trust.yaml.")
@click.argument("name")
@click.option(
    "--role",
    type=click.Choice(get_args(Role)),
    default="decide",
    show_default=True,
    help="What it is for: each key signs one kind of thing.",
)
@click.option(
    "--encrypted",
    is_flag=True,
    help=f"Write NAME.key as cosign does, under the passphrase in {PASSPHRASE_VARIABLE}.",
)
def command(name: str, role: str, *, encrypted: bool) -> int:
    """Write NAME.key (private, for its owner alone) and NAME.pub, and print the entry for trust.yaml.

    NAME may be a path: ~/keys/release. Nothing is overwritten, and nothing is written into a git work tree,
    where a private key is one commit away from everybody.
    """
    private, public = _files(Path(name))
    key = generate()
    _write(private, _sealed(key) if encrypted else key.private_pem(), 0o600)
    _write(public, key.public.pem.encode(), 0o644)
    show(f"keys:\n  {private.stem}:\n    role: {role}\n    key: |")
    for line in key.public.pem.splitlines():
        show(f"      {line}")
    say(
        f"{printable(str(private))} signs: keep it secret, and away from build, test and scan jobs."
        f" {printable(str(public))} verifies; the lines above are its entry for trust.yaml."
    )
    return EXIT_OK


def _sealed(key: SigningKey) -> bytes:
    passphrase = environment.passphrase()
    if not passphrase:
        raise UsageError("--encrypted: there is no passphrase", f"set {PASSPHRASE_VARIABLE}")
    try:
        return key.sealed_pem(passphrase)
    except SigningError as error:
        raise UsageError(f"--encrypted {error.message}", error.hint) from error


def _files(path: Path) -> tuple[Path, Path]:
    """Where the private and the public key of this name go; the folder is there then.

    Raises:
        UsageError: when one of them is there already, or they would lie in a work tree.
    """
    if not _NAME.fullmatch(path.name):
        raise UsageError(
            f"{printable(path.name)!r} cannot be the name of a key", "write letters, digits and . _ - only"
        )
    private, public = path.with_name(f"{path.name}.key"), path.with_name(f"{path.name}.pub")
    if trees := work_trees_around(real(path.parent)):
        raise UsageError(
            f"{printable(str(private))} would lie in the git work tree {printable(str(trees[0]))}",
            f"keep it elsewhere, as in: pushpolicy keygen ~/keys/{path.name}",
        )
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        folder = printable(str(path.parent))
        raise UsageError(f"{folder}: no folder can be made there: {error.strerror}") from error
    for file in (private, public):
        if os.path.lexists(file):
            raise UsageError(f"{printable(str(file))} is there already", "give the key another name")
    return private, public


def _write(path: Path, content: bytes, mode: int) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise UsageError(f"{printable(str(path))}: cannot be written: {error.strerror}") from error
