"""Commands of a shell, as words: quotes, continued lines, pipes and here-documents are read, nothing is run.

What a command substitution holds is read as commands too. A text that no shell would take is read as far as
it goes: a missing quote ends at the end of the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from pushpolicy.model.expressions import expression

_MAX_NESTED = 8
_PLAIN = expression(r"[^\s'\"\\$`;&|()<>#]+")
_WITHIN_QUOTES = expression(r'[^"\\$`]+')
_HERE = expression(r"<<(-?)[ \t]*(?:'([^'\n]+)'|\"([^\"\n]+)\"|\\?([\w.-]+))")
_ENDS = {"(": ")", "{": "}"}


class Word(NamedTuple):
    """One word, without its quotes.

    Attributes:
        is_quoted: whether all of it stood in single quotes.
    """

    text: str
    line: int
    is_quoted: bool = False


class Command(NamedTuple):
    """One simple command.

    Attributes:
        given: what a here-document or a here-string hands it.
        before: the command whose output it reads.
    """

    words: tuple[Word, ...]
    given: Word | None = None
    before: tuple[Word, ...] = ()


def commands(
    text: str, line: int, seen: set[tuple[int, str]], *, is_folded: bool = False, depth: int = 0
) -> Iterator[Command]:
    """The commands of a script.

    Args:
        text: the script.
        line: of the file, where it begins.
        seen: the texts that were read, with their lines: none is read again, however brackets are opened.
        is_folded: whether the ends of its lines are spaces (`>` of YAML).
        depth: how many texts this one is within.
    """
    reader = _Reader(text, line, is_folded)
    yield from reader.read()
    if depth < _MAX_NESTED:
        for inner in reader.inner:
            if (inner.line, inner.text) not in seen:
                seen.add((inner.line, inner.text))
                yield from commands(inner.text, inner.line, seen, depth=depth + 1)


class _Reader:
    def __init__(self, text: str, line: int, is_folded: bool) -> None:
        self.inner: list[Word] = []
        self._text, self._at, self._line = text, 0, line
        self._is_folded = is_folded
        self._words: list[Word] = []
        self._before: tuple[Word, ...] = ()
        self._given: Word | None = None
        self._waiting: list[tuple[str, bool]] = []

    def read(self) -> Iterator[Command]:
        text, end = self._text, len(self._text)
        while self._at < end:
            char = text[self._at]
            if char == "\n":
                self._step(1)
                if self._waiting:
                    self._here_documents()
                if not self._is_folded:
                    yield from self._ended()
            elif char.isspace():
                self._step(1)
            elif text.startswith("\\\n", self._at):
                self._step(2)
            elif char == "#":
                self._step(self._until("\n"))
            elif char in ";&()":
                self._step(1)
                yield from self._ended()
            elif char == "|":
                is_or = text.startswith("||", self._at)
                self._step(2 if is_or or text.startswith("|&", self._at) else 1)
                words = tuple(self._words)
                yield from self._ended()
                self._before = () if is_or else words
            elif char in "<>":
                self._redirected()
            else:
                self._words.append(self._word())
        yield from self._ended()

    def _ended(self) -> Iterator[Command]:
        if self._words:
            yield Command(tuple(self._words), self._given, self._before)
            self._words, self._before, self._given = [], (), None

    def _step(self, count: int) -> str:
        passed = self._text[self._at : self._at + count]
        self._at += count
        self._line += passed.count("\n")
        return passed

    def _until(self, mark: str) -> int:
        found = self._text.find(mark, self._at)
        return (found if found >= 0 else len(self._text)) - self._at

    def _redirected(self) -> None:
        if self._text.startswith("<<<", self._at):
            while self._text[self._at : self._at + 1] in ("<", " ", "\t"):
                self._step(1)
            self._given = self._word()
        elif here := _HERE.match(self._text, self._at):
            self._step(len(here[0]))
            self._waiting.append((here[2] or here[3] or here[4], bool(here[1])))
        else:
            self._step(1)

    def _here_documents(self) -> None:
        for end, is_indented in self._waiting:
            start, lines = self._line, []
            while self._at < len(self._text):
                passed = self._step(self._until("\n") + 1).removesuffix("\n")
                # Within YAML or a Makefile, the end of the document is indented with the script.
                if passed == end or ((is_indented or self._at == len(self._text)) and passed.strip() == end):
                    break
                lines.append(passed)
            self._given = Word("\n".join(lines), start)
            self.inner.append(self._given)
        self._waiting = []

    def _word(self) -> Word:
        line, text = self._line, self._text
        parts: list[str] = []
        quoted: list[bool] = []
        while self._at < len(text):
            char = text[self._at]
            if char == "'" or text.startswith("$'", self._at):
                self._step(1 if char == "'" else 2)
                parts.append(self._step(self._until("'")))
                self._step(1)
                quoted.append(True)
                continue
            plain = _PLAIN.match(text, self._at)
            if plain is None and char not in '"\\$`#':
                break
            quoted.append(False)
            if char == '"':
                parts.append(self._double())
            elif char == "\\":
                passed = self._step(2)
                parts.append("" if passed == "\\\n" else passed[1:])
            elif char in "$`":
                parts.append(self._expansion())
            else:
                parts.append(self._step(len(plain[0]) if plain else 1))
        if not quoted:
            # What a redirection lacks; a word is never waited for in vain.
            self._step(1 if self._at < len(text) and text[self._at] != "\n" else 0)
        return Word("".join(parts), line, bool(quoted) and all(quoted))

    def _double(self) -> str:
        self._step(1)
        parts: list[str] = []
        text = self._text
        while self._at < len(text) and text[self._at] != '"':
            char = text[self._at]
            if char == "\\":
                passed = self._step(2)
                parts.append(
                    {"\\\n": "", "\\n": "\n"}.get(passed, passed[1:] if passed[1:] in '"\\$`' else passed)
                )
            elif char in "$`":
                parts.append(self._expansion())
            else:
                run = _WITHIN_QUOTES.match(text, self._at)
                parts.append(self._step(len(run[0]) if run else 1))
        self._step(1)
        return "".join(parts)

    def _expansion(self) -> str:
        """What is put for a variable, an expression or a command, as it is written."""
        text = self._text
        if text[self._at] == "`":
            line = self._line
            inner = text[self._at + 1 : self._at + 1 + max(text.find("`", self._at + 1) - self._at - 1, 0)]
            self.inner.append(Word(inner, line))
            return self._step(len(inner) + 2)
        if text.startswith("${{", self._at):
            return self._step(self._until("}}") + 2)
        opening = text[self._at + 1 : self._at + 2]
        if opening not in _ENDS:
            return self._step(1)
        start, line = self._at, self._line
        length = _length(text, start + 1, opening)
        if opening == "(":
            self.inner.append(Word(text[start + 2 : start + length], line))
        return self._step(length + 1)


def _length(text: str, start: int, opening: str) -> int:
    """How far a bracket reaches, from the dollar before it; quotes hide brackets."""
    closing, depth, at = _ENDS[opening], 0, start
    marks = re.compile(rf"[\\'\"{re.escape(opening + closing)}]")
    quote = ""
    while mark := marks.search(text, at):
        at = mark.end()
        char = mark[0]
        if char == "\\":
            at += 1
        elif quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        elif char == opening:
            depth += 1
        else:
            depth -= 1
            if depth == 0:
                return at - start
    return len(text) - start
