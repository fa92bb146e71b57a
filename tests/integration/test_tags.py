"""Tags: one that names the image is left alone, several go together, and none over somebody else's move."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace as changed
from itertools import product
from typing import Any

import pytest

from pushpolicy.attach import attach_artifacts
from pushpolicy.errors import IncompleteError, PushError
from pushpolicy.images.image import Image
from pushpolicy.model.digest import Digest
from pushpolicy.model.manifest import OCI_INDEX, Manifest
from pushpolicy.model.reference import Target
from pushpolicy.push import Published, move_all_tags, verify_push
from pushpolicy.registry import RepositoryClient
from pushpolicy.registry.move import Guarantee, Move, free_tag
from tests.clients import client, client_of
from tests.fake_registry import Answered, Asked, FakeRegistry, fake_registry
from tests.judged import current, judge, make_image, publish, pushed
from tests.registries import Registry
from tests.registry_kinds import KINDS, Kind, KindRegistry

IMAGE, OTHER, THIRD = make_image("app"), make_image("other"), make_image("third")
TAGS = ("1.0", "1", "stable")


FULL, BOTH = KINDS["full"], changed(KINDS["conditions"], multi_tag=30)
Lie = Callable[[Asked, Callable[[Asked], Answered]], Answered]


@contextmanager
def serving(kind: Kind, lie: Lie | None = None) -> Iterator[tuple[FakeRegistry, RepositoryClient]]:
    """A registry of this kind that everybody may write to."""
    with fake_registry(KindRegistry(changed(kind, auth="none", creates=True), lie)) as registry:
        yield registry, client_of(registry.host, attempts=2, first_pause=0.01)


def lying(registry: FakeRegistry, lie: Lie) -> None:
    """From now on."""
    assert isinstance(registry.answer, KindRegistry)
    registry.answer.lie = lie


def tags_of(registry: FakeRegistry) -> dict[str, str]:
    """What is really there."""
    assert isinstance(registry.answer, KindRegistry)
    return registry.answer.repositories["team/app"].tags


def target(at: RepositoryClient, *tags: str) -> Target:
    return Target.parse(f"{at.repository}:{tags[0]}").with_tags(tags[1:])


def push(at: RepositoryClient, image: Image = IMAGE, tags: tuple[str, ...] = TAGS[:1]) -> Published:
    return publish(image, at, target(at, *tags))


def tag_puts(registry: FakeRegistry | Registry) -> list[str]:
    """What was put under or with a tag, from `manifests/` on; lists of referrers left out."""
    asked = registry.requests() if isinstance(registry, Registry) else registry.asked
    puts = [one.path.partition("/manifests/")[2] for one in asked if one.method == "PUT"]
    return [put for put in puts if put and (not put.startswith("sha256") or "?tag=" in put)]


def together(image: Image, *tags: str) -> str:
    return f"{image.top.digest}?tag={'&tag='.join(tags)}"


def test_a_registry_takes_several_tags_at_once(olareg: Registry) -> None:
    published = push(client(olareg), tags=TAGS)
    assert tag_puts(olareg) == [together(IMAGE, *TAGS)]
    assert current(client(olareg), published.target) == dict.fromkeys(TAGS, IMAGE.top.digest)
    assert (published.together, published.guarantee) == (TAGS, Guarantee.READ_THEN_WRITE)


def test_thirty_tags_go_at_once(olareg: Registry) -> None:
    tags = tuple(f"1.{number}" for number in range(30))
    assert push(client(olareg), tags=tags).together == tags


def test_a_registry_that_takes_one_at_a_time_is_asked_once(distribution: Registry) -> None:
    at = client(distribution)
    published = push(at, tags=TAGS)
    assert tag_puts(distribution) == [together(IMAGE, *TAGS), *TAGS]
    assert (published.together, published.guarantee) == ((), Guarantee.READ_THEN_WRITE)
    push(at, OTHER, TAGS)
    assert tag_puts(distribution)[4:] == list(TAGS)


def test_one_tag_needs_no_more_requests_than_ever(any_registry: Registry) -> None:
    """To read it, to put it, to read it back; the condition that cannot hold is on a request that is due."""
    push(client(any_registry))
    asked = [f"{one.method} {one.path.rpartition('/')[2]}" for one in any_registry.requests()]
    assert [one for one in asked if one.endswith(" 1.0")] == ["GET 1.0", "GET 1.0", "PUT 1.0", "GET 1.0"]
    assert asked.count(f"PUT {IMAGE.top.digest}") == 1


@pytest.mark.parametrize("kind", ["distribution", "olareg"])
def test_a_tag_that_names_the_image_is_left_alone(kind: str, request: pytest.FixtureRequest) -> None:
    registry: Registry = request.getfixturevalue(kind)
    at = client(registry)
    push(at, tags=TAGS[:2])
    before = len(tag_puts(registry))
    published = publish(IMAGE, at, target(at, *TAGS), at="2026-11-02T11:00:00Z")
    assert tag_puts(registry)[before:] == ["stable"]
    assert current(at, published.target) == dict.fromkeys(TAGS, IMAGE.top.digest)


# How it is refused, and by whom.
KEPT = ["create-only", "immutable", "ecr", "quay", "harbor", "artifactory", "gar"]


@pytest.mark.parametrize("multi_tag", [0, 30])
@pytest.mark.parametrize("kind", KEPT)
def test_where_tags_do_not_move_a_rerun_succeeds(kind: str, multi_tag: int) -> None:
    with serving(changed(KINDS[kind], multi_tag=multi_tag)) as (registry, at):
        push(at, tags=TAGS)
        put = len(tag_puts(registry))
        assert publish(IMAGE, at, target(at, *TAGS), at="2026-11-02T11:00:00Z").digest == IMAGE.top.digest
        assert len(tag_puts(registry)) == put


@pytest.mark.parametrize("multi_tag", [0, 30])
@pytest.mark.parametrize("kind", KEPT)
def test_where_tags_do_not_move_another_image_is_told_a_free_tag(kind: str, multi_tag: int) -> None:
    with serving(changed(KINDS[kind], multi_tag=multi_tag)) as (registry, at):
        push(at)
        with pytest.raises(IncompleteError) as caught:
            push(at, OTHER, ("1.0", "edge"))
        assert f"tag 1.0 is there already, as {IMAGE.top.digest}, and stays" in caught.value.message
        free = free_tag("1.0", OTHER.top.digest)
        assert free in (caught.value.hint or "")
        assert f"; not set: {at.repository}:1.0, {at.repository}:edge" in caught.value.message
        assert tags_of(registry) == {"1.0": str(IMAGE.top.digest)}
        push(at, OTHER, (free,))


def test_a_free_tag_is_a_tag_of_the_image() -> None:
    digest = IMAGE.top.digest
    assert free_tag("1.0", digest) == f"1.0-{digest.hex[:12]}"
    assert len(free_tag("x" * 128, digest)) == 128
    assert free_tag("1.0", OTHER.top.digest) != free_tag("1.0", digest)


def refusing(end: str, status: int) -> Lie:
    def refuse(asked: Asked, truly: Callable[[Asked], Answered]) -> Answered:
        is_it = asked.method == "PUT" and asked.path.endswith(end)
        return Answered(status=status) if is_it else truly(asked)

    return refuse


def test_a_second_tag_that_is_refused() -> None:
    """What is set and what not is said, and the next run does the rest."""
    with serving(FULL, refusing("/manifests/1", 403)) as (registry, at):
        with pytest.raises(IncompleteError) as caught:
            push(at, tags=TAGS)
        name = str(at.repository)
        assert caught.value.message.endswith(f"; set: {name}:1.0; not set: {name}:1, {name}:stable")
        lying(registry, lambda asked, truly: truly(asked))
        before = len(tag_puts(registry))
        published = publish(IMAGE, at, target(at, *TAGS), at="2026-11-02T11:00:00Z")
        assert tag_puts(registry)[before:] == list(TAGS[1:])
        assert current(at, published.target) == dict.fromkeys(TAGS, IMAGE.top.digest)


def test_a_second_tag_without_an_answer() -> None:
    """It may be set or not, and nobody waits for another answer to know."""
    with serving(FULL, refusing("/manifests/1", 503)) as (registry, at):
        with pytest.raises(IncompleteError) as caught:
            push(at, tags=TAGS)
        name = str(at.repository)
        assert caught.value.message.endswith(f"; set: {name}:1.0; not known: {name}:1, {name}:stable")
        assert registry.asked[-1].path.endswith("/manifests/1")


def test_conditions_that_are_honoured_are_reported_and_hold() -> None:
    with serving(BOTH) as (registry, at):
        published = push(at, tags=TAGS)
        assert (published.guarantee, published.together) == (Guarantee.CONDITIONAL, ())
        assert tag_puts(registry) == list(TAGS)
        assert push(at, OTHER, TAGS).guarantee is Guarantee.CONDITIONAL


def coming(registry: FakeRegistry, tag: str, image: Image) -> None:
    """Another push moves the tag between our last look at it and our request."""

    def move(asked: Asked, truly: Callable[[Asked], Answered]) -> Answered:
        if asked.method == "PUT" and asked.path.endswith(f"/manifests/{tag}"):
            tags_of(registry)[tag] = str(image.top.digest)
        return truly(asked)

    lying(registry, move)


@pytest.mark.parametrize("was_there", [False, True])
def test_a_tag_that_moves_between_look_and_put_is_not_overwritten(was_there: bool) -> None:
    with serving(BOTH) as (registry, at):
        push(at, THIRD, ("other",))
        if was_there:
            push(at, tags=("stable",))
        coming(registry, "stable", THIRD)
        with pytest.raises(IncompleteError, match=f"and names {THIRD.top.digest} now") as caught:
            push(at, OTHER, ("1.0", "stable"))
        assert "tag stable was moved meanwhile: it named" in caught.value.message
        assert f"set: {at.repository}:1.0; not set: {at.repository}:stable" in caught.value.message
        assert tags_of(registry)["stable"] == str(THIRD.top.digest)


def test_another_push_of_the_same_image_is_no_conflict() -> None:
    with serving(BOTH) as (registry, at):
        push(at, tags=("other",))
        coming(registry, "1.0", IMAGE)
        assert publish(IMAGE, at, target(at, "1.0"), at="2026-11-02T11:00:00Z").digest == IMAGE.top.digest


@pytest.mark.parametrize("multi_tag", [0, 30])
@pytest.mark.parametrize("kind", [*KEPT, "full", "conditions"])
def test_an_answer_that_is_lost_is_no_conflict(kind: str, multi_tag: int) -> None:
    """The tag is set: the same request again finds that it may not be moved, or that its condition fails."""
    lost = list[str]()

    def lose(asked: Asked, truly: Callable[[Asked], Answered]) -> Answered:
        answer = truly(asked)
        is_tags = asked.path.endswith("/1.0") or ("?tag=" in asked.path and "OCI-Tag" in answer.headers)
        if asked.method == "PUT" and is_tags and not lost:
            lost.append(asked.path)
            return Answered(status=503)
        return answer

    with serving(changed(KINDS[kind], multi_tag=multi_tag), lose) as (registry, at):
        push(at, tags=TAGS)
        assert lost
        assert tags_of(registry) == dict.fromkeys(TAGS, str(IMAGE.top.digest))


def test_conditions_that_are_not_understood_are_not_reported() -> None:
    """A registry that refuses what it cannot compare gets the tag without a condition, which is said."""

    def mistaken(asked: Asked, truly: Callable[[Asked], Answered]) -> Answered:
        return Answered(status=412) if "If-Match" in asked.headers else truly(asked)

    with serving(FULL, mistaken) as (registry, at):
        assert push(at).guarantee is Guarantee.CONDITIONAL
        assert push(at, OTHER).guarantee is Guarantee.READ_THEN_WRITE
        assert tags_of(registry) == {"1.0": str(OTHER.top.digest)}


def test_an_etag_is_the_registrys_own() -> None:
    """It need not be the digest."""
    with serving(BOTH) as (registry, at):
        push(at)
        assert push(at, OTHER).guarantee is Guarantee.CONDITIONAL
        assert f'"manifest-{IMAGE.top.digest.hex[-16:]}"' in {
            asked.headers.get("If-Match") for asked in registry.asked
        }


def test_only_what_the_registry_says_was_moved_together_counts() -> None:
    """The others are put one by one, and each is read back."""

    def half(asked: Asked, truly: Callable[[Asked], Answered]) -> Answered:
        return truly(changed(asked, path=asked.path.replace("&tag=stable", "")))

    with serving(KINDS["multi-tag"], half) as (registry, at):
        published = push(at, tags=TAGS)
        assert tag_puts(registry) == [together(IMAGE, *TAGS), "stable"]
        assert published.together == TAGS[:2]
        assert current(at, published.target) == dict.fromkeys(TAGS, IMAGE.top.digest)


def test_a_registry_that_does_not_like_the_query_is_asked_one_by_one() -> None:
    with serving(KINDS["multi-tag"], refusing("&tag=stable", 414)) as (registry, at):
        assert push(at, tags=TAGS).together == ()
        assert tag_puts(registry) == [together(IMAGE, *TAGS), *TAGS]


@contextmanager
def two_verified(at: RepositoryClient) -> Iterator[list[Any]]:
    targets = [target(at, "a", "a-too"), target(at, "b", "b-too")]
    with (
        pushed(judge(IMAGE, targets[0], current(at, targets[0])), at) as one,
        pushed(judge(OTHER, targets[1], current(at, targets[1])), at) as two,
    ):
        yield [verify_push(landed, attach_artifacts(landed)) for landed in (one, two)]


def test_several_images_have_their_tags_together_each(olareg: Registry) -> None:
    at = client(olareg)
    with two_verified(at) as verified:
        first, second = move_all_tags(verified)
    assert tag_puts(olareg) == [together(IMAGE, "a", "a-too"), together(OTHER, "b", "b-too")]
    assert (first.together, second.together) == (("a", "a-too"), ("b", "b-too"))
    with two_verified(at) as verified:
        move_all_tags(verified)
    assert len(tag_puts(olareg)) == 2


def index_of(text: str) -> Manifest:
    """A manifest that names nothing."""
    value = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [], "annotations": {"a": text}}
    return Manifest.parse(json.dumps(value).encode())


OLD, NEW, THEIRS = map(index_of, ("old", "new", "theirs"))
ABC = ("a", "b", "c")


class Trouble:
    """At one of the requests for tags: it is lost, or its answer is, or it is refused, or others come."""

    def __init__(self, kind: str, number: int, tags: dict[str, str]) -> None:
        self.kind, self.left, self.tags = kind, number, tags
        self.overwritten = False

    def __call__(self, asked: Asked, truly: Callable[[Asked], Answered]) -> Answered:
        path = asked.path.partition("/manifests/")[2]
        if asked.method != "PUT" or not (path in ABC or "?tag=" in path):
            return truly(asked)
        self.left -= 1
        if self.left == 0 and self.kind in ("lost", "refused"):
            return Answered(status=503 if self.kind == "lost" else 403)
        if self.left == 0 and self.kind == "others":
            self.tags["b"] = str(THEIRS.digest)
        was_theirs = self.tags.get("b") == str(THEIRS.digest)
        answer = truly(asked)
        self.overwritten |= was_theirs and self.tags["b"] != str(THEIRS.digest)
        return Answered(status=503) if self.left == 0 and self.kind == "answer lost" else answer


def named_by(at: RepositoryClient) -> dict[str, Digest | None]:
    """What each tag names, as a push looks before it moves them."""
    found = {tag: at.resolve(tag) for tag in ABC}
    return {tag: manifest.digest if manifest else None for tag, manifest in found.items()}


def moved(at: RepositoryClient, before: dict[str, Digest | None]) -> tuple[set[str], bool]:
    """The tags that are said to be moved, and whether all went well."""
    done = set[str]()
    moves = [Move(tag=tag, manifest=NEW, before=before[tag]) for tag in ABC if before[tag] != NEW.digest]
    try:
        for step in at.move_tags(moves):
            done |= {move.tag for move in step}
    except (PushError, IncompleteError):
        return done, False
    return done, True


CASES = tuple(product((False, True), ("none", "lost", "answer lost", "refused", "others"), (1, 2, 3, 4)))


@pytest.mark.parametrize("conditions", [False, True])
@pytest.mark.parametrize("multi_tag", [0, 30])
@pytest.mark.parametrize("moves", ["any", "same", "never"])
def test_no_trouble_makes_a_tag_what_nobody_wanted(moves: Any, multi_tag: int, conditions: bool) -> None:
    """And none is said to be moved that is not; what was not done, the next run does."""
    kind = changed(FULL, moves=moves, multi_tag=multi_tag, conditions=conditions)
    with serving(kind) as (registry, _):
        for case in CASES:
            was_there, name, number = case
            registry.answer = KindRegistry(kind)
            at = client_of(registry.host, attempts=2, first_pause=0.001, plain_http=True)
            for manifest in (OLD, NEW, THEIRS):
                at.put_manifest(manifest)
            tags = tags_of(registry)
            if was_there:
                tags["b"] = str(OLD.digest)
            trouble = Trouble(name, number, tags)
            before = named_by(at)
            lying(registry, trouble)
            done, ended = moved(at, before)
            untrue = {tag for tag in done if tags[tag] != str(NEW.digest)}
            assert untrue <= ({"b"} if name == "others" else set()), case
            assert done == set(ABC) or not ended, case
            assert not (trouble.overwritten and conditions), case
            if was_there and moves != "any":
                assert not ended, case
                assert tags["b"] != str(NEW.digest), case
                assert conditions or not multi_tag or set(tags) <= {"b"}, case
            elif name != "others":
                assert name == "refused" or ended, case
                lying(registry, lambda asked, truly: truly(asked))
                assert moved(at, named_by(at))[1], case
                assert tags == dict.fromkeys(ABC, str(NEW.digest)), case
