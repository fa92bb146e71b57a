"""Writes a part: the reports of one job, as they are."""

from __future__ import annotations

import errno
import hashlib
import io
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO

import msgspec

from pushpolicy.errors import InputError, UsageError
from pushpolicy.files import open_regular, write_whole
from pushpolicy.gather import ci
from pushpolicy.gather.checkout import Checkout, inspect
from pushpolicy.gather.ci.identity import TokenAccess
from pushpolicy.gather.parts import LIST, TOKEN, Listed, PartList, identity, is_name, member
from pushpolicy.gather.request import NamedEvidence, RawReport, Seen
from pushpolicy.gather.runs import run_of
from pushpolicy.gather.secrets.search import refuse_secrets, secret_values
from pushpolicy.gather.shared import Files, read_files
from pushpolicy.model.digest import Digest
from pushpolicy.model.redacted import Redacted
from pushpolicy.model.text import printable
from pushpolicy.reports.limits import Limits


class PartRequest(Redacted, frozen=True, kw_only=True):
    """What goes into a part.

    Attributes:
        image: the digest of the image that the reports are about, if any.
        signed_by: the issuers whose token it is to carry; None for a part without one.
    """

    hidden_fields = frozenset({"environ"})

    name: str
    output: Path
    workspace: Path
    environ: Mapping[str, str]
    named: tuple[NamedEvidence, ...] = ()
    limits: Limits = msgspec.field(default_factory=Limits)
    image: Digest | None = None
    git: Path | None = None
    not_secret: frozenset[str] = frozenset()
    signed_by: TokenAccess | None = None


def write_part(request: PartRequest) -> tuple[Seen, ...]:
    """Read the reports as `gather` does, and write them to a part.

    Returns:
        what every file was taken for.

    Raises:
        UsageError: when the name is malformed, a part is to hold a part, or the job can ask for no token.
        InputError: when evidence that was named cannot be read, a secret would be stored, nothing says what
            the reports are about, no token is given, or the file cannot be written.
    """
    if not is_name(request.name):
        hint = "a name has letters, digits and . _ -, at most 100"
        raise UsageError(f"--part {printable(request.name)!r} cannot be the name of a part", hint)
    if any(item.kind == "part" for item in request.named):
        raise UsageError("--part: a part holds no other part", "hand all parts to the push")
    checkout = inspect(request.workspace, request.environ, request.git)
    files = read_files(request, checkout)
    # A file that is evidence of several kinds goes along once, and once more where it is an extra too.
    raws = list({(raw.path, raw.kind == "extra"): raw for raw in files.raw}.values())
    listed = _list(request, checkout, files, raws).content()
    secrets = secret_values(request.environ, remote=checkout.remote_secrets, not_secret=request.not_secret)
    refuse_secrets({"the part": listed}, raws, secrets)
    token = identity.token(listed, request.environ, request.signed_by) if request.signed_by else None
    try:
        _write(request.output, listed, raws, token)
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"{printable(str(request.output))}: cannot be written: {reason}") from error
    return tuple(files.reports.seen)


def _list(request: PartRequest, checkout: Checkout, files: Files, raws: list[RawReport]) -> PartList:
    here = run_of(checkout.evidence.commit, ci.evidence(request.environ))
    if here.commit is None and request.image is None:
        raise InputError(
            "--part: nothing says what these reports are about: there is no git checkout and no CI commit",
            "run it in the checkout, or name the IMAGE",
        )
    given = {(item.kind, item.name) for item in request.named}
    names: dict[tuple[Path, bool], dict[str, str]] = {}
    for raw in files.raw:
        if (raw.kind, raw.name) in given:
            names.setdefault((raw.path, raw.kind == "extra"), {})[raw.kind] = raw.name
    return PartList(
        schema="pushpolicy.part/v1",
        name=request.name,
        commit=here.commit,
        image=str(request.image) if request.image else None,
        run=here.run,
        attempt=here.attempt,
        unread=files.reports.unread(),
        problems={kind: tuple(each) for kind, each in files.reports.problems.items() if each},
        files=tuple(
            Listed(
                path=files.reports.shown(raw.path),
                sha256=raw.digest.hex,
                size=raw.size,
                names=names.get((raw.path, raw.kind == "extra"), {}),
            )
            for raw in raws
        ),
    )


def _write(output: Path, listed: bytes, raws: list[RawReport], token: str | None) -> None:
    """Write the archive whole or not at all; the same reports give the same bytes, but for a token."""
    with write_whole(output) as file, tarfile.open(fileobj=file, mode="w") as archive:
        archive.addfile(_header(LIST, len(listed)), io.BytesIO(listed))
        for number, raw in enumerate(raws):
            _add(archive, member(number), raw)
        if token is not None:
            archive.addfile(_header(TOKEN, len(token)), io.BytesIO(token.encode("ascii")))


def _add(archive: tarfile.TarFile, name: str, raw: RawReport) -> None:
    with open_regular(raw.path) as stream:
        hashed = _Hashed(stream)
        archive.addfile(_header(name, raw.size), hashed)
        if hashed.digest() != raw.digest or stream.read(1):
            raise OSError(errno.EIO, f"{printable(str(raw.path))} changed since it was read")


class _Hashed(io.RawIOBase):
    """What is read, and its digest."""

    def __init__(self, stream: IO[bytes]) -> None:
        super().__init__()
        self._stream = stream
        self._hash = hashlib.sha256()

    def read(self, size: int = -1, /) -> bytes:
        piece = self._stream.read(size)
        self._hash.update(piece)
        return piece

    def digest(self) -> Digest:
        return Digest("sha256", self._hash.hexdigest())


def _header(name: str, size: int) -> tarfile.TarInfo:
    header = tarfile.TarInfo(name)
    header.size = size
    return header
