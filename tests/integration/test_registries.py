"""The registries that other tests start do what those tests rely on."""

from __future__ import annotations

import base64
import itertools
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.registries import Auth, Registry, Request, distribution_registry, olareg_registry
from tests.token_server import TokenRequest

Start = Callable[..., AbstractContextManager[Registry]]
STARTS = {"distribution": distribution_registry, "olareg": olareg_registry}


def _ask(registry: Registry, method: str, path: str, authorization: str = "") -> tuple[int, str]:
    """Send one request; the status and the challenge that came with it."""
    context = ssl.create_default_context(cafile=registry.ca_file) if registry.ca_file else None
    request = urllib.request.Request(registry.url + path, method=method)
    if authorization:
        request.add_header("Authorization", authorization)
    try:
        with urllib.request.urlopen(request, timeout=10, context=context) as answer:
            return answer.status, ""
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers.get("WWW-Authenticate", "")


def _basic(registry: Registry) -> str:
    return "Basic " + base64.b64encode(f"{registry.username}:{registry.password}".encode()).decode()


@pytest.mark.parametrize(
    ("kind", "auth", "tls"), list(itertools.product(STARTS, (None, "basic", "token"), (False, True)))
)
def test_each_kind_asks_for_its_credentials(kind: str, auth: Auth | None, tls: bool, tmp_path: Path) -> None:
    with STARTS[kind](tmp_path / "registry", auth=auth, tls=tls) as registry:
        status, challenge = _ask(registry, "GET", "/v2/")
        assert status == (401 if auth else 200)
        assert challenge.startswith({None: "", "basic": "Basic ", "token": "Bearer "}[auth])
        if auth == "basic":
            assert _ask(registry, "POST", "/v2/app/blobs/uploads/", _basic(registry))[0] == 202
            assert _ask(registry, "POST", "/v2/app/blobs/uploads/", "Basic Y2k6d3Jvbmc=")[0] == 401


def test_the_access_log_tells_reads_from_writes(any_registry: Registry) -> None:
    _ask(any_registry, "GET", "/v2/app/manifests/absent?n=5")
    assert any_registry.requests()[-1] == Request(
        method="GET", path="/v2/app/manifests/absent?n=5", status=404
    )
    assert not any_registry.writes()
    _ask(any_registry, "POST", "/v2/app/blobs/uploads/")
    assert [(write.method, write.status) for write in any_registry.writes()] == [("POST", 202)]


def test_a_token_allows_its_scopes_until_it_expires(tmp_path: Path) -> None:
    upload = "/v2/app/blobs/uploads/"
    with distribution_registry(tmp_path / "registry", auth="token") as registry:
        tokens = registry.tokens
        assert tokens
        pull = tokens.token("ci", ("repository:app:pull",))
        push = tokens.token("ci", ("repository:app:pull,push",))
        assert _ask(registry, "POST", upload, f"Bearer {pull}")[0] == 401
        assert _ask(registry, "POST", upload, f"Bearer {push}")[0] == 202
        tokens.lifetime = -1
        status, challenge = _ask(registry, "POST", upload, f"Bearer {tokens.token('ci', ())}")
        assert (status, 'error="invalid_token"' in challenge) == (401, True)


def test_the_token_server_checks_credentials(tmp_path: Path) -> None:
    with distribution_registry(tmp_path / "registry", auth="token", tls=True) as registry:
        tokens = registry.tokens
        assert tokens
        context = ssl.create_default_context(cafile=registry.ca_file)
        form = b"grant_type=refresh_token&refresh_token=wrong&scope=repository:app:pull&service=x"
        with pytest.raises(urllib.error.HTTPError, match="401") as refused:
            urllib.request.urlopen(tokens.realm, data=form, timeout=10, context=context)
        refused.value.close()
        form = form.replace(b"wrong", tokens.refresh_token.encode())
        urllib.request.urlopen(tokens.realm, data=form, timeout=10, context=context).close()
        scopes = ("repository:app:pull",)
        assert tokens.requests == [
            TokenRequest(method="POST", user=None, scopes=scopes, grant="refresh_token", status=401),
            TokenRequest(method="POST", user="ci", scopes=scopes, grant="refresh_token", status=200),
        ]


def test_olareg_limits_the_rate_when_told_to(tmp_path: Path) -> None:
    with olareg_registry(tmp_path / "registry", rate_limit=2) as registry:
        statuses = [_ask(registry, "GET", "/v2/")[0] for _ in range(8)]
    assert 429 in statuses
    assert statuses[0] == 200
