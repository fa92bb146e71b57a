"""Undoes what git does to a file on checking it out, as far as its attributes ask (gitattributes(5)).

The order is git's on the way in: encoding, line endings, $Id$. Nothing is run: of filters, only the pointers
of Git LFS are understood.
"""

from __future__ import annotations

import codecs
import re

from msgspec.structs import replace

from pushpolicy.gather.checkout.attributes import Attributes
from pushpolicy.gather.checkout.objects import Objects, blob_name
from pushpolicy.model.expressions import expression

_ENCODING = expression(
    r"(?:utf-?(?:16|32)(?:[bl]e)?|iso-?8859-?\d+|(?:windows|cp)-?\d+|latin-?\d|koi8-[ru]|shift[-_]jis|sjis"
    r"|euc-?(?:jp|kr|cn)|gb2312|gbk|gb18030|big5|us-ascii)",
    re.IGNORECASE,
)
_LITTLE_WITH_MARK = expression(r"(utf-?(?:16|32))le-bom", re.IGNORECASE)
_MARKS = {
    "UTF-16": (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE),
    "UTF-32": (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE),
}
_UTF8 = re.compile(r"utf-?8", re.IGNORECASE)
_UNPRINTABLE = bytes(code for code in (*range(32), 127) if code not in b"\b\t\n\r\x1b\f")
# What git writes, and nothing that somebody else could have written in its place.
_EXPANDED = expression(rb"\$Id: [0-9a-f]{40}(?:[0-9a-f]{24})? \$")
# What git writes that over: in a blob an old name may stand there.
_EXPANDABLE = expression(rb"\$Id:[^$\n]?[^ $\n]* ?\$")
_POINTER = expression(
    rb"version https://(?:git-lfs\.github\.com/spec/v1|hawser\.github\.com/spec/v1)\n(?:ext-\d.*\n)*"
    rb"oid sha256:(?P<oid>[0-9a-f]{64})\nsize (?P<size>\d{1,18})\n?"
)
POINTER_LIMIT = 1024


class NotComparableError(Exception):
    """What git did to the file cannot be undone here."""


def undone(content: bytes, attributes: Attributes) -> bytes:
    """The content that git would store for a file of a work tree.

    Raises:
        NotComparableError: when its encoding is not known.
    """
    if attributes.encoding and not _UTF8.fullmatch(attributes.encoding):
        content = _utf8(content, attributes.encoding)
    if attributes.line_endings == "text" or (attributes.line_endings == "auto" and not _is_binary(content)):
        content = content.replace(b"\r\n", b"\n")
    return _EXPANDED.sub(b"$Id$", content) if attributes.is_ident else content


def is_converted(attributes: Attributes) -> bool:
    """Whether a file may differ from what is stored for it."""
    return bool(attributes.line_endings or attributes.encoding or attributes.is_ident)


def is_same_undone(content: bytes, attributes: Attributes, name: str, objects: Objects) -> bool:
    """Whether a file is a blob of this name, once what git did to it is undone.

    Raises:
        NotComparableError: when its encoding is not known.
        GitError: when the blob cannot be read.
    """
    content = undone(content, attributes)
    if blob_name(content, objects.algorithm) == name:
        return True
    # The blob may itself hold what the attributes would have taken out, such as a few CR LF among LF.
    blob = objects.read_small(name, 2 * len(content) + POINTER_LIMIT)
    if blob is None:
        return False
    blob = undone(
        _EXPANDABLE.sub(b"$Id$", blob) if attributes.is_ident else blob, replace(attributes, encoding=None)
    )
    return content == blob


def pointer(name: str, objects: Objects) -> tuple[int, str] | None:
    """The size and SHA-256 that a blob names if it is a pointer of Git LFS; else None."""
    found = _POINTER.fullmatch(objects.read_small(name, POINTER_LIMIT) or b"")
    return (int(found["size"]), found["oid"].decode()) if found else None


def _utf8(content: bytes, encoding: str) -> bytes:
    marked = _LITTLE_WITH_MARK.fullmatch(encoding)
    name = (marked[1] if marked else encoding).upper()
    if name in ("UTF16", "UTF32"):
        name = f"{name[:3]}-{name[3:]}"
    if not _ENCODING.fullmatch(name):
        raise NotComparableError(f"its encoding {encoding} is not known")
    if name in _MARKS and not content.startswith(_MARKS[name]):
        return content  # git asks for a byte order mark
    try:
        return content.decode(name).encode()
    except LookupError as error:
        raise NotComparableError(f"its encoding {encoding} is not known") from error
    except UnicodeError:
        return content  # such content git stores as it is


def _is_binary(content: bytes) -> bool:
    """Git's guess: a NUL, a CR on its own, or more than one byte in 128 that no text has."""
    if b"\0" in content or content.count(b"\r") != content.count(b"\r\n"):
        return True
    unprintable = len(content) - len(content.translate(None, _UNPRINTABLE)) - content.endswith(b"\x1a")
    breaks = content.count(b"\n") + content.count(b"\r\n")
    return (len(content) - breaks - unprintable) >> 7 < unprintable
