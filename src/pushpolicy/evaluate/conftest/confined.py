"""No policy of conftest's reads or defines anything outside what was given with it.

Else a folder of the judged checkout could define what the policies of somebody else read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pushpolicy.evaluate.conftest.given import Group
from pushpolicy.evaluate.syntax import head_name

# Of pushpolicy's own, or of OPA's.
TAKEN = frozenset({"pushpolicy", "settings", "system"})
# OPA splits the root of a bundle at slashes.
_KEY = re.compile(r"[\w-]+", re.ASCII)
# A test may replace what is not there, and nobody asks what it says.
_TESTS = ("test_", "todo_test_")


def leaving(groups: Sequence[Group]) -> Iterator[str]:
    """Packages, data and references of a group that are not its own alone, one line each."""
    seen: dict[str, Group] = {}
    for group in groups:
        yield from _leaving(group)
        for top in sorted(group.tops & seen.keys()):
            yield f"{group.named}: {top} is in {seen[top].named} too, which is of another origin: rename one"
        seen |= dict.fromkeys(group.tops, group)


def _leaving(group: Group) -> Iterator[str]:
    for module in group.modules:
        if (top := module.package[0]) in TAKEN:
            yield module.at(module.tree["package"], f"a package {top} is pushpolicy's own or OPA's")
        for node, name in _references(module.tree):
            if name is None:
                yield module.at(node, "`data` as a whole: name what is read, as in data.main")
            elif name not in group.tops:
                yield module.at(
                    node, f"data.{name} is undefined: no package of {group.named}, and no key of --data"
                )
    for top in group.data:
        if top in TAKEN:
            yield f"--data: the key {top} is pushpolicy's own or OPA's"
        elif not _KEY.fullmatch(top):
            yield f"--data: the key {top!r} at the top has other characters than letters, digits, _ and -"


def _references(tree: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], str | None]]:
    """What a module refers to in `data`: where, and the first name; None where that is not said."""
    rules = [rule for rule in tree.get("rules") or () if not head_name(rule).startswith(_TESTS)]
    todo: list[Any] = [*(tree.get("imports") or ()), *rules]
    while todo:
        node = todo.pop()
        if isinstance(node, list):
            todo += node
        elif isinstance(node, dict):
            value: Any = node.get("value")
            if node.get("type") == "ref" and _is_data(value[0]):
                first = value[1] if len(value) > 1 else {}
                yield node, first["value"] if first.get("type") == "string" else None
                todo += value[1:]
            elif _is_data(node):
                yield node, None
            else:
                todo += [item for key, item in node.items() if key not in ("location", "annotations")]


def _is_data(node: Mapping[str, Any]) -> bool:
    return node.get("type") == "var" and node.get("value") == "data"
