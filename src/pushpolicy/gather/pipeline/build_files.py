"""What Dockerfiles and Jenkinsfiles show: neither is YAML, both hold commands."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pushpolicy.gather.pipeline import commands, shell
from pushpolicy.gather.pipeline.commands import Hit
from pushpolicy.gather.pipeline.risks.logins import is_fixed, logs_in
from pushpolicy.gather.pipeline.shell import Word
from pushpolicy.gather.pipeline.values import is_credential_name, is_written
from pushpolicy.model.expressions import expression

_INSTRUCTION = expression(r"\s*([A-Za-z]+)\s+")
_COPIED = expression(
    r"(?:.*/)?(?:\.docker(?:/config\.json)?/?|\.dockercfg|\.npmrc|\.netrc|\.pypirc|\.git-credentials"
    r"|id_(?:rsa|ed25519|ecdsa))"
)
_HERE = expression(r"<<-?\s*[\"']?([A-Za-z_][\w.-]*)[\"']?")
# A text of Groovy with its quotes, or a comment; in this order.
_GROOVY = expression(
    r"//[^\n]*|/\*.*?(?:\*/|\Z)|(?P<long>'''|\"\"\")(?P<block>(?:\\.|(?!(?P=long)).)*)"
    r"(?:(?P=long)|\Z)|(?P<quote>['\"])(?P<text>(?:\\[^\n]|(?!(?P=quote))[^\\\n])*)",
    re.DOTALL,
)
_GIVEN_TO = expression(r"([A-Za-z_]\w*)\s*[=:]\s*(?:new\s+)?$")
# What a library is taken by: `@Library('name@version')` and `library 'name@version'`, one or a list.
_LIBRARY = expression(r"(?:@Library|\blibrary)\s*\(?\s*(?:identifier\s*:\s*)?(?:\[[^\]()]*)?$")
_BINDS = expression(r"\bwith(?:Docker)?(?:Credentials|Registry)\b|\bcredentials\s*\(")
_NAMED = expression(r"name\s*:\s*['\"]([\w.-]+)['\"][^()]*$")


def of_dockerfile(text: str, words: list[Word]) -> Iterator[Hit]:
    """Variables and arguments with a secret in them, credentials that are copied in, and commands."""
    for line, instruction, rest in _instructions(text):
        if instruction in ("ENV", "ARG"):
            yield from _of_variables(rest, line, is_old=instruction == "ENV")
        elif instruction in ("COPY", "ADD"):
            given = [word.text for command in shell.commands(rest, line, set()) for word in command.words]
            if "--from" not in rest and any(_COPIED.fullmatch(word.strip("[],\"'")) for word in given[:-1]):
                yield Hit(line, "copied-credentials")
        elif instruction in ("RUN", "CMD", "ENTRYPOINT", "HEALTHCHECK", "ONBUILD"):
            yield from commands.read(rest, line, words)


def _instructions(text: str) -> Iterator[tuple[int, str, str]]:
    lines = text.split("\n")
    at = 0
    while at < len(lines):
        start, found = at, _INSTRUCTION.match(lines[at])
        at += 1
        if found is None or lines[start].lstrip().startswith("#"):
            continue
        taken = [lines[start][found.end() :]]
        # Comments and empty lines within a continued instruction are left out by the builder.
        while at < len(lines) and (taken[-1].rstrip().endswith("\\") or _is_comment(taken[-1])):
            taken.append(lines[at])
            at += 1
        ends = [here[1] for here in _HERE.finditer("\n".join(taken))]
        for end in ends:
            while at < len(lines) and taken[-1].strip() != end:
                taken.append(lines[at])
                at += 1
        kept = "\n".join("\\" if _is_comment(line) else re.sub(r"\\[ \t\r]+$", r"\\", line) for line in taken)
        yield start + 1, found[1].upper(), kept


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith("#")


def _of_variables(rest: str, line: int, *, is_old: bool) -> Iterator[Hit]:
    for command in shell.commands(rest, line, set()):
        first = command.words[0]
        if is_old and "=" not in first.text and len(command.words) > 1:
            pairs = [(first.text, " ".join(word.text for word in command.words[1:]), first)]
        else:
            pairs = [(*word.text.partition("=")[::2], word) for word in command.words]
        for name, value, word in pairs:
            if is_credential_name(name) and is_written(name, value):
                yield Hit(word.line, "variable-literal")


def of_jenkinsfile(text: str, words: list[Word]) -> Iterator[Hit]:
    """Commands in the texts of a Jenkinsfile, texts that are given to the name of a secret, and libraries."""
    line, counted = 1, 0
    has_login = _BINDS.search(text) is not None or logs_in(text)
    for found in _GROOVY.finditer(text):
        group = "block" if found["block"] else "text"
        said = found[group]
        if not said:
            continue
        start = found.start(group)
        line += text.count("\n", counted, start)
        counted = start
        before = text[max(found.start() - 200, 0) : found.start()]
        if has_login and "@" in said and _LIBRARY.search(before) and not is_fixed(said):
            yield Hit(line, "unpinned-action")
        name = _GIVEN_TO.search(before)
        if name and name[1] == "defaultValue":
            name = _NAMED.search(before)
        if name and is_credential_name(name[1]):
            if is_written(name[1], said):
                yield Hit(line, "variable-literal")
        elif commands.TELLING.search(said):
            # A backslash that is written twice is one for the shell, which ends a line with it.
            yield from commands.read(said.replace("\\\\\n", "\\\n"), line, words)
