"""Keeps secrets out of the command line that a capture records."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from pushpolicy.gather.secrets import is_secret_name
from pushpolicy.gather.secrets.search import secret_values, spellings
from pushpolicy.gather.secrets.within import USERINFO, within

MASK = "***"
# NAME=VALUE and --option VALUE, also within a script that a shell is given; a value may be in quotes.
_VALUE = r"(?P<value>'[^']*'|\"[^\"]*\"|[^\s'\"]+)"
_ASSIGNED = re.compile(rf"(?P<name>-{{0,2}}[A-Za-z_][\w.-]*)(?P<sign>=){_VALUE}")
_GIVEN = re.compile(rf"(?<![\w-])(?P<name>--?[A-Za-z][\w-]*)(?P<sign>[ \t]+)(?!-){_VALUE}")
_WHOLE = re.compile(r"(?P<name>-{0,2}[A-Za-z_][\w.-]*)(?P<sign>=)(?P<value>.*)", re.DOTALL)
_HEADER = re.compile(r"(?P<name>[A-Za-z][\w-]*)(?P<sign>:[ \t]*)(?P<value>[^\s'\"/][^'\"]*)")
_SHORT = frozenset({"-p", "-P"})  # how docker, mysql, sshpass and others take a password
_USER = frozenset({"-u", "--user"})  # of curl and others: NAME:PASSWORD; docker's UID:GID is none
_NAME_AND_PASSWORD = re.compile(r"(?P<name>[^:\s]+):(?!\d+$).+", re.DOTALL)


def masked(argv: Sequence[str], environ: Mapping[str, str]) -> tuple[str, ...]:
    """The command line with every secret that can be told replaced by ``***``.

    Told are: secrets of variables and tokens of known forms, in every spelling; what options and assignments
    of secret-looking names are given; ``-p VALUE``; the password of ``-u NAME:PASSWORD``; user information
    in addresses; headers of secret-looking names.
    """
    values = {
        spelling.decode("utf-8", "surrogateescape")
        for value in {*secret_values(environ), *(part for argument in argv for part in within(argument))}
        for spelling in spellings(value)
    }
    shown = list(argv)
    for value in sorted(values, key=len, reverse=True):
        shown = [argument.replace(value, MASK) for argument in shown]
    shown = [_mask_within(argument) for argument in shown]
    for place in range(1, len(argv)):
        shown[place] = _mask_after(argv[place - 1], argv[place], shown[place])
    return tuple(shown)


def _mask_within(argument: str) -> str:
    whole = _WHOLE.fullmatch(argument)
    if whole:
        argument = _mask_named(whole)  # of an argument that is one assignment, all that follows is the value
    argument = USERINFO.sub(MASK, argument)
    for pattern in (_ASSIGNED, _GIVEN):
        argument = pattern.sub(_mask_named, argument)
    return _HEADER.sub(_mask_header, argument)


def _mask_named(match: re.Match[str]) -> str:
    return f"{match['name']}{match['sign']}{MASK}" if _names_secret(match["name"]) else match[0]


def _mask_header(match: re.Match[str]) -> str:
    secret = match["name"].lower() == "authorization" or _names_secret(match["name"])
    return f"{match['name']}{match['sign']}{MASK}" if secret else match[0]


def _mask_after(option: str, argument: str, shown: str) -> str:
    if argument.startswith("-"):
        return shown
    if option in _SHORT or (option.startswith("-") and _names_secret(option)):
        return MASK
    if option in _USER and (match := _NAME_AND_PASSWORD.fullmatch(argument)):
        return f"{match['name']}:{MASK}"
    return shown


def _names_secret(name: str) -> bool:
    bare = name.lstrip("-").replace("-", "_").replace(".", "_")
    return name in _SHORT or (is_secret_name(bare) and not bare.lower().endswith("_stdin"))
