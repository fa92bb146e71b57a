"""Logging in: a test per way that registries and token servers know."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pushpolicy.errors import PushError, UsageError
from pushpolicy.registry.credentials import ANONYMOUS, Credential, SourceKind
from tests.clients import client, login
from tests.layouts import LayoutMaker, push
from tests.registries import PASSWORD, USERNAME, Auth, Registry, distribution_registry, olareg_registry
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
    with pytest.raises(PushError, match=r"401.*UNAUTHORIZED") as caught:
        push(repository, maker, maker.image(), "v1")
    assert "log in" in (caught.value.hint or "")
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


def test_an_untrusted_certificate(tmp_path: Path) -> None:
    with distribution_registry(tmp_path / "registry", auth="basic", tls=True) as registry:
        with pytest.raises(PushError, match=r"certificate of .* is not trusted") as caught:
            client(registry, ca_file=None).resolve("v1")
        assert "CA file" in (caught.value.hint or "")
        assert registry.requests() == []


def test_a_ca_file_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("not a certificate")
    with distribution_registry(tmp_path / "registry", tls=True) as registry:
        for path in (tmp_path / "ca.pem", tmp_path / "absent.pem"):
            with pytest.raises(UsageError, match="CA file"):
                client(registry, ca_file=path).resolve("v1")


def test_plain_http_to_a_tls_port(tmp_path: Path) -> None:
    with distribution_registry(tmp_path / "registry", tls=True) as registry:
        with pytest.raises(PushError, match="400") as caught:
            client(registry, plain_http=True).resolve("v1")
        assert "speaks https" in (caught.value.hint or "")


def test_the_environment_gives_no_credential(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "netrc").write_text(f"machine 127.0.0.1 login {USERNAME} password {PASSWORD}")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    with (
        distribution_registry(tmp_path / "registry", auth="basic") as registry,
        pytest.raises(PushError, match="401"),
    ):
        client(registry, credential=ANONYMOUS).resolve("v1")
