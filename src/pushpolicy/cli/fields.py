"""What ``pushpolicy doctor`` believes, field by field: the value, how sure it is, and who says so."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from pushpolicy.gather.ci import Told

# Of the evidence, what is no belief: it is said otherwise, or says how sure the others are.
_NOT_SHOWN = frozenset({"contradictions", "identity", "parts", "reason", "status", "trust"})


class Field(NamedTuple):
    """One belief.

    Attributes:
        name: in the evidence, with dots where it is in an object.
        value: as JSON has it.
        trust: asserted, computed, replayable or verified.
        sources: variables, paths in the event file, or what it follows from.
    """

    name: str
    value: Any
    trust: str
    sources: tuple[str, ...] = ()

    def __str__(self) -> str:
        value = self.value if isinstance(self.value, str) else json.dumps(self.value, ensure_ascii=False)
        return f"{self.name}: {value} ({', by '.join(filter(None, (self.trust, ', '.join(self.sources))))})"


def fields_of(found: Mapping[str, Any], sources: Mapping[str, tuple[str, ...]] = {}) -> Iterator[Field]:
    """Each field of a kind of evidence that is known.

    Args:
        found: the evidence, as JSON has it.
        sources: by field, who says it.
    """
    known = found.get("trust", {})
    for name, value in _flat({name: value for name, value in found.items() if name not in _NOT_SHOWN}):
        trust = known.get(name) or known.get(name.partition(".")[0], "asserted")
        yield Field(name, value, trust, sources.get(name, ()))


def sources_of(told: Iterable[Told]) -> dict[str, tuple[str, ...]]:
    """Who says each field of the CI context."""
    sources: dict[str, tuple[str, ...]] = {}
    for each in told:
        sources[each.field] = (*sources.get(each.field, ()), each.source)
    return sources


def _flat(document: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in document.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value
