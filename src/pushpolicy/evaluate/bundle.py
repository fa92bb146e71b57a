"""A policy set as one reproducible archive, for the record."""

from __future__ import annotations

import gzip
import io
import json
import re
import tarfile
import zlib
from collections.abc import Mapping

from pushpolicy.engines.capabilities import reduced
from pushpolicy.errors import PolicyError
from pushpolicy.model.text import printable

_MEMBER = re.compile(
    r"capabilities\.json|schema/evidence\.v1\.json|index/(data\.json|index\.rego)"
    r"|system/(main|lib)(/[a-z][a-z0-9_]*)*\.rego|rules/(?P<rule>[a-z][a-z0-9_]*)/(?P=rule)\.rego"
    r"|data/(settings|pushpolicy/(waivers|enforcement|origins|trust))/data\.json"
)
_MAX_SIZE = 64 * 1024 * 1024
_MAX_FILES = 5000


def pack(files: Mapping[str, bytes]) -> bytes:
    """A tar.gz of these files: sorted, without times or owners."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path in sorted(files):
            member = tarfile.TarInfo(path)
            member.size, member.mode = len(files[path]), 0o644
            archive.addfile(member, io.BytesIO(files[path]))
    return gzip.compress(plain.getvalue(), 6, mtime=0)


def unpack(content: bytes) -> dict[str, bytes]:
    """The files of an archive.

    Raises:
        PolicyError: when it is broken, too large, or holds anything but regular files, once each.
    """
    try:
        plain = zlib.decompressobj(wbits=31).decompress(content, _MAX_SIZE + 1)
        if len(plain) > _MAX_SIZE:
            raise PolicyError("the policy bundle is over the limit of 64 MiB")
        return _members(plain)
    except (zlib.error, tarfile.TarError, EOFError, UnicodeError) as error:
        raise PolicyError(f"the policy bundle is not a tar.gz: {error}") from error


def _members(plain: bytes) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    with tarfile.open(fileobj=io.BytesIO(plain), mode="r:") as archive:
        for member in archive:
            file = archive.extractfile(member) if member.isreg() else None
            if file is None or member.name in files or len(files) >= _MAX_FILES:
                raise PolicyError("the policy bundle holds something that is not a file, or twice")
            if not _MEMBER.fullmatch(member.name):
                raise PolicyError(
                    f"{printable(member.name)} in the policy bundle is not part of a policy set"
                )
            files[member.name] = file.read()
    return files


def reduce_capabilities(content: bytes) -> bytes:
    """Recorded capabilities without what is not allowed any more, or what a forger wished.

    Raises:
        PolicyError: when they are malformed.
    """
    try:
        return json.dumps(reduced(json.loads(content))).encode()
    except (ValueError, TypeError, AttributeError) as error:
        raise PolicyError(f"the capabilities in the policy bundle are malformed: {error}") from error
