"""XML reports: read as a stream of elements in constant memory, by expat.

Refused: every declaration of a DTD and every reference to an undeclared entity (so neither entity bombs nor
external entities exist), deep nesting, and single tokens that would have to be held whole. A document type
declaration is refused too, except where a format's tools always write one; its DTD is never read.
"""

from __future__ import annotations

import codecs
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import NoReturn
from xml.parsers import expat

from pushpolicy.reports.format import ReportError
from pushpolicy.reports.limits import Limits

# What an internal subset may declare; an empty one declares nothing.
_DECLARATIONS = (
    "EntityDeclHandler",
    "AttlistDeclHandler",
    "ElementDeclHandler",
    "NotationDeclHandler",
    "SkippedEntityHandler",
)
_MARKS: dict[bytes, tuple[str | None, str]] = {
    codecs.BOM_UTF8: ("UTF-8", "ascii"),
    codecs.BOM_UTF16_LE: ("UTF-16LE", "utf-16-le"),
    codecs.BOM_UTF16_BE: ("UTF-16BE", "utf-16-be"),
}
_ENCODING = re.compile(rb"<\?xml[^>]{0,100}?\sencoding\s*=\s*[\"']([A-Za-z0-9._-]{1,40})[\"']")
# What declares a namespace prefix; a text of two bytes a character may hold it anyway.
_PREFIX = b"xmlns:"
_DECLARATION = 256
_MOST_BEFORE = 64 * 1024


class Elements(ABC):
    """What a format does with the elements of a document; expat calls it directly, for speed.

    Attributes:
        path: the names of the open elements; `start` calls `descend`, `end` pops.
        names_dtd: whether documents of this format name an external DTD.
    """

    names_dtd = False

    def __init__(self, limits: Limits) -> None:
        self.path: list[str] = []
        self._limits = limits
        self._text: list[str] = []
        self._length = 0
        self._parser: expat.XMLParserType | None = None

    @abstractmethod
    def start(self, name: str, attributes: dict[str, str]) -> None:
        """An element begins."""

    @abstractmethod
    def end(self, name: str) -> None:
        """An element ends."""

    def attach(self, parser: expat.XMLParserType) -> None:
        """Register the handlers with a parser."""
        self._parser = parser
        parser.StartElementHandler = self.start
        parser.EndElementHandler = self.end

    def descend(self, name: str) -> None:
        """An element is open from here on.

        Raises:
            ReportError: when it is nested too deeply.
        """
        self.path.append(name)
        if len(self.path) > self._limits.max_depth:
            raise ReportError(f"its elements are nested more than {self._limits.max_depth} deep")

    def collect_text(self) -> None:
        """Keep the text from here on, up to the limit; the rest of a document's text costs nothing."""
        if self._parser is not None:
            self._parser.CharacterDataHandler = self._characters

    def take_text(self) -> str:
        """The text since `collect_text`, which is kept no longer."""
        if self._parser is not None:
            self._parser.CharacterDataHandler = None
        text = "".join(self._text)
        self._text.clear()
        self._length = 0
        return text

    def _characters(self, data: str) -> None:
        if self._length < self._limits.max_text:
            self._text.append(data)
            self._length += len(data)

    def strip_prefixes(self) -> None:
        """Names may have a namespace prefix from here on, which is left out."""
        if self._parser is not None:
            self._parser.StartElementHandler = lambda name, attributes: self.start(local(name), attributes)
            self._parser.EndElementHandler = lambda name: self.end(local(name))


def parse(chunks: Iterable[bytes], elements: Elements, limits: Limits) -> None:
    """Send the elements of a document to `elements`.

    Raises:
        ReportError: when it is not well-formed, ends early, or is refused (see the module).
    """
    start, rest = _start(chunks)
    text, encoding, skipped = _begin(start)
    parser = _parser(encoding)
    if not elements.names_dtd:
        parser.StartDoctypeDeclHandler = _refuse_doctype
    elements.attach(parser)
    fed, last, has_prefixes = 0, b"", b"\0" in text[:4]
    try:
        for chunk in chain((text,), rest):
            if has_prefixes or _PREFIX in chunk or _PREFIX in last + chunk[: len(_PREFIX)]:
                elements.strip_prefixes()
            parser.Parse(chunk)
            fed, last = fed + len(chunk), (last + chunk)[-len(_PREFIX) :]
            if fed - parser.CurrentByteIndex > limits.max_token:
                raise ReportError(f"a tag or comment is over the limit of {limits.max_token} bytes")
            parser.intern.clear()
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise ReportError(_malformed(error, skipped)) from error
    except (LookupError, ValueError) as error:  # an encoding that Python does not know or cannot map
        raise ReportError("it has an unknown encoding") from error


def root_name(head: bytes) -> str:
    """The local name of the root element.

    Raises:
        ReportError: when the head holds no element, or is not XML.
    """
    text, encoding, skipped = _begin(head)
    parser = _parser(encoding)
    parser.StartElementHandler = _found
    try:
        parser.Parse(text)
    except _Found as found:
        return local(found.name)
    except expat.ExpatError as error:
        raise ReportError(_malformed(error, skipped)) from error
    except (LookupError, ValueError) as error:
        raise ReportError("it has an unknown encoding") from error
    raise ReportError("it ends before its first element")


class _Found(Exception):  # noqa: N818 - ends the parsing, is no error
    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


def _found(name: str, _: dict[str, str]) -> NoReturn:
    raise _Found(name)


def _start(chunks: Iterable[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """As many of the first bytes as hold the XML declaration, where there is one; and the rest."""
    remaining, start = iter(chunks), b""
    while len(start) < _MOST_BEFORE and len(start.lstrip()) < _DECLARATION:
        piece = next(remaining, b"")
        if not piece:
            break
        start += piece
    return start, remaining


def _begin(start: bytes) -> tuple[bytes, str | None, int]:
    """The text from its first tag on, its encoding where that is beyond doubt, and the lines left out.

    A byte order mark says what a text is, whatever its declaration says. Some tools write white space before
    the declaration, which XML forbids, or `utf8`, which is no name.
    """
    mark = next((mark for mark in _MARKS if start.startswith(mark)), b"")
    encoding, codec = _MARKS.get(mark, (None, "ascii"))
    spaces = [space.encode(codec) for space in " \t\r\n"]
    place, width, lines = len(mark), len(spaces[0]), 0
    while (unit := start[place : place + width]) in spaces:
        place, lines = place + width, lines + (unit == spaces[-1])
    text = start[place:]
    declared = _ENCODING.match(text)
    if encoding is None and declared and declared[1].lower() in (b"utf8", b"utf_8"):
        encoding = "UTF-8"
    return text, encoding, lines


def _malformed(error: expat.ExpatError, skipped: int) -> str:
    what = expat.ErrorString(error.code)
    return f"it is not well-formed XML: {what}: line {error.lineno + skipped}, column {error.offset}"


def _parser(encoding: str | None) -> expat.XMLParserType:
    parser = expat.ParserCreate(encoding)
    for declaration in _DECLARATIONS:
        setattr(parser, declaration, _refuse_doctype)
    return parser


def _refuse_doctype(*_: object) -> NoReturn:
    raise ReportError("it has a document type declaration, which is refused: it could define entities")


def local(name: str) -> str:
    """The name without its prefix."""
    return name.rpartition(":")[2]
