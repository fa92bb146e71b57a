"""A registry in memory that does all of distribution-spec v1.1, honest by itself, and can be made to lie."""

from __future__ import annotations

from dataclasses import replace

from tests.registry_kinds import KINDS, KindRegistry
from tests.registry_kinds.content import Content, Stored, digest_of
from tests.registry_kinds.registry import Lie

__all__ = ["Honest", "Stored", "digest_of"]


class Honest(KindRegistry):
    """One repository is all it has, whatever its name; a manifest is kept without its blobs, too.

    Attributes:
        blobs: content by digest.
        manifests: media type and content by digest.
        tags: digests by tag.
    """

    def __init__(self, lie: Lie | None = None) -> None:
        super().__init__(replace(KINDS["full"], checks=False), lie)
        self._only = Content()

    def held(self, name: str) -> Content:
        """The repository."""
        return self._only

    @property
    def blobs(self) -> dict[str, bytes]:
        return self._only.blobs

    @property
    def manifests(self) -> dict[str, Stored]:
        return self._only.manifests

    @property
    def tags(self) -> dict[str, str]:
        return self._only.tags
