"""The lock files: every package by hash, from whatever registry a machine is set up for."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

REQUIREMENTS = Path(__file__).parents[3] / "requirements"
LOCKS = sorted(REQUIREMENTS.glob("*.txt"))


def _pins(lock: Path) -> dict[str, str]:
    """Each requirement (name, version, marker) with the lines that follow it."""
    entries = re.split(r"^(?=\S)", lock.read_text(), flags=re.MULTILINE)
    parts = (entry.partition("\n") for entry in entries if entry)
    return {head.rstrip(" \\"): rest for head, _, rest in parts}


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_every_requirement_is_pinned_and_hashed(lock: Path) -> None:
    pins = _pins(lock)
    assert pins
    for requirement, rest in pins.items():
        assert re.match(r"^[a-z0-9._\[\]-]+==[^\s;]+( ; .+)?$", requirement)
        assert "--hash=sha256:" in rest


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_no_registry_is_named(lock: Path) -> None:
    assert "://" not in lock.read_text()
    assert not re.search(r"^--(?!hash)|index|find-links", lock.read_text(), re.MULTILINE)


def test_the_tests_run_with_what_the_demo_installs() -> None:
    demo, test = (_pins(REQUIREMENTS / name) for name in ("demo.txt", "test.txt"))
    assert {pin.partition(" ;")[0] for pin in demo} <= {pin.partition(" ;")[0] for pin in test}
