"""Settings of rules: declared in METADATA as JSON Schema fragments, given in settings.yaml."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from pushpolicy.evaluate.json_schema import MismatchError, compile_schema
from pushpolicy.model.canonical import holds_null
from pushpolicy.model.text import nearest

STRICTER = "stricter"
_KEYWORDS = frozenset(
    {
        "type",
        "default",
        "description",
        "enum",
        "items",
        "minItems",
        "maxItems",
        "uniqueItems",
        "minimum",
        "maximum",
        "minLength",
        "maxLength",
        "pattern",
        "properties",
        "additionalProperties",
        "required",
        STRICTER,
    }
)
# Which way of a setting is the stricter one, where that can be said: of arrays, to list less or more; of a
# limit, the lower one, and -1 is none.
_STRICTER: Mapping[str, tuple[object, ...]] = {
    "integer": ("lower", "higher", "limit"),
    "number": ("lower", "higher"),
    "boolean": (True, False),
    "array": ("subset", "superset"),
}
_TYPES = frozenset({"string", "integer", "number", "boolean", "array", "object"})


def fragment_problems(settings: object) -> Iterator[str]:
    """What is wrong with the settings that a rule declares."""
    if not isinstance(settings, dict):
        yield "custom.settings is not a map"
        return
    for key, fragment in settings.items():
        name = f"custom.settings.{key}"
        unknown = sorted(fragment.keys() - _KEYWORDS) if isinstance(fragment, dict) else ()
        if unknown:
            yield f"{name}: unknown key {unknown[0]!r}{nearest(unknown[0], _KEYWORDS)}"
        elif (
            not isinstance(fragment, dict) or fragment.get("type") not in _TYPES or "default" not in fragment
        ):
            yield f"{name} needs a type ({', '.join(sorted(_TYPES))}) and a default"
        elif STRICTER in fragment and fragment[STRICTER] not in _STRICTER.get(fragment["type"], ()):
            words = [str(each).lower() for each in _STRICTER.get(fragment["type"], ())]
            known = " or ".join(words) or "not said of a setting of this type"
            yield f"{name}: stricter is {known}"
        elif problem := setting_problem(fragment, fragment["default"]):
            yield f"{name}: the default {problem}"


def joined(fragment: Mapping[str, Any], one: Any, other: Any) -> Any:
    """What two sources set together: what is no looser than either; None where that cannot be told."""
    match fragment.get(STRICTER):
        case "higher":
            return max(one, other)
        case "lower":
            return min(one, other)
        case "limit":
            return min(one, other, key=lambda limit: math.inf if limit == -1 else limit)
        case "superset":
            return [*one, *(item for item in other if item not in one)]
        case "subset":
            return [item for item in one if item in other]
        case way:
            return way


def setting_problem(fragment: Mapping[str, Any], value: Any) -> str | None:
    """Why a value does not fit a rule's setting, to be read after its name; None when it does."""
    if holds_null(value):
        return "is or holds null"
    try:
        compile_schema(fragment)(value)
    except MismatchError as error:
        return str(error.args[0]) if not error.path else f"{error}"
    except (ValueError, TypeError, AttributeError, re.error) as error:
        return f"has a schema that cannot be checked: {error}"
    return None
