"""Report files that many tests start from: one small made-up report of every format, and the corpus."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SAMPLES = Path(__file__).parent / "reports"
CORPUS = Path(__file__).parents[1] / ".." / "shared" / "corpus"
# Kinds of the corpus that are no reports.
_OTHER_KINDS = frozenset({"github-event", "workflows", "docker-config"})


@dataclass(frozen=True, slots=True)
class ReportFile:
    """A file, and the name under which it lies in a folder of reports."""

    name: str
    content: bytes = field(repr=False)

    def __str__(self) -> str:
        return self.name


def samples() -> Iterator[ReportFile]:
    """A small report of each format; tests fail in it, and findings are critical."""
    for path in sorted(SAMPLES.iterdir()):
        yield ReportFile(path.name, path.read_bytes())


def corpus(max_size: int) -> Iterator[ReportFile]:
    """The real reports beside the checkout that are no larger; none where the corpus is not there."""
    manifest = CORPUS / "manifest.json"
    entries: list[dict[str, Any]] = json.loads(manifest.read_bytes())["entries"] if manifest.exists() else []
    for entry in entries:
        if entry["kind"] not in _OTHER_KINDS and entry["size"] <= max_size:
            yield ReportFile(entry["file"].replace("/", "-"), (CORPUS / entry["file"]).read_bytes())
