"""A policy set laid out for OPA: four bundles, each with roots that no other can reach into."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

from pushpolicy.engines.interface import Program
from pushpolicy.errors import PolicyError
from pushpolicy.evaluate.policyset import CAPABILITIES, SCHEMA, PolicySet

_DATA = ("waivers", "enforcement", "origins", "trust")
QUERY = "data.pushpolicy.main.decision"


@contextmanager
def laid_out(policy: PolicySet) -> Iterator[Program]:
    """Write the set into a private folder for as long as the context lasts.

    What OPA loads is what was digested, even when the policy folder changes meanwhile.

    Raises:
        PolicyError: when the folder cannot be written.
    """
    folder = Path(mkdtemp(prefix="pushpolicy-"))
    try:
        _write(policy, folder)
        yield Program(
            folder=folder,
            bundles=tuple(folder / name for name in _roots(policy)),
            schema=folder / SCHEMA,
            capabilities=folder / CAPABILITIES,
            query=QUERY,
        )
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _write(policy: PolicySet, folder: Path) -> None:
    files = dict(policy.files)
    files[CAPABILITIES] = policy.capabilities
    for name, roots in _roots(policy).items():
        files[f"{name}/.manifest"] = json.dumps({"roots": roots, "rego_version": 1}).encode()
    try:
        for parent in {Path(path).parent for path in files}:
            (folder / parent).mkdir(parents=True, exist_ok=True)
        for path, content in files.items():
            (folder / path).write_bytes(content)
    except OSError as error:
        raise PolicyError(f"cannot write the policy for OPA: {error}") from error


def _roots(policy: PolicySet) -> dict[str, list[str]]:
    return {
        "system": ["pushpolicy/main", "pushpolicy/lib"],
        "index": ["pushpolicy/index"],
        "data": [
            "settings",
            *(f"pushpolicy/{name}" for name in ("waivers", "enforcement", "origins", "trust")),
        ],
        "rules": [f"pushpolicy/rules/{name}" for name in policy.index.rules],
    }
