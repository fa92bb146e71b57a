"""One request to a registry as other modules describe it."""

from __future__ import annotations

from pushpolicy.http.call import Call


class RegistryCall(Call, frozen=True, kw_only=True):
    """One request to a registry.

    Attributes:
        scopes: the token scopes it needs (distribution, "Token Scope Documentation").
    """

    scopes: tuple[str, ...] = ()
