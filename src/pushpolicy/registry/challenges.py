"""What an answer says about logging in, and the scopes of a token that it asks for.

Sources: RFC 9110, 11.6.1; distribution, "Token Scope Documentation".
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

_SCHEME = re.compile(r"(?:^|,)\s*(basic|bearer)(?=[\s,]|$)", re.IGNORECASE)
_PARAMETER = re.compile(r'([A-Za-z][\w-]*)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')
# TYPE:NAME:ACTION,ACTION; some registries ask for others, such as `*` (Gitea) or `aws` (Amazon's public one).
_SCOPE = re.compile(r"(\S+:\S+):([a-z]+(?:,[a-z]+)*)")


class Challenge(msgspec.Struct, frozen=True):
    """One challenge of a WWW-Authenticate header; the scheme in lower case."""

    scheme: str
    parameters: Mapping[str, str]


def read_challenges(header: str) -> tuple[Challenge, ...]:
    """The Basic and Bearer challenges of a header (RFC 9110, 11.6.1), in order."""
    found = list(_SCHEME.finditer(header))
    ends = [*(match.start() for match in found), len(header)][1:]
    return tuple(
        Challenge(
            match[1].lower(),
            {m[1].lower(): m[2] or m[3] or "" for m in _PARAMETER.finditer(header, match.end(), end)},
        )
        for match, end in zip(found, ends, strict=True)
    )


def united(scopes: tuple[str, ...]) -> tuple[str, ...]:
    """Each resource once, with all actions that are asked of it; what is no such scope stays as it is."""
    actions: dict[str, set[str]] = {}
    others: dict[str, None] = {}
    for scope in scopes:
        if found := _SCOPE.fullmatch(scope):
            actions.setdefault(found[1], set()).update(found[2].split(","))
        else:
            others[scope] = None
    whole = (f"{resource}:{','.join(sorted(asked))}" for resource, asked in actions.items())
    return (*whole, *others)
