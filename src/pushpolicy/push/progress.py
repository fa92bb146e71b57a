"""How compressing and sending tell what they are doing; the command line renders it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from pushpolicy.model.descriptor import Descriptor


class Progress(Protocol):
    """Told about each blob, by several threads; `blob_started` is called again for one that is sent again."""

    def step(self, name: str) -> None:
        """Another step of the push begins; `name` says which, for people."""

    def compression_advanced(self, count: int) -> None:
        """`count` more bytes of a Docker image's layers were compressed, before anything is sent."""

    def transfer_started(self, blobs: Sequence[Descriptor]) -> None:
        """These blobs are about to be sent, except those that the repository has."""

    def blob_started(self, blob: Descriptor) -> None:
        """The first byte is about to be sent."""

    def blob_advanced(self, blob: Descriptor, count: int) -> None:
        """`count` more bytes were read for sending."""

    def blob_done(self, blob: Descriptor, *, sent: bool) -> None:
        """The blob is in the repository; `sent` is False when it was there before or was mounted."""


class _Silent:
    def step(self, name: str) -> None:
        pass

    def compression_advanced(self, count: int) -> None:
        pass

    def transfer_started(self, blobs: Sequence[Descriptor]) -> None:
        pass

    def blob_started(self, blob: Descriptor) -> None:
        pass

    def blob_advanced(self, blob: Descriptor, count: int) -> None:
        pass

    def blob_done(self, blob: Descriptor, *, sent: bool) -> None:
        pass


SILENT: Progress = _Silent()
