"""How a repository is reached: as any server, and with a credential."""

from __future__ import annotations

from pushpolicy.http.settings import Settings
from pushpolicy.registry.credentials import ANONYMOUS, Credential


class Access(Settings, frozen=True, kw_only=True):
    """How to reach the repository of a registry; a layout needs none of it.

    Attributes:
        credential: what to show when the registry asks; the one that gather classifies.
    """

    credential: Credential = ANONYMOUS
