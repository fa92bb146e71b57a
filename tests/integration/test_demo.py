"""The demo as a reader sees it: every command is real, every step fits a screen."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pushpolicy import demo
from pushpolicy.demo import Kind, Passage

COLUMNS, LINES = 80, 24
# How the command line sets a passage off: two columns for what is run and written, a line above a title.
INDENT = {Kind.TITLE: 6, Kind.TEXT: 0, Kind.COMMAND: 2, Kind.OUTPUT: 2}
PUSH = "pushpolicy push oci:image oci:registry:1.0.0"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo") / "project"


@pytest.fixture(scope="module")
def story(folder: Path, opa: Path) -> list[Passage]:
    """The whole demo, told once."""
    passages: list[Passage] = []
    demo.run(keep=folder, environ=os.environ, show=passages.append)
    return passages


def screens(story: list[Passage]) -> list[list[Passage]]:
    starts = [place for place, passage in enumerate(story) if passage.kind is Kind.TITLE]
    return [story[start:end] for start, end in zip(starts, [*starts[1:], len(story)], strict=True)]


def output(story: list[Passage], command: str) -> str:
    """What the command wrote."""
    place = story.index(Passage(kind=Kind.COMMAND, text=command))
    assert story[place + 1].kind is Kind.OUTPUT
    return story[place + 1].text


def test_every_step_fits_a_screen(story: list[Passage]) -> None:
    assert len(screens(story)) == 8
    for screen in screens(story):
        widths = [len(line) + INDENT[part.kind] for part in screen for line in part.text.splitlines()]
        assert len(widths) + 1 <= LINES, screen[0].text
        assert max(widths) <= COLUMNS, screen[0].text


def test_first_push_is_denied_for_test_dependency_and_code(story: list[Passage]) -> None:
    denied = output(story, f"{PUSH} --quiet")
    assert denied.startswith("DENY ")
    for named in ("test_never_pinged", "CVE-2020-14343", "PyYAML", "B602"):
        assert named in denied


def test_denial_is_for_nothing_else(story: list[Passage], folder: Path) -> None:
    """The evidence that the denial kept: the first image, whose scan is about it."""
    evidence = json.loads((folder / "pushpolicy-evidence.json").read_text())
    assert evidence["scans"]["not_covered"] == []
    assert evidence["tests"]["totals"] == {
        "total": 4,
        "passed": 3,
        "failed": 1,
        "errors": 0,
        "skipped": 0,
        "flaky": 0,
    }
    assert "2 rules, 3 findings" in output(story, f"{PUSH} --quiet")


def test_second_push_is_allowed_and_published(story: list[Passage], folder: Path) -> None:
    assert "\nALLOW " in output(story, PUSH)
    image = json.loads((folder / "image/index.json").read_text())["manifests"][0]
    entries = json.loads((folder / "registry/index.json").read_text())["manifests"]
    named = {
        entry.get("annotations", {}).get("org.opencontainers.image.ref.name"): entry for entry in entries
    }
    assert named["1.0.0"]["digest"] == image["digest"]


def test_audit_replays_and_tries_out_a_policy(story: list[Passage]) -> None:
    assert "reproduced" in output(story, "pushpolicy audit replay oci:registry:1.0.0")
    tried = output(story, "pushpolicy audit replay oci:registry --policy pack --policy next-policy")
    assert "stricter" in tried
    assert "not_root" in tried


def test_command_line_tells_it_in_seconds_and_leaves_nothing(tmp_path: Path, opa: Path) -> None:
    before = _seconds_of_children()
    told = subprocess.run(
        [sys.executable, "-m", "pushpolicy", "demo"],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (told.returncode, told.stderr) == (0, "")
    assert "8/8 Your turn" in told.stdout
    assert list(tmp_path.iterdir()) == []
    assert _seconds_of_children() - before < 15


def _seconds_of_children() -> float:
    """Processor time of ended child processes: what the demo takes on a machine that does nothing else."""
    times = os.times()
    return times.children_user + times.children_system
