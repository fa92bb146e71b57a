"""What commands show of credentials: a password that is written down, or that other processes can see."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from pushpolicy.gather.pipeline import shell
from pushpolicy.gather.pipeline.shell import Command, Word
from pushpolicy.gather.pipeline.values import (
    is_credential_name,
    is_of_registry,
    is_particular,
    is_written,
    literal,
)
from pushpolicy.model.expressions import expression


class Hit(NamedTuple):
    """One finding of a file: its line, from 1, and the rule."""

    line: int
    rule: str


_LOGIN_TOOLS = frozenset(
    {
        *(
            "docker",
            "podman",
            "buildah",
            "skopeo",
            "nerdctl",
            "crane",
            "gcrane",
            "oras",
            "helm",
            "regctl",
            "ko",
        ),
        *(
            "cosign",
            "img",
            "werf",
            "singularity",
            "apptainer",
            "notation",
            "regbot",
            "regsync",
            "kaniko",
            "acr",
            "hub-tool",
        ),
        *("docker.exe", "finch", "wincred", "imgpkg", "pack", "flux", "kubectl-cosign", "charts", "az"),
    }
)
_PASSWORD = ("--password", "--pass", "--identity-token", "--token", "--registry-token")
_CREDS = expression(r"--?(?:(?:src|dest|s|d)-?)?creds|--registry-creds")
_SIDE = expression(r"--(?:(?:src|dest|from|to|docker|registry)-)(?:registry-)?(?:password|token)")
_OPTION = expression(r"--?([A-Za-z][\w.-]*)(?:=(.*))?", re.DOTALL)
_ASSIGNMENT = expression(r"(?:-[A-Z])?([A-Za-z_][\w.-]*)\+?=(.*)", re.DOTALL)
_LOOPBACK = expression(r"(?:https?://)?(?:localhost|127\.[\d.]+|\[::1\]|0\.0\.0\.0)(?::\d+)?(?:/.*)?")
_SECRET = expression(r"\$\{\{[^{}]{0,100}?\bsecrets\.([\w-]{1,100})[^{}]{0,100}\}\}")
_VARIABLE = expression(r"\$(?:\{(\w+)\}|(\w+))")
_MAX_KNOWN, _MAX_WORD = 100, 500
_USER = frozenset({"-u", "--user", "-U", "--proxy-user"})
_ECHOES = frozenset({"echo", "printf", "print", "Write-Output", "Write-Host", "write-output"})
# What a text has that may be a command with a credential, or that runs a script.
TELLING = expression(
    r"log-?in\b|creds|pass|token|secret|key|auth|pwd|curl|://|\.(?:ba|z|k)?sh\b|\./|\bmake\b", re.IGNORECASE
)
_NESTED = expression(r"login|creds|password|token|secret", re.IGNORECASE)
_MAX_NESTED = 3


def read(text: str, line: int, words: list[Word], *, is_folded: bool = False) -> Iterator[Hit]:
    """What a script shows.

    Args:
        text: the script.
        line: where it begins.
        words: takes every word, for those who look for scripts that are called.
        is_folded: as of `shell.commands`.
    """
    yield from _read(Word(text, line), words, set(), 0, is_folded=is_folded)


def _read(
    script: Word, words: list[Word], seen: set[tuple[int, str]], depth: int, *, is_folded: bool = False
) -> Iterator[Hit]:
    known: dict[str, str] = {}
    for written in shell.commands(script.text, script.line, seen, is_folded=is_folded):
        command = _with_variables(written, known)
        words += command.words
        yield from _of_command(command)
        if _name(command.words[0]) in _ECHOES or depth == _MAX_NESTED:
            continue
        for word in command.words:
            place = (word.line, word.text)
            if place not in seen and re.search(r"\s", word.text) and _NESTED.search(word.text):
                seen.add(place)
                yield from _read(word, words, seen, depth + 1)


def listed(words: list[Word]) -> Iterator[Hit]:
    """What the arguments of a login show, which a pipeline's file lists one by one."""
    yield from _of_command(Command((Word("docker", words[0].line), *words)))


def _with_variables(command: Command, known: dict[str, str]) -> Command:
    """The command with what the script itself gave to its variables, which is noted in `known`."""

    def put(word: Word) -> Word:
        if word.is_quoted or "$" not in word.text or len(word.text) > _MAX_WORD:
            return word
        said = _VARIABLE.sub(lambda found: known.get(found[1] or found[2], found[0]), word.text)
        return word._replace(text=said)

    words = tuple(map(put, command.words))
    for word in words:
        assigned = _ASSIGNMENT.fullmatch(word.text)
        if assigned and len(assigned[2]) <= _MAX_KNOWN and len(known) < _MAX_KNOWN:
            found = literal(assigned[2], is_quoted=word.is_quoted)
            known.pop(assigned[1], None)
            if found is not None:
                known[assigned[1]] = found
        elif not word.text.startswith("-") and word.text not in ("export", "local", "readonly", "declare"):
            break
    return Command(words, put(command.given) if command.given else None, tuple(map(put, command.before)))


def _of_command(command: Command) -> Iterator[Hit]:
    words = command.words
    is_echo = _name(words[0]) in _ECHOES
    if not is_echo:
        yield from _of_words(words)
    place = next((at for at, word in enumerate(words) if _name(word) in _LOGIN_TOOLS), None)
    arguments = words[place + 1 :] if place is not None else ()
    login = next((at for at, word in enumerate(arguments) if word.text == "login"), None)
    if (
        login is None
        or place is None
        or (_name(words[place]) == "az" and "acr" not in {word.text for word in arguments})
    ):
        return
    if is_echo or any(_LOOPBACK.fullmatch(word.text) for word in arguments):
        return
    yield from _of_login(arguments[login + 1 :])
    if any(
        word.text.startswith("--password-stdin") or word.text in ("--identity-token-stdin", "--pass-stdin")
        for word in arguments
    ):
        yield from _of_input(command)


def _of_login(arguments: tuple[Word, ...]) -> Iterator[Hit]:
    for at, word in enumerate(arguments):
        name, is_joined, value = word.text.partition("=")
        if name in _PASSWORD or word.text == "-p":
            given = Word(value, word.line, word.is_quoted) if is_joined else _after(arguments, at)
        elif re.match(r"-[a-oq-z]{0,3}p[^-]", word.text) and not word.text.startswith("-password"):
            given = Word(word.text[word.text.index("p") + 1 :].removeprefix("="), word.line, word.is_quoted)
        elif name == "-password":
            given = Word(value, word.line) if is_joined else _after(arguments, at)
        else:
            continue
        if given is not None:
            yield from _judged(given, "login-literal")


def _judged(given: Word, rule: str) -> Iterator[Hit]:
    if literal(given.text, is_quoted=given.is_quoted) is not None:
        yield Hit(given.line, rule)
    elif re.search(r"[$%`]|\{\{|<<", given.text):
        yield Hit(given.line, "secret-on-command-line")


def _after(words: tuple[Word, ...], at: int) -> Word | None:
    following = words[at + 1] if at + 1 < len(words) else None
    return None if following is None or following.text.startswith("-") else following


def _of_input(command: Command) -> Iterator[Hit]:
    """What a login reads: of echo and printf, a here-string or a here-document."""
    if command.given is not None:
        given = [command.given]
    elif command.before and _name(command.before[0]) in _ECHOES:
        given = [word for word in command.before[1:] if not re.fullmatch(r"-[neE]+|%s(?:\\n)?", word.text)][
            -1:
        ]
    else:
        return
    for word in given:
        if literal(word.text, is_quoted=word.is_quoted) is not None:
            yield Hit(word.line, "login-stdin-literal")


def _of_words(words: tuple[Word, ...]) -> Iterator[Hit]:
    for at, word in enumerate(words):
        option, assigned = _OPTION.fullmatch(word.text), _ASSIGNMENT.fullmatch(word.text)
        if option:
            yield from _of_option(words, at, option[1], option[2])
        if word.text in _USER and _name(words[0]) in ("curl", "wget", "http"):
            user, colon, password = (_after(words, at) or Word("", 0)).text.partition(":")
            found = literal(password) if colon and literal(user) is not None else None
            if found is not None and is_particular(found):
                yield Hit(word.line, "basic-auth-literal")
        if (
            assigned
            and is_credential_name(assigned[1])
            and is_written(assigned[1], assigned[2], is_quoted=word.is_quoted)
        ):
            yield Hit(word.line, "variable-literal")
        yield from _visible(words, at, bool(assigned))


def _of_option(words: tuple[Word, ...], at: int, name: str, value: str | None) -> Iterator[Hit]:
    word = words[at]
    dashed = f"--{name}" if word.text.startswith("--") else f"-{name}"
    given = Word(value, word.line, word.is_quoted) if value is not None else _after(words, at)
    if given is None:
        return
    if _CREDS.fullmatch(dashed):
        _, colon, password = given.text.partition(":")
        if colon:
            yield from _judged(Word(password, given.line, given.is_quoted), "creds-literal")
        elif "$" in given.text:
            yield Hit(given.line, "secret-on-command-line")
    elif _SIDE.fullmatch(dashed):
        yield from _judged(given, "login-literal")
    elif (
        word.text.startswith("--")
        and is_credential_name(name)
        and "login" not in {each.text for each in words}
        and is_written(name, given.text, is_quoted=given.is_quoted)
        and is_particular(given.text)
    ):
        yield Hit(given.line, "option-literal")


def _visible(words: tuple[Word, ...], at: int, is_assigned: bool) -> Iterator[Hit]:
    """A registry's secret that an expression writes into an argument, which every process can read."""
    if (at == 0 and not (is_assigned and " " in words[0].text)) or "://" in words[at].text:
        return
    for name in _SECRET.findall(words[at].text):
        if is_credential_name(name) and is_of_registry(name):
            yield Hit(words[at].line, "secret-on-command-line")


def _name(word: Word) -> str:
    return word.text.lstrip("@-+").rpartition("/")[2]
