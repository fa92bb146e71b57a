"""Registries as they are, in this process: one that works, and a table of kinds that differ by traits.

`KindRegistry(KINDS["gitlab"])` answers requests (`tests.fake_registry.Asked`) without a socket, one after
another and by nothing but its state, so that a scheduler can drive it; `fake_registry(registry)` serves it on
loopback.
"""

from tests.registry_kinds.kind import Kind, Refusal
from tests.registry_kinds.registry import KindRegistry
from tests.registry_kinds.table import KINDS

__all__ = ["KINDS", "Kind", "KindRegistry", "Refusal"]
