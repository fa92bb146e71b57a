"""A part as whoever holds the file can change it."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pushpolicy.gather.parts import LIST, TOKEN, parse
from pushpolicy.gather.parts.identity import audience
from pushpolicy.model.digest import Digest

Members = dict[str, bytes]


def members(part: Path) -> Members:
    """What is in it, in its order."""
    with tarfile.open(part) as archive:
        return {each.name: archive.extractfile(each).read() for each in archive}  # type: ignore[union-attr]


def rewrite(part: Path, content: Members) -> None:
    """Have it hold these members."""
    with tarfile.open(part, "w") as archive:
        for name, value in content.items():
            header = tarfile.TarInfo(name)
            header.size = len(value)
            archive.addfile(header, io.BytesIO(value))


def audience_of(part: Path) -> str:
    """What its token is for."""
    return audience(Digest.of(members(part)[LIST]))


def with_token(part: Path, value: str | None) -> None:
    """Put another token into it, or none."""
    content = members(part)
    content.pop(TOKEN, None)
    rewrite(part, content | ({TOKEN: value.encode()} if value is not None else {}))


def listing(part: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change its list, and keep the rest."""
    content = members(part)
    listed = json.loads(content[LIST])
    change(listed)
    rewrite(part, content | {LIST: parse(json.dumps(listed).encode()).content()})


def with_report(part: Path, new: bytes) -> None:
    """Put other bytes in the place of its first report, and list them."""
    digest = Digest.of(new).hex
    rewrite(part, members(part) | {"reports/00000": new})
    listing(part, lambda listed: listed["files"][0].update(sha256=digest, size=len(new)))
