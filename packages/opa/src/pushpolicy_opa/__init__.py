"""The pinned OPA binary: where it is, which version, and the digest of its bytes.

Attributes:
    VERSION: OPA's version, such as "1.22.2".
    SHA256: the SHA-256 of the binary as it was built, in hex; callers compare it with what they run.
    GO: the Go release that compiled it, such as "go1.26.8".
"""

from __future__ import annotations

import json
from pathlib import Path

_FOLDER = Path(__file__).parent
_BUILT: dict[str, str] = json.loads((_FOLDER / "build.json").read_bytes())

VERSION = _BUILT["version"]
SHA256 = _BUILT["sha256"]
GO = _BUILT["go"]


def binary() -> Path:
    """The path of the executable."""
    return _FOLDER / "opa"
