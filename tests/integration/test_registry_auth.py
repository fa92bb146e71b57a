"""Logging in: a test per way that registries and token servers know.

Certificates and plain http are in test_registry_certificates. What a registry that lies may not get
(another host, a redirect, a false token server) is in test_registry_hostile; which registry of a promotion
sees which credential, in test_cli_sources.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pushpolicy.errors import PushError
from pushpolicy.http.parallel import each
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.reference import Repository
from pushpolicy.registry.credentials import ANONYMOUS, Credential, SourceKind, resolve
from tests.clients import client, client_of, login
from tests.fake_registry import Answered, Asked, fake_registry
from tests.layouts import LayoutMaker, of_bytes, push
from tests.registries import (
    PASSWORD,
    USERNAME,
    Auth,
    Registry,
    distribution_registry,
    olareg_registry,
)
from tests.token_server import TokenServer


@pytest.fixture
def maker(tmp_path: Path) -> LayoutMaker:
    return LayoutMaker(tmp_path / "layout")


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    """A distribution registry with a token server."""
    with distribution_registry(tmp_path / "registry", auth="token") as running:
        yield running


def tokens(registry: Registry) -> TokenServer:
    assert registry.tokens
    return registry.tokens


def token(*, identity: str | None = None, registry: str | None = None) -> Credential:
    return Credential(source_kind=SourceKind.FILE, identity_token=identity, registry_token=registry)


def test_tokens_are_asked_for_once_per_scope(registry: Registry, maker: LayoutMaker) -> None:
    repository = client(registry)
    assert repository.resolve("v1") is None
    for number in range(3):
        push(repository, maker, maker.image(content=b"%d" % number), f"v{number}")
    assert [asked.scopes for asked in tokens(registry).requests] == [
        ("repository:team/app:pull",),
        ("repository:team/app:pull,push",),
    ]


def test_each_repository_has_its_token(registry: Registry, maker: LayoutMaker) -> None:
    for name in ("team/app", "team/other"):
        push(client(registry, name), maker, maker.image(), "v1")
    assert {asked.scopes[0].split(":")[1] for asked in tokens(registry).requests} == {
        "team/app",
        "team/other",
    }


def test_an_expired_token_is_renewed(registry: Registry, maker: LayoutMaker) -> None:
    repository = client(registry)
    push(repository, maker, maker.image(), "v1")
    expired = tokens(registry)
    expired.lifetime = -1
    with pytest.raises(PushError, match="401"):
        client(registry).resolve("v1")
    expired.lifetime = 300
    assert repository.resolve("v1")


def test_a_token_that_ends_during_a_push_is_renewed(registry: Registry, maker: LayoutMaker) -> None:
    tokens(registry).lifetime = 2
    repository = client(registry)
    push(repository, maker, maker.image(), "v1")
    before = len(tokens(registry).requests)
    # The registry's clock has whole seconds: what it gave out for two is refused after three.
    time.sleep(3.1)
    push(repository, maker, maker.image(architecture="arm64"), "v2")
    assert len(tokens(registry).requests) > before


def test_read_only_users_are_told(registry: Registry, maker: LayoutMaker) -> None:
    tokens(registry).actions = frozenset({"pull"})
    repository = client(registry)
    assert repository.resolve("v1") is None
    with pytest.raises(PushError, match=r"401.*UNAUTHORIZED.*of ci from X was shown") as caught:
        push(repository, maker, maker.image(), "v1")
    assert "reading works here and writing does not" in (caught.value.hint or "")
    assert not [request for request in registry.writes() if request.status < 400]


def test_anonymous_tokens(registry: Registry, maker: LayoutMaker) -> None:
    push(client(registry), maker, maker.image(), "v1")
    tokens(registry).anonymous = frozenset({"pull"})
    repository = client(registry, credential=ANONYMOUS)
    assert repository.resolve("v1")
    with pytest.raises(PushError, match="401"):
        repository.put_manifest(maker.image(), "v2")


def test_no_anonymous_token(registry: Registry) -> None:
    with pytest.raises(PushError, match=r"token for repository:team/app:pull.*no token for you"):
        client(registry, credential=ANONYMOUS).resolve("v1")


def test_identity_tokens_are_traded(registry: Registry, maker: LayoutMaker) -> None:
    credential = token(identity=tokens(registry).refresh_token)
    push(client(registry, credential=credential), maker, maker.image(), "v1")
    assert {asked.grant for asked in tokens(registry).requests} == {"refresh_token"}


def test_a_wrong_identity_token(registry: Registry) -> None:
    with pytest.raises(PushError, match="401"):
        client(registry, credential=token(identity="wrong")).resolve("v1")


def test_servers_that_only_know_oauth2(registry: Registry, maker: LayoutMaker) -> None:
    tokens(registry).get = False
    push(client(registry), maker, maker.image(), "v1")
    assert "password" in {asked.grant for asked in tokens(registry).requests}


def test_a_registry_token_is_shown_as_it_is(registry: Registry, maker: LayoutMaker) -> None:
    bearer = tokens(registry).token(USERNAME, ("repository:team/app:pull,push",))
    push(client(registry, credential=token(registry=bearer)), maker, maker.image(), "v1")
    assert tokens(registry).requests == []


@pytest.mark.parametrize("auth", ["basic", "token"])
@pytest.mark.parametrize("kind", ["distribution", "olareg"])
def test_a_wrong_password_is_refused_once(kind: str, auth: Auth, tmp_path: Path) -> None:
    start = distribution_registry if kind == "distribution" else olareg_registry
    with start(tmp_path / "registry", auth=auth) as registry:
        with pytest.raises(PushError, match=r"40[13]") as caught:
            client(registry, credential=login(USERNAME, "wrong-password")).resolve("v1")
        assert "wrong-password" not in caught.value.message
        assert len([asked for asked in registry.requests() if "/manifests/" in asked.path]) <= 2


@pytest.mark.parametrize("kind", ["distribution", "olareg"])
def test_basic_goes_out_with_every_request_after_the_first(
    kind: str, tmp_path: Path, maker: LayoutMaker
) -> None:
    start = distribution_registry if kind == "distribution" else olareg_registry
    with start(tmp_path / "registry", auth="basic") as registry:
        push(client(registry), maker, maker.image(), "v1")
        refused = [request for request in registry.requests() if request.status == 401]
        assert len(refused) == 1


@pytest.mark.parametrize("auth", ["basic", "token"])
def test_first_requests_of_several_threads_are_all_answered(auth: Auth, tmp_path: Path) -> None:
    """Each is refused before any of them knows what to show."""
    blobs = [Descriptor.of(b"%d" % number, "text/plain") for number in range(12)]
    with distribution_registry(tmp_path / "registry", auth=auth) as registry:
        repository, found = client(registry), list[bool]()
        each(lambda blob: found.append(repository.has_blob(blob)), blobs)
    assert found == [False] * len(blobs)


def test_the_environment_gives_no_credential(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "netrc").write_text(f"machine 127.0.0.1 login {USERNAME} password {PASSWORD}")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    with (
        distribution_registry(tmp_path / "registry", auth="basic") as registry,
        pytest.raises(PushError, match="401"),
    ):
        client(registry, credential=ANONYMOUS).resolve("v1")


Place = Callable[[Path, str], dict[str, str]]
PAIR = base64.b64encode(f"{USERNAME}:{PASSWORD}".encode()).decode()


def written(home: Path, path: str, value: object) -> Path:
    """A file in the home folder."""
    file = home / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(value))
    return file


def docker(home: Path, key: str, **entry: str) -> dict[str, str]:
    """An entry of docker's configuration."""
    written(home, ".docker/config.json", {"auths": {key: entry or {"auth": PAIR}}})
    return {}


def legacy(home: Path, host: str) -> dict[str, str]:
    """An entry of the file before docker's configuration."""
    written(home, ".dockercfg", {host: {"auth": PAIR}})
    return {}


def helper(home: Path, host: str, config: dict[str, object]) -> dict[str, str]:
    """A helper that keeps the credential of this host and of no other."""
    answer = json.dumps({"ServerURL": host, "Username": USERNAME, "Secret": PASSWORD})
    program = home / "bin" / "docker-credential-kept"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\nread server\n[ $server = {host} ] && echo '{answer}'\n")
    program.chmod(0o755)
    written(home, ".docker/config.json", config)
    return {"PATH": f"{program.parent}:/usr/bin:/bin"}


def at(path: str, variable: str | None, value: str = "") -> Place:
    """Podman's file at this path below the home folder, and the variable that leads there."""

    def place(home: Path, host: str) -> dict[str, str]:
        file = written(home, path, {"auths": {host: {"auth": PAIR}}})
        return {variable: value.format(home=home, file=file)} if variable else {}

    return place


PLACES: dict[str, Place] = {
    "a name": lambda home, host: docker(home, host),
    "an address with https": lambda home, host: docker(home, f"https://{host}"),
    "an address with its version": lambda home, host: docker(home, f"https://{host}/v2/"),
    "a namespace": lambda home, host: docker(home, f"{host}/team"),
    "a repository": lambda home, host: docker(home, f"{host}/team/app"),
    "user and password apart": lambda home, host: docker(home, host, username=USERNAME, password=PASSWORD),
    "credHelpers": lambda home, host: helper(home, host, {"credHelpers": {host: "kept"}}),
    "credsStore": lambda home, host: helper(home, host, {"credsStore": "kept"}),
    "DOCKER_CONFIG": at("elsewhere/config.json", "DOCKER_CONFIG", "{home}/elsewhere"),
    "DOCKER_AUTH_CONFIG": lambda home, host: {
        "DOCKER_AUTH_CONFIG": json.dumps({"auths": {host: {"auth": PAIR}}})
    },
    "REGISTRY_AUTH_FILE": at("some/auth.json", "REGISTRY_AUTH_FILE", "{file}"),
    "podman, of the session": at("run/containers/auth.json", "XDG_RUNTIME_DIR", "{home}/run"),
    "podman, of the user": at(".config/containers/auth.json", None),
    "the oldest file": lambda home, host: legacy(home, host),
    "variables": lambda home, host: {"PUSHPOLICY_USERNAME": USERNAME, "PUSHPOLICY_PASSWORD": PASSWORD},
}


def found(home: Path, registry: Registry, environ: dict[str, str], **options: str) -> Credential:
    """The credential of the repository team/app, looked for where users keep it."""
    home.mkdir(exist_ok=True)
    (home / "work").mkdir(exist_ok=True)
    repository = Repository.parse(f"{registry.host}/team/app")
    return resolve(repository, {"PATH": "/usr/bin:/bin", **environ}, home, home / "work", **options)


@pytest.mark.parametrize("place", PLACES)
def test_every_place_of_a_credential(
    place: str, registry: Registry, maker: LayoutMaker, tmp_path: Path
) -> None:
    (tmp_path / "home").mkdir()
    credential = found(tmp_path / "home", registry, PLACES[place](tmp_path / "home", registry.host))
    push(client(registry, credential=credential), maker, maker.image(), "v1")
    assert {asked.user for asked in tokens(registry).requests} == {USERNAME}


def test_a_password_from_standard_input(registry: Registry, maker: LayoutMaker, tmp_path: Path) -> None:
    credential = found(tmp_path, registry, {}, username=USERNAME, password_stdin=PASSWORD)
    push(client(registry, credential=credential), maker, maker.image(), "v1")
    assert {asked.user for asked in tokens(registry).requests} == {USERNAME}


def test_an_identity_token_of_docker(registry: Registry, maker: LayoutMaker, tmp_path: Path) -> None:
    docker(tmp_path, registry.host, auth=PAIR, identitytoken=tokens(registry).refresh_token)
    push(client(registry, credential=found(tmp_path, registry, {})), maker, maker.image(), "v1")
    assert {asked.grant for asked in tokens(registry).requests} == {"refresh_token"}


def test_the_login_of_another_registry_is_not_tried(registry: Registry, tmp_path: Path) -> None:
    docker(tmp_path, f"{registry.host}0")
    assert found(tmp_path, registry, {}).is_anonymous


def test_one_token_for_two_repositories(registry: Registry, maker: LayoutMaker) -> None:
    image = push(client(registry, "team/base"), maker, maker.image(), "v1")
    before = len(tokens(registry).requests)
    released = client(registry)
    base = Repository.parse(f"{registry.host}/team/base")
    for blob in image.layers:
        released.put_blob(blob, of_bytes(maker.path(blob.digest).read_bytes()), base)
    scopes = tokens(registry).requests[-1].scopes
    assert set(scopes) == {"repository:team/app:pull,push", "repository:team/base:pull"}
    assert len(tokens(registry).requests) <= before + 2
    mounts = [request.status for request in registry.writes() if "mount=" in request.path]
    assert mounts == [401, 201], "asked for without a token first, and done with it"


def test_a_token_that_ends_between_two_requests_of_an_upload() -> None:
    """Every token is good for one request, and a body that was refused is sent again from its start."""
    content = b"x" * 300_000
    given: list[str] = []
    received: list[bytes] = []

    def answer(asked: Asked) -> Answered:
        if asked.path.startswith("/token"):
            given.append(f"token{len(given)}")
            return Answered(body=json.dumps({"token": given[-1], "expires_in": 3600}).encode())
        if not given or asked.headers.get("Authorization") != f"Bearer {given[-1]}":
            realm = f"http://{asked.headers['Host']}/token"
            return Answered(status=401, headers={"WWW-Authenticate": f'Bearer realm="{realm}"'})
        given.append("used up")
        if asked.method == "POST":
            return Answered(status=202, headers={"Location": "/v2/team/app/blobs/uploads/1"})
        if asked.method == "HEAD":
            return Answered(status=404)
        received.append(asked.body)
        return Answered(status=201)

    with fake_registry(answer) as registry:
        client_of(registry.host).put_blob(Descriptor.of(content, "text/plain"), of_bytes(content))
    assert b"".join(received) == content
