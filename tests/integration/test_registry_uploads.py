"""How blobs are sent: mounted, in one request, continued after a break, in chunks."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from pushpolicy.errors import InputError, PushError
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.reference import Repository
from pushpolicy.registry import session
from tests.clients import client, client_of
from tests.cutting import cut_once
from tests.fake_registry import Answered, Asked, fake_registry
from tests.layouts import LAYER, LayoutMaker, of_bytes, push, referrer
from tests.proxy import Fault, Traffic, proxy_before
from tests.registries import Auth, Registry, distribution_registry, olareg_registry

MIB = 1024 * 1024
LARGE = bytes(range(256)) * (6 * MIB // 256)
START: dict[str, Callable[..., AbstractContextManager[Registry]]] = {
    "distribution": distribution_registry,
    "olareg": olareg_registry,
}


def uploads(registry: Registry) -> list[tuple[str, int]]:
    """Method and status of the requests that upload."""
    return [(item.method, item.status) for item in registry.requests() if "/blobs/uploads/" in item.path]


@pytest.mark.parametrize("auth", [None, "token"])
@pytest.mark.parametrize("kind", START)
def test_a_blob_of_a_sibling_is_mounted(kind: str, auth: Auth | None, tmp_path: Path) -> None:
    blob = Descriptor.of(LARGE, LAYER)
    with START[kind](tmp_path / "registry", auth=auth) as registry:
        sibling = client(registry, "team/base")
        sibling.put_blob(blob, of_bytes(LARGE))
        before = len(uploads(registry))
        repository = client(registry)
        repository.put_blob(blob, of_bytes(b"is not read"), sibling.repository)
        assert [item for item in uploads(registry)[before:] if item[1] != 401] == [("POST", 201)]
        assert b"".join(repository.read_blob(blob)) == LARGE


@pytest.mark.parametrize("kind", START)
def test_what_the_sibling_does_not_have_is_sent(kind: str, tmp_path: Path) -> None:
    blob = Descriptor.of(LARGE, LAYER)
    with START[kind](tmp_path / "registry") as registry:
        repository = client(registry)
        repository.put_blob(blob, of_bytes(LARGE), Repository.parse(f"{registry.host}/team/base"))
        assert uploads(registry) == [("POST", 202), ("PUT", 201)]
        assert b"".join(repository.read_blob(blob)) == LARGE


def opening(status: int) -> Callable[[Asked], Answered]:
    """A registry that answers a wish to mount with this, and takes anything else."""

    def answer(asked: Asked) -> Answered:
        if asked.method == "HEAD":
            return Answered(status=404)
        if asked.method == "POST":
            mounts = "mount=" in asked.path
            return Answered(status=status if mounts else 202, headers={"Location": "/v2/upload"})
        return Answered(status=201)

    return answer


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 405, 500, 503])
def test_a_refused_mount_is_no_failure(status: int) -> None:
    blob = Descriptor.of(LARGE, LAYER)
    with fake_registry(opening(status)) as registry:
        sibling = Repository.parse(f"{registry.host}/team/base")
        client_of(registry.host).put_blob(blob, of_bytes(LARGE), sibling)
        # A 401 that does not say how to log in has the base asked for that.
        asked = [asked.method for asked in registry.asked if asked.path != "/v2/"]
        assert asked == ["HEAD", "POST", "POST", "PUT"]
        assert "from=team%2Fbase" in registry.asked[1].path
        assert registry.asked[-1].body == LARGE


def test_small_blobs_go_in_one_request_where_the_registry_takes_them_so(any_registry: Registry) -> None:
    repository = client(any_registry)
    for number in range(3):
        content = b"small %d" % number
        blob = Descriptor.of(content, LAYER)
        repository.put_blob(blob, of_bytes(content))
        assert b"".join(repository.read_blob(blob)) == content
    single = [("POST", 201)] * 3
    assert uploads(any_registry) == (
        single if any_registry.kind == "olareg" else [("POST", 202), ("PUT", 201)] * 3
    )
    tried = [item for item in any_registry.requests() if item.method == "POST" and "digest=" in item.path]
    assert len(tried) == (3 if any_registry.kind == "olareg" else 1)


@pytest.mark.parametrize(
    ("there", "size", "asked"),
    [((), 1, 3), ((0,), 1, 8), ((2,), 1, 8), ((5,), 1, 3), ((), 128 * 1024, 3), ((), 128 * 1024 + 1, 8)],
    ids=["none", "the first", "the third", "one of the others", "the largest so sent", "larger ones"],
)
def test_small_blobs_are_sent_unasked_where_none_of_the_first_is_there(
    there: tuple[int, ...], size: int, asked: int, any_registry: Registry
) -> None:
    contents = [bytes([number]) * size for number in range(8)]
    for number in there:
        client(any_registry).put_blob(Descriptor.of(contents[number], LAYER), of_bytes(contents[number]))
    before, repository = len(any_registry.requests()), client(any_registry)
    for content in contents:
        repository.put_blob(Descriptor.of(content, LAYER), of_bytes(content))
    seen = any_registry.requests()[before:]
    assert [item.method for item in seen].count("HEAD") == asked
    assert all(repository.has_blob(Descriptor.of(content, LAYER)) for content in contents)


def test_an_upload_that_broke_goes_on_where_it_broke(any_registry: Registry) -> None:
    blob = Descriptor.of(LARGE, LAYER)
    with cut_once(any_registry.host, 4 * MIB) as cutting:
        client_of(cutting.host, first_pause=0.3).put_blob(blob, of_bytes(LARGE))
        assert cutting.after == 0
        assert cutting.passed < len(LARGE) + 2 * MIB
    assert b"".join(client(any_registry).read_blob(blob)) == LARGE


def test_what_arrived_is_not_asked_for_in_vain() -> None:
    half = len(LARGE) // 2
    numbers = itertools.count()

    def answer(asked: Asked) -> Answered:
        if asked.method == "HEAD":
            return Answered(status=404)
        if asked.method == "POST":
            return Answered(status=202, headers={"Location": "/v2/upload?state=0"})
        if asked.method == "GET":
            headers = {"Location": "/v2/upload?state=1", "Range": f"0-{half - 1}"}
            return Answered(status=204, headers=headers)
        return Answered(status=503 if next(numbers) == 0 else 201)

    with fake_registry(answer) as registry:
        client_of(registry.host, first_pause=0.01).put_blob(Descriptor.of(LARGE, LAYER), of_bytes(LARGE))
        assert [asked.method for asked in registry.asked] == ["HEAD", "POST", "PUT", "GET", "PUT"]
        last = registry.asked[-1]
        assert last.body == LARGE[half:]
        assert last.headers["Content-Range"] == f"{half}-{len(LARGE) - 1}"
        assert last.path.startswith("/v2/upload?state=1&digest=")


def test_content_that_changed_before_it_went_on_is_not_completed() -> None:
    half, opened = len(LARGE) // 2, itertools.count()

    def answer(asked: Asked) -> Answered:
        match asked.method:
            case "HEAD":
                return Answered(status=404)
            case "POST":
                return Answered(status=202, headers={"Location": "/v2/upload"})
            case "GET":
                headers = {"Location": "/v2/upload", "Range": f"0-{half - 1}"}
                return Answered(status=204, headers=headers)
        return Answered(status=503)

    def content() -> object:
        return of_bytes(LARGE if next(opened) == 0 else b"x" + LARGE[1:])()

    with fake_registry(answer) as registry, pytest.raises(InputError, match="other content"):
        client_of(registry.host, first_pause=0.01).put_blob(Descriptor.of(LARGE, LAYER), content)  # type: ignore[arg-type]


def chunked(limit: int, least: str) -> tuple[Callable[[Asked], Answered], bytearray]:
    """A registry behind something that lets no larger request through; and what it has got."""
    got = bytearray()

    def answer(asked: Asked) -> Answered:
        if len(asked.body) > limit:
            return Answered(status=413)
        if asked.method == "HEAD":
            return Answered(status=404)
        if asked.method == "POST":
            headers = {"Location": "/v2/upload?at=0", "OCI-Chunk-Min-Length": least}
            return Answered(status=202, headers=headers)
        got.extend(asked.body)
        if asked.method == "PUT":
            return Answered(status=201)
        return Answered(status=202, headers={"Location": f"/v2/upload?at={len(got)}"})

    return answer, got


@pytest.mark.parametrize(("least", "size"), [("", MIB), ("no number", MIB), (str(2 * MIB), 2 * MIB)])
def test_what_is_too_large_for_one_request_goes_in_chunks(
    least: str, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "_CHUNK_SIZE", MIB)
    answer, got = chunked(2 * MIB, least)
    with fake_registry(answer) as registry:
        client_of(registry.host, first_pause=0.01).put_blob(Descriptor.of(LARGE, LAYER), of_bytes(LARGE))
        patches = [asked for asked in registry.asked if asked.method == "PATCH"]
        assert {len(asked.body) for asked in patches} == {size}
        assert [asked.headers["Content-Range"] for asked in patches] == [
            f"{start}-{start + size - 1}" for start in range(0, len(LARGE) - size, size)
        ]
        assert got == LARGE


def test_chunks_larger_than_the_least_that_are_refused_too_are_told() -> None:
    answer, _ = chunked(MIB, "")
    with fake_registry(answer) as registry, pytest.raises(PushError, match="answered 413"):
        client_of(registry.host, first_pause=0.01).put_blob(Descriptor.of(LARGE, LAYER), of_bytes(LARGE))


@pytest.mark.parametrize("kind", START)
def test_chunks_are_put_together(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "_CHUNK_SIZE", 2 * MIB)
    blob = Descriptor.of(LARGE, LAYER)
    with START[kind](tmp_path / "registry") as registry, proxy_before(registry.host) as proxy:
        # HEAD, POST, and a PUT of which nothing arrives: the next attempt is made of shorter requests.
        traffic = proxy.repositories.setdefault("team/app", Traffic(plan={3: Fault.RESET}.get))
        client_of(proxy.host, first_pause=0.01).put_blob(blob, of_bytes(LARGE))
        methods = [line.partition(" ")[0] for line in traffic.seen]
        assert methods == ["HEAD", "POST", "PUT", "GET", "HEAD", "POST", "PATCH", "PATCH", "PUT"]
        assert b"".join(client(registry).read_blob(blob)) == LARGE


def test_a_lost_answer_to_a_large_upload_is_not_sent_again(any_registry: Registry) -> None:
    blob = Descriptor.of(LARGE, LAYER)
    with proxy_before(any_registry.host) as proxy:
        traffic = proxy.repositories.setdefault("team/app", Traffic(plan={3: Fault.LOST}.get))
        client_of(proxy.host, first_pause=0.01).put_blob(blob, of_bytes(LARGE))
        assert [line.partition(" ")[0] for line in traffic.seen] == ["HEAD", "POST", "PUT", "GET", "HEAD"]


def test_the_absence_of_the_referrers_api_is_remembered(distribution: Registry, maker: LayoutMaker) -> None:
    repository = client(distribution)
    image = push(repository, maker, maker.image(), "v1")
    push(repository, maker, referrer(maker, image, b"note"))
    for _ in range(3):
        assert len(repository.referrers(image.digest)) == 1
    assert len([item for item in distribution.requests() if "/referrers/" in item.path]) == 1


def test_an_absent_repository_does_not_tell_that_the_api_is_absent(
    olareg: Registry, maker: LayoutMaker
) -> None:
    repository = client(olareg)
    image = maker.image()
    assert repository.referrers(image.digest) == ()
    push(repository, maker, image, "v1")
    note = push(repository, maker, referrer(maker, image, b"note"))
    assert [item.digest for item in repository.referrers(image.digest)] == [note.digest]


@pytest.fixture
def maker(tmp_path: Path) -> LayoutMaker:
    return LayoutMaker(tmp_path / "layout")
