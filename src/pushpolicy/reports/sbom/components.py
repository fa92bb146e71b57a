"""The components of an SBOM as facts, with the licences that it names for them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import accumulate, chain

from pushpolicy.model.evidence import Component
from pushpolicy.reports.format import ReportError
from pushpolicy.reports.limits import Limits

# SPDX 2.3, clause 7.13: where nothing is known, and where it is known that there is none.
_NO_ASSERTION, _NONE = "NOASSERTION", "NONE"
_OPERATORS = frozenset({"AND", "OR", "WITH"})
_WORDS = re.compile(r"[^\s()]+")
Terms = tuple[tuple[str, ...] | None, str | None]


def listed(
    number: int, components: Callable[[], Iterable[Component]], limits: Limits
) -> tuple[tuple[Component, ...], str | None]:
    """All of so many components, or none and why: a rule must not take a part for the whole."""
    if number > limits.max_components:
        return (), f"its {over(limits)}"
    try:
        found = tuple(components())
    except ReportError as error:
        return (), f"a component cannot be told: {error}"
    if max(chain.from_iterable(map(_lengths, found)), default=0) > limits.max_text:
        return (), f"a component has a text over the limit of {limits.max_text} characters"
    return found, None


def over(limits: Limits) -> str:
    """Why no component is listed where there are too many, to be said of an SBOM."""
    return f"components are over the limit of {limits.max_components} (--limit max-components)"


def _lengths(component: Component) -> Iterator[int]:
    texts = (component.name, component.version, component.purl, component.type, *(component.licences or ()))
    return map(len, filter(None, texts))


def terms(stated: Iterable[str | None]) -> Terms:
    """The licences that are named; and all that is stated as one expression, if any of it has an operator.

    An expression does not speak for what stands beside it. All hold together, but for names in it.

    Args:
        stated: expressions of SPDX, ids and names, as an SBOM says.
    """
    said = [text.strip() for text in stated if text and text.strip() != _NO_ASSERTION]
    if not said:
        return None, None
    named = dict.fromkeys(name for text in said if text != _NONE for name in _names(text))
    return tuple(named), _expression(list(dict.fromkeys(text for text in said if text != _NONE)))


def _expression(said: list[str]) -> str | None:
    expressions = {text: _names(text) for text in said if _names(text) != (text,)}
    mentioned = {name for names in expressions.values() for name in names}
    beside = [text for text in said if text not in expressions and text not in mentioned]
    if not expressions or (len(expressions) == 1 and not beside):
        return next(iter(expressions), None)
    return " AND ".join([*(f"({text})" for text in expressions), *beside])


def _names(text: str) -> tuple[str, ...]:
    """The licences of an expression, without exceptions (what stands behind WITH); else the text itself.

    Many tools write names where expressions belong: what has an operator at each second place is one, if its
    parentheses are pairs: others would reach into what stands beside it.
    """
    if " " not in text or not _is_paired(text):
        return (text,)
    words = _WORDS.findall(text)
    operators = [word.upper() for word in words[1::2]]
    if len(words) != 2 * len(operators) + 1 or not _OPERATORS.issuperset(operators):
        return (text,)
    return tuple(word for word, before in zip(words[::2], ["", *operators], strict=True) if before != "WITH")


def _is_paired(text: str) -> bool:
    depths = list(accumulate((char == "(") - (char == ")") for char in text))
    return min(depths) >= 0 and depths[-1] == 0
