"""Audit finds records of images that lost their last tag, and says what there is none of."""

from __future__ import annotations

from pathlib import Path

import pytest

from pushpolicy.audit.history import find_record, list_records
from pushpolicy.audit.shelf import Shelf
from pushpolicy.errors import RecordError
from pushpolicy.model.digest import Digest
from pushpolicy.model.reference import Reference, Repository, Target
from pushpolicy.registry import Access, open_repository
from pushpolicy.registry.layout.repository import LayoutRepository
from tests.clients import client
from tests.judged import make_image, publish
from tests.layouts import LayoutMaker, push
from tests.registries import Registry
from tests.workspace import Workspace

OLD, NEW = make_image("old"), make_image("new")


def _list(place: str) -> list[Digest]:
    reference = Reference.parse(place)
    found = list_records(Shelf.of(open_repository(reference.repository, Access())), reference)
    assert found.problems == ()
    return [record.digest for record in found.records]


def test_the_record_of_an_image_that_lost_its_last_tag(distribution: Registry, tmp_path: Path) -> None:
    """Somebody moved the tag by hand: the list that is kept under a tag of its own still names the record."""
    place = f"{distribution.host}/team/app"
    published = publish(OLD, client(distribution), Target.parse(f"{place}:1.0"))
    maker = LayoutMaker(tmp_path / "layout")
    push(client(distribution), maker, maker.image(), "1.0")
    assert client(distribution).tags() == ("1.0",)
    assert client(distribution).subjects() == (OLD.top.digest,)
    assert _list(place) == [published.record.digest]
    assert _list(f"{place}:1.0") == []


def test_the_same_in_a_layout(tmp_path: Path) -> None:
    repository = LayoutRepository(Repository.parse(f"oci:{tmp_path / 'layout'}"))
    published = publish(OLD, repository, Target.parse(f"{repository.repository}:1.0"))
    repository.put_manifest(OLD.manifests[0], "1.0")
    assert repository.subjects() == (OLD.top.digest,)
    assert _list(str(repository.repository)) == [published.record.digest]


def test_what_there_is_none_of_is_said(workspace: Workspace, any_registry: Registry, tmp_path: Path) -> None:
    """No repository, no record in it, and no record of an image: three things, in three sentences."""
    place = f"{any_registry.host}/team/app"
    unknown = f"there is no repository {place}, or nothing in it has a tag"
    for command in (("list", place), ("list", f"{place}:1.0"), ("show", f"{place}:1.0"), ("replay", place)):
        ran = workspace.run("audit", *command)
        assert (ran.code, ran.complaint()) == (51, unknown)
        assert "check its name" in ran.hint()
    maker = LayoutMaker(tmp_path / "layout")
    push(client(any_registry), maker, maker.image(), "1.0")
    ran = workspace.run("audit", "list", place)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == f"no records: no tag of {place} names an image that was pushed by pushpolicy\n"
    ran = workspace.run("audit", "list", f"{place}:1.0")
    assert (ran.code, ran.out) == (0, f"no record: {place}:1.0 was not pushed by pushpolicy\n")
    ran = workspace.run("audit", "show", f"{place}:1.0")
    assert (ran.code, ran.complaint()) == (51, f"{place}:1.0 has no record")
    ran = workspace.run("audit", "show", f"{place}:2.0")
    assert (ran.code, ran.complaint()) == (51, f"there is no {place}:2.0")


def test_a_digest_in_no_repository(distribution: Registry) -> None:
    reference = Reference.parse(f"{distribution.host}/team/app@{OLD.top.digest}")
    with pytest.raises(RecordError, match="there is no repository"):
        find_record(Shelf.of(client(distribution)), reference)
