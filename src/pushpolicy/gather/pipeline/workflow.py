"""What a pipeline's YAML shows: its commands, what its keys hold, and what its jobs do with a login."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pushpolicy.gather.pipeline import commands, document, risks
from pushpolicy.gather.pipeline.commands import Hit
from pushpolicy.gather.pipeline.document import Node
from pushpolicy.gather.pipeline.places import Kind
from pushpolicy.gather.pipeline.shell import Word
from pushpolicy.gather.pipeline.values import is_credential_name, is_written, literal

# Keys whose text is for people, and above which names mean places in a store.
_WORDS = frozenset(
    {"description", "name", "displayname", "title", "label", "message", "summary", "if", "when"}
)
_STORES = frozenset(
    {
        *(
            "secrets-manager",
            "parameter-store",
            "secretkeyref",
            "secretref",
            "availablesecrets",
            "secretmanager",
        ),
        *(
            "permissions",
            "id_tokens",
            "exported-variables",
            "from_secret",
            "secret_env",
            "secretenv",
            "concurrency",
        ),
    }
)
# Whatever is given here is shown to a registry.
_REGISTRY_PLACES = frozenset(
    {"credentials", "registry_auth", "registry-auth", "auth", "aws_auth", "registries"}
)
_PASSWORDS = frozenset({"password", "passwd", "pass", "token", "registry_password", "docker_password"})
_MAX_LINE = 4096


def read(text: str, words: list[Word], kind: Kind) -> Iterator[Hit]:
    """What a file shows.

    Args:
        text: the file.
        words: takes every word of a command.
        kind: whose file it is.

    Raises:
        OverdoneError: when it is nested too deep, or repeats too much.
    """
    try:
        documents = document.read(text)
    except document.OverdoneError:
        raise
    except ValueError:
        # Templates, and what no CI system would take: as lines of a script, and of keys.
        yield from _of_lines(text, words)
        return
    for place, node in document.walk(documents):
        if node.fields:
            yield from _of_mapping(place, node, is_github=kind == Kind.GITHUB)
        elif node.text:
            yield from _of_scalar(place, node, words)
        elif any(item.text == "login" for item in node.items):
            yield from commands.listed([Word(item.text or "", item.line) for item in node.items])
    for root in documents:
        yield from risks.of(kind, root)


def _of_lines(text: str, words: list[Word]) -> Iterator[Hit]:
    yield from commands.read(re.sub(r"(?m)^[ \t]*(?:- +)?(?:[\w-]+: +(?=\S))?", "", text), 1, words)
    for number, line in enumerate(text.split("\n"), 1):
        found = len(line) <= _MAX_LINE and re.fullmatch(
            r"\s*(?:- +)?([\w.-]+)\s*:\s+(['\"]?)(.*?)\2\s*", line
        )
        if found and is_credential_name(found[1]) and is_written(found[1], found[3]):
            yield Hit(number, "variable-literal")


def _of_scalar(place: tuple[str, ...], node: Node, words: list[Word]) -> Iterator[Hit]:
    key = place[-1].lower() if place else ""
    if node.text and key not in _WORDS and commands.TELLING.search(node.text):
        yield from commands.read(node.text, node.line, words, is_folded=node.style == ">")


def _of_mapping(place: tuple[str, ...], node: Node, *, is_github: bool) -> Iterator[Hit]:
    above = [key.lower() for key in place]
    if _STORES.intersection(above):
        return
    parent = above[-1] if above else ""
    has_user = any(key.lower() == "username" for key, _ in node.fields)
    for key, value in node.fields:
        if value.text is None or value.style == ">":
            continue
        # GitHub replaces nothing but its own expressions, as a shell does in single quotes.
        found = literal(value.text, is_quoted=is_github)
        if key == "credentials" and (parent == "container" or "services" in above[-2:-1]):
            if found is not None and ":" in found:
                yield Hit(value.line, "input-literal")
        elif _is_password(key, parent, above, has_user=has_user):
            if found is not None and not re.search(r"\s", found):
                yield Hit(value.line, "input-literal")
        elif is_credential_name(key) and is_written(key, value.text, is_quoted=is_github):
            yield Hit(value.line, "variable-literal")
    yield from _of_pair(node, parent)


def _is_password(key: str, parent: str, above: list[str], *, has_user: bool) -> bool:
    """Whether a key holds what is shown to a registry: any literal there is one."""
    if key.lower() not in _PASSWORDS:
        return False
    if _REGISTRY_PLACES.intersection(above[-3:]):
        return True
    is_login = parent in ("with", "settings", "inputs") or "login" in parent.lower()
    return is_login and has_user and key.lower() != "token"


def _of_pair(node: Node, parent: str) -> Iterator[Hit]:
    """`name: X, value: Y` as Kubernetes and Azure have it, and the default of a parameter."""
    name, value, default = node.get("name").text, node.get("value"), node.get("default")
    if name and value.text and is_credential_name(name) and is_written(name, value.text):
        yield Hit(value.line, "variable-literal")
    if default.text and is_credential_name(parent or "") and is_written(parent, default.text):
        yield Hit(default.line, "variable-literal")
