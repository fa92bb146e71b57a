"""Publish a container image only when policy allows it, and leave the proof beside it.

The steps, in this order (`pushpolicy.pipeline` states it in code):

1. gather: what do we know? Everything about the image, its origin and its checks, in one document.
2. evaluate: may it be published? OPA decides; only an ALLOW yields a permit.
3. push: publish it, by digest first; read everything back; the tags move last.
4. attach: leave the proof beside it, before any tag names it.

audit comes any time later: find the records, show them, decide again, try another policy on them.

As a library: build a `PushRequest` and give it to `admit`, or to `check`, which writes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pushpolicy.admission import Outcome, PushRequest
    from pushpolicy.errors import PushPolicyError
    from pushpolicy.pipeline import admit, check, collect

__version__ = "0.1.0"
__all__ = ["Outcome", "PushPolicyError", "PushRequest", "__version__", "admit", "check", "collect"]

_HOMES = {
    "Outcome": "admission",
    "PushPolicyError": "errors",
    "PushRequest": "admission",
    "admit": "pipeline",
    "check": "pipeline",
    "collect": "pipeline",
}


def __getattr__(name: str) -> Any:
    # Looked up when used: every command imports this package first, and most need little of it.
    if name not in _HOMES:
        raise AttributeError(f"module 'pushpolicy' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"pushpolicy.{_HOMES[name]}"), name)
