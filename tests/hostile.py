"""Hostile input that several tests hand to the command line."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

import pytest

from tests.workspace import JUNIT, Workspace

DEEP = 100_000
YAML_BOMB = "a: &a [x, x]\n" + "".join(
    f"{b}: &{b} [{f'*{a}, ' * 9}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)


def refused(place: Workspace, code: int, *arguments: str) -> str:
    """Run the command, which must end with this code, on one line, and publish nothing."""
    ran = place.run(*arguments)
    assert ran.code == code, (ran.code, ran.out, ran.err)
    assert ran.out == ""
    assert not place.published
    complaint = ran.complaint()
    assert len(complaint) <= 1000
    return complaint


def trivy(**fields: Any) -> bytes:
    return json.dumps({"SchemaVersion": 2, "ArtifactName": "x", "Results": [], **fields}).encode()


def fifo(place: Workspace) -> str:
    os.mkfifo(place.path("pipe"))
    return "pipe"


def link_loop(place: Workspace) -> str:
    place.path("loop").symlink_to("loop")
    return "loop"


def locked(place: Workspace) -> str:
    if os.geteuid() == 0:
        pytest.skip("root reads every file")
    place.write("locked", JUNIT).chmod(0)
    return "locked"


NO_FILES: dict[str, Callable[[Workspace], str]] = {
    "absent": lambda _: "absent",
    "a folder": lambda _: "image",
    "a device": lambda _: "/dev/zero",
    "a pipe": fifo,
    "a loop of links": link_loop,
    "no permission": locked,
    "under a file": lambda _: "status.py/report",
    "a very long name": lambda _: "x" * 5000,
    "a zero byte": lambda _: "a\0b",
}
