"""TLS with registries: whom they are trusted by, what they are shown, and when there is none."""

from __future__ import annotations

import shutil
import socket
from pathlib import Path
from typing import Any

import pytest

from pushpolicy.errors import PushError, UsageError
from pushpolicy.http.certificates import Certificates, cert_dir, certs_d, find_certificates
from pushpolicy.model.descriptor import Descriptor
from tests.certificates import make_certificates
from tests.clients import client, client_of, login
from tests.fake_registry import Answered, Asked, fake_registry
from tests.layouts import LayoutMaker, push
from tests.registries import PASSWORD, USERNAME, Registry, distribution_registry, mutual_tls_registry


@pytest.fixture
def maker(tmp_path: Path) -> LayoutMaker:
    return LayoutMaker(tmp_path / "layout")


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


def folder_of(registry: Registry, place: Path) -> Path:
    """What an administrator puts into certs.d for the registry."""
    assert registry.certificates
    folder = place / registry.host
    folder.mkdir(parents=True)
    shutil.copy(registry.certificates.authority, folder / "ca.crt")
    shutil.copy(registry.certificates.client, folder / "client.cert")
    shutil.copy(registry.certificates.client_key, folder / "client.key")
    return folder


@pytest.mark.parametrize("place", [".docker/certs.d", ".config/containers/certs.d", ".config/docker/certs.d"])
def test_a_client_certificate_of_a_certs_d(place: str, tmp_path: Path, maker: LayoutMaker) -> None:
    with mutual_tls_registry(tmp_path / "registry") as registry:
        folder_of(registry, tmp_path / place)
        certificates = find_certificates(certs_d(registry.host, tmp_path))
        repository = client(registry, ca_file=None, certificates=certificates)
        push(repository, maker, maker.image(), "v1")
        assert repository.resolve("v1")


def test_a_registry_that_wants_a_client_certificate_says_so(tmp_path: Path) -> None:
    with (
        mutual_tls_registry(tmp_path / "registry") as registry,
        pytest.raises(PushError, match="client's certificate") as caught,
    ):
        client(registry, first_pause=0.05).resolve("v1")
    assert "certs.d" in (caught.value.hint or "")


def test_only_the_registry_sees_the_client_certificate(tmp_path: Path) -> None:
    tmp_path.joinpath("pki").mkdir()
    pki = make_certificates(tmp_path / "pki")
    content = b"kept elsewhere"
    with fake_registry(lambda asked: Answered(body=content), pki) as storage:

        def lead(asked: Asked) -> Answered:
            return Answered(status=307, headers={"Location": f"https://{storage.host}/kept"})

        with fake_registry(lead, pki) as registry:
            shown = Certificates(authorities=(pki.authority,), client=pki.client, key=pki.client_key)
            repository = client_of(registry.host, certificates=shown)
            assert b"".join(repository.read_blob(Descriptor.of(content, "text/plain"))) == content
            assert [asked.certificate for asked in registry.asked] == [True]
            assert [asked.certificate for asked in storage.asked] == [False]


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ({"client.cert"}, "client.key is missing"),
        ({"client.key"}, "client.cert is missing"),
        ({"a.cert", "a.key", "b.cert", "b.key"}, "2 client certificates"),
    ],
)
def test_half_a_client_certificate(names: set[str], said: str, tmp_path: Path) -> None:
    for name in names:
        (tmp_path / name).write_text("")
    for find in (cert_dir, lambda folder: find_certificates((folder,))):
        with pytest.raises(UsageError, match=said):
            find(tmp_path)


def test_a_client_certificate_that_is_none(tmp_path: Path) -> None:
    for name in ("client.cert", "client.key"):
        (tmp_path / name).write_text("no certificate")
    with pytest.raises(UsageError, match="client certificate"):
        client_of("registry.invalid", certificates=cert_dir(tmp_path)).resolve("v1")


def test_a_folder_of_certificates_that_is_not_there(tmp_path: Path) -> None:
    assert find_certificates(certs_d("registry.invalid", tmp_path)) == Certificates()
    with pytest.raises(UsageError, match="--cert-dir"):
        cert_dir(tmp_path / "absent")


def test_a_private_authority_also_signs_for_the_token_server(tmp_path: Path, maker: LayoutMaker) -> None:
    with distribution_registry(tmp_path / "registry", auth="token", tls=True) as registry:
        push(client(registry), maker, maker.image(), "v1")
        assert registry.tokens
        assert registry.tokens.realm.startswith("https://")
        with pytest.raises(PushError, match="not trusted"):
            client(registry, ca_file=None).resolve("v1")


def test_plain_http_only_where_it_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that is not this machine's is spoken to over TLS, whatever answers there."""
    local = socket.getaddrinfo

    def resolved(host: str, *rest: Any, **more: Any) -> Any:
        return local("127.0.0.1" if host == "registry.invalid" else host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", resolved)
    with fake_registry(lambda asked: Answered(status=404)) as registry:
        name = f"registry.invalid:{registry.host.rpartition(':')[2]}"
        with pytest.raises(PushError, match="does not speak TLS") as caught:
            client_of(name, credential=login(USERNAME, PASSWORD)).resolve("v1")
        assert registry.asked == []
        assert "plain http" in (caught.value.hint or "")
        assert client_of(name, plain_http=True).resolve("v1") is None
        assert client_of(registry.host).resolve("v1") is None


def test_a_folder_that_leads_to_itself_is_told(tmp_path: Path) -> None:
    place = tmp_path / ".config/containers"
    place.mkdir(parents=True)
    (place / "certs.d").symlink_to("certs.d")
    with pytest.raises(UsageError, match=r"certs\.d/registry\.invalid: "):
        find_certificates(certs_d("registry.invalid", tmp_path))
