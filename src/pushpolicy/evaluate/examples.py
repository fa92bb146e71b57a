"""The examples beside a rule: evidence, and what the rule says of it.

An example is `{name, expect, at?, evidence?, settings?}`. Its `evidence` is merged over
policies/schema/evidence.v1.example.json: objects key by key (null removes a field), lists by index where an
object is given, everything else is replaced. `at` names the ids of all findings of the rule.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pushpolicy.evaluate.sources import policies
from pushpolicy.files import open_regular
from pushpolicy.model import strict_yaml

FILE = "examples.yaml"
_STEP = re.compile(r'\[\]|\[KEY\]|\[\*\]|\["(?:[^"\\]|\\.)*"\]|[^.\[\]]+')


def merge(base: Any, patch: Any) -> Any:
    """The base with the patch over it."""
    if isinstance(base, list) and isinstance(patch, dict):
        return [merge(item, patch.get(str(index), {})) for index, item in enumerate(base)]
    if not (isinstance(base, dict) and isinstance(patch, dict)):
        return patch
    merged = base | {key: merge(base.get(key, {}), value) for key, value in patch.items()}
    return {key: value for key, value in merged.items() if value is not None}


def unshown(folder: Path, optional: Sequence[str]) -> list[str]:
    """Which optional paths of a rule no example in its folder is without; and why, where none can be read."""
    if not optional:
        return []
    file = folder / FILE
    try:
        with open_regular(file) as content:
            examples = strict_yaml.read(content.read(strict_yaml.MAX_SIZE + 1))
        base = json.loads((policies() / "schema" / "evidence.v1.example.json").read_bytes())
        documents = [merge(base, each.get("evidence", {})) for each in examples if each.get("expect")]
    except OSError as error:
        return [
            f"{file}: {error.strerror}; custom.optional needs an example without {' and '.join(optional)}"
        ]
    except (strict_yaml.YamlError, AttributeError, TypeError) as error:
        return [f"{file}: not a list of examples: {error}"]
    return [
        f"{file}: no example is without {path}, which is optional: add one with what is expected then"
        for path in optional
        if not any(_is_without(document, path) for document in documents)
    ]


def _is_without(document: Any, path: str) -> bool:
    """Whether a path is absent, in one of the items where it goes through a list, and its kind is there."""
    kind, *steps = _STEP.findall(path)
    value = document.get(kind, {})
    if isinstance(value, dict) and value.get("status", "collected") != "collected":
        return False
    return _lacks(value, steps)


def _lacks(value: Any, steps: Sequence[str]) -> bool:
    if not steps:
        return isinstance(value, list) and not value
    step, *rest = steps
    if step in ("[]", "[*]", "[KEY]"):
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        # A key that is computed is one that another document may lack.
        return (step == "[KEY]" and not rest) or any(_lacks(each, rest) for each in inner)
    key: str = json.loads(step[1:-1]) if step.startswith("[") else step
    return not isinstance(value, dict) or key not in value or _lacks(value[key], rest)
