"""The pipeline's own files: credentials that are written into them, and logins that others can look into.

Files that git tracks are read as they are checked out, by their names (`places`), with what they include and
the scripts that they call. They are looked at as a shell would read them; nothing is run or expanded. A
finding names file, line and rule, never the value. It is a heuristic: `credentials.literal_in` is the search
for the credential in use, in all tracked files.
"""

from __future__ import annotations

import os
import re
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from pushpolicy.gather.checkout import Checkout
from pushpolicy.gather.checkout.files import opened_folder
from pushpolicy.gather.checkout.tree import LINK, PROGRAM, SUBMODULE, Entry
from pushpolicy.gather.pipeline import build_files, commands, configs, workflow
from pushpolicy.gather.pipeline.commands import Hit
from pushpolicy.gather.pipeline.document import OverdoneError
from pushpolicy.gather.pipeline.places import MAKEFILES, SCRIPT_NAME, YAMLS, Kind, kind_of
from pushpolicy.gather.pipeline.shell import Word
from pushpolicy.gather.pipeline.values import is_common, is_particular, is_token, literal
from pushpolicy.gather.secrets.within import PRIVATE_KEY
from pushpolicy.model.evidence import PipelineEvidence, PipelineFinding, Status
from pushpolicy.model.expressions import expression
from pushpolicy.model.text import printable
from pushpolicy.reports.parsing.values import text as readable

_MAX_SIZE = 1024 * 1024
_MAX_TOTAL = 32 * _MAX_SIZE
_MAX_CALLED = 500
_MAX_FINDINGS = 2_000
_SECONDS = 20
# A secret written down, and what makes one easier to steal.
LITERALS = frozenset(
    {
        *("login-literal", "login-stdin-literal", "creds-literal", "basic-auth-literal", "option-literal"),
        *(
            "input-literal",
            "variable-literal",
            "config-literal",
            "docker-auth",
            "url-literal",
            "token",
            "private-key",
        ),
    }
)
_URL = expression(
    r"[a-z][a-z0-9+.-]{1,20}://([^\s/?#@:\"'<>]{0,200}):([^\s/?#@\"'<>]{1,200})@([^\s/?#\"':]{1,200})"
)
_WRITTEN = expression(
    r"\bauth\\?\"\s{0,9}:\s{0,9}\\?\"(?P<auth>[A-Za-z0-9+/]{8,4000}={0,2})\\?\""
    r"|:_authToken=(?P<npm>[^\s\"'\\]{1,4000})"
    r"|\bAuthorization:[ ]{0,9}(?:Bearer|Basic|token)[ ]{1,9}(?P<header>[^\s\"'\\]{1,4000})",
    re.IGNORECASE,
)
# Services of a job have names without a dot.
_NEARBY = expression(r"localhost|127\.[\d.]+|\[?::1\]?|0\.0\.0\.0|[\w-]+|host\.docker\.internal|\W.*")
# A variable before the path of a script names the checkout.
_TOP = expression(r"^(?:\$\{?\w+\}?|\$\{\{[^{}]*\}\})/")
_INCLUDED = expression(
    r"(?m)^[ \t-]*(?:local|template|include)[ \t]*:[ \t]*['\"]?/?([\w./-]+\.ya?ml)['\"]?"
    r"|^[ \t]*-[ \t]*['\"]?/?([\w./-]+\.ya?ml)['\"]?[ \t]*$"
)


class _UnreadableError(Exception):
    """A file of the pipeline cannot be judged: all of the evidence has failed."""


def evidence(checkout: Checkout) -> PipelineEvidence:
    """What the pipeline's files show.

    Args:
        checkout: whose tracked files are read.
    """
    if checkout.root is None or "" not in checkout.trees:
        reason = checkout.evidence.reason or "there is no git checkout to look for pipeline files in"
        return PipelineEvidence(status=checkout.evidence.status, reason=reason)
    try:
        return _Files(checkout.root, checkout).read()
    except _UnreadableError as error:
        return PipelineEvidence(status=Status.FAILED, reason=str(error))


def hits(kind: Kind, text: str, words: list[Word] | None = None) -> Iterator[Hit]:
    """What one file shows, without those of it that are seen in any text.

    Raises:
        OverdoneError: when it is nested too deep, or repeats too much.
    """
    words = [] if words is None else words
    match kind:
        case _ if kind in YAMLS:
            yield from workflow.read(text, words, kind)
        case Kind.JENKINS:
            yield from build_files.of_jenkinsfile(text, words)
        case Kind.DOCKERFILE:
            yield from build_files.of_dockerfile(text, words)
        case Kind.SCRIPT:
            yield from commands.read(text, 1, words)
        case Kind.DOCKER_CONFIG:
            yield from configs.of_docker(text)
        case Kind.NPM:
            yield from configs.of_npm(text)
        case Kind.NETRC:
            yield from configs.of_netrc(text)
        case Kind.INI:
            yield from configs.of_ini(text)
    yield from _anywhere(text)
    if kind not in (Kind.DOCKER_CONFIG, Kind.NPM):
        yield from _written_elsewhere(text)


def _anywhere(text: str) -> Iterator[Hit]:
    """What is a secret wherever it stands: tokens by their form, private keys, passwords in addresses."""
    for number, line in enumerate(text.split("\n"), 1):
        if "://" in line and "@" in line:
            for user, password, host in _URL.findall(line):
                found = literal(password)
                if found and found != user and not _NEARBY.fullmatch(host) and not is_common(found):
                    yield Hit(number, "url-literal")
        if len(line) >= 20 and is_token(line):
            yield Hit(number, "token")
    for key in PRIVATE_KEY.finditer(text):
        if len(key[1].strip()) > 100:
            yield Hit(text.count("\n", 0, key.start()) + 1, "private-key")


def _written_elsewhere(text: str) -> Iterator[Hit]:
    """What a file writes into a configuration or a header: docker's, npm's, that of a request."""
    for found in _WRITTEN.finditer(text):
        if (auth := found["auth"]) is not None:
            is_secret, rule = configs.is_pair(auth), "docker-auth"
        elif (token := found["npm"]) is not None:
            is_secret, rule = literal(token) is not None, "config-literal"
        else:
            said = literal(found["header"])
            is_secret, rule = said is not None and is_particular(said), "basic-auth-literal"
        if is_secret:
            yield Hit(text.count("\n", 0, found.start()) + 1, rule)


class _Files:
    """Reads a pipeline's files, and those that they name, within bounds."""

    def __init__(self, root: Path, checkout: Checkout) -> None:
        self._root, self._tree = root, checkout.trees[""]
        self._deadline = time.monotonic() + _SECONDS
        self._total = 0
        self._found: dict[tuple[str, int, str], PipelineFinding] = {}

    def read(self) -> PipelineEvidence:
        waiting = [(name, kind) for name in sorted(self._tree.files()) if (kind := kind_of(name)) is not None]
        taken, called = {name for name, _ in waiting}, 0
        read: list[str] = []
        while waiting:
            name, kind = waiting.pop(0)
            if (text := self._text(name, kind)) is None:
                continue
            read.append(name)
            words: list[Word] = []
            self._judge(name, kind, text, words)
            for other, its_kind in self._named(name, kind, text, words):
                if other not in taken:
                    taken.add(other)
                    called += 1
                    waiting.append((other, its_kind))
            if called > _MAX_CALLED:
                raise _UnreadableError(f"the pipeline's files name over {_MAX_CALLED} others")
        return PipelineEvidence(
            status=Status.COLLECTED,
            files=tuple(map(readable, sorted(read))),
            findings=tuple(self._found[key] for key in sorted(self._found) if key[2] in LITERALS),
            risks=tuple(self._found[key] for key in sorted(self._found) if key[2] not in LITERALS),
        )

    def _judge(self, name: str, kind: Kind, text: str, words: list[Word]) -> None:
        try:
            for hit in hits(kind, text, words):
                found = PipelineFinding(file=readable(name), line=hit.line, rule=hit.rule)
                self._found.setdefault((name, hit.line, hit.rule), found)
                if len(self._found) > _MAX_FINDINGS:
                    raise _UnreadableError(f"the pipeline's files hold over {_MAX_FINDINGS} findings")
        except OverdoneError as error:
            raise _UnreadableError(f"{printable(name)}: {error}") from error
        if time.monotonic() > self._deadline:
            raise _UnreadableError(f"reading the pipeline's files took over {_SECONDS} seconds")

    def _named(self, name: str, kind: Kind, text: str, words: list[Word]) -> Iterator[tuple[str, Kind]]:
        """The tracked files that one includes or calls."""
        if kind in YAMLS - {Kind.GITHUB} and "compose" not in name:
            for given in _INCLUDED.findall(text):
                path = next(filter(None, given))
                beside = os.path.normpath(f"{name.rpartition('/')[0]}/{path}").lstrip("/")
                for place in (path, beside):
                    if self._file(place):
                        yield place, kind
        for said in {word.text for word in words if re.search(r"[/.]|^make$", word.text)}:
            path = os.path.normpath(_TOP.sub("", said.lstrip("@")))
            if path == "make":
                yield from ((each, Kind.SCRIPT) for each in MAKEFILES if self._file(each))
            elif (entry := self._file(path)) and (SCRIPT_NAME.fullmatch(path) or entry.mode == PROGRAM):
                yield path, Kind.SCRIPT

    def _file(self, path: str) -> Entry | None:
        entry = self._tree.entry(path) if len(path) < 4096 else None
        return entry if entry and entry.mode not in (LINK, SUBMODULE) else None

    def _text(self, name: str, kind: Kind) -> str | None:
        """The text of a file; None for a link, for what is not checked out, and for what is no text."""
        if not self._file(name):
            return None
        folder, _, last = name.rpartition("/")
        try:
            content = _read(self._root, folder, last)
        except FileNotFoundError:
            return None  # not checked out, or gone, which makes the checkout dirty
        except OSError as error:
            raise _UnreadableError(f"{printable(name)} cannot be read: {error.strerror}") from error
        # Many programs have a config.json; a larger one is none of docker's.
        if kind == Kind.DOCKER_CONFIG and (content is None or b'"auth' not in content):
            return None
        if content is None:
            raise _UnreadableError(
                f"{printable(name)} is over the limit of {_MAX_SIZE} bytes for a pipeline's file"
            )
        self._total += len(content)
        if self._total > _MAX_TOTAL:
            raise _UnreadableError(f"the pipeline's files are over the limit of {_MAX_TOTAL} bytes together")
        if kind == Kind.SCRIPT and b"\0" in content:
            return None  # a program
        return content.decode("utf-8-sig", "replace").replace("\r\n", "\n")


def _read(root: Path, folder: str, name: str) -> bytes | None:
    """A file below the root, no part of whose path is a link; None where it is too large."""
    top = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with opened_folder(top, folder) as place:
            descriptor = os.open(
                name, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=place
            )
    finally:
        os.close(top)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(0, "it is not a regular file")
        content = file.read(_MAX_SIZE + 1)
    return content if len(content) <= _MAX_SIZE else None
