"""`pushpolicy schema --write`: what an editor needs to help with rules and their files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from pushpolicy.errors import UsageError
from pushpolicy.evaluate.sources import policies
from pushpolicy.files import write_whole
from pushpolicy.model.index import Index
from pushpolicy.model.text import printable

_SETTINGS = "settings.v1.json"


def write_all(folder: Path) -> tuple[Path, ...]:
    """Write the schemas, the example and the Rego of lib into a folder; what is there of them is replaced.

    Raises:
        UsageError: when it cannot be written.
    """
    try:
        return tuple(_write(folder / path, content) for path, content in sorted(_files()))
    except OSError as error:
        raise UsageError(f"{printable(str(error.filename))}: cannot be written: {error.strerror}") from error


def _files() -> Iterator[tuple[str, bytes]]:
    for file in (policies() / "schema").glob("*.json"):
        yield file.name, _settings() if file.name == _SETTINGS else file.read_bytes()
    lib = policies() / "system" / "lib"
    for file in lib.rglob("*.rego"):
        if not file.stem.endswith("_test"):
            yield f"lib/{file.relative_to(lib).as_posix()}", file.read_bytes()


def _settings() -> bytes:
    """The schema of settings.yaml, with the settings of the shipped rules; others are not known here."""
    schema = json.loads((policies() / "schema" / _SETTINGS).read_bytes())
    index = Index.read((policies() / "index" / "data.json").read_bytes())
    schema["properties"] = {
        name: {
            "type": "object",
            "description": rule.description,
            "properties": rule.settings,
            "additionalProperties": False,
        }
        for name, rule in sorted(index.rules.items())
    }
    return json.dumps(schema, indent=2, ensure_ascii=False).encode() + b"\n"


def _write(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with write_whole(path) as file:
        file.write(content)
    return path
