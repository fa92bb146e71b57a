"""Records that are read before they are asked for: each thing once, in order, and within bounds."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from pushpolicy.audit import ahead, walk
from pushpolicy.audit.ahead import ReadAhead
from pushpolicy.audit.allowance import Allowance
from pushpolicy.audit.history import each_record, list_records
from pushpolicy.audit.shelf import Shelf
from pushpolicy.audit.walk import Opened, Unread
from pushpolicy.errors import PushError
from pushpolicy.http.parallel import Ahead
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest
from pushpolicy.model.manifest import Manifest
from pushpolicy.model.reference import Reference, Repository, Target
from pushpolicy.registry.layout.repository import LayoutRepository
from pushpolicy.reports.limits import Limits
from tests.judged import make_image, publish

NUMBER = 12


class Asked(LayoutRepository):
    """A repository that counts what it is asked for, and takes its time."""

    pause = 0.0

    def __init__(self, repository: Repository) -> None:
        super().__init__(repository)
        self.manifests, self.blobs, self.threads = Counter[Digest](), Counter[Digest](), set[int]()
        self.cut: Digest | None = None

    def manifest(self, digest: Digest) -> Manifest | None:
        self.manifests[digest] += 1
        self.threads.add(threading.get_ident())
        time.sleep(self.pause)
        return super().manifest(digest)

    def read_blob(self, blob: Descriptor) -> Iterator[bytes]:
        self.blobs[blob.digest] += 1
        if blob.digest == self.cut:
            raise PushError("the answer was cut")
        time.sleep(self.pause)
        return super().read_blob(blob)


@pytest.fixture
def client(tmp_path: Path) -> Asked:
    """A repository with a record for each tag."""
    repository = Repository.parse(f"oci:{tmp_path / 'layout'}")
    made = LayoutRepository(repository)
    for number in range(NUMBER):
        target = Target.parse(f"{repository}:v{number:02}")
        publish(make_image(f"{number}"), made, target, f"2026-11-02T{number:02}:00:00Z")
    return Asked(repository)


def shelf_of(client: Asked) -> Shelf:
    return Shelf.of(ReadAhead(client))


def place(client: Asked) -> Reference:
    return Reference(repository=client.repository)


def test_each_manifest_and_document_is_read_once_and_what_records_share_too(client: Asked) -> None:
    listing = list_records(shelf_of(client), place(client))
    assert (len(listing.records), listing.ignored) == (NUMBER, ())
    assert set(client.manifests.values()) == set(client.blobs.values()) == {1}
    # Images were read by their tags.
    assert set(client.manifests) == {record.digest for record in listing.records}
    assert len(client.blobs) == 2 * NUMBER + 1
    assert len(client.threads) > 1


def test_the_order_is_that_of_one_after_the_other(client: Asked) -> None:
    plain = [
        found.summary.digest
        for found in each_record(Shelf.of(client), place(client), Allowance())
        if isinstance(found, Opened)
    ]
    client.pause = 0.002
    found = list(each_record(shelf_of(client), place(client), Allowance()))
    assert [each.summary.digest for each in found if isinstance(each, Opened)] == plain


def test_what_cannot_be_read_is_told_of_the_record_that_it_is_of(client: Asked) -> None:
    listing = list_records(Shelf.of(client), place(client))
    client.cut = listing.records[3].layers[0].digest
    again = list_records(shelf_of(client), place(client))
    (problem,) = again.problems
    assert problem.digest == listing.records[3].digest
    assert "the answer was cut" in problem.reason
    assert len(again.records) == NUMBER - 1


def test_large_documents_are_not_held_ahead(client: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead, "_MAX_AHEAD", 10)
    assert len(list_records(shelf_of(client), place(client)).records) == NUMBER
    assert set(client.blobs.values()) == {1}


def test_little_is_kept(client: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not fit is read again, and nothing else changes."""
    monkeypatch.setattr(ahead, "_MAX_KEPT", 1000)
    assert len(list_records(shelf_of(client), place(client)).records) == NUMBER
    assert sum(client.manifests.values()) > NUMBER


def test_images_are_taken_some_at_a_time(client: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = list_records(shelf_of(client), place(client))
    monkeypatch.setattr(walk, "_IMAGES_AT_ONCE", 5)
    shelf = shelf_of(client)
    assert list_records(shelf, place(client)) == whole
    assert not shelf.signatures._lists  # of images whose records were read, nothing is kept


def test_the_number_of_records_is_bounded_and_the_rest_is_said(
    client: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(walk, "_IMAGES_AT_ONCE", 5)
    *found, unread = each_record(shelf_of(client), place(client), Allowance(Limits(max_records=7)))
    assert len(found) == 7
    assert unread == Unread(number=NUMBER - 7)


def test_work_ahead_is_done_once_and_raises_where_it_is_taken() -> None:
    done = Counter[int]()

    def work(key: int) -> int:
        done[key] += 1
        time.sleep(0.001)
        if key == 3:
            raise ValueError("three")
        return key * key

    doing = Ahead(work, lambda: True)
    for key in (*range(40), *range(40)):
        doing.begin(key)
    assert [doing.take(key) for key in range(3)] == [0, 1, 4]
    with pytest.raises(ValueError, match="three"):
        doing.take(3)
    assert [doing.take(key) for key in reversed(range(4, 40))] == [
        key * key for key in reversed(range(4, 40))
    ]
    assert doing.take(5) is None
    assert set(done.values()) == {1}


def test_work_is_done_where_there_are_no_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refused)
    doing = Ahead[int, int](lambda key: key + 1, lambda: False)
    doing.begin(1)
    assert doing.take(1) == 2
