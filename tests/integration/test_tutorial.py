"""docs/write-a-rule.md is a transcript: its commands say what the page says they do."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from pushpolicy.evaluate import metadata
from tests.policies import ROOT, example
from tests.transcript import commands, played

PAGE = (ROOT / "docs/write-a-rule.md").read_text(encoding="utf-8")
RULES = (ROOT / "docs/rules.md").read_text(encoding="utf-8")


def test_the_transcript_is_what_happens(tmp_path: Path) -> None:
    assert played(PAGE, tmp_path) == PAGE, (
        "run `python -m tests.transcript docs/write-a-rule.md`, and read what changed"
    )


def test_what_is_replayed_is_not_taken_from_the_page(tmp_path: Path) -> None:
    page = "`a/b`:\n\n```yaml\none\n```\n\n```console\n$ cat a/b; echo two >&2\nthree\n```\n"
    assert list(commands("$ cat a/b\nthree\n$ ls\n")) == ["cat a/b", "ls"]
    assert played(page, tmp_path) == page.replace("three", "one\ntwo")


def test_the_finding_that_it_shows_is_of_the_example() -> None:
    (shown,) = (json.loads(found) for found in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL))
    findings = [finding for scan in example()["scans"]["items"] for finding in scan["findings"]]
    assert [each for each in findings if shown.items() <= each.items()]


@pytest.mark.parametrize("key", sorted(metadata.PACKAGE_KEYS | metadata.CUSTOM_KEYS))
def test_every_key_of_metadata_is_told(key: str) -> None:
    section = RULES.partition("## What METADATA says")[2].partition("\n## ")[0]
    assert f"`{key}" in section


def test_links_lead_somewhere() -> None:
    for page in (*(ROOT / "docs").glob("*.md"), ROOT / "README.md"):
        text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
        for target, anchor in re.findall(r"\]\(([\w./-]+\.md)?(?:#([\w.-]+))?\)", text):
            linked = page.parent / target if target else page
            assert linked.is_file(), f"{page.name}: {target}"
            headings = re.findall(r"^#+ (.*)$", linked.read_text(encoding="utf-8"), re.MULTILINE)
            slugs = {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}
            assert not anchor or anchor in slugs, f"{page.name}: {target}#{anchor}"
