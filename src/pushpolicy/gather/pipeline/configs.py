"""Files that hold credentials by their purpose: docker's configuration, .npmrc, .netrc and their like."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator

import msgspec

from pushpolicy.gather.pipeline.commands import Hit
from pushpolicy.gather.pipeline.values import is_credential_name, literal
from pushpolicy.model.expressions import expression

_NPM = expression(
    r"\s*(?P<name>[^=;#\s]*(?::|^)_?(?:auth|authToken|password)|_auth(?:Token)?|_password)\s*=\s*(?P<value>\S+)\s*"
)
_OLD = expression(r"[.:]|^localhost$")
_MAX_LINE = 4096
_NETRC = expression(r"\bpassword\s+(\S+)")
_INI = expression(r"\s*([\w.-]+)\s*[=:]\s*(\S.*?)\s*")


def of_docker(text: str) -> Iterator[Hit]:
    """The registries of a config.json, a .dockercfg or a pull secret whose secret stands in it."""
    try:
        content = msgspec.json.decode(text.encode("utf-8", "surrogatepass"))
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        return
    if not isinstance(content, dict):
        return
    # An old .dockercfg has the registries at the top.
    auths = content.get("auths", {name: entry for name, entry in content.items() if _OLD.search(name)})
    if not isinstance(auths, dict):
        return
    after = 0
    for registry, entry in auths.items():
        if isinstance(entry, dict) and _is_secret(entry):
            # Its line is where its name stands, in the order of the file.
            found = text.find(msgspec.json.encode(registry).decode(), after)
            after = max(found, after)
            yield Hit(text.count("\n", 0, after) + 1, "docker-auth")


def _is_secret(entry: dict[str, object]) -> bool:
    auth = entry.get("auth")
    if isinstance(auth, str) and is_pair(auth):
        return True
    return any(
        isinstance(value, str) and literal(value) is not None
        for value in map(entry.get, ("password", "identitytoken", "registrytoken"))
    )


def is_pair(auth: str) -> bool:
    """Whether a text is a user and a password in base64."""
    try:
        user, colon, password = base64.b64decode(auth, validate=True).partition(b":")
    except (binascii.Error, ValueError):
        return False
    return bool(colon and user and password.strip(b"\0"))


def of_npm(text: str) -> Iterator[Hit]:
    """The tokens of an .npmrc."""
    for number, line in _lines(text):
        found = _NPM.fullmatch(line)
        if found and literal(found["value"].strip("\"'")) is not None:
            yield Hit(number, "config-literal")


def of_netrc(text: str) -> Iterator[Hit]:
    """The passwords of a .netrc."""
    for number, line in _lines(text):
        if not line.lstrip().startswith("#"):
            found = _NETRC.search(line)
            if found and literal(found[1].strip("\"'")) is not None:
                yield Hit(number, "config-literal")


def of_ini(text: str) -> Iterator[Hit]:
    """The passwords of a .pypirc and its like."""
    for number, line in _lines(text):
        found = _INI.fullmatch(line)
        if found and is_credential_name(found[1]) and literal(found[2].strip("\"'")) is not None:
            yield Hit(number, "config-literal")


def _lines(text: str) -> Iterator[tuple[int, str]]:
    return ((number, line) for number, line in enumerate(text.split("\n"), 1) if len(line) <= _MAX_LINE)
