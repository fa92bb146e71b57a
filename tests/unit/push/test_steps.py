"""Transfer, verification and tags, on a repository in a folder."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import pytest
from msgspec.structs import replace

from pushpolicy.attach import attach_artifacts
from pushpolicy.errors import IncompleteError, InputError, PushError, StoppedError
from pushpolicy.images.image import Referrers
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest
from pushpolicy.model.manifest import OCI_MANIFEST, Manifest
from pushpolicy.model.reference import Repository, Target
from pushpolicy.push import (
    Pushed,
    Verified,
    carry_referrers,
    move_all_tags,
    move_tags,
    verify_push,
)
from pushpolicy.records.build import build_record
from pushpolicy.registry.admitted import Admission
from pushpolicy.registry.interface import Artifact, Attached
from pushpolicy.registry.layout import LayoutIndex
from pushpolicy.registry.layout.repository import LayoutRepository
from pushpolicy.registry.move import Guarantee, Move
from tests.judged import (
    Held,
    Judged,
    current,
    judge,
    make_image,
    make_statement,
    publish,
    push_by_digest,
    pushed,
)

IMAGE = make_image()


@pytest.fixture
def client(tmp_path: Path) -> LayoutRepository:
    """An empty repository."""
    return LayoutRepository(Repository.parse(f"oci:{tmp_path / 'layout'}"))


@pytest.fixture
def judged(client: LayoutRepository) -> Judged:
    """An image that may be pushed there under two tags."""
    return judge(IMAGE, _target(client))


def _target(client: LayoutRepository) -> Target:
    return Target.parse(f"{client.repository}:1.0").with_tags(("stable",))


def _blob(client: LayoutRepository, digest: Digest) -> Path:
    return Path(client.repository.path, "blobs", digest.algorithm, digest.hex)


class Watch:
    """Notes what is reported (a `Progress`)."""

    def __init__(self) -> None:
        self.read: dict[Digest, int] = {}
        self.sent: dict[Digest, bool] = {}

    def step(self, name: str) -> None:
        raise AssertionError("that is the pipeline's to say")

    def compression_advanced(self, count: int) -> None:
        raise AssertionError("nothing is compressed")

    def transfer_started(self, blobs: Sequence[Descriptor]) -> None:
        self.expected = {blob.digest for blob in blobs}

    def blob_started(self, blob: Descriptor) -> None:
        self.read[blob.digest] = 0

    def blob_advanced(self, blob: Descriptor, count: int) -> None:
        self.read[blob.digest] += count

    def blob_done(self, blob: Descriptor, *, sent: bool) -> None:
        self.sent[blob.digest] = sent


def test_everything_is_there_before_a_tag_is(client: LayoutRepository, judged: Judged) -> None:
    with pushed(judged, client) as landed:
        stored = client.manifest(IMAGE.top.digest)
        assert stored
        assert stored.content == IMAGE.top.content
        assert client.tags() == ()
        verified = verify_push(landed, attach_artifacts(landed), full=True)
        assert client.tags() == ()
        published = move_tags(verified)
    assert current(client, judged.target) == {"1.0": IMAGE.top.digest, "stable": IMAGE.top.digest}
    assert published.digest == IMAGE.top.digest
    assert [record.digest for record in client.referrers(IMAGE.top.digest)] == [published.record.digest]


def test_progress_tells_what_was_sent_and_what_was_there(client: LayoutRepository, judged: Judged) -> None:
    there = IMAGE.blobs[1]
    client.put_blob(there, IMAGE.content.open_blob(there))
    watch = Watch()
    with build_record(judged.contents()) as record:
        push_by_digest(
            judged.permit(), image=IMAGE, target=judged.target, record=record, client=client, progress=watch
        )
    assert watch.expected == {blob.digest for blob in IMAGE.blobs}
    assert watch.sent == {blob.digest: blob != there for blob in IMAGE.blobs}
    assert watch.read == {blob.digest: blob.size for blob in IMAGE.blobs if blob != there}


def test_content_that_changed_since_it_was_judged_is_not_pushed(client: LayoutRepository) -> None:
    layer = IMAGE.blobs[-1]
    assert isinstance(IMAGE.content, Held)
    changed = replace(IMAGE, content=Held(IMAGE.content.blobs | {layer.digest: b"x" * layer.size}))
    with pytest.raises(InputError, match=str(layer.digest)), pushed(judge(changed, _target(client)), client):
        pytest.fail("it was pushed")
    assert client.manifest(IMAGE.top.digest) is None


def test_the_record_has_to_be_of_this_decision(client: LayoutRepository, judged: Judged) -> None:
    other = judge(make_image("other"), judged.target)
    with build_record(other.contents()) as record, pytest.raises(PushError, match="issued for another"):
        push_by_digest(judged.permit(), image=IMAGE, target=judged.target, record=record, client=client)
    wrong_subject = replace(judged.contents(), subject=other.image.top.descriptor)
    with build_record(wrong_subject) as record, pytest.raises(PushError, match="the record is about"):
        push_by_digest(judged.permit(), image=IMAGE, target=judged.target, record=record, client=client)
    assert not Path(client.repository.path).exists()


def test_the_repository_has_to_be_the_target(client: LayoutRepository, tmp_path: Path) -> None:
    elsewhere = judge(IMAGE, Target.parse(f"oci:{tmp_path / 'other'}:1.0"))
    with pytest.raises(PushError, match="the permit is for"), pushed(elsewhere, client):
        pytest.fail("it was pushed")
    assert not Path(client.repository.path).exists()


@pytest.mark.parametrize("number", range(len(IMAGE.manifests) + len(IMAGE.blobs)))
def test_what_got_lost_is_noticed(number: int, client: LayoutRepository, judged: Judged) -> None:
    digest = [*(item.digest for item in IMAGE.manifests), *(item.digest for item in IMAGE.blobs)][number]
    with pushed(judged, client) as landed:
        attached = attach_artifacts(landed)
        _blob(client, digest).unlink()
        with pytest.raises(IncompleteError, match="pushed by digest, but"):
            verify_push(landed, attached)
    assert client.tags() == ()


def test_a_config_is_compared_with_what_was_judged(
    client: LayoutRepository, judged: Judged, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the client has compared it with."""
    config = next(blob for blob in IMAGE.blobs if blob.digest in IMAGE.configs)
    read = client.read_blob

    def read_blob(blob: Descriptor) -> Iterator[bytes]:
        return iter((b"{}",)) if blob == config else read(blob)

    with pushed(judged, client) as landed:
        attached = attach_artifacts(landed)
        monkeypatch.setattr(client, "read_blob", read_blob)
        with pytest.raises(IncompleteError, match=f"but config {config.digest} is not there as it was sent"):
            verify_push(landed, attached)


@pytest.mark.parametrize("layer", [0, 1, 2], ids=["evidence", "decision", "policy"])
def test_a_record_that_was_changed_is_noticed(layer: int, client: LayoutRepository, judged: Judged) -> None:
    with pushed(judged, client) as landed:
        attached = attach_artifacts(landed)
        stored = _blob(client, landed.record.artifact.manifest.layers[layer].digest)
        stored.chmod(0o600)
        stored.write_bytes(b"x" * stored.stat().st_size)
        with pytest.raises(IncompleteError, match="reading it back"):
            verify_push(landed, attached)


def test_layers_are_read_when_asked(client: LayoutRepository, judged: Judged) -> None:
    with pushed(judged, client) as landed:
        attached = attach_artifacts(landed)
        stored = _blob(client, IMAGE.blobs[1].digest)
        stored.chmod(0o600)
        stored.write_bytes(b"x" * stored.stat().st_size)
        verify_push(landed, attached)
        with pytest.raises(IncompleteError, match="reading it back"):
            verify_push(landed, attached, full=True)


def test_a_tag_that_moved_is_left_alone(client: LayoutRepository, judged: Judged) -> None:
    with pushed(judged, client) as landed:
        verified = verify_push(landed, attach_artifacts(landed))
        other = publish(make_image("other"), client, Target.parse(f"{client.repository}:stable"))
        with pytest.raises(IncompleteError, match="tag stable was moved meanwhile: it named nothing"):
            move_tags(verified)
    assert current(client, judged.target) == {"stable": other.digest}


def test_a_tag_that_was_removed_has_moved_too(client: LayoutRepository) -> None:
    target = _target(client)
    with (
        pushed(judge(IMAGE, target, {"1.0": Digest.of(b"gone")}), client) as landed,
        pytest.raises(IncompleteError, match="names nothing now"),
    ):
        move_tags(verify_push(landed, attach_artifacts(landed)))
    assert client.tags() == ()


def test_a_rerun_sends_nothing_twice(client: LayoutRepository, judged: Judged) -> None:
    with pushed(judged, client) as landed:
        attach_artifacts(landed)
    published = publish(IMAGE, client, judged.target, at="2026-11-02T11:00:00Z")
    assert current(client, judged.target)["1.0"] == published.digest
    assert len(client.referrers(IMAGE.top.digest)) == 2


def test_no_step_goes_without_the_one_before(client: LayoutRepository, judged: Judged) -> None:
    with build_record(judged.contents()) as record, build_record(judged.contents()) as same:
        with pytest.raises(TypeError, match="without redeeming"):
            Pushed(
                permit=judged.permit(),
                image=IMAGE,
                record=record,
                client=client,
                records=client,
                admission=Admission(),
                previous={},
            )
        landed = push_by_digest(
            judged.permit(), image=IMAGE, target=judged.target, record=record, client=client
        )
        with pytest.raises(TypeError, match="not the record of this push"):
            Verified(pushed=landed, attached=(Attached(artifact=same.artifact, settle=lambda: None),))
        with pytest.raises(TypeError, match="not the record of this push"):
            Verified(pushed=landed, attached=())


def test_tags_of_several_images_are_looked_at_before_one_is_set(client: LayoutRepository) -> None:
    first, second = make_image("first"), make_image("second")
    targets = [Target.parse(f"{client.repository}:{tag}") for tag in ("a", "b")]
    with pushed(judge(first, targets[0]), client) as one, pushed(judge(second, targets[1]), client) as two:
        verified = [verify_push(landed, attach_artifacts(landed)) for landed in (one, two)]
        client.put_manifest(first.top, "b")
        with pytest.raises(IncompleteError, match="tag b was moved meanwhile"):
            move_all_tags(verified)
        assert client.tags() == ("b",)


def test_tags_of_several_repositories_are_looked_at_before_one_is_set(
    client: LayoutRepository, tmp_path: Path
) -> None:
    """A layout compares its own tags again; that of the other repository would be set by then."""
    other, moved = LayoutRepository(Repository.parse(f"oci:{tmp_path / 'other'}")), make_image("moved")
    clients = (client, other)
    with ExitStack() as stack:
        verified = [
            verify_push(landed, attach_artifacts(landed))
            for each in clients
            for landed in [stack.enter_context(pushed(judge(IMAGE, _target(each)), each))]
        ]
        publish(moved, other, Target.parse(f"{other.repository}:stable"))
        with pytest.raises(IncompleteError, match="tag stable was moved meanwhile"):
            move_all_tags(verified)
    assert [each.tags() for each in clients] == [(), ("stable",)]


def test_an_interrupt_names_the_tags_that_were_set(
    client: LayoutRepository, judged: Judged, monkeypatch: pytest.MonkeyPatch
) -> None:
    move = client.move_tags

    def one_of_two(moves: Sequence[Move]) -> Iterator[tuple[Move, ...]]:
        yield from move(moves[:1])
        raise KeyboardInterrupt

    with pushed(judged, client) as landed:
        verified = verify_push(landed, attach_artifacts(landed))
        monkeypatch.setattr(client, "move_tags", one_of_two)
        with pytest.raises(StoppedError, match=r"already set: .*:1\.0\); others may be"):
            move_tags(verified)
    assert current(client, judged.target) == {"1.0": IMAGE.top.digest}


def test_a_tag_that_moves_between_look_and_lock_stops_all_of_them(
    client: LayoutRepository, judged: Judged, monkeypatch: pytest.MonkeyPatch
) -> None:
    move, other = client.move_tags, make_image("other")
    publish(other, client, Target.parse(f"{client.repository}:other"))

    def after_another_push(moves: Sequence[Move]) -> Iterator[tuple[Move, ...]]:
        client.put_manifest(other.top, "stable")
        yield from move(moves)

    with pushed(judged, client) as landed:
        verified = verify_push(landed, attach_artifacts(landed))
        monkeypatch.setattr(client, "move_tags", after_another_push)
        with pytest.raises(IncompleteError, match=f"tag stable was moved .* names {other.top.digest} now"):
            move_tags(verified)
    assert current(client, judged.target) == {"stable": other.top.digest}


def test_tags_of_a_layout_are_one_write(client: LayoutRepository, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of several images too; and there is none where they name their images already."""
    images = {"a": make_image("first"), "b": make_image("second")}
    targets = [Target.parse(f"{client.repository}:{tag}").with_tags((f"{tag}-too",)) for tag in images]
    with (
        pushed(judge(images["a"], targets[0]), client) as one,
        pushed(judge(images["b"], targets[1]), client) as two,
    ):
        verified = [verify_push(landed, attach_artifacts(landed)) for landed in (one, two)]
        written, replace_index = list[LayoutIndex](), client._replace_index

        def noted(index: LayoutIndex) -> None:
            written.append(index)
            replace_index(index)

        monkeypatch.setattr(client, "_replace_index", noted)
        first, second = move_all_tags(verified)
        assert len(written) == 1
        assert first.guarantee is second.guarantee is Guarantee.ATOMIC
        assert (first.together, second.together) == (("a", "a-too"), ("b", "b-too"))
        again = move_all_tags(verified)
        assert len(written) == 1
        assert [published.together for published in again] == [(), ()]


def test_tags_of_several_images(client: LayoutRepository) -> None:
    images = {"a": make_image("first"), "b": make_image("second")}
    targets = {tag: Target.parse(f"{client.repository}:{tag}") for tag in images}
    with (
        pushed(judge(images["a"], targets["a"]), client) as one,
        pushed(judge(images["b"], targets["b"]), client) as two,
    ):
        verified = [verify_push(landed, attach_artifacts(landed)) for landed in (one, two)]
        published = move_all_tags(verified)
    assert [item.digest for item in published] == [images["a"].top.digest, images["b"].top.digest]
    for tag, image in images.items():
        assert current(client, targets[tag]) == {tag: image.top.digest}


def test_referrers_are_part_of_what_is_permitted(client: LayoutRepository) -> None:
    note = make_image("note", ("amd64",)).top
    carrying = replace(IMAGE, referrers=Referrers(manifests=(note,)))
    permitted = judge(IMAGE, _target(client))
    with build_record(permitted.contents()) as record, pytest.raises(PushError, match="another referrers"):
        push_by_digest(
            permitted.permit(), image=carrying, target=permitted.target, record=record, client=client
        )
    assert not Path(client.repository.path).exists()


def test_a_referrer_that_is_lost_is_noticed(
    client: LayoutRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    note = Manifest.parse(
        json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": OCI_MANIFEST,
                "config": IMAGE.blobs[0].to_json(),
                "layers": [],
                "subject": IMAGE.top.descriptor.to_json(),
            }
        ).encode()
    )
    carrying = replace(IMAGE, referrers=Referrers(manifests=(note,), blobs=IMAGE.blobs[:1]))
    with pushed(judge(carrying, _target(client)), client) as landed:
        carry_referrers(landed)
        assert note.digest in {entry.digest for entry in client.referrers(IMAGE.top.digest)}
        monkeypatch.setattr(client, "referrers", lambda *_: ())
        with pytest.raises(IncompleteError, match=r"pushed by digest, but .* is not among what refers"):
            carry_referrers(landed)


@contextmanager
def _pushed_with(
    statements: tuple[Artifact, ...], judged: Judged, client: LayoutRepository
) -> Iterator[Pushed]:
    with build_record(judged.contents()) as record:
        yield push_by_digest(
            judged.permit(),
            image=IMAGE,
            target=judged.target,
            record=record,
            client=client,
            statements=statements,
        )


def test_every_artifact_is_attached_in_order_and_settled_once(
    client: LayoutRepository, judged: Judged
) -> None:
    statements = tuple(make_statement(IMAGE.top.descriptor, text) for text in ("first", "second"))
    settled = list[str]()
    with _pushed_with(statements, judged, client) as landed:
        attached = attach_artifacts(landed)
        assert [one.artifact for one in attached] == [landed.record.artifact, *statements]
        counted = tuple(
            Attached(artifact=one.artifact, settle=partial(settled.append, str(one.artifact.manifest.digest)))
            for one in attached
        )
        published = move_tags(verify_push(landed, counted))
    names = [str(one.artifact.manifest.digest) for one in attached]
    assert settled == names
    assert sorted(str(entry.digest) for entry in client.referrers(IMAGE.top.digest)) == sorted(names)
    assert published.record == attached[0].artifact.manifest.descriptor


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ("manifest", "pushed by digest, but manifest"),
        ("blob", "reading it back"),
        ("list", "but .*sha256:.* is not among what refers"),
    ],
)
def test_a_statement_that_got_lost_is_noticed(
    part: str, message: str, client: LayoutRepository, judged: Judged, monkeypatch: pytest.MonkeyPatch
) -> None:
    statement = make_statement(IMAGE.top.descriptor)
    with _pushed_with((statement,), judged, client) as landed:
        attached = attach_artifacts(landed)
        if part == "list":
            record = landed.record.artifact.manifest.descriptor
            monkeypatch.setattr(client, "referrers", lambda *_: (record,))
        else:
            digests = {"manifest": statement.manifest.digest, "blob": statement.blobs[1].descriptor.digest}
            _blob(client, digests[part]).unlink()
        with pytest.raises(IncompleteError, match=message):
            verify_push(landed, attached)
    assert client.tags() == ()


def test_nothing_is_pushed_with_a_statement_about_another_image(
    client: LayoutRepository, judged: Judged
) -> None:
    other = make_statement(make_image("other").top.descriptor)
    with pytest.raises(PushError, match="the statement is about"), _pushed_with((other,), judged, client):
        pytest.fail("it was pushed")
    assert not Path(client.repository.path).exists()


def test_verified_is_only_what_was_attached_whole(client: LayoutRepository, judged: Judged) -> None:
    with _pushed_with((make_statement(IMAGE.top.descriptor),), judged, client) as landed:
        record, statement = attach_artifacts(landed)
        for attached in ((record,), (statement, record), (record, statement, statement)):
            with pytest.raises(TypeError, match="what is signed about it"):
                verify_push(landed, attached)
