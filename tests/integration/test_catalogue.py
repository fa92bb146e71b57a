"""Which repositories a registry says it has: of real ones, and of those that lie."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from pushpolicy.audit.allowance import Allowance
from pushpolicy.audit.sources import Unreadable, read_all
from pushpolicy.audit.walk import Opened
from pushpolicy.cli.options import RegistryOptions
from pushpolicy.cli.shelves import open_sources
from pushpolicy.errors import PushError, RecordError
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.manifest import OCI_MANIFEST, Manifest
from pushpolicy.model.reference import Target
from pushpolicy.registry import Access
from pushpolicy.registry.catalogue import SCOPE, listed
from pushpolicy.reports.limits import Limits
from tests.clients import client, login
from tests.fake_registry import Answered, Asked, fake_registry
from tests.judged import make_image, publish
from tests.layouts import of_bytes
from tests.registries import (
    Registry,
    distribution_2_registry,
    distribution_registry,
    gocontainerregistry,
    olareg_registry,
)

NAMES = ("team/app", "team/web", "team/deep/er", "other")
CONFIG = Descriptor.of(b"{}", "application/vnd.oci.empty.v1+json")
MANIFEST = Manifest.parse(
    json.dumps(
        {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": CONFIG.to_json(), "layers": []}
    ).encode()
)
QUICK: dict[str, Any] = {"attempts": 2, "read_timeout": 1.0, "connect_timeout": 2.0}
WITH_LIST = [distribution_registry, distribution_2_registry, gocontainerregistry]


def filled(registry: Registry) -> None:
    for name in NAMES:
        repository = client(registry, name)
        repository.put_blob(CONFIG, of_bytes(b"{}"))
        repository.put_manifest(MANIFEST, "v1")


def found(registry: Registry, glob: str) -> list[str]:
    access = Access(credential=login(registry.username, registry.password), ca_file=registry.ca_file)
    return [each.path for each in listed(f"{registry.host}/{glob}", access)]


@pytest.mark.parametrize("start", WITH_LIST)
def test_a_glob_over_what_a_registry_has(
    start: Callable[..., AbstractContextManager[Registry]], tmp_path: Path
) -> None:
    with start(tmp_path) as registry:
        filled(registry)
        assert found(registry, "team/*") == ["team/app", "team/web"]
        assert found(registry, "team/**") == ["team/app", "team/deep/er", "team/web"]
        assert found(registry, "**") == sorted(NAMES)
        assert found(registry, "nobody/*") == []


def test_it_is_asked_for_with_a_scope_of_its_own(tmp_path: Path) -> None:
    with distribution_registry(tmp_path, auth="token") as registry:
        filled(registry)
        assert registry.tokens
        with pytest.raises(PushError, match="401") as refused:
            found(registry, "**")
        assert "@FILE" in str(refused.value.hint)
        registry.tokens.actions |= {"*"}
        assert found(registry, "other") == ["other"]
        assert registry.tokens.requests[-1].scopes == (SCOPE,)


def test_a_registry_without_a_list_says_what_to_do(tmp_path: Path) -> None:
    with olareg_registry(tmp_path) as registry, pytest.raises(PushError, match="404") as refused:
        found(registry, "**")
    assert "name the repositories" in str(refused.value.hint)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 501])
def test_every_refusal_says_what_to_do(status: int) -> None:
    with (
        fake_registry(lambda _: Answered(status=status, body=b"<html>")) as registry,
        pytest.raises(PushError, match=rf"list of repositories.*{status}") as refused,
    ):
        listed(f"{registry.host}/**", Access(**QUICK))
    assert "@FILE" in str(refused.value.hint)


def test_pages_duplicates_and_null() -> None:
    def answer(asked: Asked) -> Answered:
        if "last=" in asked.path:
            return Answered(body=b'{"repositories": ["team/b", "team/a"]}')
        if "page=2" in asked.path:
            link = {"Link": '</v2/_catalog?last=x>; rel="next"'}
            return Answered(headers=link, body=b'{"repositories": null}')
        link = {"Link": '</v2/_catalog?page=2>; rel="next"'}
        return Answered(headers=link, body=b'{"repositories": ["team/a", "team/a"]}')

    with fake_registry(answer) as registry:
        assert [each.path for each in listed(f"{registry.host}/**", Access(**QUICK))] == ["team/a", "team/b"]
        assert registry.asked[0].path.startswith("/v2/_catalog?n=")


LIES: dict[str, tuple[Callable[[Asked], Answered], str]] = {
    "another host": (
        lambda _: Answered(
            headers={"Link": '<http://127.0.0.2:1/>; rel="next"'}, body=b'{"repositories":[]}'
        ),
        "another host",
    ),
    "a circle": (
        lambda a: Answered(headers={"Link": f'<{a.path}>; rel="next"'}, body=b'{"repositories":[]}'),
        "circle",
    ),
    "pages without an end": (
        lambda a: Answered(
            headers={"Link": f'</v2/_catalog?p={len(a.path) + 1:0>{len(a.path)}}>; rel="next"'},
            body=json.dumps({"repositories": ["x" * 7_000_000]}).encode(),
        ),
        "over the limit",
    ),
    "names that are none": (lambda _: Answered(body=b'{"repositories":["a/../b"]}'), "not a valid"),
    "a name with control characters": (
        lambda _: Answered(body=json.dumps({"repositories": ["a\x1b[2J"]}).encode()),
        r"\\x1b|not a valid",
    ),
    **{
        f"malformed {body[:20]!r}": (lambda _, body=body: Answered(body=body), "malformed")  # type: ignore[misc]
        for body in (b"x", b"{}", b'{"repositories": 7}', b'{"repositories": [7]}', b"[" * 100_000)
    },
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_a_list_that_lies_is_refused(lie: tuple[Callable[[Asked], Answered], str]) -> None:
    answer, says = lie
    with fake_registry(answer) as registry, pytest.raises(PushError, match=says) as refused:
        listed(f"{registry.host}/**", Access(**QUICK))
    assert refused.value.message.isprintable()


def test_a_strange_name_that_is_not_asked_for_is_no_matter() -> None:
    with fake_registry(lambda _: Answered(body=b'{"repositories":["team/app","Odd Name"]}')) as registry:
        assert [each.path for each in listed(f"{registry.host}/team/*", Access(**QUICK))] == ["team/app"]


def told(*texts: str) -> list[str]:
    sources = open_sources(texts, RegistryOptions(), Limits())
    return [str(source.place) for source, found in read_all(sources, Allowance()) if found]


def test_sources_by_a_glob_are_each_read_once(tmp_path: Path) -> None:
    with distribution_registry(tmp_path) as registry:
        for name in ("team/app", "team/web"):
            repository = client(registry, name)
            publish(make_image(name), repository, Target.parse(f"{registry.host}/{name}:1.0"))
        assert told(f"{registry.host}/team/web", f"{registry.host}/team/*") == [
            f"{registry.host}/team/web",
            f"{registry.host}/team/app",
        ]
        with pytest.raises(RecordError, match="lists no repository that this covers"):
            told(f"{registry.host}/teams/*")


def test_a_registry_without_a_list_ends_no_other_source(tmp_path: Path) -> None:
    with olareg_registry(tmp_path) as registry:
        publish(make_image("app"), client(registry), Target.parse(f"{registry.host}/team/app:1.0"))
        sources = open_sources(
            [f"{registry.host}/**", f"{registry.host}/team/app"], RegistryOptions(), Limits()
        )
        absent, record = (found for _, found in read_all(sources, Allowance()))
        assert isinstance(absent, Unreadable)
        assert "name the repositories" in str(absent.hint)
        assert isinstance(record, Opened)
