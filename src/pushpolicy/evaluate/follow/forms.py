"""What form a text has that one of OPA's builtins gives, or of which one of them holds."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from itertools import product

from pushpolicy.evaluate.follow.domain import ANYTHING, Domain, few, kinds, matching
from pushpolicy.evaluate.follow.patterns import inside
from pushpolicy.evaluate.follow.twins import glob_pattern, read_alike

_MOST = 1000
_ANY = r"[\s\S]*"
_TEXT = kinds("string")


def text(parts: Sequence[Domain]) -> Domain:
    """A text that is made of these, one after the other, as a template prints them."""
    given = [_printed(part) for part in parts]
    words = [each for each in given if each is not None]
    if len(words) == len(given) and math.prod(map(len, words)) <= _MOST:
        return few("".join(each) for each in product(*words))
    forms = [_form(part, each) for part, each in zip(parts, given, strict=True)]
    return matching(f"^{''.join(forms)}$")


def _printed(domain: Domain) -> list[str] | None:
    """How few values are printed, where that is certain."""
    if domain.few is None or any(
        isinstance(each, bool) or not isinstance(each, str | int) for each in domain.values
    ):
        return None
    return [str(each) for each in domain.values]


def _form(domain: Domain, printed: list[str] | None) -> str:
    """A pattern of what is printed."""
    if printed is not None:
        return re.escape(printed[0]) if len(printed) == 1 else f"(?:{'|'.join(map(re.escape, printed))})"
    if domain.types == {"number"}:
        return r"[-+.eE0-9]+"
    known = [found for each in sorted(domain.patterns) if (found := inside(each)) is not None]
    return f"(?:{known[0]})" if domain.types == {"string"} and known else _ANY


def joined(name: str, first: Domain, items: Sequence[Domain]) -> Domain:
    """What `concat` or `sprintf` makes of an array that is written out."""
    if first.few is None or len(first.few) != 1 or first.types != {"string"}:
        return _TEXT
    [word] = first.values
    if name == "concat":
        parts = [each for item in items for each in (few([word]), item)]
        return text(parts[1:]) if parts else few([""])
    said = re.split("(%.)", word, flags=re.DOTALL)
    verbs = said[1::2]
    if "%" in "".join(said[::2]) or len(verbs) != len(items):
        return _TEXT
    printed = [_verb(verb, item) for verb, item in zip(verbs, items, strict=True)]
    parts = [few([said[0]])]
    for each, after in zip(printed, said[2::2], strict=True):
        parts += [each, few([after])]
    return text(parts)


def _verb(verb: str, item: Domain) -> Domain:
    if verb == "%d" and item.types == {"number"} and item.whole:
        # A number that is too large to be read as a whole one is printed as an error.
        return item if item.few is not None else matching(r"^(?:-?[0-9]+|%!d\(float64=[-+.e0-9]+\))$")
    fits = {"%s": {"string"}, "%v": {"string", "number"}}.get(verb, set())
    return item if item.types and item.types <= fits else ANYTHING


def _digits(number: Domain, base: Domain) -> str:
    sign = "" if number.low[0] >= 0 else "-?"
    [known] = base.values if base.few is not None and len(base.few) == 1 else [16]
    digits = {2: "01", 8: "0-7", 10: "0-9"}.get(known, "0-9a-f")
    return f"^{sign}[{digits}]+$"


def _marshalled(value: Domain) -> str:
    starts = {
        "string": '"',
        "number": "-?[0-9]",
        "boolean": "[tf]",
        "null": "n",
        "array": r"\[",
        "object": r"\{",
        "set": r"\[",
    }
    return f"^({'|'.join(starts[kind] for kind in sorted(value.types))})"


def _same(pattern: str) -> Callable[..., str]:
    return lambda *_: pattern


_HEX = {"md5": 32, "sha1": 40, "sha256": 64, "sha512": 128}
# What every text has in common that they give, by what each argument can be.
FORMS: Mapping[str, Callable[..., str]] = {
    "lower": _same("^[^A-Z]*$"),
    "upper": _same("^[^a-z]*$"),
    "trim_space": _same(r"^(\S([\s\S]*\S)?)?$"),
    **{f"crypto.{name}": _same(f"^[0-9a-f]{{{size}}}$") for name, size in _HEX.items()},
    **{f"crypto.hmac.{name}": _same(f"^[0-9a-f]{{{size}}}$") for name, size in _HEX.items()},
    "hex.encode": _same("^([0-9a-f]{2})*$"),
    "base64.encode": _same("^[A-Za-z0-9+/]*={0,2}$"),
    "base64url.encode": _same("^[A-Za-z0-9_-]*={0,2}$"),
    "base64url.encode_no_pad": _same("^[A-Za-z0-9_-]*$"),
    "urlquery.encode": _same("^[A-Za-z0-9._~%+-]*$"),
    "format_int": _digits,
    "json.marshal": _marshalled,
}
# The text that is asked about, and its form by the other arguments.
MATCHES: Mapping[str, tuple[int, Callable[..., str]]] = {
    "startswith": (0, lambda part: f"^{re.escape(part)}"),
    "endswith": (0, lambda part: f"{re.escape(part)}$"),
    "contains": (0, lambda part: re.escape(part)),
    "regex.match": (1, read_alike),
    "glob.match": (2, glob_pattern),
}
