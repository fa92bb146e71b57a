"""Find the one credential of a push, in the order that docker and podman users know."""

from pushpolicy.registry.credentials.credential import ANONYMOUS, Credential, SourceKind
from pushpolicy.registry.credentials.resolve import resolve

__all__ = ["ANONYMOUS", "Credential", "SourceKind", "resolve"]
