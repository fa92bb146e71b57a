"""Policies as reproducible archives: a whole set for the record; and the builtins that its rules may use.

Those are the ones whose result depends on nothing but their arguments.
"""

from __future__ import annotations

import io
import json
import re
import tarfile
import zlib
from collections.abc import Mapping
from typing import Any

from pushpolicy.errors import PolicyError
from pushpolicy.model.canonical import most_values
from pushpolicy.model.expressions import expression
from pushpolicy.model.text import printable

_MEMBER = expression(
    r"capabilities\.json|schema/evidence\.v1\.json|index/(data\.json|index\.rego)"
    r"|system/(main|lib)(/[a-z][a-z0-9_]*)*\.rego|rules/(?P<rule>[a-z][a-z0-9_]*)/(?P=rule)\.rego"
    r"|conftest/(data\.json|v[01]/(local|checkout)/(?!(pushpolicy|settings|system)/)[A-Za-z_][A-Za-z0-9_]*/[0-9]+-[A-Za-z0-9_]+\.rego)"
    r"|data/(settings|pushpolicy/(waivers|enforcement|origins|trust))/data\.json"
)
_SYSTEM_BYTE, _NO_SYSTEM = 9, 255  # RFC 1952 section 2.3.1
_MAX_SIZE = 32 * 1024 * 1024
_MAX_FILES = 5000
_MAX_VALUES = 1_000_000
_TOO_LARGE = f"the policy is over the limit of {_MAX_SIZE >> 20} MiB or {_MAX_FILES} files"
# Not marked nondeterministic by OPA 1.22, and yet: the certificate functions read the clock, and the
# time functions take "Local", which follows TZ and /etc/localtime of the machine.
_UNMARKED = frozenset(
    {
        "crypto.x509.parse_and_verify_certificates",
        "crypto.x509.parse_and_verify_certificates_with_options",
        "time.clock",
        "time.date",
        "time.diff",
        "time.format",
        "time.parse_ns",
        "time.weekday",
    }
)
# Marked, and still named: a capabilities file of a record may come without its marks.
_NONDETERMINISTIC = frozenset(
    {
        "http.send",
        "io.jwt.decode_verify",
        "io.jwt.encode_sign",
        "io.jwt.encode_sign_raw",
        "json.match_schema",
        "json.verify_schema",
        "net.lookup_ip_addr",
        "opa.runtime",
        "rand.intn",
        "time.now_ns",
        "uuid.rfc4122",
    }
)
# Every builtin that rules cannot call.
REMOVED = _UNMARKED | _NONDETERMINISTIC


def pack(files: Mapping[str, bytes]) -> bytes:
    """A tar.gz of these files: sorted, without times or owners.

    Raises:
        PolicyError: when they are more than `unpack` takes.
    """
    _check_limits(files)
    return archive(files, level=6)


def archive(files: Mapping[str, bytes], level: int) -> bytes:
    """The tar.gz itself; `level` is how hard it is compressed, 0 to 9."""
    compressed = bytearray(zlib.compress(tarred(files), level, wbits=31))
    compressed[_SYSTEM_BYTE] = _NO_SYSTEM  # of which zlib and Python's gzip have several opinions
    return bytes(compressed)


def tarred(files: Mapping[str, bytes]) -> bytes:
    """The tar within: sorted, without times or owners."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path in sorted(files):
            member = tarfile.TarInfo(path)
            member.size, member.mode = len(files[path]), 0o644
            archive.addfile(member, io.BytesIO(files[path]))
    return plain.getvalue()


def unpack(content: bytes, allowed: re.Pattern[str] = _MEMBER, *, exactly: bool = False) -> dict[str, bytes]:
    """The files of an archive.

    Args:
        content: the archive.
        allowed: what a member may be called.
        exactly: whether the tar has to be the one that `archive` makes of them, to the byte.

    Raises:
        PolicyError: when it is broken, too large, or holds anything but regular files, once each.
    """
    try:
        engine = zlib.decompressobj(wbits=31)
        plain = engine.decompress(content, _MAX_SIZE + 1)
        if len(plain) > _MAX_SIZE:
            raise PolicyError(_TOO_LARGE)
        if not engine.eof:
            raise PolicyError("the policy bundle is not a tar.gz: it is cut off")
        if engine.unused_data:
            raise PolicyError("the policy bundle has more after its end")
        files = _members(plain, allowed)
    except (zlib.error, tarfile.TarError, EOFError, UnicodeError) as error:
        raise PolicyError(f"the policy bundle is not a tar.gz: {error}") from error
    _check_limits(files)
    if exactly and tarred(files) != plain:
        raise PolicyError(
            "the policy bundle is not as pushpolicy writes it: its tar says more than the files"
        )
    return files


def _check_limits(files: Mapping[str, bytes]) -> None:
    if sum(map(len, files.values())) > _MAX_SIZE or len(files) > _MAX_FILES:
        raise PolicyError(_TOO_LARGE)
    documents = (content for path, content in files.items() if path.endswith(".json"))
    if sum(map(most_values, documents)) > _MAX_VALUES:
        raise PolicyError(f"the data of the policy may have more than {_MAX_VALUES} values")


def _members(plain: bytes, allowed: re.Pattern[str]) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    start = 0
    while (block := plain[start : start + tarfile.BLOCKSIZE]).strip(b"\0"):
        # Only the plain headers that `pack` writes: tarfile reads sparse and extended ones without a bound.
        member = tarfile.TarInfo.frombuf(block, "utf-8", "strict")
        is_file = member.type in (tarfile.REGTYPE, tarfile.AREGTYPE)
        if not is_file or member.name in files or len(files) >= _MAX_FILES:
            raise PolicyError("the policy bundle holds something that is not a file, or twice")
        if not allowed.fullmatch(member.name):
            raise PolicyError(f"{printable(member.name)} in the policy bundle is not part of a policy set")
        start += tarfile.BLOCKSIZE
        content = plain[start : start + member.size] if member.size >= 0 else b""
        if len(content) != member.size:
            raise PolicyError(f"{member.name} in the policy bundle is cut off")
        files[member.name] = content
        start += -(-member.size // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE
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


def reduced(capabilities: dict[str, Any]) -> dict[str, Any]:
    """These capabilities of OPA without what reads a clock, a zone, chance or the network.

    Descriptions are left out: OPA reads the file at every start, and they are most of it.
    """
    builtins = [
        {
            key: _types_only(value)
            for key, value in builtin.items()
            if key not in ("description", "categories")
        }
        for builtin in capabilities.get("builtins", [])
        if not builtin.get("nondeterministic") and builtin.get("name") not in REMOVED
    ]
    return {**capabilities, "builtins": builtins, "allow_net": []}


def _types_only(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _types_only(item) for key, item in value.items() if key != "description"}
    if isinstance(value, list):
        return [_types_only(item) for item in value]
    return value
