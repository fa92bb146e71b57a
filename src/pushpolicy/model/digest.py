"""Content digests (OCI image-spec, descriptor.md, section Digests)."""

from __future__ import annotations

import hashlib
import re
from typing import Self

import msgspec

_LENGTHS = {"sha256": 64, "sha512": 128}
_HEX = re.compile(r"[0-9a-f]+")


class Digest(msgspec.Struct, frozen=True, order=True):
    """An algorithm and its lower-case hexadecimal value; only sha256 and sha512 are accepted.

    Law: ``Digest.parse(str(d)) == d``. Because the value is checked, it is safe as a file name.
    """

    algorithm: str
    hex: str

    def __post_init__(self) -> None:
        length = _LENGTHS.get(self.algorithm)
        if length is None:
            raise ValueError(f"unsupported digest algorithm {self.algorithm[:32]!r}")
        if len(self.hex) != length or not _HEX.fullmatch(self.hex):
            raise ValueError(f"malformed {self.algorithm} digest")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``sha256:<hex>``.

        Raises:
            ValueError: when the text is not a digest of a supported algorithm.
        """
        algorithm, separator, value = text.partition(":")
        if not separator:
            raise ValueError(f"not a digest: {text[:80]!r}")
        return cls(algorithm, value)

    @classmethod
    def of(cls, content: bytes, algorithm: str = "sha256") -> Self:
        """The digest of these bytes."""
        return cls(algorithm, hashlib.new(algorithm, content).hexdigest())

    def matches(self, content: bytes) -> bool:
        """Whether these bytes have this digest."""
        return hashlib.new(self.algorithm, content).hexdigest() == self.hex

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.hex}"
