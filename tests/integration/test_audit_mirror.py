"""`audit mirror`: what it fetches, how little a second time, and what it knows that a registry forgot."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pushpolicy.audit.allowance import Allowance
from pushpolicy.audit.history import list_records
from pushpolicy.audit.mirror.refresh import Refreshed, refresh
from pushpolicy.audit.mirror.store import Store
from pushpolicy.audit.shelf import Shelf
from pushpolicy.audit.sources import read_all
from pushpolicy.audit.walk import Opened, Problem, Unread
from pushpolicy.cli.options import RegistryOptions
from pushpolicy.cli.shelves import open_sources
from pushpolicy.errors import InputError, PushError, RecordError
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest
from pushpolicy.model.manifest import Manifest, written_artifact
from pushpolicy.model.reference import Reference, Target
from pushpolicy.records.format import ARTIFACT_TYPE
from pushpolicy.registry.interface import RepositoryClient
from pushpolicy.registry.layout import LayoutFolder, locked
from pushpolicy.registry.layout.bulk import LayoutWriter
from pushpolicy.registry.remote import RemoteRepository
from pushpolicy.reports.limits import Limits
from tests.clients import client
from tests.judged import make_image, publish
from tests.registries import Registry, distribution_registry, olareg_registry
from tests.workspace import Workspace, fail_a_test

KINDS = [distribution_registry, olareg_registry]


class Place:
    """A repository of a running registry, and a mirror of it."""

    def __init__(self, registry: Registry, folder: Path) -> None:
        self.registry, self.store = registry, Store(folder)
        self.place = Reference.parse(f"{registry.host}/team/app")
        self._published = 0

    def client(self) -> RepositoryClient:
        return client(self.registry)

    def publish(self, tag: str, text: str | None = None) -> Digest:
        """Push an image; its record."""
        self._published += 1
        target = Target.parse(f"{self.place}:{tag}")
        at = f"2026-01-01T00:{self._published:02}:00Z"
        return publish(make_image(text or tag), self.client(), target, at).record.digest

    def refresh(self) -> Refreshed:
        return refresh(Shelf.of(self.client()), self.place, self.store, Allowance(), Limits())

    def refreshed(self) -> tuple[Refreshed, list[str]]:
        """What a run did, and asked for."""
        before = len(self.registry.requests())
        found = self.refresh()
        return found, [request.path for request in self.registry.requests()[before:]]

    def held(self) -> set[Digest]:
        """The records that are read from the mirror, all of them valid."""
        listing = list_records(Shelf.of(self.store.client(self.place.repository)), self.place)
        assert not listing.ignored
        return {record.digest for record in listing.records}

    def at_registry(self) -> set[Digest]:
        return {record.digest for record in list_records(Shelf.of(self.client()), self.place).records}


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    with request.param(tmp_path / "registry") as registry:
        yield Place(registry, tmp_path / "mirror")


def test_all_records_are_there_and_are_about_their_repository(place: Place) -> None:
    records = {place.publish("1.0"), place.publish("1.1"), place.publish("1.0", "later")}
    found = place.refresh()
    assert (found.tags, found.moved, found.records, found.vanished, found.ignored) == (2, 2, 3, (), ())
    assert place.held() == records == place.at_registry()
    assert place.store.repositories() == (place.place.repository,)
    assert place.store.journal(place.place.repository).complete


def test_a_second_run_asks_twice_for_each_tag_and_for_no_blob(place: Place) -> None:
    for number in range(12):
        place.publish(f"1.{number}")
    place.refresh()
    found, asked = place.refreshed()
    assert (found.records, found.moved, found.size) == (0, 0, 0)
    assert not [path for path in asked if "/blobs/" in path]
    lists = [path for path in asked if path.endswith("/v2/") or "/tags/list" in path]
    # Where there is no API for referrers, each thread that begins finds that out.
    probes = (
        [path for path in asked if "/referrers/" in path] if "distribution" in place.registry.kind else []
    )
    assert len(probes) <= 16
    assert len(asked) - len(lists) - len(probes) == 2 * 12


def test_what_records_share_is_fetched_once(place: Place) -> None:
    for number in range(20):
        place.publish(f"1.{number}")
    found, asked = place.refreshed()
    blobs = [path for path in asked if "/blobs/" in path]
    assert (found.records, len(blobs)) == (20, 2 * 20 + 1)


def test_only_what_is_new_is_fetched(place: Place) -> None:
    for number in range(3):
        place.publish(f"1.{number}")
    place.refresh()
    new = place.publish("1.3")
    found, asked = place.refreshed()
    assert (found.tags, found.moved, found.records) == (4, 1, 1)
    # Evidence and decision: the policy is there already.
    assert len({path for path in asked if "/blobs/" in path}) == 2
    assert new in place.held()


def test_what_the_registry_has_no_more_stays_and_is_told_once(place: Place) -> None:
    first = place.publish("1.0")
    image = place.client().resolve("1.0")
    place.refresh()
    second = place.publish("1.0", "later")
    later = place.client().resolve("1.0")
    assert image
    assert later
    assert place.refresh().vanished == ()
    place.client().put_manifest(image, "1.0")
    told = f"tag 1.0 was moved back to {image.digest}; it named {later.digest}"
    assert place.refresh().vanished == (told,)
    assert place.refresh().vanished == ()
    assert place.held() == {first, second}


def test_a_record_that_was_removed_is_told_and_stays(tmp_path: Path) -> None:
    """As whoever may write to a registry without an API removes it: from the list under the fallback tag."""
    with distribution_registry(tmp_path / "registry") as registry:
        place = Place(registry, tmp_path / "mirror")
        record = place.publish("1.0")
        place.refresh()
        image = place.client().resolve("1.0")
        assert image
        fallback = str(image.digest).replace(":", "-")
        index = place.client().resolve(fallback)
        assert index
        empty = json.dumps({**index.document(), "manifests": []}).encode()
        place.client().put_manifest(Manifest.parse(empty, index.media_type), fallback)
        assert place.refresh().vanished == (f"{record} is listed with {image.digest} no more",)
        assert place.refresh().vanished == ()
        assert (place.at_registry(), place.held()) == (set(), {record})
        place.client().put_manifest(index, fallback)
        assert place.refresh().vanished == ()
        assert not place.store.journal(place.place.repository).gone


def test_reports_are_left_out_where_they_are_not_wanted(place: Place, workspace: Workspace) -> None:
    target = f"{place.place}:1.0"
    assert workspace.push(target=target).code == 0
    sizes = []
    for name, options in (("all", []), ("few", ["--no-raw"])):
        ran = workspace.run("audit", "mirror", str(place.place), "--to", name, *options, "--format", "json")
        assert ran.code == 0
        sizes.append(ran.json["sources"][0]["bytes"])
    assert sizes[1] < sizes[0]
    for name in ("all", "few"):
        sources = open_sources([f"mirror:{workspace.folder / name}"], RegistryOptions(), Limits())
        ((source, found),) = read_all(sources, Allowance())
        assert isinstance(found, Opened)
        assert (source.place, found.standing.elsewhere) == (place.place, ())


def test_a_bad_record_is_kept_as_it_is_and_trusted_no_more(place: Place) -> None:
    place.publish("1.0")
    image = place.client().resolve("1.0")
    assert image
    bad = Manifest.parse(written_artifact(ARTIFACT_TYPE, [], {}, image.descriptor))
    place.client().put_referrer(bad)()
    assert place.refresh().ignored == ()
    listing = list_records(Shelf.of(place.store.client(place.place.repository)), place.place)
    assert [each.digest for each in listing.problems] == [bad.digest]
    assert len(listing.records) == 1


def test_what_is_listed_and_cannot_be_had_is_told_and_asked_for_again(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, lost, cut = place.publish("1.0"), place.publish("1.1"), place.publish("1.2")
    manifest, read_blob = RemoteRepository.manifest, RemoteRepository.read_blob
    cut_manifest = place.client().manifest(cut)
    assert cut_manifest

    def without(self: RemoteRepository, digest: Digest) -> Manifest | None:
        return None if digest == lost else manifest(self, digest)

    def cutting(self: RemoteRepository, blob: Descriptor) -> Iterator[bytes]:
        if blob in cut_manifest.layers[:1]:
            raise PushError("the answer was cut")
        return read_blob(self, blob)

    with monkeypatch.context() as patch:
        patch.setattr(RemoteRepository, "manifest", without)
        patch.setattr(RemoteRepository, "read_blob", cutting)
        told = [each.reason for each in place.refresh().ignored if isinstance(each, Problem)]
    assert sorted(told) == sorted([f"{lost} is listed, and not there", f"{cut} the answer was cut"])
    assert place.held() == {kept}
    assert place.refresh().ignored == ()
    assert place.held() == {kept, lost, cut}


KILLED = """
import os, runpy, signal, sys
from pushpolicy.registry.layout import LayoutFolder
real, left = LayoutFolder._write, [int(sys.argv[3])]
def dying(self, *given, **named):
    left[0] -= 1
    if left[0] < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(self, *given, **named)
LayoutFolder._write = dying
sys.argv = ["pushpolicy", "audit", "mirror", sys.argv[1], "--to", sys.argv[2]]
runpy.run_module("pushpolicy", run_name="__main__")
"""


def test_a_run_that_is_killed_leaves_what_the_next_completes(tmp_path: Path) -> None:
    """Wherever it is killed; each write of a file is one such moment."""
    with olareg_registry(tmp_path / "registry") as registry:
        place = Place(registry, tmp_path / "mirror")
        records = {place.publish("1.0"), place.publish("1.1"), place.publish("1.0", "later")}
        killed = 0
        for writes in range(40):
            folder = tmp_path / f"mirror{writes % 4}"  # each is killed again and again
            argv = [sys.executable, "-c", KILLED, str(place.place), str(folder), str(writes)]
            code = subprocess.run(argv, capture_output=True, check=False).returncode
            killed += code == -signal.SIGKILL
            if code == 0 and writes > 20:
                break
        assert killed > 8
        for number in range(4):
            place.store = Store(tmp_path / f"mirror{number}")
            assert not place.refresh().ignored
            assert place.held() == records


def test_two_at_once_lose_nothing(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    records = {place.publish(f"1.{number}") for number in range(4)}
    argv = [sys.executable, "-m", "pushpolicy", "audit", "mirror", str(place.place), "--to"]
    argv.append(str(place.store.folder))
    both = [subprocess.Popen(argv, stdout=subprocess.DEVNULL) for _ in range(2)]
    assert [each.wait() for each in both] == [0, 0]
    assert place.held() == records
    monkeypatch.setattr("pushpolicy.registry.layout._LOCK_SECONDS", 0.1)
    with (
        locked(LayoutFolder(place.store.layout_of(place.place.repository))),
        pytest.raises(RecordError, match="is held by another process"),
    ):
        place.refresh()


def test_a_folder_that_is_no_mirror(place: Place, tmp_path: Path) -> None:
    place.publish("1.0")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "file").write_text("x")
    place.store = Store(tmp_path / "other")
    with pytest.raises(InputError, match="holds something else"):
        place.refresh()
    with pytest.raises(InputError, match="is no mirror"):
        place.store.repositories()


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"{", b'{"schema":"x"}', b'{"schema":"pushpolicy.audit.mirror/v1","repositories":["../x"]}'],
)
def test_a_mirror_whose_list_is_damaged_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "mirror.json").write_bytes(content)
    with pytest.raises(InputError, match=r"mirror\.json"):
        Store(tmp_path).repositories()


def test_a_repository_may_lie_below_another(tmp_path: Path) -> None:
    names = [
        "r.example/team",
        "r.example/team/index.json",
        "r.example/team/blobs",
        "r.example/team/oci-layout",
    ]
    store = Store(tmp_path)
    places = [Reference.parse(name).repository for name in names]
    for each in places:
        store.add(each)
        with LayoutWriter.of(_made(store.layout_of(each))):
            pass
    assert store.repositories() == tuple(sorted(places, key=str))


def _made(folder: Path) -> LayoutFolder:
    folder.mkdir(parents=True)
    return LayoutFolder(folder)


def test_commands_take_globs_and_mirrors(workspace: Workspace, distribution: Registry) -> None:
    for name in ("team/app", "team/web"):
        assert workspace.push(target=f"{distribution.host}/{name}:1.0").code == 0
    glob = f"{distribution.host}/team/*"
    ran = workspace.run("audit", "mirror", glob, f"{distribution.host}/nobody", "--to", "mirror")
    assert ran.code == 51
    assert [line.partition(": ")[0] for line in ran.out.splitlines() if not line.startswith(" ")] == [
        f"{distribution.host}/team/app",
        f"{distribution.host}/team/web",
        f"{distribution.host}/nobody",
    ]
    listed = [workspace.run("audit", "list", source) for source in (glob, "mirror:mirror")]
    assert [(ran.code, ran.out.count("ALLOW")) for ran in listed] == [(0, 2), (0, 2)]
    assert listed[0].out == listed[1].out
    replayed = workspace.run("audit", "replay", "mirror:mirror")
    assert (replayed.code, replayed.out.count("reproduced")) == (0, 2)


def _lying(monkeypatch: pytest.MonkeyPatch, manifests: list[Manifest]) -> None:
    """Have the registry list these with every image, too, and serve them."""
    served = {each.digest: each for each in manifests}
    referrers, manifest = RemoteRepository.referrers, RemoteRepository.manifest

    def listing(self: RemoteRepository, subject: Digest, kind: str | None = None) -> tuple[Descriptor, ...]:
        return (*referrers(self, subject, kind), *(each.descriptor for each in manifests))

    def serving(self: RemoteRepository, digest: Digest) -> Manifest | None:
        return served.get(digest) or manifest(self, digest)

    monkeypatch.setattr(RemoteRepository, "referrers", listing)
    monkeypatch.setattr(RemoteRepository, "manifest", serving)


def _record_of(place: Place, number: int, size: int) -> Manifest:
    image = place.client().resolve("1.0")
    assert image
    layer = Descriptor(media_type="text/plain", digest=Digest.of(b"%d" % number), size=size)
    return Manifest.parse(written_artifact(ARTIFACT_TYPE, [layer], {}, image.descriptor))


def test_what_is_too_large_is_not_fetched(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    good = place.publish("1.0")
    _lying(monkeypatch, [_record_of(place, 1, 2**40)])
    (problem,) = place.refresh().ignored
    assert isinstance(problem, Problem)
    assert f"a layer of {2**40} bytes is over the limit" in problem.reason
    assert place.held() == {good}


def test_a_flood_is_bounded_and_said(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    good = place.publish("1.0")
    monkeypatch.setattr("pushpolicy.audit.mirror.refresh._MAX_LISTED", 3)
    _lying(monkeypatch, [_record_of(place, number, 3) for number in range(8)])
    *problems, unread = place.refresh().ignored
    assert unread == Unread(number=6)
    assert len(problems) == 2
    assert place.held() == {good}
    monkeypatch.setattr("pushpolicy.audit.mirror.fetching._MAX_PROBLEMS", 1)
    with pytest.raises(RecordError, match="more than 1 records and statements cannot be had"):
        place.refresh()


def test_one_tag_or_image_alone(place: Place) -> None:
    first, second = place.publish("1.0"), place.publish("1.1")
    image = place.client().resolve("1.1")
    assert image
    whole, place.place = place.place, Reference.parse(f"{place.place}:1.0")
    assert place.refresh().records == 1
    place.place = Reference.parse(f"{whole}@{image.digest}")
    assert place.refresh().records == 1
    place.place = whole
    assert place.held() == {first, second}
    assert place.store.journal(whole.repository).complete is None
    for absent in (f"{whole}:9", f"{whole}@{Digest.of(b'x')}"):
        place.place = Reference.parse(absent)
        with pytest.raises(RecordError, match="there is no "):
            place.refresh()


def test_a_repository_that_is_hidden_now_is_not_one_without_tags(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As registries answer whose credential may not read it any more: nothing vanished by that."""
    record = place.publish("1.0")
    place.refresh()
    monkeypatch.setattr(RemoteRepository, "_all_tags", lambda _: [])
    with pytest.raises(RecordError, match="there is no repository"):
        place.refresh()
    assert place.store.journal(place.place.repository).now("1.0")
    assert place.held() == {record}


def test_a_tag_that_can_be_none_is_refused(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.publish("1.0")
    monkeypatch.setattr(RemoteRepository, "tags", lambda _: ("1.0", "../../x"))
    with pytest.raises(RecordError, match="is not a valid tag"):
        place.refresh()


def test_a_mirror_that_cannot_be_written_says_so(place: Place) -> None:
    place.publish("1.0")
    place.store.folder.mkdir()
    (place.store.folder / "mirror.json").mkdir()
    with pytest.raises(InputError, match=r"mirror\.json"):
        place.refresh()


def test_denials_are_mirrored_where_they_are_kept(workspace: Workspace, distribution: Registry) -> None:
    """A denial is kept by a tag of its own, which names its record."""
    denials = f"{distribution.host}/audit/denials"
    fail_a_test(workspace)
    denied = workspace.push("--denials", denials, target=f"{distribution.host}/team/app:1.0")
    assert denied.code == 10
    for new in (1, 0):
        ran = workspace.run("audit", "mirror", denials, "--to", "mirror", "--format", "json")
        assert (ran.code, ran.json["sources"][0]["records"]) == (0, new)
    listed = [workspace.run("audit", "list", source) for source in (denials, "mirror:mirror")]
    assert [ran.out.count("DENY") for ran in listed] == [1, 1]
    assert listed[0].out == listed[1].out
