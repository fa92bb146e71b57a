"""What a mirror says of tags: no more than its journal and its layout both say."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pushpolicy.audit.allowance import Allowance
from pushpolicy.audit.gap import Kind
from pushpolicy.audit.gaps import examine
from pushpolicy.audit.mirror.refresh import refresh
from pushpolicy.audit.mirror.source import MirrorSource
from pushpolicy.audit.mirror.store import Store
from pushpolicy.audit.shelf import Shelf
from pushpolicy.audit.sources import RepositorySource
from pushpolicy.errors import RecordError
from pushpolicy.model.reference import Reference, Repository, Target
from pushpolicy.model.times import moment_of
from pushpolicy.registry.layout.repository import LayoutRepository
from pushpolicy.reports.limits import Limits
from tests.judged import make_image, publish

AT = moment_of("2026-11-03T00:00:00Z")


class Mirrored:
    """A repository with two tags in a folder, and a mirror of it."""

    def __init__(self, folder: Path) -> None:
        self.client = LayoutRepository(Repository.parse(f"oci:{folder / 'layout'}"))
        self.place, self.store = Reference(repository=self.client.repository), Store(folder / "mirror")
        for number in (1, 2):
            target = Target.parse(f"{self.place}:{number}.0")
            publish(make_image(str(number)), self.client, target, f"2026-11-02T0{number}:00:00Z")
        self.refresh()

    @property
    def layout(self) -> Path:
        return self.store.layout_of(self.place.repository)

    def refresh(self) -> None:
        refresh(Shelf.of(self.client), self.place, self.store, Allowance(), Limits())

    def gaps(self) -> dict[str | None, Kind]:
        """The kind of what is wrong with each tag, but that nothing is known of a policy made for tests."""
        assert AT
        shelf = Shelf.of(self.store.client(self.place.repository))
        source = MirrorSource(RepositorySource(shelf, self.place), self.store)
        found = examine(source, AT, Allowance()).gaps
        return {gap.tag: gap.kind for gap in found if gap.kind is not Kind.UNANCHORED}

    def journal(self, change: Callable[[list[str]], list[str]]) -> None:
        path = self.layout / "journal.jsonl"
        path.write_text("".join(change(path.read_text().splitlines(keepends=True))))

    def index(self, change: Callable[[dict[str, Any]], object]) -> None:
        path = self.layout / "index.json"
        index = json.loads(path.read_text())
        change(index)
        path.write_text(json.dumps(index))


def _untag(index: dict[str, Any]) -> None:
    for each in index["manifests"]:
        if each.get("annotations", {}).get("org.opencontainers.image.ref.name") == "1.0":
            del each["annotations"]


@pytest.fixture
def mirrored(tmp_path: Path) -> Mirrored:
    return Mirrored(tmp_path)


def test_a_whole_mirror_has_no_gaps(mirrored: Mirrored) -> None:
    assert mirrored.gaps() == {}


@pytest.mark.parametrize(
    "damage",
    [
        lambda mirrored: mirrored.journal(lambda lines: [line for line in lines if '"1.0"' not in line]),
        lambda mirrored: mirrored.journal(lambda lines: [lines[0][:-6]]),
        lambda mirrored: mirrored.index(_untag),
    ],
    ids=["journal without it", "journal cut short", "layout without it"],
)
def test_a_tag_that_journal_and_layout_disagree_about_is_told(
    mirrored: Mirrored, damage: Callable[[Mirrored], None]
) -> None:
    """Left out, it would pass for one that is all right."""
    damage(mirrored)
    assert mirrored.gaps()["1.0"] is Kind.UNREADABLE
    shelf = Shelf.of(mirrored.store.client(mirrored.place.repository))
    with pytest.raises(RecordError, match="say different things"):
        dict(MirrorSource(RepositorySource(shelf, mirrored.place), mirrored.store).tags())
    mirrored.refresh()
    assert mirrored.gaps() == {}


def test_a_tag_that_was_seen_to_be_gone_is_none(mirrored: Mirrored) -> None:
    mirrored.journal(lambda lines: [*lines, '{"at":"2026-11-03T00:00:00Z","tag":"1.0"}\n'])
    assert "1.0" not in mirrored.gaps()
