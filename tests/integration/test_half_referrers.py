"""Registries with half of the referrers API: each push ends with its record listed, or says why, at once."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pushpolicy.errors import IncompleteError, PushError
from pushpolicy.model.manifest import EMPTY_TYPE, OCI_INDEX
from pushpolicy.model.reference import Repository, Target
from pushpolicy.records.format import ARTIFACT_TYPE
from pushpolicy.registry import Access, RepositoryClient, open_repository
from pushpolicy.registry.fallback import fallback_tag
from tests.fake_registry import Answered, Asked, FakeRegistry, fake_registry
from tests.faults.honest import Honest
from tests.judged import make_image, publish
from tests.layouts import LayoutMaker, of_bytes, push, referrer

Lie = Callable[[Asked, Callable[[Asked], Answered]], Answered]
IMAGE = make_image()
TOP = IMAGE.top.digest
ACCESS = Access(first_pause=0.01, attempts=2)
EMPTY = Answered(
    headers={"Content-Type": OCI_INDEX},
    body=json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": []}).encode(),
)
HTML = Answered(headers={"Content-Type": "text/html"}, body=b"<html>")
UNKNOWN = Answered(status=404, body=b'{"errors": [{"code": "NAME_UNKNOWN"}]}')


def half(api: Answered | None, *, acknowledges: bool) -> Lie:
    """Answers of the API as given, None for honest ones; with OCI-Subject or without it."""

    def lie(asked: Asked, honest: Callable[[Asked], Answered]) -> Answered:
        if api is not None and "/referrers/" in asked.path:
            return api
        answer = honest(asked)
        if not acknowledges:
            headers = {name: value for name, value in answer.headers.items() if name != "OCI-Subject"}
            return replace(answer, headers=headers)
        return answer

    return lie


# What the API answers, whether the header comes, and whether the list has to be kept under the fallback tag.
KINDS: dict[str, tuple[Answered | None, bool, bool]] = {
    "API and header": (None, True, False),
    "API without header": (None, False, True),
    "header without API": (Answered(status=404), True, True),
    "header without API, which it calls an unknown name": (UNKNOWN, True, True),
    "neither": (Answered(status=404), False, True),
    "an empty list without header": (EMPTY, False, True),
    **{
        f"{status} {'with' if header else 'without'} header": (Answered(status=status), header, True)
        for status in (303, 401, 403, 405, 418, 500)
        for header in (True, False)
    },
    "a page with header": (HTML, True, True),
    "a page without header": (HTML, False, True),
}


def _client(registry: FakeRegistry) -> RepositoryClient:
    return open_repository(Repository.parse(f"{registry.host}/team/app"), ACCESS)


def _push(registry: FakeRegistry) -> None:
    publish(IMAGE, _client(registry), Target.parse(f"{registry.host}/team/app:1.0"))


def _asked(registry: FakeRegistry, part: str) -> int:
    return len([asked for asked in registry.asked if part in asked.path])


@pytest.mark.parametrize("kind", KINDS)
def test_the_record_is_listed_where_others_look_for_it(kind: str) -> None:
    api, acknowledges, by_tag = KINDS[kind]
    honest = Honest(lie=half(api, acknowledges=acknowledges))
    with fake_registry(honest) as registry:
        started = time.monotonic()
        _push(registry)
        assert time.monotonic() - started < 2
        assert (fallback_tag(TOP) in honest.tags) is by_tag
        if api is not None and api is not EMPTY:
            # Once, and again where trouble may pass, or where the repository may not have been there yet; a
            # registry that lists nothing is asked as one that does.
            most = {500: ACCESS.attempts, 404: 2 if api is UNKNOWN else 1}
            assert _asked(registry, "/referrers/") <= most.get(api.status, 1)
        (found,) = _client(registry).referrers(TOP, ARTIFACT_TYPE)
        _push(registry)
        assert len(_client(registry).referrers(TOP, ARTIFACT_TYPE)) == 2
        assert found in _client(registry).referrers(TOP, ARTIFACT_TYPE)


@pytest.mark.parametrize("status", [401, 403, 500])
def test_a_refusal_is_no_empty_list(status: int) -> None:
    """Without a list under the tag nobody knows what is there, and the registry's own reason is given."""
    honest = Honest(lie=half(Answered(status=status), acknowledges=True))
    with fake_registry(honest) as registry, pytest.raises(PushError, match=f"answered {status}"):
        _client(registry).referrers(TOP)


def test_a_registry_that_acknowledges_and_never_lists_is_named() -> None:
    with fake_registry(Honest(lie=half(EMPTY, acknowledges=True))) as registry:
        started = time.monotonic()
        with pytest.raises(IncompleteError, match="does not list it: its referrers API stays as it was"):
            _push(registry)
        assert time.monotonic() - started < 12


def test_a_tag_that_is_taken_and_not_set_is_named() -> None:
    def lie(asked: Asked, honest: Callable[[Asked], Answered]) -> Answered:
        if asked.method == "PUT" and "/manifests/sha256-" in asked.path:
            return Answered(status=201)
        return half(Answered(status=404), acknowledges=False)(asked, honest)

    with (
        fake_registry(Honest(lie=lie)) as registry,
        pytest.raises(IncompleteError, match=r"does not list it: the tag sha256-\w+ stays as it was"),
    ):
        _push(registry)


@pytest.mark.parametrize("said", [None, EMPTY_TYPE])
def test_lists_that_do_not_say_the_type(said: str | None) -> None:
    """go-containerregistry lists the type of the config; what a record is, it says itself."""

    def lie(asked: Asked, honest: Callable[[Asked], Answered]) -> Answered:
        answer = honest(asked)
        if "/referrers/" not in asked.path:
            return answer
        listed = json.loads(answer.body)
        for entry in listed["manifests"]:
            entry["artifactType"] = said
        return replace(answer, body=json.dumps(listed).encode())

    with fake_registry(Honest(lie=lie)) as registry:
        _push(registry)
        _push(registry)
        assert len(_client(registry).referrers(TOP, ARTIFACT_TYPE)) == 2
        assert _client(registry).referrers(TOP, "a/b") == _client(registry).referrers(TOP)


def test_several_referrers_settle_together(tmp_path: Path) -> None:
    """The list is looked at once for all that this client put, though each was put after the other."""
    maker = LayoutMaker(tmp_path / "layout")
    image = maker.image()
    with fake_registry(Honest(lie=half(Answered(status=404), acknowledges=False))) as registry:
        client = _client(registry)
        push(client, maker, image, "v1")
        notes = [referrer(maker, image, b"%d" % number) for number in range(4)]
        for note in notes:
            for blob in filter(None, (note.config, *note.layers)):
                client.put_blob(blob, of_bytes(maker.path(blob.digest).read_bytes()))
        settling = [client.put_referrer(note) for note in notes]
        before, started = len(registry.asked), time.monotonic()
        for settle in settling:
            settle()
        assert len(registry.asked) - before == 1
        assert time.monotonic() - started < 0.5
        assert [entry.digest for entry in client.referrers(image.digest)] == [note.digest for note in notes]
