"""A registry that lies: never a false success, never a secret sent elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from pushpolicy.errors import PushPolicyError
from pushpolicy.model.reference import Target
from pushpolicy.registry import Access, open_repository
from tests.clients import login
from tests.fake_registry import Answered, Asked, FakeRegistry, fake_registry
from tests.faults.honest import Honest
from tests.faults.images import layered
from tests.judged import publish

IMAGE = layered("lied about", 300, 70_000)
LAYERS = {str(blob.digest): blob.size for blob in IMAGE.top.layers}
TOP = str(IMAGE.top.digest)
SECRET = "never-to-be-seen-elsewhere"
ACCESS = Access(first_pause=0.01, attempts=2, read_timeout=5.0, credential=login("user", SECRET))

Lie = Callable[[Asked, Callable[[Asked], Answered]], Answered]


def _is(asked: Asked, method: str, *parts: str) -> bool:
    return asked.method == method and all(part in asked.path for part in parts)


def _layer(asked: Asked) -> str | None:
    return next((digest for digest in LAYERS if asked.path.endswith(f"/blobs/{digest}")), None)


def head_says_yes(asked: Asked, honest: Callable[[Asked], Answered]) -> Answered:
    digest = _layer(asked)
    return Answered(length=LAYERS[digest]) if digest and asked.method == "HEAD" else honest(asked)


def takes_layers_and_keeps_none(asked: Asked, honest: Callable[[Asked], Answered]) -> Answered:
    if "/blobs/uploads/" in asked.path and len(asked.body) in LAYERS.values():
        return Answered(status=201)
    return honest(asked)


def keeps_no_layer_and_head_says_yes(asked: Asked, honest: Callable[[Asked], Answered]) -> Answered:
    sent = any("/blobs/uploads/" in asked.path and len(asked.body) == size for size in LAYERS.values())
    return Answered(status=201) if sent else head_says_yes(asked, honest)


def wrong_size(asked: Asked, honest: Callable[[Asked], Answered]) -> Answered:
    answer = honest(asked)
    return replace(answer, length=answer.length + 1) if answer.length and _layer(asked) else answer


def wrong_size_of_content(asked: Asked, honest: Callable[[Asked], Answered]) -> Answered:
    answer = honest(asked)
    if asked.method == "GET" and _layer(asked) and answer.status == 206:
        return replace(answer, headers={"Content-Range": f"bytes 0-0/{10**6}"})
    return answer


def right_header_over_a_wrong_manifest(asked: Asked, honest: Callable[[Asked], Answered]) -> Answered:
    answer = honest(asked)
    return replace(answer, body=answer.body + b"\n") if _is(asked, "GET", f"manifests/{TOP}") else answer


def wrong_bytes_in_every_blob(asked: Asked, honest: Callable[[Asked], Answered]) -> Answered:
    answer = honest(asked)
    return replace(answer, body=answer.body[::-1]) if _is(asked, "GET", "/blobs/") else answer


def another_manifest_under_the_tag(asked: Asked, honest: Callable[[Asked], Answered]) -> Answered:
    answer = honest(asked)
    return replace(answer, body=answer.body + b" ") if _is(asked, "GET", "manifests/1.0") else answer


def no_record_listed(asked: Asked, honest: Callable[[Asked], Answered]) -> Answered:
    answer = honest(asked)
    return replace(answer, body=b'{"manifests": []}') if "/referrers/" in asked.path else answer


def _not_stored(reference: str) -> Lie:
    def lie(asked: Asked, honest: Callable[[Asked], Answered]) -> Answered:
        return Answered(status=201) if _is(asked, "PUT", f"manifests/{reference}") else honest(asked)

    return lie


def record_not_stored_but_listed(asked: Asked, honest: Callable[[Asked], Answered]) -> Answered:
    if asked.method == "GET" and b"dev.pushpolicy" in (answer := honest(asked)).body:
        return answer if "/referrers/" in asked.path else Answered(status=404)
    return honest(asked)


def tag_moves_before_it_is_read_back() -> Lie:
    put: list[Asked] = []

    def lie(asked: Asked, honest: Callable[[Asked], Answered]) -> Answered:
        answer = honest(asked)
        if _is(asked, "PUT", "manifests/stable"):
            put.append(asked)
        elif put and _is(asked, "GET", "manifests/1.0"):
            return replace(answer, body=answer.body + b" ")
        return answer

    return lie


LIES: dict[str, Lie] = {
    "HEAD 200 for an absent layer": head_says_yes,
    "201 for a layer that is not stored": takes_layers_and_keeps_none,
    "201 for it, and HEAD 200 afterwards": keeps_no_layer_and_head_says_yes,
    "a wrong size in GET": wrong_size_of_content,
    "the right digest over a wrong manifest": right_header_over_a_wrong_manifest,
    "wrong bytes in every blob": wrong_bytes_in_every_blob,
    "another manifest under the tag": another_manifest_under_the_tag,
    "a listing without the record": no_record_listed,
    "201 for a manifest that is not stored": _not_stored(TOP),
    "201 for any manifest that is not stored": _not_stored(""),
    "201 for a tag that is not set": _not_stored("1.0"),
    "a record that is listed and not there": record_not_stored_but_listed,
    "a tag that moves before it is read back": tag_moves_before_it_is_read_back(),
}


def _push(registry: FakeRegistry) -> None:
    target = Target.parse(f"{registry.host}/team/app:1.0").with_tags(("stable",))
    publish(IMAGE, open_repository(target.repository, ACCESS), target)


def test_the_truth_is_believed() -> None:
    honest = Honest()
    with fake_registry(honest) as registry:
        _push(registry)
    assert honest.tags == {"1.0": TOP, "stable": TOP}
    assert set(LAYERS) < set(honest.blobs)


def test_a_wrong_size_in_head_only_costs_the_sending() -> None:
    """HEAD is not believed, neither for nor against the registry: the layers are served as they were sent."""
    honest = Honest(lie=wrong_size)
    with fake_registry(honest) as registry:
        _push(registry)
    assert honest.tags == {"1.0": TOP, "stable": TOP}
    assert set(LAYERS) < set(honest.blobs)


@pytest.mark.parametrize("name", LIES)
def test_a_lie_is_never_taken_for_success(name: str) -> None:
    with fake_registry(Honest(lie=LIES[name])) as registry, pytest.raises(PushPolicyError) as error:
        _push(registry)
    assert error.value.exit_code in (40, 41)
    assert error.value.hint


BASIC = {"WWW-Authenticate": 'Basic realm="x"'}
PLACES = {
    "tags": ("GET", "/manifests/1.0"),
    "HEAD": ("HEAD", "/blobs/"),
    "upload": ("POST", "/blobs/uploads/"),
    "manifest": ("PUT", "/manifests/sha256:"),
    "referrers": ("GET", "/referrers/"),
    "content": ("GET", "/blobs/"),
    "tag": ("PUT", "/manifests/1.0"),
}


@pytest.mark.parametrize("challenge", [BASIC, {"WWW-Authenticate": 'Bearer realm="http://HOST/token"'}])
@pytest.mark.parametrize("place", PLACES)
def test_no_other_host_sees_the_secret(place: str, challenge: dict[str, str]) -> None:
    method, part = PLACES[place]

    def elsewhere(asked: Asked) -> Answered:
        asks = {name: text.replace("HOST", asked.headers["Host"]) for name, text in challenge.items()}
        return Answered(status=401, headers=asks)

    with fake_registry(elsewhere) as other:

        def lie(asked: Asked, honest: Callable[[Asked], Answered]) -> Answered:
            if "Authorization" not in asked.headers:
                return Answered(status=401, headers=BASIC)
            if _is(asked, method, part):
                return Answered(status=307, headers={"Location": f"http://{other.host}{asked.path}"})
            return honest(asked)

        with fake_registry(Honest(lie=lie)) as registry, pytest.raises(PushPolicyError, match="401"):
            _push(registry)
        assert registry.asked
        assert [asked.path for asked in other.asked if "/token" in asked.path] == []
        assert other.asked
        assert not any("Authorization" in asked.headers or SECRET in str(asked) for asked in other.asked)
