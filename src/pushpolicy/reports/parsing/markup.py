"""XML reports: read as a stream of elements in constant memory, by expat.

Refused: every entity declaration and every reference to an undeclared one (so neither entity bombs nor
external entities exist), deep nesting, and single tokens that would have to be held whole. A document type
declaration is refused too, except where a format's tools always write one; its DTD is never read.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import NoReturn
from xml.parsers import expat

from pushpolicy.reports.format import ReportError
from pushpolicy.reports.limits import Limits


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
        parser.StartElementHandler = self._first
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

    def _first(self, name: str, attributes: dict[str, str]) -> None:
        """Handle the root; where it has a namespace prefix, prefixes are stripped from here on."""
        if self._parser is not None:
            prefixed = ":" in name
            self._parser.StartElementHandler = self._start_prefixed if prefixed else self.start
            self._parser.EndElementHandler = self._end_prefixed if prefixed else self.end
        self.start(local(name), attributes)

    def _start_prefixed(self, name: str, attributes: dict[str, str]) -> None:
        self.start(local(name), attributes)

    def _end_prefixed(self, name: str) -> None:
        self.end(local(name))


def parse(chunks: Iterable[bytes], elements: Elements, limits: Limits) -> None:
    """Send the elements of a document to `elements`.

    Raises:
        ReportError: when it is not well-formed, ends early, or is refused (see the module).
    """
    parser = _parser()
    if not elements.names_dtd:
        parser.StartDoctypeDeclHandler = _refuse_doctype
    elements.attach(parser)
    fed = 0
    try:
        for chunk in chunks:
            parser.Parse(chunk)
            fed += len(chunk)
            if fed - parser.CurrentByteIndex > limits.max_token:
                raise ReportError(f"a tag or comment is over the limit of {limits.max_token} bytes")
            parser.intern.clear()
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise ReportError(f"it is not well-formed XML: {error}") from error
    except (LookupError, ValueError) as error:  # an encoding that Python does not know or cannot map
        raise ReportError("it has an unknown encoding") from error


def root_name(head: bytes) -> str:
    """The local name of the root element.

    Raises:
        ReportError: when the head holds no element, or is not XML.
    """
    parser = _parser()
    parser.StartElementHandler = _found
    try:
        parser.Parse(head)
    except _Found as found:
        return local(found.name)
    except (expat.ExpatError, LookupError, ValueError) as error:
        raise ReportError("it is not well-formed XML") from error
    raise ReportError("it ends before its first element")


class _Found(Exception):  # noqa: N818 - ends the parsing, is no error
    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


def _found(name: str, _: dict[str, str]) -> NoReturn:
    raise _Found(name)


def _parser() -> expat.XMLParserType:
    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = _refuse_inner_doctype
    parser.EntityDeclHandler = _refuse_doctype
    parser.SkippedEntityHandler = _refuse_doctype
    return parser


def _refuse_inner_doctype(_name: str, _system: str | None, _public: str | None, has_subset: int) -> None:
    if has_subset:
        _refuse_doctype()


def _refuse_doctype(*_: object) -> NoReturn:
    raise ReportError("it has a document type declaration, which is refused: it could define entities")


def local(name: str) -> str:
    """The name without its prefix."""
    return name.rpartition(":")[2]
